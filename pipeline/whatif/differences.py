"""Where two runs of the same ticks command differently: stretches with one pair of reasons each, the first ones kept.

    b1  08:15:03Z  12 s   80 kW discharge, follows day ahead  →  37 kW discharge, limited by the point of connection …

A stretch begins where the commands begin to differ, and anew where a reason on either side changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jit import rows as r
from jit.frame import Frame
from operators.sentence import why
from pipeline.rehearsal.plant import told
from pipeline.whatif.loop import Moment
from sources.instant import format_utc

#: Rows whose change begins another stretch.
_REASONS = (r.AUTHORITY, r.MAY_CHARGE, r.MAY_DISCHARGE, r.LIMITED_BY, r.REQUEST_BY, r.RESOLVE_BY)
#: Commands closer than this are the same (kW).
SAME_KW = 1e-6


@dataclass(slots=True)
class Stretch:
    """One asset, from one tick on: both commands (kW, None: silent) and both sentences at its first tick."""

    asset: str
    tick: int
    utc_ns: int
    then_kw: float | None
    now_kw: float | None
    then_why: str
    now_why: str
    ticks: int = 0
    seconds: float = 0.0
    most_kw: float = 0.0

    def json(self) -> dict[str, Any]:
        return {
            "asset": self.asset,
            "tick": self.tick,
            "at": format_utc(self.utc_ns),
            "ticks": self.ticks,
            "seconds": round(self.seconds, 3),
            "largest_difference_kw": round(self.most_kw, 6),
            "recorded": {"command_kw": self.then_kw, "why": self.then_why},
            "new": {"command_kw": self.now_kw, "why": self.now_why},
        }


@dataclass(slots=True)
class Differences:
    """`first` keeps `most` stretches; `ticks` counts every tick and asset that differs, per asset."""

    most: int = 10
    first: list[Stretch] = field(default_factory=list)
    ticks: dict[str, int] = field(default_factory=dict)
    stretches: int = 0
    _open: dict[str, tuple[tuple[int, ...], Stretch]] = field(default_factory=dict)

    def see(self, moment: Moment) -> None:
        then, now = moment.then, moment.now
        given = dict(zip(then.layout.assets, told(then), strict=True))
        for column, (asset, power) in enumerate(zip(now.layout.assets, told(now), strict=True)):
            if asset not in given:
                continue
            was = given[asset]
            apart = _apart(was, power)
            if apart == 0.0:
                self._open.pop(asset, None)
                continue
            self.ticks[asset] = self.ticks.get(asset, 0) + 1
            old = then.layout.column[asset]
            reasons = (*_reasons(then, old), *_reasons(now, column))
            held = self._open.get(asset)
            if held is None or held[0] != reasons:
                held = reasons, self._begun(asset, moment, old, column, was, power)
                self._open[asset] = held
            stretch = held[1]
            stretch.ticks, stretch.seconds = stretch.ticks + 1, stretch.seconds + now.dt
            stretch.most_kw = max(stretch.most_kw, apart)

    def _begun(
        self, asset: str, moment: Moment, old: int, column: int, was: float | None, power: float | None
    ) -> Stretch:
        self.stretches += 1
        kept = len(self.first) < self.most
        sentences = (why(moment.then, old), why(moment.now, column)) if kept else ("", "")
        stretch = Stretch(asset, moment.now.tick, moment.now.utc_ns, was, power, *sentences)
        if kept:
            self.first.append(stretch)
        return stretch


def _apart(was: float | None, power: float | None) -> float:
    """How far two commands are apart (kW); one that is silent differs from every command, by its power or the least."""
    if was is None or power is None:
        return 0.0 if was is power else max(SAME_KW, abs((was or 0.0) - (power or 0.0)))
    apart = abs(was - power)
    return apart if apart > SAME_KW else 0.0


def _reasons(frame: Frame, column: int) -> tuple[int, ...]:
    return tuple(frame.codes.item(row, column) for row in _REASONS)
