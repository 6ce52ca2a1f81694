"""The conflating sink: latest wins, one in flight, the producer never waits.

    offer(a) ─► [ a ] ─► deliver(a) ··············· done ─► deliver(d) ···
    offer(b) ─────────► [ b ]                               ▲
    offer(c) ─────────► [ c ]   b superseded                │
    offer(d) ─────────► [ d ]   c superseded ───────────────┘

A slow consumer costs the items in between, never a queue and never the producer's time. `offer` may be called before
`run()`; it never raises. An exception of `deliver` harms that item alone: it is counted, logged and passed to `failed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from loguru import logger

T = TypeVar("T")


class Conflating(Generic[T]):
    """Counters since the start: `offered`, `superseded` (never delivered), `delivered`, `errors`."""

    def __init__(
        self,
        name: str,
        deliver: Callable[[T], Awaitable[None]],
        failed: Callable[[T, Exception], None] = lambda _item, _error: None,
    ) -> None:
        self.name = name
        self.offered = self.superseded = self.delivered = self.errors = 0
        self._deliver, self._failed = deliver, failed
        self._waiting: list[T] = []  # none or one
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def offer(self, item: T) -> None:
        """Deliver `item` next, instead of one that still waits. Call it in the loop's thread."""
        self.offered += 1
        self.superseded += len(self._waiting)
        self._waiting[:] = (item,)
        self._wake.set()

    @property
    def waiting(self) -> int:
        """Items that are not in flight yet: none or one."""
        return len(self._waiting)

    def clear(self) -> None:
        """Forget the item that waits, if any; the one in flight is not touched."""
        self.superseded += len(self._waiting)
        self._waiting.clear()

    async def settled(self) -> None:
        """Wait until nothing is in flight."""
        await self._idle.wait()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._one(self._waiting.pop())

    async def _one(self, item: T) -> None:
        self._idle.clear()
        try:
            await self._deliver(item)
            self.delivered += 1
        except Exception as error:  # a sink that fails harms only itself
            self.errors += 1
            self._report(item, error)
        finally:
            self._idle.set()

    def _report(self, item: T, error: Exception) -> None:
        logger.bind(sink=self.name).warning("delivery failed: {!r}", error)
        try:
            self._failed(item, error)
        except Exception as second:
            logger.bind(sink=self.name).warning("reporting that failed as well: {!r}", second)
