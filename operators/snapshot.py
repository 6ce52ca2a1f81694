"""`snapshot`: everything that influences a decision, sampled at one instant into one new frame.

    Reading, Receipt, Proof, OperatorAct, Schedule ──► newest per point, events since the last tick
    Tick ─────────────────────────────────────────────► Frame[k], linked to Frame[k−1]

Signals are levels (newest wins) or events (all since the last tick, in order; stop dominates release; overflow counts
as stop). After the snapshot nothing reads anything else (design rule 1). Only this operator and the connections keep
anything outside the frame: the newest value per point, the pending events, the schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import nan
from typing import Any, Protocol

import numpy as np
from reactivex import Observable, abc

from jit import ceilings, dwell, effect, grid, interlock, measure, points, rows, sequence, signals, site, told
from jit import constants as c
from jit.codes import Permit, Reason
from jit.constants import Constants
from jit.frame import F8, I8, Frame, Past, first_past
from jit.layout import Layout
from operators.newest import FUTURE_S, Newest
from operators.offers import Offers
from operators.stage import Failed, OwnRows, own_rows, take_fail_values
from sources.act import OperatorAct
from sources.ceiling import DIRECTIONS, Ceiling, Direction
from sources.proof import Proof
from sources.reading import Reading
from sources.receipt import Receipt
from sources.recording.sample import Sample
from sources.schedule import Schedule, Withdrawal
from sources.tick import Tick

_MANUAL = slice(rows.MANUAL_ASKED_KW, rows.MANUAL_FOR_S + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Interlocks:
    """`place` int64[3, n], `spans` float64[2, n] s, `forbids` int64[n, assets] (`jit.interlock`)."""

    place: I8
    spans: F8
    forbids: I8


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where points are (`jit.points`): `assets` int64[18, assets], `site` int64[6], device per point int64[points],
    `grid` int64[2] (reactive power and voltage at the point of connection), `steps` (`jit.sequence`) where there are
    sequences.
    """

    assets: I8
    site: I8
    device_of_point: I8
    grid: I8
    interlocks: Interlocks | None = None
    steps: I8 | None = None


class Witness(Protocol):
    """Who keeps what a tick is computed from. Called within the tick: it copies and returns."""

    def heard(self, document: Schedule | Withdrawal) -> None: ...

    def sampled(self, tick: Tick, snapshot: Snapshot) -> None: ...


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
    _history: int
    _own: OwnRows
    witnesses: tuple[Witness, ...] = ()
    ages: F8 = field(default_factory=lambda: np.empty(0))

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
            Newest.blank(layout),
            np.full((len(layout.values), len(layout.assets)), np.nan),
            np.full(len(layout.site_values), np.nan),
            (len(layout.codes), len(layout.assets)),
            rows.request_rows(),
            told.told_rows(layout),
            rows.history_row(layout),
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
                if asset is not None:
                    places = self.places.assets
                    self.newest.trip(asset, places.item(points.M_ALARMS, asset), places.item(points.M_REMOTE, asset))
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
        else:
            self._take_order(signal)

    def _take_order(self, signal: Any) -> None:
        if isinstance(signal, Ceiling):
            self.newest.limit(signal)
            return
        if isinstance(signal, Schedule):
            self.offers.accept(signal)
        elif isinstance(signal, Withdrawal):
            self.offers.withdraw(signal)
        else:
            return
        for witness in self.witnesses:
            witness.heard(signal)

    def restore(self, sample: Sample, held: Iterable[Schedule], *, armed: bool) -> None:
        """Hold what was held at an instant: the next tick is computed from it, and from `past`."""
        self.newest.restore(sample)
        self.offers.hold(held)
        self.armed = armed

    def _witnessed(self, tick: Tick) -> None:
        try:
            for witness in self.witnesses:
                witness.sampled(tick, self)
        except Exception as error:  # rule 10: whoever records cannot spoil what is recorded
            self.failed("snapshot.witness", error)

    def issued_s(self, direction: Direction) -> float:
        """When the newest ceiling of a direction was issued, before or after the last tick (UTC s, NaN: none)."""
        d = DIRECTIONS.index(direction)
        known, heard = self.past.site.item(rows.CEILING_ISSUED_IMPORT_S + d), self.newest.issued_s.item(d)
        return heard if known != known or heard > known else known

    def frame(self, tick: Tick) -> Frame:
        """Allocate frame k, write the rows of `snapshot`, link the past."""
        if self.witnesses:
            self._witnessed(tick)
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
        if np.count_nonzero(newest.trips):
            frame.codes[rows.ALARMS] |= newest.trips
        if np.count_nonzero(newest.local):
            frame.codes[rows.REMOTE][newest.local != 0] = Permit.NO
        frame.values[_MANUAL] = newest.manual
        newest.sampled()
        return frame

    def age_of(self, device: str) -> float:
        """How old (s) what a device said last was at the newest tick: for people, who are shown meters by it."""
        return float(self.ages[self.layout.device_index[device]]) if self.ages.size else nan

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
        self.ages = ages
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
        effect.follow(values, codes, past.values, past.codes, constants.ratings, *self._told, tick.dt_s)
        dwell.dwell(values, codes, past.values, constants.ratings, tick.dt_s)
        site.hold_on(values, codes, past.values, past.codes, constants.ratings, tick.dt_s)
        self._connection(frame, ages, past, tick.mono_s)
        newest.utc_s = tick.utc_ns * 1e-9
        ceilings.hear(frame.site, past.site, newest.told_kw, newest.issued_s, newest.utc_s, tick.dt_s)
        self._interlock(frame, ages, past)
        if self.places.steps is not None:
            sequence.look(frame.points, frame.point_codes, self.places.steps, codes)

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

    def _connection(self, frame: Frame, ages: F8, past: Past, now_s: float) -> None:
        """Power, reactive power and voltage at the point of connection, and the frequency."""
        seen, place, constants, at = (frame.points, frame.point_codes), self.places, self.constants, frame.site_codes
        measure.measure_site(*seen, ages, place.site, frame.site, at, past.site, constants.site, frame.dt)
        grid.measure_poc(*seen, place.grid, frame.site, at, constants.site, constants.grid)
        batteries, ring = (frame.values, frame.codes, past.values), (self._history, self.layout.ring)
        read = ages, self.newest.arrived_s, now_s
        site.others(*read, place.assets, place.site, *batteries, frame.site, at, past.site, *ring, frame.dt)

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
            self.newest.local |= (judged == Reason.UNKNOWN) & (sealed.codes[rows.REMOTE] == Permit.NO)


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
