"""A battery that is commanded by model 124: two rates in percent of WChaMax that together are one set-point.

    +40 % ─► OutWRte 40, InWRte −40: it must discharge with 40 %      −40 % ─► OutWRte −40, InWRte 40: it must charge

Both registers stand side by side and go out in one request, so that no half of a set-point ever holds; only then the
control mode is set, which makes them count. WChaMax is a register that may be written: what it was when the profile was
made is among `expects`, for with another one every percent would be another power. When nobody writes, the device
returns to its own doing after InOutWRte_RvrtTms and not to 0 kW: the profile declares no watchdog, which is an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pipeline.sunspec.discovery import Place
from pipeline.sunspec.models import to_write

_BOTH_LIMITS = 3  # StorCtl_Mod: bit 0 charge, bit 1 discharge


@dataclass(frozen=True, slots=True)
class Most:
    """WChaMax and its exponent as the registers hold them."""

    raw: int
    factor: int

    @property
    def watts(self) -> float:
        exponent = self.factor - 65536 if self.factor & 0x8000 else self.factor
        return float(self.raw * Fraction(10) ** exponent)


def by_rate(values: dict[str, Any], place: Place, most: Most, reverts_s: int) -> None:
    """Put the set-point of model 124 at `place` into a storage profile."""
    percent = most.watts / 100
    power = to_write(place, "OutWRte", scale=percent, unit="W")
    values["write"] = {
        "revert_after": to_write(place, "InOutWRte_RvrtTms", constant=reverts_s, cadence="once"),
        "power": power,
        "charge_rate": to_write(place, "InWRte", scale=-percent, unit="W", of="power"),
        "control": to_write(place, "StorCtl_Mod", constant=_BOTH_LIMITS, read_back=True),
    }
    values["write_order"] = ["revert_after", "power", "charge_rate", "control"]
    values["read"] = values["read"] | {"setpoint": power | {"sentinels": [-0x8000], "label": "Set-point (124 OutWRte)"}}
    own = f"{most.watts:g} W"
    values |= {"resolution": "10 W", "promises_limits": False, "ratings": {"charge": own, "discharge": own}}
    for name, word in (("WChaMax", most.raw), ("WChaMax_SF", most.factor)):
        values["expects"][to_write(place, name)["register"]] = [word]
