"""How a recorded battery really followed: of a few dead times and lags beside the declared ones, what explains it best.

A profile declares what a device is *not slower* than; one that is faster would overshoot in a model that believes it.
Looked at are the readings for a while after each change of the command; without any, the declared response stands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from math import isfinite, sqrt
from typing import Any

from config.profile import Profile
from jit.codes import Permit
from jit.rows import QUALITY, REMOTE, SEEN
from pipeline.compile import Compiled
from pipeline.rehearsal.plant import told
from pipeline.whatif.loop import Recorded
from pipeline.whatif.response import Response

_DEAD, _LAG = (0.0, 0.25, 0.5, 1.0, 1.5), (0.0, 0.25, 0.5, 1.0, 2.0)
#: Readings after a change of the command that are looked at, per battery; and for how many responses after it.
ENOUGH, RESPONSES = 2000, 5.0
VALID = 1


@dataclass(frozen=True, slots=True)
class Identified:
    """`rms_kw`: what is left unexplained in the readings that were looked at; NaN without any."""

    dead_s: float
    lag_s: float
    rms_kw: float
    readings: int
    declared: tuple[float, float]

    @property
    def response(self) -> tuple[float, float]:
        return self.dead_s, self.lag_s

    def json(self) -> dict[str, Any]:
        return {"dead_time_s": self.dead_s, "lag_s": self.lag_s, "readings": self.readings,
                "rms_kw": self.rms_kw if self.readings else None, "declared_s": list(self.declared)}  # fmt: skip


@dataclass(slots=True)
class Candidate:
    response: Response
    squares: float = 0.0


@dataclass(slots=True)
class Search:
    """One battery: every candidate hears every command, and is judged by the readings that follow a change."""

    declared: tuple[float, float]
    candidates: list[Candidate] = field(init=False)
    commanded: float | None = None
    moving_until_s: float = 0.0
    arrived_s: float = 0.0
    readings: int = 0

    def __post_init__(self) -> None:
        dead, lag = self.declared
        pairs = {(dead * a, lag * b) for a, b in product(_DEAD, _LAG)} - {self.declared}
        self.candidates = [Candidate(Response(*pair)) for pair in (self.declared, *sorted(pairs, reverse=True))]

    def read(self, power: float, arrived_s: float, *, usable: bool) -> None:
        if arrived_s == self.arrived_s or self.commanded is None or arrived_s > self.moving_until_s:
            return
        self.arrived_s = arrived_s
        if usable:
            self.readings += 1
            for one in self.candidates:
                one.squares += (one.response.at(arrived_s)[0] - power) ** 2

    def hear(self, now_s: float, commanded: float | None, power: float) -> None:
        """The command of a tick (kW), None while nothing was written; `power` as measured then."""
        if commanded is None or not isfinite(power):
            self.commanded = None
            return
        if self.commanded is None:
            for one in self.candidates:
                one.response.begin(now_s, power)
        elif commanded != self.commanded:
            self.moving_until_s = now_s + RESPONSES * (sum(self.declared) + 1.0)
        for one in self.candidates:
            one.response.advance(now_s)
            one.response.tell(now_s, commanded, commanded)
        self.commanded = commanded

    def found(self) -> Identified:
        """The best one; of equals the declared one, else the slower."""
        dead, lag = self.declared
        if not self.readings:
            return Identified(dead, lag, float("nan"), 0, self.declared)
        best = min(self.candidates, key=lambda one: one.squares)
        rms = sqrt(best.squares / self.readings)
        return Identified(best.response.dead_s, best.response.lag_s, rms, self.readings, self.declared)


def _search(profile: Profile) -> Search:
    return Search((profile.response.dead_time, profile.response.lag))


def identified(ticks: Iterable[Recorded], compiled: Compiled) -> dict[str, Identified]:
    """By asset. Ends as soon as every battery has been seen to move often enough."""
    layout = compiled.layout
    searches = {asset: _search(compiled.profiles[asset]) for asset in layout.assets}
    devices = [layout.device_index[asset] for asset in layout.assets]
    places = [layout.point_index[f"{asset}.power"] for asset in layout.assets]
    for one in ticks:
        commands, codes = told(one.frame), one.frame.codes
        for column, (search, device, place) in enumerate(zip(searches.values(), devices, places, strict=True)):
            power = one.sample.points.item(place)
            usable = codes.item(QUALITY, column) == VALID and codes.item(SEEN, column) == 0
            usable = usable and codes.item(REMOTE, column) != Permit.NO and isfinite(power)
            search.read(power, one.sample.arrived_s.item(device), usable=usable)
            search.hear(one.tick.mono_s, commands[column], power)
        if all(search.readings >= ENOUGH for search in searches.values()):
            break
    return {asset: search.found() for asset, search in searches.items()}
