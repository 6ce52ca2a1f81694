"""The wall clock as schedules may see it: a step is not followed until it has lasted.

    wall clock    ────────────┐ step +2 h     ┌──────────
    instant given ────────────┴──continued────┘ after `HOLD_S`
    trusted       ────────────┘               └──────────

A clock that jumps (an operator's typing error, a time server that lies, a machine that was suspended) must not start
tomorrow's window now. A difference of more than `max_offset_s` to what the monotonic clock says is therefore a step:
time goes on as before, `stepped_s` says by how much the clock is off, and only a step that stays is believed
(reliability F7). Until then, and while the machine says that its clock is further off (`error_s`), `trusted` is False
and no schedule moves to another step. Slow corrections (slewing) are followed at once. Everything but schedules counts
in monotonic time anyway.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_OFFSET_S = 1.0
HOLD_S = 60.0


class WallClock:
    """`at(now_s)` gives UTC in ns for an instant of the monotonic clock (s); call it with rising instants.

    `error_s` asks how far the clock may be off; without one, a clock that does not step is trusted.
    """

    def __init__(
        self, utc_ns: Callable[[], int], max_offset_s: float = MAX_OFFSET_S, error_s: Callable[[], float] = lambda: 0.0
    ) -> None:
        self.stepped_s = 0.0
        self.trusted = True
        self._read, self._error_s, self._max_offset_s = utc_ns, error_s, max_offset_s
        self._given: tuple[float, int] | None = None
        self._since_s = 0.0

    def at(self, now_s: float) -> int:
        said = self._read()
        going_on = said if self._given is None else self._given[1] + round((now_s - self._given[0]) * 1e9)
        off_s = (said - going_on) * 1e-9
        known = self._error_s() <= self._max_offset_s
        if abs(off_s) <= self._max_offset_s:
            self.stepped_s = 0.0
        elif self.stepped_s == 0.0:
            self.stepped_s, self._since_s = off_s, now_s
        elif known and now_s - self._since_s >= HOLD_S:
            self.stepped_s = 0.0
            going_on = said
        given = going_on if self.stepped_s != 0.0 else said
        self._given = now_s, given
        self.trusted = known and self.stepped_s == 0.0
        return given
