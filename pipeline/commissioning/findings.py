"""What is wrong with a site, by what its devices said while nothing was written: silence, sign, scale, limits.

    Heard per device ──► Finding("error" | "warning" | "note", device, text)

An error is what would make control dangerous or impossible: no answer, a sign or a scale that is wrong, another device.
What could not be shown (power did not move, charge did not change) is a note: nothing is taken for proven by silence.
Powers in kW, + = discharging or feeding in; charge in %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from typing import Literal

from config.asset import Asset
from config.definition import Definition
from jit.codes import Proved, Quality
from pipeline.commissioning.listening import Heard
from sources.points import point_names, point_ranges

#: Share of the rating below which a power has no direction worth judging.
MOVING = 0.02
#: Times the rating beyond which a power is misread.
MISREAD = 1.2
#: A clock of a device may differ by so much (s).
CLOCK_S = 2.0
NEEDED = {"storage": ("soc", "power"), "meter": ("power",)}


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Literal["error", "warning", "note"]
    device: str
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """What one device said of one point, where it said something: (s, value)."""

    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float | None:
        return self.points[-1][1] if self.points else None

    @property
    def change(self) -> float:
        return self.points[-1][1] - self.points[0][1] if self.points else 0.0

    def integral(self) -> float:
        """∑ value · seconds, each value held until the next."""
        return sum(first[1] * (second[0] - first[0]) for first, second in pairwise(self.points))


def series(heard: Heard, name: str) -> Series:
    names = point_names(heard.profile)
    if name not in names:
        return Series(())
    place = names.index(name)
    return Series(tuple((r.arrived_s, float(r.values[place])) for r in heard.readings
                        if int(r.quality[place]) & Quality.VALID and not isnan(r.values[place])))  # fmt: skip


def findings(definition: Definition, heard: Mapping[str, Heard], utc_ns: int, now_s: float) -> list[Finding]:
    """Everything that is worth a look. `utc_ns` and `now_s` are the same instant, on both clocks."""
    found: list[Finding] = []
    for name, device in heard.items():
        asset = definition.assets.get(name)
        if not device.usable:
            found.append(Finding("error", name, "says nothing: no reading had a usable value"))
            continue
        found += _values(name, device)
        found += _clock(name, device, utc_ns, now_s)
        found += _identity(name, device)
        if asset is not None:
            found += [*_power(name, device, asset), *_charge(name, device, asset), *_limits(name, device, asset)]
            found += _state(name, device)
    return [*found, *_meter(definition, heard)]


def _values(name: str, device: Heard) -> Iterator[Finding]:
    """What is needed is there, and what is there can be."""
    profile, newest = device.profile, device.readings[-1]
    for point in NEEDED[profile.kind]:
        if point not in profile.read:
            yield Finding("error", name, f"its profile reads no {point}")
        elif series(device, point).last is None:
            yield Finding("error", name, f"{point} never had a value")
    low, high = point_ranges(profile)
    for place, point in enumerate(point_names(profile)):
        value = float(newest.values[place])
        if value < low[place] or value > high[place]:
            span = f"{low[place]:g} to {high[place]:g}"
            yield Finding("error", name, f"{point} is {value:g}, and {span} can be: wrong register, type or scale?")
        if int(newest.quality[place]) & Quality.PROTOCOL:
            yield Finding("warning", name, f"{point} cannot be read")
    proof = profile.fresh_by
    if proof is not None and len(device.readings) > 2 and len({v for _, v in series(device, proof).points}) < 2:
        yield Finding("warning", name, f"`{proof}` never changed: the device would count as frozen")


def _clock(name: str, device: Heard, utc_ns: int, now_s: float) -> Iterator[Finding]:
    newest = device.readings[-1]
    if newest.stamp_ns is None:
        return
    late_s = (utc_ns - newest.stamp_ns) / 1e9 - (now_s - newest.arrived_s)
    if abs(late_s) > CLOCK_S:
        side = "behind" if late_s > 0 else "ahead of"
        yield Finding("warning", name, f"its clock is {abs(late_s):.1f} s {side} ours")


def _identity(name: str, device: Heard) -> Iterator[Finding]:
    if device.proved & Proved.FOREIGN:
        yield Finding("error", name, device.detail)
    elif device.detail:
        yield Finding("note", name, device.detail)


def _power(name: str, device: Heard, asset: Asset) -> Iterator[Finding]:
    power, current = series(device, "power"), series(device, "dc_current")
    most = max(asset.rated.charge, asset.rated.discharge)
    largest = max((abs(value) for _, value in power.points), default=0.0)
    if largest > MISREAD * most:
        yield Finding("error", name, f"power is {largest:g} kW and {most:g} kW is rated: wrong scale or word order?")
    last, amperes = power.last, current.last
    if last is not None and amperes is not None and abs(last) > MOVING * most and last * amperes < 0:
        yield Finding("error", name, f"power is {last:g} kW and the direct current {amperes:g} A: one sign is wrong")


def _charge(name: str, device: Heard, asset: Asset) -> Iterator[Finding]:
    """Charge falls while power is delivered."""
    charge, energy = series(device, "soc"), series(device, "power").integral() / 3600.0
    most = max(asset.rated.charge, asset.rated.discharge)
    if charge.change * energy > 0 and abs(energy) > MOVING * most / 3600.0:
        way = "delivered" if energy > 0 else "taken in"
        side = "rose" if charge.change > 0 else "fell"
        text = f"{abs(energy):.2f} kWh were {way} and the charge {side} by {abs(charge.change):.2f} %: `sign` is wrong"
        yield Finding("error", name, text)
    elif charge.change == 0:
        yield Finding("note", name, "the charge did not change: the sign of power is not shown by it; listen longer")


def _limits(name: str, device: Heard, asset: Asset) -> Iterator[Finding]:
    for point, rated in (("charge_limit", asset.rated.charge), ("discharge_limit", asset.rated.discharge)):
        allowed, promised = series(device, point).last, device.profile.promises_limits
        if point in device.profile.read and allowed is None and promised:
            yield Finding("warning", name, f"{point} is promised and missing: 0 kW would be allowed")
        elif allowed is not None and allowed > 10.0 * rated:
            yield Finding("warning", name, f"{point} is {allowed:g} kW and {rated:g} kW is rated: wrong scale?")
        elif allowed is not None and allowed < rated:
            yield Finding("note", name, f"{point} is {allowed:g} kW now, below the {rated:g} kW that are rated")


def _state(name: str, device: Heard) -> Iterator[Finding]:
    alarms = series(device, "alarms").last
    for bit, alarm in device.profile.alarms.items():
        if alarms is not None and int(alarms) >> bit & 1:
            yield Finding("warning", name, f"alarm: {alarm.text}{' (critical: it latches)' if alarm.critical else ''}")
    if series(device, "remote").last == 0.0:
        yield Finding("note", name, "is in local control: it takes no commands")
    if series(device, "available").last == 0.0:
        yield Finding("note", name, "is not available")
    if device.profile.watchdog is None:
        yield Finding("warning", name, "its profile declares no reversion: nothing is known about it when we are gone")


def _meter(definition: Definition, heard: Mapping[str, Heard]) -> Iterator[Finding]:
    """What the batteries change, the meter at the connection changes too."""
    meter = heard.get("site.poc")
    batteries = [heard[name] for name in definition.assets if name in heard]
    if meter is None or not batteries or not meter.readings:
        return
    rated = sum(max(a.rated.charge, a.rated.discharge) for a in definition.assets.values())
    changed, metered = sum(series(battery, "power").change for battery in batteries), series(meter, "power").change
    if abs(changed) < MOVING * rated:
        yield Finding("note", "site.poc", "the batteries' power did not move: the meter's sign is not shown by it")
    elif changed * metered < 0 and abs(metered) > 0.5 * abs(changed):
        text = f"the batteries changed by {changed:+.1f} kW and the meter by {metered:+.1f} kW"
        yield Finding("error", "site.poc", f"{text}: the meter's `sign` is wrong")
