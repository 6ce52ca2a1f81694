"""How long each of many short waits may take, with one timer for all of them.

    begins ── await ── ends   begins ── await ── ends   begins ── await ··························· over()
    timer ────────────────────────┴─ nobody waits, or not for long enough: for the rest ─┴─ too long

A timer per wait would be as many timers as messages, nearly all of them for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Patience:
    """Made in the loop that waits. `over` is called once when a wait has taken `most_s`."""

    def __init__(self, most_s: float, over: Callable[[], None]) -> None:
        self._most_s, self._over = most_s, over
        self._loop = asyncio.get_running_loop()
        self._since_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begins(self) -> None:
        """Somebody waits from now on."""
        self._since_s = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._most_s, self._look)

    def ends(self) -> None:
        """What was waited for is there."""
        self._since_s = None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._since_s is None:
            return
        left_s = self._since_s + self._most_s - self._loop.time()
        if left_s > 0.0:
            self._timer = self._loop.call_later(left_s, self._look)
        else:
            self._over()
