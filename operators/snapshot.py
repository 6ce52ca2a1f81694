"""`snapshot`: everything that influences a decision, sampled at one instant into one new frame.

    Reading, Receipt, Proof, OperatorAct, Schedule ──► newest per point, events since the last tick
    Tick ─────────────────────────────────────────────► Frame[k], linked to Frame[k−1]

Signals are levels (newest wins) or events (all since the last tick, in order; stop dominates release; overflow counts
as stop). After the snapshot nothing reads anything else (design rule 1). Only this operator and the connections keep
anything outside the frame: the newest value per point, the pending events, the schedules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from reactivex import Observable, abc

from jit import constants as c
from jit import dwell, effect, grid, interlock, measure, points, rows, signals
from jit.codes import Act, Permit, Quality, Reason, WriteStatus
from jit.constants import Constants
from jit.frame import F8, I8, Frame, Past, first_past
from jit.layout import Layout
from operators.offers import Offers
from operators.stage import Failed, OwnRows, own_rows, take_fail_values
from sources.act import ActKind, OperatorAct
from sources.proof import Proof
from sources.reading import Reading
from sources.receipt import Receipt
from sources.schedule import Schedule, Withdrawal
from sources.tick import Tick

#: Acts kept between two ticks. More is an overflow, which counts as a stop of everything.
MAX_ACTS = 256
#: A device time stamp this far in the future (s) makes the device's points invalid (LH-SAFE-006).
FUTURE_S = 5.0

# named once: looking a member up in its enumeration, or masking an array with it, costs more than the work itself
_PROTOCOL, _VALID = np.int64(Quality.PROTOCOL), int(Quality.VALID)
_MANUAL = slice(rows.MANUAL_ASKED_KW, rows.MANUAL_FOR_S + 1)
_ANSWERED = (WriteStatus.WRITTEN, WriteStatus.CONFIRMED, WriteStatus.DIFFERENT)

ACT_BIT = {
    ActKind.STOP: Act.STOP,
    ActKind.RELEASE: Act.RELEASE,
    ActKind.ACKNOWLEDGE: Act.ACKNOWLEDGE,
    ActKind.ACTIVATE: Act.ACTIVATE,
    ActKind.DEACTIVATE: Act.DEACTIVATE,
    ActKind.LOCK_OUT: Act.LOCK_OUT,
    ActKind.UNLOCK: Act.UNLOCK,
    ActKind.MANUAL: Act.MANUAL,
}


@dataclass(frozen=True, slots=True, eq=False)
class Interlocks:
    """`place` int64[3, n], `spans` float64[2, n] s, `forbids` int64[n, assets] (`jit.interlock`)."""

    place: I8
    spans: F8
    forbids: I8


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where points are (`jit.points`): `assets` int64[18, assets], `site` int64[6], device per point int64[points],
    `grid` int64[2] (reactive power and voltage at the point of connection).
    """

    assets: I8
    site: I8
    device_of_point: I8
    grid: I8
    interlocks: Interlocks | None = None


@dataclass(slots=True, eq=False)
class Newest:
    """The newest value per point and the newest outcome per asset: all that is kept between ticks."""

    layout: Layout
    points: F8 = field(init=False)
    quality: I8 = field(init=False)
    arrived_s: F8 = field(init=False)
    stamps_ns: I8 = field(init=False)
    outcomes: F8 = field(init=False)
    status: I8 = field(init=False)
    proved: I8 = field(init=False)
    contested: I8 = field(init=False)
    acts: I8 = field(init=False)
    answered: I8 = field(init=False)
    trips: I8 = field(init=False)
    manual: F8 = field(init=False)
    pending: int = 0

    def __post_init__(self) -> None:
        points, devices, assets = len(self.layout.points), len(self.layout.devices), len(self.layout.assets)
        self.points, self.quality = np.full(points, np.nan), np.zeros(points, np.int64)
        self.arrived_s, self.stamps_ns = np.full(devices, -np.inf), np.full(devices, signals.NO_STAMP)
        self.outcomes = np.full((3, assets), np.nan)
        self.outcomes[signals.WRITTEN_S] = -np.inf
        self.status, self.acts = np.zeros(assets, np.int64), np.zeros(assets, np.int64)
        self.proved = np.zeros(assets, np.int64)
        self.contested = np.full(assets, Permit.NO, np.int64)
        self.answered, self.trips = np.full(assets, -1), np.zeros(assets, np.int64)
        self.manual = np.full((2, assets), np.nan)

    def read(self, reading: Reading, device: int) -> None:
        """A point keeps its last value when a poll failed: what changes is its quality, and with time its age."""
        first, last = self.layout.devices[reading.device]
        self.quality[first:last] = reading.quality
        answered = not reading.quality.item(0) & _PROTOCOL  # the first point says it nearly always
        if answered or np.count_nonzero(reading.quality & _PROTOCOL) < last - first:
            self.points[first:last] = reading.values
            self.arrived_s[device] = reading.arrived_s
            self.stamps_ns[device] = signals.NO_STAMP if reading.stamp_ns is None else reading.stamp_ns

    def trip(self, column: int, alarms: int) -> None:
        """Alarm bits are OR-ed until the next tick: one that shows in a single reading between two ticks counts."""
        if self.quality[alarms] & _VALID and 0.0 <= self.points[alarms] < measure.MOST_ALARMS:
            self.trips[column] |= int(self.points[alarms])

    def receive(self, receipt: Receipt, column: int) -> None:
        """An outcome that comes after that of a newer write says nothing about what the device does now."""
        if receipt.tick < self.answered[column]:
            return
        self.answered[column] = receipt.tick
        self.contested[column] = Permit.YES if receipt.contested and receipt.status not in _ANSWERED else Permit.NO
        self.status[column] = receipt.status
        self.outcomes[signals.WRITTEN_S, column] = receipt.at_s
        if receipt.status in _ANSWERED:
            self.outcomes[signals.WRITTEN, column] = receipt.written_kw
            self.outcomes[signals.READBACK, column] = receipt.readback_kw

    def act(self, act: OperatorAct) -> None:
        """Collect until the next tick. More than `MAX_ACTS` is a stop of everything."""
        self.pending += 1
        bit = Act.RESTORED_STOP if act.restored and act.kind is ActKind.STOP else ACT_BIT[act.kind]
        if self.pending > MAX_ACTS:
            self.acts |= np.int64(Act.STOP)
        elif act.asset is None:
            self.acts |= np.int64(bit)
        else:
            column = self.layout.column[act.asset]
            self.acts[column] |= np.int64(bit)
            if act.kind is ActKind.MANUAL:
                self.manual[:, column] = act.power_kw, act.dead_man_s

    def sampled(self) -> None:
        """Acts and trips are in a frame: the next tick starts without."""
        self.acts[:] = 0
        self.trips[:] = 0
        self.manual[:] = np.nan
        self.pending = 0

    def put_back(self, acts: I8) -> None:
        """Nobody has judged these acts: a stop must not be lost with the tick that failed."""
        self.acts |= acts
        self.pending += int(acts.any())


