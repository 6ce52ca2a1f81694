"""Units behind one gateway that do not answer: each is left alone for a while, so that its neighbours stay fresh.

    unit 3:  time-out ─► left alone 1 s ─► time-out ─► 2 s ─► time-out ─► 4 s ─► … ─► answer ─► asked as declared

The wait is also the time in which a late reply of that unit may still come and be thrown away (reliability §1.4).
A unit that is alone on its connection is never left alone: nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable

FIRST_S = 1.0
LONGEST_S = 4.0


class Silent:
    """The units of one connection; `clock` in s."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.units: set[int] = set()
        self._clock = clock
        self._until: dict[int, tuple[float, float]] = {}  # unit → left alone until, and for how long

    @property
    def shared(self) -> bool:
        return len(self.units) > 1

    def wait_s(self, unit: int) -> float:
        """How long the unit is left alone yet; 0: it may be asked."""
        until, _ = self._until.get(unit, (0.0, 0.0))
        return max(0.0, until - self._clock()) if self.shared else 0.0

    def missed(self, unit: int) -> bool:
        """It did not answer; true when it did before."""
        _, before = self._until.get(unit, (0.0, 0.0))
        wait = min(2 * before, LONGEST_S) or FIRST_S
        self._until[unit] = self._clock() + wait, wait
        return before == 0.0

    def heard(self, unit: int) -> None:
        """It answered, whatever it said."""
        self._until.pop(unit, None)
