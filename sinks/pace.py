"""How fast a device may be written to: `per_second` requests, the newest command at each turn, a stop at once.

    offer ─► due? ─► write (n requests) ─► n / per_second s until the next turn
              ▲
              └── 0 kW, while something else was written last, does not wait

Without a budget nothing waits. Times are scheduler seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from config.asset import WriteBudget


class Pace:
    """Call `offered` for every offer, `due` before a write, `sent` for every request and `said` for its power."""

    def __init__(self, budget: WriteBudget | None, clock: Callable[[], float]) -> None:
        self._gap_s = 0.0 if budget is None else 1.0 / budget.per_second
        self._clock = clock
        self._next_s = clock()
        self._last_kw = 0.0
        self._stop = asyncio.Event()

    def offered(self, power_kw: float) -> None:
        """A command was offered: 0 kW ends the wait, unless 0 kW is what was written last."""
        if power_kw == 0.0 and self._last_kw != 0.0:
            self._stop.set()

    async def due(self) -> None:
        """Return when the next write may begin."""
        wait_s = self._next_s - self._clock()
        if wait_s > 0.0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._stop.wait()
        self._stop.clear()

    def sent(self) -> None:
        """A request has left."""
        self._next_s = max(self._next_s, self._clock()) + self._gap_s

    def said(self, power_kw: float) -> None:
        """The device took this power."""
        self._last_kw = power_kw