@dataclass(slots=True, eq=False)
class Snapshot:
    """The operator's memory and its step. `armed`: the process may write. `past` is set by the sealed frame."""

    layout: Layout
    constants: Constants
    places: Places
    offers: Offers
    armed: bool
    failed: Failed
    past: Past
    newest: Newest
    _values: F8
    _site: F8
    _code_shape: tuple[int, int]
    _requests: tuple[int, int, int]
    _told: tuple[int, int]
    _own: OwnRows

    @classmethod
    def of(
        cls,
        layout: Layout,
        constants: Constants,
        places: Places,
        offers: Offers,
        *,
        armed: bool,
        failed: Failed = lambda _stage, _error: None,
        past: Past | None = None,
    ) -> Snapshot:
        return cls(
            layout,
            constants,
            places,
            offers,
            armed,
            failed,
            past or first_past(layout),
            Newest(layout),
            np.full((len(layout.values), len(layout.assets)), np.nan),
            np.full(len(layout.site_values), np.nan),
            (len(layout.codes), len(layout.assets)),
            rows.request_rows(),
            rows.told_rows(layout),
            own_rows(layout, "snapshot"),
        )

    def signal(self, signal: Any) -> None:
        """Take a level or an event. Whatever names an unknown device or asset changes nothing; nothing raises."""
        try:
            self._take(signal)
        except Exception as error:  # rule 10: a signal can spoil itself, never the stream
            self.failed("snapshot", error)

    def _take(self, signal: Any) -> None:
        if isinstance(signal, Reading):
            device = self.layout.device_index.get(signal.device)
            if device is not None:
                self.newest.read(signal, device)
                asset = self.layout.column.get(signal.device)
                if asset is not None and self.places.assets[points.M_ALARMS, asset] >= 0:
                    self.newest.trip(asset, int(self.places.assets[points.M_ALARMS, asset]))
        elif isinstance(signal, Receipt):
            column = self.layout.column.get(signal.asset)
            if column is not None:
                self.newest.receive(signal, column)
        elif isinstance(signal, Proof):
            column = self.layout.column.get(signal.asset)
            if column is not None:
                self.newest.proved[column] = signal.proved
        elif isinstance(signal, OperatorAct):
            if signal.asset is None or signal.asset in self.layout.column:
                self.newest.act(signal)
        elif isinstance(signal, Schedule):
            self.offers.accept(signal)
        elif isinstance(signal, Withdrawal):
            self.offers.withdraw(signal)

    def frame(self, tick: Tick) -> Frame:
        """Allocate frame k, write the rows of `snapshot`, link the past."""
        constants, newest, past = self.constants, self.newest, self.past
        cycle = float(constants.site[c.CYCLE_S])
        frame = Frame(
            tick.index,
            tick.utc_ns,
            tick.mono_s,
            tick.dt_s,
            min(tick.dt_s, 2.0 * cycle),
            self.layout,
            constants,
            self._values.copy(),
            np.zeros(self._code_shape, np.int64),
            self._site.copy(),
            np.zeros(len(self.layout.site_codes), np.int64),
            newest.points.copy(),
            newest.quality.copy(),
            past,
        )
        try:
            frame.site_codes[rows.ARMED] = Permit.YES if self.armed else Permit.NO
            self._fill(frame, tick, past)
        except Exception as error:  # rule 10: the tick goes on with fail values and the snapshot's fault bit
            take_fail_values(frame, self._own)
            frame.codes[rows.FAULT] |= 1
            self.failed("snapshot", error)
        frame.codes[rows.ACTS] = newest.acts  # outside of what can fail: a stop acts on the next tick regardless
        frame.codes[rows.ALARMS] |= newest.trips
        frame.values[_MANUAL] = newest.manual
        newest.sampled()
        return frame

    def _fill(self, frame: Frame, tick: Tick, past: Past) -> None:
        newest, constants, values, codes = self.newest, self.constants, frame.values, frame.codes
        ages = np.empty_like(newest.arrived_s)
        signals.age(
            ages,
            newest.arrived_s,
            newest.stamps_ns,
            self.places.device_of_point,
            frame.point_codes,
            tick.mono_s,
            float(tick.utc_ns),
            FUTURE_S,
        )
        if tick.dt_s > 2.0 * constants.site[c.CYCLE_S]:  # what was read after a pause may be as old as the pause
            np.maximum(ages, tick.dt_s, out=ages)
        measure.measure(
            frame.points,
            frame.point_codes,
            ages,
            self.places.assets,
            values,
            codes,
            past.values,
            past.codes,
            constants.ratings,
            tick.dt_s,
        )
        self._ask_schedules(frame, tick, past)
        signals.receive(
            values,
            codes,
            frame.site,
            newest.outcomes,
            newest.status,
            self.offers.asked_kw,
            self.offers.asked_kvar,
            self.offers.why,
            self.offers.site_kw,
            self.offers.site_kvar,
            tick.mono_s,
            *self._requests,
        )
        codes[rows.PROVED] = newest.proved
        codes[rows.CONTESTED] = newest.contested
        effect.follow(values, codes, past.values, past.codes, constants.ratings, *self._told, tick.dt_s)
        dwell.dwell(values, codes, past.values, constants.ratings, tick.dt_s)
        self._connection(frame, ages, past)
        self._interlock(frame, ages, past)

    def _ask_schedules(self, frame: Frame, tick: Tick, past: Past) -> None:
        """What schedules say now; without a trusted clock what they said, for a while, and then nothing (F7)."""
        lost = 0.0
        if not tick.trusted:
            lost = past.site.item(rows.CLOCK_LOST_S) + tick.dt_s
            lost = lost if 0.0 <= lost < float("inf") else float("inf")  # never known: there is nothing to hold
        frame.site[rows.CLOCK_LOST_S] = lost
        frame.site_codes[rows.CLOCK] = Permit.YES if tick.trusted else Permit.NO
        held = lost <= self.constants.site[c.CLOCK_HOLD_S]
        self.offers.evaluate(tick.utc_ns - round(lost * 1e9) if held else tick.utc_ns, known=held)

    def _connection(self, frame: Frame, ages: F8, past: Past) -> None:
        """Power, reactive power and voltage at the point of connection, and the frequency."""
        seen, place, constants, at = (frame.points, frame.point_codes), self.places, self.constants, frame.site_codes
        values, codes, site = frame.values, frame.codes, frame.site
        measure.measure_site(*seen, ages, place.site, values, codes, site, at, past.site, constants.site, frame.dt)
        grid.measure_poc(*seen, place.grid, site, at, constants.site, constants.grid)

    def _interlock(self, frame: Frame, ages: F8, past: Past) -> None:
        locks = self.places.interlocks
        if locks is None:
            return
        interlock.judge(
            frame.points,
            frame.point_codes,
            ages,
            locks.place,
            locks.spans,
            locks.forbids,
            frame.codes,
            frame.site,
            past.site,
            self.layout.site_value_index[f"interlocks.{self.layout.interlocks[0]}.clear_s"],
            frame.dt,
        )

    def remember(self, sealed: Frame) -> None:
        """The sealed frame becomes the past. Acts and trips that its state machine has not judged come again."""
        self.past = sealed.past()
        judged = sealed.codes[rows.STATE_BY]
        if np.count_nonzero(judged) < judged.size:
            self.newest.put_back(np.where(judged == Reason.UNKNOWN, sealed.codes[rows.ACTS], 0))
            self.newest.trips |= np.where(judged == Reason.UNKNOWN, sealed.codes[rows.ALARMS], 0)


def snapshot(state: Snapshot) -> Callable[[Observable[Any]], Observable[Frame]]:
    """The operator: signals update `state`, every `Tick` emits one frame."""

    def operator(source: Observable[Any]) -> Observable[Frame]:
        def subscribe(
            observer: abc.ObserverBase[Frame], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            def on_next(signal: Any) -> None:
                if isinstance(signal, Tick):
                    observer.on_next(state.frame(signal))
                else:
                    state.signal(signal)

            return source.subscribe(on_next, observer.on_error, observer.on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return operator
