"""Turns on one connection: one holder at a time, urgent ones first, otherwise in order of arrival.

    reads   ──►┐
    writes  ══►┤ turn ──► one outstanding request ──► device

A write that waits goes before every read that waits; the request under way is never interrupted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock with two queues. Cancelling a waiter gives its place away."""

    def __init__(self) -> None:
        self._held = False
        self._queues: tuple[deque[asyncio.Future[None]], deque[asyncio.Future[None]]] = (deque(), deque())

    @asynccontextmanager
    async def take(self, *, urgent: bool = False) -> AsyncIterator[None]:
        await self._acquire(self._queues[0 if urgent else 1])
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, queue: deque[asyncio.Future[None]]) -> None:
        if not self._held:
            self._held = True
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place in queue:
                queue.remove(place)
            if place.done() and not place.cancelled():
                self._release()  # it was handed over while we were being cancelled
            raise

    def _release(self) -> None:
        for queue in self._queues:
            while queue:
                place = queue.popleft()
                if not place.done():
                    place.set_result(None)
                    return
        self._held = False
