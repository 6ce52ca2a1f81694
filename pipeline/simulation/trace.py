"""What a run leaves behind: every write and reply as decoded by the devices, what the plant truly did, who asked what.

The invariants read this and nothing else. Times are s of the loop, powers kW (+ = discharging).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from config.asset import Asset
from config.definition import Definition
from config.profile import Profile
from pipeline.simulation.clock import held
from pipeline.simulation.columns import F8, Column, Wrote, said_column, said_text
from pipeline.simulation.use import Used
from simulator.station import Heard, Said
from sources.act import ActKind

T = TypeVar("T")
Bools = npt.NDArray[np.bool_]
#: A reading that left the device so long before a tick is in that tick: time-out of one request, and its way.
READING_S = 0.4
SINGLE = 2.0**-22  # relative steps of a single-precision number, with the one it is compared with


class Recorded(Protocol):
    """A device as the trace knows it."""

    heard: list[Heard]
    said: list[Said]


class Moment(NamedTuple):
    """The truth at one instant: power and SoC per asset, and what else hangs at the point of connection."""

    at_s: float
    power_kw: Mapping[str, float]
    soc_pct: Mapping[str, float]
    other_kw: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """`until_s` is when it ends at the latest, `closes_s` the end of its window by the clock, where that ends it."""

    from_s: float
    until_s: float
    power_kw: float
    asset: str | None = None
    market: str = "day_ahead"
    closes_s: float = float("inf")


@dataclass(frozen=True, slots=True)
class Act:
    at_s: float
    kind: ActKind
    asset: str | None = None


@dataclass(slots=True)
class Boot:
    """One life of the process. `confirmed`: its end by SIGTERM was confirmed by the devices. `kept` is the journal that
    it found on the disk.
    """

    at_s: float
    ended_s: float = float("inf")
    terminated_s: float = float("inf")
    confirmed: bool = False
    kept: str = field(default="", repr=False)


@dataclass(slots=True)
class Watcher:
    """A websocket client, which takes `reads_s` for each frame; None: it never reads."""

    began_s: float
    reads_s: float | None
    ended_s: float = float("inf")


class Offered(NamedTuple):
    """A document that somebody handed in, whether it is sound, and how it was answered."""

    at_s: float
    which: str
    sound: bool
    status: int
    broken_disk: bool = False


class Write(NamedTuple):
    """A set-point on the wire: when it left, what it said, and the ticks that were complete by then."""

    sent_s: float
    power_kw: float
    heartbeat: int
    ticks: int
    boot: int


@dataclass
class Trace:
    """`ticks` are the instants at which a tick was complete; `raised` the times in which a stage failed in every tick;
    `healed_s` is when all faults had ended, `recovers_s` how long connections then need to be back.
    """

    site: Definition
    profiles: Mapping[str, Profile]
    stations: Mapping[str, Recorded]
    seed: int = 0
    moments: list[Moment] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    acknowledged: list[tuple[float, str]] = field(default_factory=list)  # acts that were answered with success, by id
    boots: list[Boot] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)
    shown_ns: list[int] = field(default_factory=list)  # at each tick by the machine's clock, on the loop's scale
    raised: list[tuple[float, float]] = field(default_factory=list)
    stalled: list[tuple[float, float]] = field(default_factory=list)  # times in which the process stood still
    watchers: list[Watcher] = field(default_factory=list)
    used: list[Used] = field(default_factory=list)
    exchanged: list[tuple[str, float, float]] = field(default_factory=list)  # another device at that address, s to s
    offered: list[Offered] = field(default_factory=list)
    limits: dict[str, list[tuple[float, float, float]]] = field(default_factory=dict)  # s, charge, discharge: the truth
    hasty: list[tuple[str, float, float]] = field(default_factory=list)  # requests before the last one was answered
    missed: int = 0
    healthy: bool = True
    healed_s: float | None = None
    recovers_s: float = 10.0
    _known: dict[tuple[str, str], tuple[Any, Any]] = field(default_factory=dict, repr=False)

    @property
    def cycle(self) -> float:
        return self.site.site.cycle

    @property
    def assets(self) -> Mapping[str, Asset]:
        return self.site.assets

    @property
    def end_s(self) -> float:
        return self.moments[-1].at_s if self.moments else 0.0

    @property
    def sees_s(self) -> float:
        """What a device says is in a command that is sent so much later, at the latest."""
        return self.cycle + READING_S

    def digest(self) -> str:
        """Everything that was on the wire and what the devices did, as one word."""
        word = blake2b(digest_size=32)
        for name, station in sorted(self.stations.items()):
            word.update(f"{name}{station.heard}{said_text(station.said)}".encode())
        word.update(f"{self.moments}{self.ticks}".encode())
        return word.hexdigest()

    def step_kw(self, asset: str) -> float:
        """What a set-point may be off on the wire (kW): a step of the device, and of its type."""
        profile = self.profiles[asset]
        floating = profile.write["power"].type == "float32"
        return profile.resolution_kw + (SINGLE * self.assets[asset].rated.discharge if floating else 0.0)

    def powers(self, asset: str) -> list[tuple[float, float]]:
        """Every set-point that arrived: (s, kW)."""
        heard = self.stations[asset].heard
        return self._once(
            "powers", asset, len(heard),
            lambda: [(h.at_s, float(h.values["power"])) for h in heard if "power" in h.values],
        )  # fmt: skip

    def writes(self, asset: str) -> list[Write]:
        """Every set-point, in the order in which it was sent."""
        size = len(self.stations[asset].heard), len(self.ticks), len(self.boots)
        return self._once("writes", asset, size, lambda: self._writes(asset))

    def _writes(self, asset: str) -> list[Write]:
        starts = [boot.at_s for boot in self.boots]
        return [
            Write(
                heard.sent_s,
                float(heard.values["power"]),
                int(heard.values.get("heartbeat", 0)),
                bisect_right(self.ticks, heard.sent_s + 1e-4),
                bisect_right(starts, heard.sent_s) - 1,
            )
            for heard in sorted(self.stations[asset].heard, key=lambda heard: heard.sent_s)
            if "power" in heard.values
        ]

    def wrote(self, asset: str) -> Wrote:
        """`writes`, as columns."""
        size = len(self.stations[asset].heard), len(self.ticks), len(self.boots)
        return self._once("wrote", asset, size, lambda: Wrote(*_columns(self.writes(asset))))

    def column(self, device: str, name: str) -> Column:
        """Everything a device said of a point."""
        said = self.stations[device].said
        return self._once(name, f"{device} said", len(said), lambda: said_column(said, name))

    def _once(self, what: str, of: str, size: Any, make: Callable[[], T]) -> T:
        """Made anew when more has happened since."""
        known = self._known.get((what, of))
        if known is None or known[0] != size:
            known = self._known[what, of] = size, make()
        found: T = known[1]
        return found

    def suspects(self, asset: str, these: Bools) -> Iterator[Write]:
        """The writes at these places."""
        writes = self.writes(asset)
        return (writes[place] for place in np.flatnonzero(these).tolist())

    def in_force(self, asset: str, at_s: float) -> float:
        """The set-point that had arrived by then; 0 before the first."""
        powers = self.powers(asset)
        place = bisect_right(powers, at_s, key=lambda power: power[0])
        return powers[place - 1][1] if place else 0.0

    def in_force_at(self, asset: str, at_s: F8) -> F8:
        """`in_force` at each of these instants."""
        powers = np.array([(-np.inf, 0.0), *self.powers(asset)])
        force: F8 = powers[np.searchsorted(powers[:, 0], at_s, "right") - 1, 1]
        return force

    def written(self, asset: str, from_s: float, to_s: float) -> bool:
        """Whether a set-point arrived in this time."""
        powers = self.powers(asset)
        place = bisect_right(powers, to_s, key=lambda power: power[0])
        return place > 0 and powers[place - 1][0] >= from_s

    def lived(self, from_s: float, to_s: float) -> list[Moment]:
        first = bisect_left(self.moments, from_s, key=lambda moment: moment.at_s)
        return self.moments[first : bisect_right(self.moments, to_s, key=lambda moment: moment.at_s)]

    def told(self, device: str, from_s: float, to_s: float) -> list[Said]:
        """The replies that left the device in this time, and the newest one before it."""
        said = self.stations[device].said
        first = bisect_left(said, from_s, key=lambda s: s.at_s)
        return said[max(0, first - 1) : bisect_right(said, to_s, key=lambda s: s.at_s)]

    def seen(self, asset: str, name: str, at_s: float) -> list[float | None]:
        """What a point said, of which one was the newest in the tick that computed what was sent at `at_s`.

        A reply without the point, as a set-point that is read back, says nothing of it: the one before still counts.
        """
        column = self.column(asset, name)
        first = max(0, np.searchsorted(column.at_s, at_s - self.sees_s, "left") - 1)
        told = column.values[first : np.searchsorted(column.at_s, at_s, "right")].tolist()
        return [value if value == value else None for value in told]

    def spells(self, device: str, name: str, holds: Mapping[float | None, bool]) -> Iterator[tuple[float, float]]:
        """(from, until) of the times in which a point said one of these values without interruption."""
        if not any(holds[value] and self.column(device, name).says(value) for value in holds):
            return
        began: float | None = None
        for said in self.stations[device].said:
            if name not in said.values:
                continue
            if holds.get(said.values[name], False):
                began = said.at_s if began is None else began
            elif began is not None:
                yield began, said.at_s
                began = None
        if began is not None:
            yield began, self.end_s

    def stood_s(self, from_s: float, to_s: float) -> float:
        """For how much of this time the process stood still."""
        return sum(max(0.0, min(to_s, ended) - max(from_s, began)) for began, ended in self.stalled)

    def open_s(self, asked: Asked) -> float:
        """When it ends at the latest: a window that was open when the clock was set is held until that is trusted."""
        starts = [boot.at_s for boot in self.boots]
        known = self._once("held", "clock", len(self.ticks), lambda: list(held(self.ticks, self.shown_ns, starts)))
        over = [h.until_s - asked.closes_s for h in known if asked.from_s <= h.shown_s < asked.closes_s]
        return asked.until_s + max([0.0, *over])

    def acted(self, kinds: set[ActKind], asset: str, from_s: float, to_s: float) -> bool:
        return any(a.kind in kinds and a.asset in (None, asset) and from_s <= a.at_s <= to_s for a in self.acts)


def _columns(writes: list[Write]) -> F8:
    """One row per field of a write."""
    return np.array(writes, np.float64).reshape(len(writes), len(Write._fields)).T
