"""The watchdog thread: when ticks stop finishing, the process ends, and whoever supervises it starts it anew.

It is fed by the finished tick, so a hung stage, a blocked loop and a dead ticker all look alike (reliability 35, 36).
While the process is away the device's own reversion covers the gap; the process could do nothing better.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from loguru import logger


def end_process(code: int) -> None:
    """End at once: no clean-up may hang what the watchdog ends."""
    os._exit(code)


class Watchdog:
    """`feed` by every finished tick; silent for `limit_s` after that or after `start` → `end(code)`."""

    def __init__(
        self,
        limit_s: float,
        code: int,
        end: Callable[[int], None] = end_process,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limit_s, self._code, self._end, self._clock = limit_s, code, end, clock
        self._fed_s: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self.feed()
        self._thread.start()

    def feed(self) -> None:
        self._fed_s = self._clock()

    def stop(self) -> None:
        """Stand down: a shutdown takes longer than a tick may."""
        self._done.set()

    def starved(self) -> bool:
        return self._fed_s is not None and self._clock() - self._fed_s > self.limit_s

    def _watch(self) -> None:
        while not self._done.wait(self.limit_s / 4):
            if self.starved():
                logger.critical("watchdog: no tick finished for more than {} s, ending the process", self.limit_s)
                self._end(self._code)
                return
