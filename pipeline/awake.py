"""The loop of a running process, on a clock that goes on while the machine sleeps.

    asleep for ten minutes ─► every reading is ten minutes old, every command too late, 600 deadlines missed

The usual monotonic clock stands still during a suspend (reliability §1.4): a command that waited for its device would
be valid hours later, and a reading fresh. `CLOCK_BOOTTIME` counts sleep and never goes back either. Timers that became
due meanwhile fire soon after waking. A guest that its host paused has no clock that counts: the reversion of its
devices covers that.
"""

from __future__ import annotations

import asyncio
import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Awake(asyncio.SelectorEventLoop):
    """`time()` is s since the machine started, sleep included."""

    def time(self) -> float:
        return time.clock_gettime(_CLOCK)
