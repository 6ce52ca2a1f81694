"""What every entry of `requests:` offers at an instant: the newest schedules and the windows that cover it.

Windows are half-open UTC intervals, so two that meet at a seam never both apply. A schedule holds for its windows until
a newer version supersedes it or it is withdrawn; its `ttl` only raises an alarm. Evaluation is cached until the next
boundary: a tick inside a window costs one comparison.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import nan

import numpy as np

from jit.codes import Why
from jit.frame import F8, I8
from sources.schedule import BindingState, Schedule, ScheduleType, Window, Withdrawal

FOREVER_NS = np.iinfo(np.int64).max
_NOT_OFFERED = (BindingState.RELEASED, BindingState.VIOLATED)

#: Which documents an entry of `requests:` listens to.
TYPE_OF_KIND = {
    "commitment": ScheduleType.COMMITMENT,
    "intraday": ScheduleType.INTRADAY,
    "day_ahead": ScheduleType.DAY_AHEAD,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `requests:`: a kind of schedule with its ttl (s), or a constant power (kW)."""

    id: str
    kind: str
    ttl_s: float = 0.0
    constant_kw: float | None = None


def window_at(schedule: Schedule, now_ns: int) -> tuple[Window | None, int]:
    """The window that covers the instant, and the instant up to which this answer holds (ns)."""
    starts = [window.start_ns for window in schedule.windows]
    index = bisect_right(starts, now_ns) - 1
    following = starts[index + 1] if index + 1 < len(starts) else FOREVER_NS
    if index >= 0 and now_ns < schedule.windows[index].end_ns:
        window = schedule.windows[index]
        return (None if window.binding in _NOT_OFFERED else window), min(window.end_ns, following)
    return None, following


@dataclass(slots=True)
class Offers:
    """The newest schedule per type and asset, evaluated into rows. One column per asset, one row per entry."""

    entries: tuple[Entry, ...]
    assets: tuple[str, ...]
    schedules: dict[tuple[ScheduleType, str | None], Schedule] = field(default_factory=dict)
    _until_ns: int = 0
    _in_time_ns: int = -1  # up to when no document is late, as far as that is known
    _from_ns: int = 0
    _known: bool = True
    asked_kw: F8 = field(init=False)
    asked_kvar: F8 = field(init=False)
    site_kw: F8 = field(init=False)
    site_kvar: F8 = field(init=False)
    why: I8 = field(init=False)

    def __post_init__(self) -> None:
        shape = (len(self.entries), len(self.assets))
        self.asked_kw, self.site_kw = np.full(shape, nan), np.full(len(self.entries), nan)
        self.asked_kvar, self.site_kvar = np.full(shape, nan), np.full(len(self.entries), nan)
        self.why = np.zeros(shape, np.int64)

    def accept(self, schedule: Schedule) -> bool:
        """Take a schedule unless a newer version of the same type and asset is held. True when it was taken."""
        if schedule.asset is not None and schedule.asset not in self.assets:
            return False
        held = self.schedules.get((schedule.type, schedule.asset))
        if held is not None and schedule.version < held.version:
            return False
        self.schedules[schedule.type, schedule.asset] = schedule
        self._until_ns, self._in_time_ns = 0, -1
        return True

    def hold(self, schedules: Iterable[Schedule]) -> None:
        """Hold these and no others."""
        self.schedules = {(schedule.type, schedule.asset): schedule for schedule in schedules}
        self._until_ns, self._in_time_ns = 0, -1

    def withdraw(self, withdrawal: Withdrawal) -> None:
        """Forget a schedule; asset None withdraws the site's and every asset's schedule of that source."""
        for key in [
            key
            for key, held in self.schedules.items()
            if key[0] == withdrawal.type
            and (key[1] == withdrawal.asset or withdrawal.asset is None)
            and (not withdrawal.source or held.source == withdrawal.source)
        ]:
            del self.schedules[key]
        self._until_ns, self._in_time_ns = 0, -1

    def evaluate(self, now_ns: int, *, known: bool = True) -> None:
        """Bring asked_kw, site_kw and why up to the instant. A clock that went back re-evaluates too.

        When the instant is not `known`, no schedule says anything.
        """
        if known == self._known and self._from_ns <= now_ns < self._until_ns:
            return
        self._known = known
        self._from_ns, self._until_ns = now_ns, FOREVER_NS
        for row, entry in enumerate(self.entries):
            self._evaluate_entry(row, entry, now_ns)

    def _evaluate_entry(self, row: int, entry: Entry, now_ns: int) -> None:
        if entry.constant_kw is not None:
            self.site_kw[row] = entry.constant_kw
            self.why[row] = Why.CONSTANT
            return
        type_ = TYPE_OF_KIND.get(entry.kind)
        if type_ is None:
            return  # a stage of its own writes this request's rows
        whole = self._power(type_, None, now_ns)
        self.site_kw[row], self.site_kvar[row] = (nan, nan) if whole is None else whole[:2]
        for column, asset in enumerate(self.assets):
            own = self._power(type_, asset, now_ns)
            self.asked_kw[row, column], self.asked_kvar[row, column] = (nan, nan) if own is None else own[:2]
            known = own if own is not None else whole
            self.why[row, column] = Why.NEVER_RECEIVED if known is None else known[2]

    def _power(self, type_: ScheduleType, asset: str | None, now_ns: int) -> tuple[float, float, Why] | None:
        schedule = self.schedules.get((type_, asset))
        if schedule is None:
            return None
        if not self._known:
            return nan, nan, Why.NO_CLOCK
        window, until = window_at(schedule, now_ns)
        self._until_ns = min(self._until_ns, until)
        if window is None:
            return nan, nan, Why.NO_WINDOW
        return window.power_kw, nan if window.reactive_kvar is None else window.reactive_kvar, Why.OFFERS

    def overdue(self, now_ns: int) -> tuple[tuple[str, Schedule], ...]:
        """Entries whose newest document is older than its ttl: an alarm, never a change of power."""
        if now_ns <= self._in_time_ns:
            return ()
        late = []
        for entry in self.entries:
            for (type_, _), schedule in self.schedules.items():
                if TYPE_OF_KIND.get(entry.kind) == type_ and now_ns - schedule.issued_ns > entry.ttl_s * 1e9:
                    late.append((entry.id, schedule))
        self._in_time_ns = -1 if late else self._oldest_due_ns()
        return tuple(late)

    def _oldest_due_ns(self) -> int:
        """Up to when none of the documents that are held now is too old."""
        dues = [
            held.issued_ns + int(entry.ttl_s * 1e9)
            for entry in self.entries
            for (type_, _), held in self.schedules.items()
            if TYPE_OF_KIND.get(entry.kind) == type_
        ]
        return min(dues, default=FOREVER_NS)
