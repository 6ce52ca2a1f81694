"""A device profile from the models that a SunSpec device has: `profile generate`.

    chain of models ─► best candidate per point (`roles`) ─► read, write, watchdog, expects, readable ─► a profile

What the profile guarantees beyond its points: the layout is checked in every connection (`expects`), scale factors are
the device's own and read with the values, only registers of its own models are read along (`readable`), the set-point
is enabled together with its value, and its reversion is armed in the order time, value, enable. Addresses are fixed
when the profile is made: nothing is guessed at run time. Raises `CannotGenerateError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.sunspec.discovery import MARK, Chain, Place
from pipeline.sunspec.models import Member, as_point, model, to_write
from pipeline.sunspec.rates import Most, by_rate
from pipeline.sunspec.roles import CRITICAL, INVERTERS, METERS, ROLES, YES

Kind = Literal["storage", "inverter", "meter"]
REVERTS_S = 10
#: Ways in which a published point may differ from ours and still be the same.
_SIGN = {
    "storage": "positive_is_discharge", "inverter": "positive_is_discharge", "meter": "positive_is_charge",
}  # fmt: skip


class CannotGenerateError(ValueError):
    """The device lacks what a profile of this kind needs."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A point of ours in a model of the device."""

    place: Place
    member: Member

    @property
    def key(self) -> tuple[int, str]:
        return self.place.number, self.member.name

    def point(self) -> dict[str, Any]:
        found = as_point(self.member, self.place.address) | YES.get(self.key, {})
        return found | {"label": f"{self.member.label} ({self.place.number} {self.member.name})"}


def standard(numbers: list[int], base: int = 40000) -> Chain:
    """A chain of these models with their published lengths, in this order, every group once."""
    places, address = [], base + 2
    for number in numbers:
        places.append(Place(number, address, model(number).length))
        address = places[-1].last + 1
    return Chain(base, tuple(places))


def generate(
    chain: Chain, kind: Kind, name: str, title: str = "", *, reverts_s: int = REVERTS_S, most: Most | None = None
) -> dict[str, Any]:
    """The profile as plain values, in the order in which profiles are written; `most` of a device with model 124."""
    chosen = {point: found for point in ROLES[kind] if (found := _choose(chain, kind, point)) is not None}
    _complete(chain, kind, chosen, most)
    used = {found.place for found in chosen.values()}
    values: dict[str, Any] = {
        "name": name, "version": 1, "title": title or _title(chain, kind), "protocol": "modbus",
        "kind": "storage" if kind == "storage" else "meter", "sign": _SIGN[kind], "addressing": "zero_based",
        "read": {point: found.point() for point, found in chosen.items()},
    }  # fmt: skip
    if "heartbeat" in chosen:
        values["fresh_by"] = "heartbeat"
    values |= {"poll": "500 ms" if kind != "inverter" else "1 s", "timeout": "400 ms"}
    if kind == "storage":
        values |= _written(chain, chosen, reverts_s) if chain.find(704) is not None else {}
        used |= {place for number in (704, 715, 124) if (place := chain.find(number)) is not None}
    common = chain.find(1)
    if common is not None:
        used.add(common)
        values["identity"] = _identity(common)
    if chain.find(1) is None and kind == "storage":
        raise CannotGenerateError("the device has no model 1: nobody could say which one it is")
    models = sorted(used, key=lambda place: place.address)
    values["readable"] = [f"holding {place.address}-{place.last}" for place in models]
    values["expects"] = {f"holding {chain.base}": MARK} | {
        f"holding {place.address}": [place.number, place.length] for place in models
    }
    rates = chain.find(124)
    if kind == "storage" and chain.find(704) is None and rates is not None and most is not None:
        by_rate(values, rates, most, reverts_s)
    return values | {"max_block": 125}


def _choose(chain: Chain, kind: Kind, point: str) -> Chosen | None:
    """The first candidate whose model the device has, long enough to hold it."""
    for number, name in ROLES[kind][point]:
        place, member = chain.find(number), model(number).member(name)
        if place is not None and member is not None and member.offset + member.words <= place.length + 2:
            return Chosen(place, member)
    return None


def _complete(chain: Chain, kind: Kind, chosen: Mapping[str, Chosen], most: Most | None) -> None:
    has = ", ".join(str(place.number) for place in chain.models) or "none"
    if "power" not in chosen:
        wanted = {"meter": METERS, "inverter": (701, *INVERTERS), "storage": (701, *INVERTERS)}[kind]
        raise CannotGenerateError(f"no model measures its power: it has {has}, needed is one of {sorted(wanted)}")
    if kind == "storage" and "soc" not in chosen:
        raise CannotGenerateError(f"no model says its state of charge: it has {has}, needed is 802, 713 or 124")
    if kind == "storage" and chain.find(704) is None and (chain.find(124) is None or most is None):
        raise CannotGenerateError(
            f"no model takes a set-point: it has {has}, needed is 704, or 124 of a device that says its WChaMax"
        )


def _title(chain: Chain, kind: Kind) -> str:
    what = {"storage": "Battery storage", "inverter": "Inverter, measured", "meter": "Meter"}[kind]
    return f"{what} with SunSpec models {', '.join(str(place.number) for place in chain.models)} at base {chain.base}"


def _identity(common: Place) -> dict[str, Any]:
    said = {}
    for ours, theirs in (("manufacturer", "Mn"), ("model", "Md"), ("serial", "SN")):
        member = model(1).member(theirs)
        if member is not None:
            said[ours] = {"register": f"holding {common.address + member.offset}", "length": member.words}
    return said


def _written(chain: Chain, chosen: Mapping[str, Chosen], reverts_s: int) -> dict[str, Any]:
    """The set-point of 704 with its enable, the heartbeat of 715, and the reversion that covers our silence."""
    control, der = chain.find(704), chain.find(715)
    if control is None:
        raise CannotGenerateError("no model 704")
    write: dict[str, Any] = {
        "revert_after": to_write(control, "WSetRvrtTms", constant=reverts_s),
        "revert_power": to_write(control, "WSetRvrt", constant=0),
        "revert_enable": to_write(control, "WSetEnaRvrt", constant=1),
        "enable": to_write(control, "WSetEna", constant=1),
        "unit_mode": to_write(control, "WSetMod", constant=1),
        "power": to_write(control, "WSet"),
    }
    order = ["enable", "unit_mode", "power"]
    if der is not None:
        write["heartbeat"] = to_write(der, "ControllerHb")
        order.append("heartbeat")
    watchdog = {
        "point": order[-1], "every": "1 s", "reverts_after": f"{reverts_s} s", "reverts_to": "0 kW",
        "arm": ["revert_after", "revert_power", "revert_enable"],
    }  # fmt: skip
    promised = {"charge_limit", "discharge_limit"} <= set(chosen)
    return {
        "write": write, "write_order": order, "watchdog": watchdog, "resolution": "1 W", "promises_limits": promised,
        "alarms": _alarms(chosen),
    }  # fmt: skip


def _alarms(chosen: Mapping[str, Chosen]) -> dict[int, dict[str, Any]]:
    found = chosen.get("alarms")
    if found is None:
        return {}
    critical = CRITICAL.get(found.key, frozenset())
    return {bit: {"text": text.capitalize(), **({"critical": True} if text in critical else {})}
            for bit, text in found.member.values}  # fmt: skip
