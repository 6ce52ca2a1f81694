"""The scheduler's cycle: ticks on absolute deadlines of the monotonic clock.

    deadline(n) = start + n · cycle        a missed one is counted, never caught up

`loop.call_at` on absolute deadlines neither drifts (stock interval: 90 s a day) nor stops when the wall clock is set
back (stock timer). The wall clock is read once per tick, here, in the outermost shell.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.wall_clock import WallClock
from sources.tick import Tick


@dataclass(slots=True)
class Ticker:
    """Made in the loop that runs it; calls `on_tick` there.

    `late_s` is how late the last tick was, `missed` how many deadlines have passed without one.
    """

    cycle_s: float
    on_tick: Callable[[Tick], None]
    wall: WallClock = field(default_factory=lambda: WallClock(time.time_ns))
    index: int = 0
    missed: int = 0
    late_s: float = 0.0
    on_late: Callable[[float], None] | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop, repr=False)
    _start_s: float = 0.0
    _slot: int = 0
    _last_s: float = 0.0
    _waiting: asyncio.TimerHandle | None = field(default=None, repr=False)

    def start(self) -> None:
        """The first tick is due one cycle from now."""
        self._start_s = self._last_s = self._loop.time()
        self._arm()

    def stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _arm(self) -> None:
        self._slot += 1
        self._waiting = self._loop.call_at(self._start_s + self._slot * self.cycle_s, self._fire)

    def _fire(self) -> None:
        now = self._loop.time()
        self.late_s = now - (self._start_s + self._slot * self.cycle_s)
        skipped = int(self.late_s / self.cycle_s)
        self._slot += skipped
        self.missed += skipped
        utc_ns = self.wall.at(now)
        tick = Tick(self.index, now, utc_ns, now - self._last_s, skipped, self.wall.trusted)
        self.index += 1
        self._last_s = now
        self._arm()
        if self.on_late is not None:
            self.on_late(self.late_s)
        self.on_tick(tick)
