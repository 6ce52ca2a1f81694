"""The wall clock as schedules may see it: a step is not followed until it has lasted.

    wall clock    ────────────┐ step +2 h     ┌──────────
    instant given ────────────┴──continued────┘ after `HOLD_S`

A clock that jumps (an operator's typing error, a time server that lies, a machine that was suspended) must not start
tomorrow's window now. A difference of more than `STEP_S` to what the monotonic clock says is therefore a step: time
goes on as before, `stepped_s` says by how much the clock is off, and only a step that stays is believed (reliability
F7). Slow corrections (slewing) are followed at once. Everything but schedules counts in monotonic time anyway.
"""

from __future__ import annotations

from collections.abc import Callable

STEP_S = 1.0
HOLD_S = 60.0


class WallClock:
    """`at(now_s)` gives UTC in ns for an instant of the monotonic clock (s); call it with rising instants."""

    def __init__(self, utc_ns: Callable[[], int]) -> None:
        self.stepped_s = 0.0
        self._read = utc_ns
        self._given: tuple[float, int] | None = None
        self._since_s = 0.0

    def at(self, now_s: float) -> int:
        said = self._read()
        going_on = said if self._given is None else self._given[1] + round((now_s - self._given[0]) * 1e9)
        off_s = (said - going_on) * 1e-9
        if abs(off_s) <= STEP_S:
            self.stepped_s = 0.0
        elif self.stepped_s == 0.0:
            self.stepped_s, self._since_s = off_s, now_s
        elif now_s - self._since_s >= HOLD_S:
            self.stepped_s = 0.0
            going_on = said
        given = going_on if self.stepped_s != 0.0 else said
        self._given = now_s, given
        return given
