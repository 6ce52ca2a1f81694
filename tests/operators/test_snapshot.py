"""`snapshot`: what is sampled, when, and what happens to whatever does not fit. Marbles in virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reactivex.testing import ReactiveTest, TestScheduler

from jit import rows as r
from jit.codes import Act, Permit, Quality, WriteStatus
from jit.frame import Frame, Past
from jit.twins import on_twins
from operators.newest import MAX_ACTS
from operators.snapshot import Snapshot, snapshot
from operators.stage import own_rows
from pipeline.graph import BEFORE_SNAPSHOT
from pipeline.wiring import spelled
from sources.act import ActKind, OperatorAct
from sources.reading import Reading, lost
from sources.receipt import Receipt
from sources.schedule import Schedule, ScheduleType, Window, Withdrawal
from sources.tick import Tick
from tests.marbles import emitted
from tests.rig import START_NS
from tests.wild import BLOCKS, compiled, wild_past

on_next = ReactiveTest.on_next
SITE = compiled(assets=2)
NS = 1_000_000_000


def new(**changes: Any) -> Snapshot:
    given = {"armed": True} | changes
    return Snapshot.of(SITE.layout, SITE.constants, SITE.places, SITE.offers(), **given)


def tick(index: int, dt: float = 1.0) -> Tick:
    return Tick(index, 100.0 + index, START_NS + index * NS, dt)


def reading(device: str = "b1", at_s: float = 100.0, stamp_ns: int | None = None, **values: float) -> Reading:
    """A good reading of every point of a device, with some values replaced."""
    first, last = SITE.layout.devices[device]
    said = {
        "soc": 55.0,
        "soh": 99.0,
        "power": 0.0,
        "reactive_power": 0.0,
        "temperature": 25.0,
        "available": 1.0,
        "remote": 1.0,
        "alarms": 0.0,
        "charge_limit": 250.0,
        "discharge_limit": 250.0,
        "heartbeat": at_s,
        "setpoint": 0.0,
        "frequency": 50.0,
        "voltage": 50.0,
    }
    names = [name.removeprefix(f"{device}.") for name in SITE.layout.points[first:last]]
    array = np.array([(said | values)[name] for name in names])
    return Reading(device, at_s, array, np.ones(len(names), np.int64), stamp_ns)


def act(kind: ActKind, asset: str | None = "b1", *, restored: bool = False) -> OperatorAct:
    return OperatorAct("1", kind, asset, "olga", "operator", "test", START_NS, restored)


def sampled(state: Snapshot, *signals: Any, index: int = 1) -> Frame:
    """The frame of one tick after these signals, sealed and remembered."""
    for signal in signals:
        state.signal(signal)
    frame = state.frame(tick(index))
    frame.codes[r.STATE_BY] = 12
    state.remember(frame.seal())
    return frame


# --- marbles ----------------------------------------------------------------------------------------------------------


def marbles(*signals: tuple[int, Any]) -> list[tuple[float, Frame]]:
    """Signals ──a──b──T──c──T──►  frames ────────F─────F──►   at the instants of the ticks and nowhere else."""
    scheduler = TestScheduler()
    source = scheduler.create_hot_observable(*(on_next(at, signal) for at, signal in signals))
    observer = scheduler.create_observer()
    source.pipe(snapshot(new())).subscribe(observer, scheduler=scheduler)
    scheduler.advance_to(1000.0)
    return emitted(observer)


def test_a_frame_at_every_tick_and_never_in_between() -> None:
    frames = marbles(
        (210, reading(at_s=100.5, soc=40.0)),
        (220, tick(1)),
        (230, reading(at_s=101.2, soc=41.0)),
        (231, reading("b2", at_s=101.3, soc=70.0)),
        (240, tick(2)),
        (250, tick(3)),
    )
    assert [at for at, _ in frames] == [220, 240, 250]
    assert [frame["soc_pct"].tolist() for _, frame in frames][1:] == [[41.0, 70.0], [41.0, 70.0]]
    assert np.isnan(frames[0][1]["soc_pct"][1])
    assert frames[0][1]["soc_pct"][0] == 40.0


def test_the_newest_level_wins_and_all_events_count() -> None:
    frames = marbles(
        (210, reading(soc=10.0)),
        (211, act(ActKind.DEACTIVATE)),
        (212, reading(soc=20.0)),
        (213, act(ActKind.ACKNOWLEDGE)),
        (220, tick(1)),
        (230, tick(2)),
    )
    assert frames[0][1]["soc_pct"][0] == 20.0
    assert frames[0][1]["acts"].tolist() == [Act.DEACTIVATE | Act.ACKNOWLEDGE, 0]
    assert frames[1][1]["acts"].tolist() == [0, 0]


def test_completion_and_errors_pass() -> None:
    for ending in (ReactiveTest.on_completed(230), ReactiveTest.on_error(230, ValueError("over"))):
        scheduler = TestScheduler()
        source = scheduler.create_hot_observable(on_next(220, tick(1)), ending)
        observer = scheduler.create_observer()
        source.pipe(snapshot(new())).subscribe(observer, scheduler=scheduler)
        scheduler.advance_to(300.0)
        assert [message.time for message in observer.messages] == [220, 230]


def test_unsubscribing_ends_it() -> None:
    scheduler = TestScheduler()
    source = scheduler.create_hot_observable(on_next(220, tick(1)), on_next(240, tick(2)))
    observer = scheduler.create_observer()
    subscription = source.pipe(snapshot(new())).subscribe(observer, scheduler=scheduler)
    scheduler.schedule_absolute(230.0, lambda *_: subscription.dispose())
    scheduler.advance_to(300.0)
    assert [message.time for message in observer.messages] == [220]


# --- what does not fit ------------------------------------------------------------------------------------------------

NONSENSE: dict[str, Any] = {
    "an unknown device": Reading("nobody", 100.0, np.zeros(3), np.ones(3, np.int64)),
    "an unknown asset's receipt": Receipt("nobody", 1, 100.0, WriteStatus.CONFIRMED, 1.0, 1.0),
    "an unknown asset's act": act(ActKind.STOP, "nobody"),
    "an unknown asset's schedule": Schedule(
        ScheduleType.DAY_AHEAD, "nobody", "DE-LU", 1, 0, (Window(0, 2 * START_NS, 5.0),), ""
    ),
    "a number": 17,
    "nothing": None,
    "a text": "stop",
}


@pytest.mark.parametrize("signal", NONSENSE.values(), ids=NONSENSE.keys())
@pytest.mark.req("LH-NF-009")
def test_whatever_names_nobody_changes_nothing(signal: Any) -> None:
    clean, other = new(), new()
    one, two = sampled(clean, reading()), sampled(other, reading(), signal)
    assert one.to_bytes() == two.to_bytes()


BROKEN: dict[str, Any] = {
    "a reading of the wrong size": Reading("b1", 100.0, np.zeros(2), np.ones(2, np.int64)),
    "a reading without values": Reading("b1", 100.0, None, None),  # type: ignore[arg-type]
    "an act of no kind": replace(act(ActKind.STOP), kind="dance"),  # type: ignore[arg-type]
    "a receipt without a status": Receipt("b1", 1, 100.0, None, 1.0, 1.0),  # type: ignore[arg-type]
    "a schedule that is none": Schedule(None, None, "", None, 0, (), ""),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("signal", BROKEN.values(), ids=BROKEN.keys())
def test_a_signal_can_spoil_itself_and_never_the_stream(signal: Any) -> None:
    errors: list[tuple[str, Exception]] = []
    state = new(failed=lambda stage, error: errors.append((stage, error)))
    frame = sampled(state, reading(soc=33.0), signal)
    assert (frame["fault"] == 0).all()
    assert all(stage == "snapshot" for stage, _ in errors)
    frame = sampled(state, reading(soc=34.0, at_s=101.0), index=2)
    assert frame["soc_pct"][0] == 34.0


# --- levels -----------------------------------------------------------------------------------------------------------


def test_a_failed_poll_keeps_the_values_and_loses_their_quality() -> None:
    state = new()
    first, last = SITE.layout.devices["b1"]
    sampled(state, reading(soc=61.0))
    frame = sampled(state, lost("b1", 101.5, last - first), index=2)
    assert frame["soc_pct"][0] == 61.0
    assert frame["quality"][0] & Quality.PROTOCOL
    assert frame["age_s"][0] >= 2.0


def test_age_counts_from_arrival_and_from_the_devices_own_stamp() -> None:
    state = new()
    sampled(state, reading(at_s=100.9, stamp_ns=START_NS))
    frame = sampled(state, reading(at_s=101.9, stamp_ns=START_NS + NS // 2), index=2)
    assert frame["age_s"][0] == pytest.approx(1.5, abs=1e-6)
    frame = sampled(state, reading(at_s=102.5, stamp_ns=START_NS + 3 * NS), index=3)
    assert frame["age_s"][0] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-006")
@pytest.mark.parametrize(
    ("stamp_ns", "bit"),
    [
        (START_NS + 8 * NS, Quality.TIME),
        (START_NS + 10**6 * NS, Quality.TIME),
        (START_NS - 60 * NS, Quality.STALE),
        (1, Quality.STALE),
        (0, Quality.STALE),
        (-5, Quality.STALE),
    ],
    ids=["8 s ahead", "days ahead", "a minute old", "1970", "exactly 1970", "before 1970"],
)
def test_a_time_stamp_in_the_future_or_too_old_makes_values_invalid(stamp_ns: int, bit: Quality) -> None:
    state = new()
    sampled(state, reading(at_s=100.0, stamp_ns=stamp_ns))
    frame = sampled(state, reading(at_s=102.0, stamp_ns=stamp_ns), index=2)
    assert frame["quality"][0] & bit
    assert not frame["quality"][0] & Quality.VALID


def test_receipts_say_what_was_written_and_when() -> None:
    state = new()
    frame = sampled(state, reading(), Receipt("b1", 1, 100.25, WriteStatus.CONFIRMED, 40.0, 40.0))
    assert frame["written_kw"][0] == 40.0
    assert frame["readback_kw"][0] == 40.0
    assert frame["write_age_s"][0] == pytest.approx(0.75)
    assert frame["write_status"].tolist() == [WriteStatus.CONFIRMED, 0]
    frame = sampled(state, Receipt("b1", 2, 101.0, WriteStatus.FAILED), index=2)
    assert frame["write_status"][0] == WriteStatus.FAILED
    assert frame["written_kw"][0] == 40.0  # what failed was not written


def test_schedules_are_sampled_and_withdrawn() -> None:
    state = new()
    window = Window(START_NS, START_NS + 3600 * NS, 70.0)
    frame = sampled(state, Schedule(ScheduleType.DAY_AHEAD, "b2", "DE-LU", 3, START_NS, (window,), "d"))
    assert frame["requests.day_ahead.asked_kw"][1] == 70.0
    assert np.isnan(frame["requests.day_ahead.asked_kw"][0])
    frame = sampled(state, Withdrawal(ScheduleType.DAY_AHEAD, "b2"), index=2)
    assert np.isnan(frame["requests.day_ahead.asked_kw"]).all()


# --- events -----------------------------------------------------------------------------------------------------------


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-001")
def test_too_many_acts_are_a_stop_of_everything() -> None:
    state = new()
    frame = sampled(state, *[act(ActKind.ACKNOWLEDGE) for _ in range(MAX_ACTS)])
    assert not (frame["acts"] & Act.STOP).any()
    frame = sampled(state, *[act(ActKind.ACKNOWLEDGE) for _ in range(MAX_ACTS + 1)], index=2)
    assert (frame["acts"] & Act.STOP).all()
    assert (sampled(state, index=3)["acts"] == 0).all()


def test_an_act_without_an_asset_is_for_all_and_a_restored_stop_is_marked() -> None:
    frame = sampled(new(), act(ActKind.LOCK_OUT, None), act(ActKind.STOP, restored=True))
    assert frame["acts"].tolist() == [Act.LOCK_OUT | Act.RESTORED_STOP, Act.LOCK_OUT]


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-001")
def test_acts_that_no_state_machine_judged_come_again() -> None:
    state = new()
    state.signal(act(ActKind.STOP))
    frame = state.frame(tick(1))
    state.remember(frame.seal())  # state_by is still unknown: the state machine has raised
    frame = sampled(state, index=2)
    assert frame["acts"].tolist() == [Act.STOP, 0]
    assert sampled(state, index=3)["acts"].tolist() == [0, 0]


# --- laws -------------------------------------------------------------------------------------------------------------


def test_what_the_process_may_is_in_the_frame() -> None:
    assert sampled(new()).site_code("armed") == Permit.YES
    assert sampled(new(armed=False)).site_code("armed") == Permit.NO


def fed(seed: int, past: Past | None = None) -> tuple[Snapshot, Past]:
    """A snapshot that has heard anything, with a past full of anything."""
    past = past or wild_past(SITE, np.random.default_rng(seed + 1), 0.2, 0.9 * (seed % 2))
    rng = np.random.default_rng(seed)
    state = new(past=past)
    for device in ("b1", "b2", "site.poc"):
        first, last = SITE.layout.devices[device]
        values = rng.choice([np.nan, 0.0, 1.0, 50.0, -80.0, 1e9, 3.0], last - first)
        quality = rng.choice([1, 1, 1, 2, 4, 8, 0], last - first).astype(np.int64)
        state.signal(
            Reading(
                device,
                100.0 + rng.uniform(0.0, 1.0),
                values,
                quality,
                None if rng.random() < 0.7 else START_NS + int(rng.integers(-8, 8)) * NS,
            )
        )
    status = WriteStatus(int(rng.integers(0, 7)))
    state.signal(Receipt("b1", 0, 100.4, status, float(rng.choice([0.0, 40.0, -40.0, np.nan])), 40.0))
    return state, past


def written(state: Snapshot) -> dict[str, bytes]:
    with np.errstate(all="ignore"):
        frame = state.frame(tick(1))
    return {
        row.name: getattr(frame, matrix)[i].tobytes()
        for matrix, block in BLOCKS
        for i, row in enumerate(getattr(SITE.layout, block))
        if row.owner == "snapshot"
    }


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_is_deterministic_and_equal_on_plain_twins(seed: int) -> None:
    one = written(fed(seed)[0])
    assert one == written(fed(seed)[0])
    with on_twins():
        assert one == written(fed(seed)[0])


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_reads_of_the_past_only_what_it_declares(seed: int) -> None:
    state, past = fed(seed)
    one = written(state)
    rng, declared = np.random.default_rng(seed), spelled(SITE.layout, BEFORE_SNAPSHOT)
    poisoned = Past(past.tick, past.values.copy(), past.codes.copy(), past.site.copy(), past.site_codes.copy())
    for matrix, block in BLOCKS:
        array = getattr(poisoned, matrix)
        for i, row in enumerate(getattr(SITE.layout, block)):
            if row.name not in declared:
                array[i] = np.nan if array.dtype == np.float64 else rng.integers(0, 2**40)
        array.flags.writeable = False
    assert one == written(fed(seed, poisoned)[0])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_writes_the_rows_that_the_layout_gives_it_and_no_other(seed: int) -> None:
    state, _ = fed(seed)
    with np.errstate(all="ignore"):
        frame = state.frame(tick(1))
    for (matrix, _), rows in zip(BLOCKS, own_rows(SITE.layout, "snapshot"), strict=True):
        array = getattr(frame, matrix)
        foreign = np.ones(len(array), bool)
        for kind in (rows.hold, rows.zero, rows.unknown):
            foreign[kind] = False
        left = array[foreign]
        assert np.isnan(left).all() if array.dtype == np.float64 else (left == 0).all(), matrix
