"""The plant of a recording under other commands: the next sample of a chain, out of what was sampled then.

    as recorded   frequency, voltage, other load and PV, schedules, acts, limits of the BMS, alarms, temperatures,
                  availability, quality, ages, outcomes of writes, the clock: by device, point and asset
    modelled      power, SoC, set-point, DC current and reactive power of every battery, what was written and read back,
                  power at the point of connection: recorded + what other commands change

What NEW reads and nobody recorded is healthy, as in `test`; `assumed` names it. A battery that only NEW has is wholly
modelled: it follows its declared response, from the middle of its SoC band. One that only the recording has goes on as
recorded, as a part of everything else behind the meter.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import signals
from jit.codes import Deviation, Latch, Permit, Quality, WriteStatus
from jit.constants import MUST_PROVE
from jit.frame import Frame
from jit.rows import COMMAND_KVAR, DEVIATION, LATCH, POWER_KW, REMOTE, SEEN
from operators.validate import Plausible, judge
from pipeline.compile import POC, Compiled
from pipeline.rehearsal.plant import HEARTBEATS, device_of, told
from pipeline.whatif.battery import SILENT, Battery, Told
from pipeline.whatif.renamed import Renamed
from pipeline.whatif.response import Response
from sources.reading import Reading
from sources.recording.sample import Sample
from sources.tick import Tick

_VALID, _RANGE = int(Quality.VALID), int(Quality.RANGE)
#: What a latched fault says of how the device behaved.
LATCHED = (
    (Latch.WRONG_SIGN | Latch.BEYOND, Deviation.BEYOND),
    (Latch.SECOND_MASTER | Latch.READBACK, Deviation.FOREIGN),
    (Latch.EFFECT, Deviation.SHORT),
)
#: Below this a battery does not charge or discharge in the eyes of its own state (share of the rating).
AT_REST = 0.01


class RecordedPlant:
    """`responses`: (dead time, lag) in s by asset, where they are known better than declared."""

    def __init__(self, old: Compiled, new: Compiled, responses: dict[str, tuple[float, float]] | None = None) -> None:
        self.old, self.new = old, new
        layouts = (old.layout, new.layout)
        self.renamed = Renamed.of(*(layouts if layouts[0].digest != layouts[1].digest else (old.layout, old.layout)))
        self.batteries = {asset: self._battery(asset, (responses or {}).get(asset)) for asset in new.layout.assets}
        self.sample, self._healthy = Sample.blank(new.layout), Sample.blank(new.layout)
        self.assumed = [name for name in new.layout.points if name not in old.layout.point_index]
        self._unread = [name for name in new.layout.devices if name not in old.layout.device_index]
        self._judged = [name for name in new.plausible if not _alike(old.plausible.get(name), new.plausible[name])]
        self._fill()
        self._tick: Tick | None = None
        self._arrived: dict[str, float] = {}
        self._site_kw, self._site_kvar = 0.0, 0.0

    def _battery(self, asset: str, known: tuple[float, float] | None) -> Battery:
        of = self.old if asset in self.old.layout.column else self.new
        profile = of.profiles[asset]
        declared = profile.response.dead_time, profile.response.lag
        return Battery(of.definition.assets[asset], profile, Response(*(known or declared)))

    def _fill(self) -> None:
        """What nobody recorded: healthy, and proved where a proof is asked for."""
        sample, layout = self._healthy, self.new.layout
        for name in {name.rpartition(".")[0] for name in self.assumed}:
            device, (first, last) = device_of(self.new, name), layout.devices[name]
            sample.points[first:last], sample.quality[first:last] = device.values, _VALID
        for asset in self._unread:
            if asset in layout.column:
                column, band = layout.column[asset], self.new.definition.assets[asset].soc
                sample.proved[column] = self.new.constants.masks[MUST_PROVE, column]
                sample.points[layout.point_index[f"{asset}.soc"]] = (band.min + band.max) / 2.0

    # --- before the tick ----------------------------------------------------------------------------------------------

    def sampled(self, tick: Tick, recorded: Sample, then: Frame) -> Sample:
        """What the chain finds at this tick. `then` is the recorded frame of it. The sample is used until the next."""
        sample = self.sample
        self._proofs(tick)
        sample.words[:] = self._healthy.words
        self.renamed.sample(recorded, sample)
        self._act(recorded)
        if self._tick is None:
            self._begin(tick, then)
        for asset, battery in self.batteries.items():
            self._move(battery, asset, tick, self._tick or tick, recorded, then)
        self._meter()
        for name in self._judged:
            self._judge(name)
        self._tick = tick
        return sample

    def _proofs(self, tick: Tick) -> None:
        """Devices that nobody recorded answer in every tick, and so do proofs that only NEW looks at."""
        sample, layout = self._healthy, self.new.layout
        for name in self._unread:
            sample.arrived_s[layout.device_index[name]] = tick.mono_s
        for name in self.assumed:
            device, _, point = name.rpartition(".")
            if point == self.new.profiles[device].fresh_by:
                i = layout.point_index[name]
                sample.points[i] = (sample.points[i] + 1.0) % HEARTBEATS

    def _act(self, recorded: Sample) -> None:
        """An act on all recorded assets was one on the site: it counts for those that were not there."""
        for asset in self._unread:
            column = self.new.layout.column.get(asset)
            if column is not None:
                self.sample.acts[column] = np.bitwise_and.reduce(recorded.acts) if recorded.acts.size else 0

    def _begin(self, tick: Tick, then: Frame) -> None:
        for asset, battery in self.batteries.items():
            column = then.layout.column.get(asset)
            battery.begin(tick.mono_s - tick.dt_s, 0.0 if column is None else then.values.item(POWER_KW, column))

    def restart(self) -> None:
        """The process ended there and began anew: nobody remembers what was told."""
        self._tick = None

    def _move(self, battery: Battery, asset: str, tick: Tick, since: Tick, recorded: Sample, then: Frame) -> None:
        """One battery from the tick before to this one, and what it says now."""
        column, old = self.new.layout.column[asset], then.layout.column.get(asset)
        battery.spends(tick.dt_s)
        status = WriteStatus.CONFIRMED if old is None else recorded.status.item(old)
        battery.listen(since.mono_s, tick.dt_s, status)
        battery.response.advance(since.mono_s)
        arrived = self.sample.arrived_s.item(self.new.layout.device_index[asset])
        if old is None:
            battery.moves(0.0, arrived, 0, local=False)
        else:
            local = then.codes.item(REMOTE, old) == Permit.NO
            at = then.layout.point_index[f"{asset}.power"]
            power = recorded.points.item(at) if recorded.quality.item(at) & _VALID else float("nan")
            battery.moves(power, arrived, _misbehaves(then, old), local=local)
        self._say(battery, asset, column)
        self._receipt(battery, column, old, since, recorded)

    def _say(self, battery: Battery, asset: str, column: int) -> None:
        """The points of a battery that other commands change."""
        change, sample, index = battery.change_kw, self.sample, self.new.layout.point_index
        if battery.change_pct != 0.0:
            i = index[f"{asset}.soc"]
            sample.points[i] = min(100.0, max(0.0, sample.points.item(i) + battery.change_pct))
        old, new = battery.held
        kvar, i = self._kvar(battery), index.get(f"{asset}.reactive_power", -1)
        if i >= 0 and kvar != 0.0:
            sample.points[i] += kvar
        i = index.get(f"{asset}.setpoint", -1)
        slack = self.new.constants.ratings.item(c.HELD_KW, column)
        if i >= 0 and new != old and abs(sample.points.item(i) - old) <= slack:  # else somebody else's
            sample.points[i] += new - old
        if change == 0.0:
            return
        power = index[f"{asset}.power"]
        sample.points[power] += change
        volts, amps = index.get(f"{asset}.dc_voltage", -1), index.get(f"{asset}.dc_current", -1)
        if volts >= 0 and amps >= 0 and sample.points.item(volts) > 0.0:
            sample.points[amps] += change * 1000.0 / sample.points.item(volts)
        self._state(column, index.get(f"{asset}.state", -1), sample.points.item(power))

    def _state(self, column: int, state: int, power: float) -> None:
        """A device that says it is charging or discharging says what it does."""
        ratings, said = self.new.constants.ratings, self.sample.points
        if state < 0:
            return
        charging, discharging = ratings.item(c.STATE_CHARGING, column), ratings.item(c.STATE_DISCHARGING, column)
        rest = AT_REST * ratings.item(c.DISCHARGE_KW, column)
        if said.item(state) == charging and power > rest and discharging == discharging:
            said[state] = discharging
        elif said.item(state) == discharging and power < -rest and charging == charging:
            said[state] = charging

    def _receipt(self, battery: Battery, column: int, old: int | None, since: Tick, recorded: Sample) -> None:
        """What became of the newest write: as recorded, of the power that was written now."""
        sample = self.sample
        given, other = battery.heard(since.index if old is None else recorded.answered.item(old))
        if old is None or given.power is None:
            if other.power is not None:  # nobody wrote then: it would have been confirmed
                outcome = sample.outcomes[:, column]
                outcome[signals.WRITTEN] = outcome[signals.READBACK] = other.power
                outcome[signals.WRITTEN_S] = since.mono_s
                sample.status[column], sample.answered[column] = WriteStatus.CONFIRMED, since.index
            return
        if other.power is not None and other.power != given.power:
            sample.outcomes[[signals.WRITTEN, signals.READBACK], column] += other.power - given.power

    def _meter(self) -> None:
        """The point of connection shows what the batteries change at the instant at which it was read."""
        name, layout, sample = f"site.{POC}", self.new.layout, self.sample
        if name not in layout.device_index:
            return
        arrived = sample.arrived_s.item(layout.device_index[name])
        if arrived != self._arrived.get(name):
            self._arrived[name] = arrived
            self._site_kw = sum(self._at(battery, arrived) for battery in self.batteries.values())
            self._site_kvar = sum(self._kvar(battery) for battery in self.batteries.values())
        for point, change in (("power", self._site_kw), ("reactive_power", self._site_kvar)):
            i = layout.point_index.get(f"{name}.{point}", -1)
            if i >= 0 and change != 0.0:
                sample.points[i] += change

    def _at(self, battery: Battery, now_s: float) -> float:
        """What a battery changes at an instant: along its response where it followed, else as it was last read."""
        old, new = battery.response.at(now_s)
        return new - old if battery.follows else battery.change_kw

    def _kvar(self, battery: Battery) -> float:
        if not battery.told:
            return 0.0
        _, given, other = battery.told[-1]
        return other.reactive - given.reactive

    def _judge(self, device: str) -> None:
        """Points against the ranges of NEW, where they are others."""
        first, last = self.new.layout.devices[device]
        quality, values = self.sample.quality, self.sample.points
        was = quality[first:last]
        out = (was & _RANGE) != 0
        was[out] = (was[out] & ~_RANGE) | _VALID
        reading = judge(Reading(device, 0.0, values[first:last].copy(), was.copy()), self.new.plausible[device])
        quality[first:last] = reading.quality

    # --- after the tick -----------------------------------------------------------------------------------------------

    def follow(self, then: Frame, now: Frame) -> None:
        """What was commanded in this tick, then and now."""
        given, other = _told(then), _told(now)
        for asset, battery in self.batteries.items():
            battery.told.append((now.tick, given.get(asset, SILENT), other[asset]))


def _told(frame: Frame) -> dict[str, Told]:
    kvar = frame.values[COMMAND_KVAR].tolist()
    return {
        asset: SILENT if power is None else Told(power, reactive if reactive == reactive else 0.0)
        for asset, power, reactive in zip(frame.layout.assets, told(frame), kvar, strict=True)
    }


def _misbehaves(frame: Frame, column: int) -> int:
    """The deviation that a frame sees, acts on, or has latched: until it is acknowledged nobody knows better."""
    codes = frame.codes
    if seen := codes.item(SEEN, column) or codes.item(DEVIATION, column):
        return int(seen)
    latched = codes.item(LATCH, column)
    return next((int(deviation) for bits, deviation in LATCHED if latched & bits), 0)


def _alike(one: Plausible | None, other: Plausible) -> bool:
    return one is not None and np.array_equal(one.low, other.low) and np.array_equal(one.high, other.high)
