"""A healthy plant that follows: what every device measures in virtual time, unless a test says otherwise.

    commands ─► batteries (power = command, SoC by energy and efficiency) ─┐
    load, pv ───────────────────────────────────────────────────────────► point of connection ─► meters

Healthy: limits at rating, load and PV 0, 50 Hz, available, remote, no alarms, SoC in the middle of its band, 25 °C. A
battery follows its command at once and keeps it while nothing is written. Every poll moves the proof of freshness.
A point can be pinned to a value, `missing` (no value) or `stale` (its last value, marked); a device can be `missing`
(no answer at all), `lost` (a failed poll at once) or `stale` (its last answer is too old); `delay` is how old answers
are (s). Powers in kW, + = discharging or feeding in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, nan

import numpy as np

from config.definition import Asset, Definition
from jit.codes import Authority, Mode, Quality, WriteStatus
from jit.frame import Frame
from jit.rows import AUTHORITY, COMMAND_KW, MODE
from operators.validate import Plausible
from pipeline.compile import POC, Compiled
from pipeline.rehearsal.vocabulary import HEALTHY, LOST, MISSING, STALE
from sources.reading import F8, I8, Reading, lost
from sources.receipt import Receipt

NOMINAL_HZ = 50.0
DC_V = 800.0
HEARTBEATS = 60_000
#: A stale device's last answer came this many times `stale_after` ago.
_LONG_AGO = 2.0
_QUALITY = {MISSING: Quality.MISSING, STALE: Quality.STALE}
_COMMON = {"soh": 100.0, "temperature": 25.0, "available": 1.0, "remote": 1.0, "cooling": 1.0, "contactor": 1.0,
           "frequency": NOMINAL_HZ,
           "voltage": 400.0, "dc_voltage": DC_V}  # fmt: skip
_STATUS = {"confirmed": WriteStatus.CONFIRMED, "refused": WriteStatus.REFUSED, "failed": WriteStatus.FAILED,
           "different": WriteStatus.DIFFERENT}  # fmt: skip
_TAKEN = (WriteStatus.CONFIRMED, WriteStatus.DIFFERENT)
_DIFFERENT = WriteStatus.DIFFERENT
_ARMED = int(Authority.ARMED)
_STOPS = (int(Mode.UNKNOWN), int(Mode.STOP))


@dataclass(slots=True, eq=False)
class Device:
    """One device's next reading. `pinned` points keep what a test wrote; `condition` is of the device as a whole."""

    id: str
    names: tuple[str, ...]
    values: F8
    healthy: F8
    stale_after: float
    proof: int = -1
    quality: I8 = field(init=False)
    condition: str = HEALTHY
    stale_since: float = nan
    pinned: set[str] = field(default_factory=set)
    delay: float = 0.0
    index: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.quality = np.full(len(self.names), int(Quality.VALID), np.int64)
        self.index = {name: i for i, name in enumerate(self.names)}

    def pin(self, point: str, value: float | str) -> None:
        """A number stays until changed; `missing` and `stale` mark the point; `healthy` lets go of it."""
        i = self.index[point]
        if value == HEALTHY:
            self.pinned.discard(point)
            self.values[i], self.quality[i] = self.healthy[i], Quality.VALID
            return
        self.pinned.add(point)
        if isinstance(value, str):
            self.quality[i] = _QUALITY[value]
            self.values[i] = nan if value == MISSING else self.values[i]
        else:
            self.values[i], self.quality[i] = value, Quality.VALID

    def measure(self, point: str, value: float) -> None:
        """What the plant does, unless the point is pinned or the device has none of that name."""
        i = self.index.get(point, -1)
        if i >= 0 and point not in self.pinned:
            self.values[i] = value

    def shown(self, point: str) -> float:
        """What the device says of a point that it has."""
        return float(self.values[self.index[point]])

    def answer(self, now_s: float) -> Reading | None:
        """The reading of one poll. None while the device gives no answer."""
        if self.condition == MISSING:
            return None
        if self.condition == LOST:
            return lost(self.id, now_s, len(self.names))
        if self.condition == STALE:
            if self.stale_since != self.stale_since:
                self.stale_since = now_s
            return Reading(self.id, self.stale_since - _LONG_AGO * self.stale_after, self.values, self.quality)
        self.stale_since = nan
        if self.proof >= 0 and self.names[self.proof] not in self.pinned:
            self.values[self.proof] = (self.values[self.proof] + 1.0) % HEARTBEATS
        return Reading(self.id, now_s - self.delay, self.values, self.quality)


def taken_pct(asset: Asset, power_kw: float, dt: float) -> float:
    """State of charge (%) that `dt` seconds of this power take, through the asset's efficiencies."""
    factor = 100.0 / asset.efficiency.discharge if power_kw > 0.0 else asset.efficiency.charge / 100.0
    return power_kw * factor * dt / 36.0 / asset.rated.energy


def told(frame: Frame) -> list[float | None]:
    """The power (kW) that a sealed frame commands each asset, as `operators.cut` says it; None for a silent one."""
    rows = zip(frame.codes[AUTHORITY].tolist(), frame.codes[MODE].tolist(), frame.values[COMMAND_KW].tolist(),
               strict=True)  # fmt: skip
    return [
        None if authority != _ARMED else 0.0 if mode in _STOPS or power != power else power
        for authority, mode, power in rows
    ]


