"""Turns on one connection: one holder at a time, urgent ones first, otherwise in order of arrival.

    reads   ──►┐
    writes  ══►┤ turn ──► one outstanding request ──► device

A write that waits goes before every read that waits; the request under way is never interrupted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class Turns:
    """A lock with two queues. Cancelling a waiter gives its place away."""

    def __init__(self) -> None:
        self.held = False
        self._queues: tuple[deque[asyncio.Future[None]], deque[asyncio.Future[None]]] = (deque(), deque())
        self._turns = Turn(self, self._queues[0]), Turn(self, self._queues[1])

    def take(self, *, urgent: bool = False) -> Turn:
        return self._turns[0 if urgent else 1]

    @property
    def waiting(self) -> int:
        """How many stand in both queues."""
        return sum(map(len, self._queues))

    async def wait(self, queue: deque[asyncio.Future[None]]) -> None:
        """Until the line is handed over."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place in queue:
                queue.remove(place)
            if place.done() and not place.cancelled():
                self.release()  # it was handed over while we were being cancelled
            raise

    def release(self) -> None:
        for queue in self._queues:
            while queue:
                place = queue.popleft()
                if not place.done():
                    place.set_result(None)
                    return
        self.held = False


class Turn:
    """`async with` it: the turn of one queue. It remembers nothing, so that one serves everybody."""

    __slots__ = ("_queue", "_turns")

    def __init__(self, turns: Turns, queue: deque[asyncio.Future[None]]) -> None:
        self._turns, self._queue = turns, queue

    async def __aenter__(self) -> None:
        if self._turns.held:
            await self._turns.wait(self._queue)
        else:
            self._turns.held = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._turns.release()
