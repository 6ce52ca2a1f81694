"""The watchdog thread: when ticks stop finishing, the process ends, and whoever supervises it starts it anew.

It is fed by the finished tick, so a hung stage, a blocked loop and a dead ticker all look alike (reliability 35, 36).
A second line of defence is the interpreter's own timer thread, which needs neither this thread nor the interpreter's
lock: it ends the process after twice the limit, with exit code 1. While the process is away the device's own reversion
covers the gap; the process could do nothing better.
"""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from collections.abc import Callable

from loguru import logger

#: How long a last word may take (s).
SAY_S = 0.5
#: How often it looks in its limit.
LOOKS = 16


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
        self._nowhere = -1
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self.feed()
        self._nowhere = os.open(os.devnull, os.O_WRONLY)  # a trace to a terminal that nobody reads would wait for ever
        self._watch_the_watcher()
        self._thread.start()

    def feed(self) -> None:
        self._fed_s = self._clock()

    def stop(self) -> None:
        """Stand down: a shutdown takes longer than a tick may."""
        self._done.set()

    def starved(self) -> bool:
        return self._fed_s is not None and self._clock() - self._fed_s > self.limit_s

    def _watch(self) -> None:
        """Watch, and be watched: this thread stops too when native code keeps the interpreter to itself."""
        try:
            while not self._done.wait(self.limit_s / LOOKS):
                self._watch_the_watcher()
                if self.starved():
                    self._say()
                    self._end(self._code)
                    return
        finally:
            faulthandler.cancel_dump_traceback_later()
            os.close(self._nowhere)

    def _watch_the_watcher(self) -> None:
        faulthandler.dump_traceback_later(2 * self.limit_s, exit=True, file=self._nowhere)

    def _say(self) -> None:
        """Say it if that is possible at all: the loop may be stuck in its own log, and hold its lock."""
        text = f"watchdog: no tick finished for more than {self.limit_s:g} s, ending the process"
        speaker = threading.Thread(target=logger.critical, args=(text,), daemon=True)
        speaker.start()
        speaker.join(SAY_S)