@dataclass(slots=True, eq=False)
class Battery:
    """What a battery does: power (kW), SoC (%), and what became of the last write."""

    asset: Asset
    device: Device
    soc: float
    power: float = 0.0
    status: WriteStatus = WriteStatus.CONFIRMED
    written: float = nan

    def passes(self, dt: float) -> None:
        """Energy moves the state of charge, through the efficiencies of the definition."""
        self.soc = min(100.0, max(0.0, self.soc - taken_pct(self.asset, self.power, dt)))

    def take(self, power: float) -> None:
        """A write of this power (kW): done unless the device refuses, does not answer or is pinned to another."""
        self.written = power
        if self.status in _TAKEN:
            self.power = power
        if "power" in self.device.pinned:
            pinned = float(self.device.values[self.device.index["power"]])
            self.power = pinned if isfinite(pinned) else self.power

    def receipt(self, tick: int, now_s: float) -> Receipt:
        """The outcome of the last write. A device that holds something else holds 0 kW less or more than written."""
        held = self.written + (1.0 if self.status == _DIFFERENT else 0.0)
        return Receipt(self.device.id, tick, now_s, self.status, self.written, held)


class Plant:
    """Every device of a compiled definition. `load_kw` and `pv_kw` are magnitudes."""

    def __init__(self, compiled: Compiled) -> None:
        definition = compiled.definition
        self.devices = {name: device_of(compiled, name) for name in compiled.layout.devices}
        self.batteries = {
            name: Battery(asset, self.devices[name], (asset.soc.min + asset.soc.max) / 2.0)
            for name, asset in definition.assets.items()
        }
        self.in_order = tuple(self.batteries.values())
        self.meters = [device for name, device in self.devices.items() if name not in definition.assets]
        self.load_kw = self.pv_kw = 0.0

    @property
    def other_kw(self) -> float:
        return self.pv_kw - self.load_kw

    @property
    def flow_kw(self) -> float:
        """What really flows at the point of connection, + = export."""
        return sum([battery.power for battery in self.in_order]) + self.other_kw

    def passes(self, dt: float) -> None:
        """`dt` seconds pass at the powers that are."""
        for battery in self.in_order:
            battery.passes(dt)

    def measure(self) -> None:
        """Every point that is not pinned shows what the plant does."""
        for battery in self.in_order:
            device = battery.device
            device.measure("soc", battery.soc)
            device.measure("power", battery.power)
            device.measure("dc_current", device.shown("power") * 1000.0 / DC_V)
            if battery.written == battery.written:
                device.measure("setpoint", battery.written)
        for meter in self.meters:
            meter.measure("power", self._metered(meter.id))

    def _metered(self, meter: str) -> float:
        match meter:
            case "site.pv":
                return self.pv_kw
            case "site.load":
                return -self.load_kw
            case _ if meter == f"site.{POC}":
                return self.flow_kw
        return 0.0

    def follow(self, frame: Frame) -> None:
        """Take the commands of a sealed frame; silent assets keep what they had."""
        for battery, power in zip(self.in_order, told(frame), strict=True):
            if power is None:
                battery.written = nan
            else:
                battery.take(power)

    def write_status(self, asset: str, word: str) -> None:
        self.batteries[asset].status = _STATUS[word]


def device_of(compiled: Compiled, name: str) -> Device:
    """The healthy device of this name, as its profile and the definition describe it."""
    definition, profile = compiled.definition, compiled.profiles[name]
    first, last = compiled.layout.devices[name]
    points = tuple(point.removeprefix(f"{name}.") for point in compiled.layout.points[first:last])
    healthy = _healthy(definition, name, points, compiled.plausible[name])
    proof = points.index(profile.fresh_by) if profile.fresh_by in points else -1
    return Device(name, points, healthy.copy(), healthy, _stale_after(definition, name), proof)


def _stale_after(definition: Definition, device: str) -> float:
    if device in definition.assets:
        return definition.assets[device].stale_after
    if device.startswith("inputs."):
        return definition.inputs[device.removeprefix("inputs.")].stale_after
    meter = definition.site.meters.get(device.removeprefix("site."))
    return 3.0 if meter is None else meter.stale_after


def _healthy(definition: Definition, device: str, points: tuple[str, ...], plausible: Plausible) -> F8:
    """What each point shows when nothing is wrong; 0 for what the chain does not compute with, inside its range."""
    known = dict(_COMMON)
    if device.startswith("inputs."):
        known["value"] = float(definition.inputs[device.removeprefix("inputs.")].active == "low")
    asset = definition.assets.get(device)
    if asset is not None:
        band = asset.temperature
        known |= {"charge_limit": asset.rated.charge, "discharge_limit": asset.rated.discharge}
        known["temperature"] = min(band.max - band.taper, max(band.min + band.taper, known["temperature"]))
    values = np.array([known.get(point, 0.0) for point in points], np.float64)
    return np.clip(values, plausible.low, plausible.high)
