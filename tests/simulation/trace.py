"""What a run leaves behind: every write and reply as decoded by the devices, what the plant truly did, who asked what.

The invariants read this and nothing else. Times are s of the loop, powers kW (+ = discharging).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from config.definition import Definition
from config.profile import Profile
from sources.act import ActKind
from tests.simulation.device import Heard, Said, Station


@dataclass(frozen=True, slots=True)
class Moment:
    """The truth at one instant: power and SoC per asset, and what else hangs at the point of connection."""

    at_s: float
    power_kw: dict[str, float]
    soc_pct: dict[str, float]
    other_kw: float


@dataclass(frozen=True, slots=True)
class Asked:
    from_s: float
    until_s: float
    power_kw: float
    asset: str | None


@dataclass(frozen=True, slots=True)
class Act:
    at_s: float
    kind: ActKind
    asset: str | None


@dataclass(slots=True)
class Boot:
    """One life of the process."""

    at_s: float
    ended_s: float = float("inf")
    terminated_s: float = float("inf")


@dataclass
class Trace:
    """`ticks` are the instants at which a tick was complete."""

    site: Definition
    profiles: dict[str, Profile]
    stations: dict[str, Station]
    seed: int
    moments: list[Moment] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    boots: list[Boot] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)

    def heard(self, asset: str) -> list[Heard]:
        return self.stations[asset].heard

    def powers(self, asset: str) -> list[tuple[float, float]]:
        """Every set-point on the wire: (s, kW)."""
        return [(h.at_s, float(h.values["power"])) for h in self.heard(asset) if "power" in h.values]

    def told(self, device: str, at_s: float) -> Said | None:
        """The newest reply that had left the device by then."""
        said = self.stations[device].said
        place = bisect_right(said, at_s, key=lambda s: s.at_s)
        return said[place - 1] if place else None
