"""`validate`: every reading judged on its own. Tables of points, and marbles in virtual time (LH-SAFE-006)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reactivex.testing import ReactiveTest, TestScheduler

from jit.codes import Quality
from operators.validate import Plausible, judge, validate
from sources.reading import Reading, lost
from sources.tick import Tick
from tests.marbles import emitted

on_next = ReactiveTest.on_next
V, MISSING, RANGE, PROTOCOL = Quality.VALID, Quality.MISSING, Quality.RANGE, Quality.PROTOCOL
NAN, INF = float("nan"), float("inf")
PLAUSIBLE = Plausible(np.array([0.0, -INF]), np.array([100.0, INF]))

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SAFE-006", "LH-DOM-004")]


def reading(value: float, quality: int = V, device: str = "b1") -> Reading:
    return Reading(device, 1.0, np.array([value, 5.0]), np.array([quality, V], np.int64))


@pytest.mark.parametrize(
    ("value", "given", "expected"),
    [
        (50.0, V, V),
        (0.0, V, V),
        (100.0, V, V),
        (100.0001, V, RANGE),
        (-0.0001, V, RANGE),
        (1e300, V, RANGE),
        (NAN, V, MISSING),
        (INF, V, MISSING),
        (-INF, V, MISSING),
        (NAN, MISSING, MISSING),
        (NAN, PROTOCOL, PROTOCOL),
        (150.0, PROTOCOL, PROTOCOL | RANGE),
        (50.0, MISSING, MISSING),
        (50.0, 0, 0),
        (50.0, V | Quality.SUBSTITUTED, V | Quality.SUBSTITUTED),
        (150.0, V | Quality.SUBSTITUTED, Quality.SUBSTITUTED | RANGE),
    ],
)
def test_one_point(value: float, given: int, expected: int) -> None:
    judged = judge(reading(value, given), PLAUSIBLE)
    assert judged.quality.tolist() == [expected, V]


@pytest.mark.parametrize("value", [INF, -INF, NAN])
def test_what_is_no_number_is_invalid_where_no_range_is_declared_too(value: float) -> None:
    unbounded = Reading("b1", 1.0, np.array([5.0, value]), np.array([V, V], np.int64))
    assert judge(unbounded, PLAUSIBLE).quality.tolist() == [V, MISSING]


floats = st.floats(allow_nan=True, allow_infinity=True)


@given(value=floats, quality=st.integers(0, 2047), low=floats, high=floats)
def test_validity_is_only_ever_taken_away_and_values_stay_as_they_are(
    value: float, quality: int, low: float, high: float
) -> None:
    before = reading(value, quality)
    kept = before.quality.copy()
    after = judge(before, Plausible(np.array([low, -INF]), np.array([high, INF])))
    assert after.values.tobytes() == before.values.tobytes()
    assert ((after.quality & V) & ~(before.quality & V)).tolist() == [0, 0]
    assert (before.quality & ~V & ~after.quality).tolist() == [0, 0]
    assert before.quality.tolist() == kept.tolist()
    assert not after.quality[0] & V or np.isfinite(value)


def marbles(*signals: tuple[int, Any]) -> tuple[list[tuple[float, Any]], list[tuple[str, str]]]:
    """(what came out and when, what was dropped and why)"""
    dropped: list[tuple[str, str]] = []
    scheduler = TestScheduler()
    source = scheduler.create_hot_observable(*(on_next(at, signal) for at, signal in signals))
    observer = scheduler.create_observer()
    source.pipe(validate({"b1": PLAUSIBLE}, lambda *why: dropped.append(why))).subscribe(observer, scheduler=scheduler)
    scheduler.advance_to(1000.0)
    return emitted(observer), dropped


def test_readings_are_judged_and_other_signals_pass_as_they_are() -> None:
    tick = Tick(1, 1.0, 2, 1.0)
    passed, dropped = marbles((210, reading(150.0)), (220, tick), (230, reading(50.0)))
    assert [at for at, _ in passed] == [210, 220, 230]
    assert passed[0][1].quality.tolist() == [RANGE, V]
    assert passed[1][1] is tick
    assert passed[2][1].quality.tolist() == [V, V]
    assert dropped == []


WRONG: dict[str, tuple[Any, str]] = {
    "of nobody": (reading(1.0, device="b9"), "unknown device"),
    "too short": (Reading("b1", 1.0, np.array([1.0]), np.array([V], np.int64)), "1 points instead of 2"),
    "too long": (lost("b1", 1.0, 3), "3 points instead of 2"),
    "of two lengths": (Reading("b1", 1.0, np.zeros(2), np.zeros(3, np.int64)), "2 points instead of 2"),
    "without values": (Reading("b1", 1.0, None, None), "AttributeError"),  # type: ignore[arg-type]
    "of texts": (Reading("b1", 1.0, np.array(["a", "b"]), np.array([V, V])), "Error"),
    "of a list's name": (Reading(["b1"], 1.0, np.zeros(2), np.zeros(2, np.int64)), "TypeError"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("signal", "why"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_placed_is_dropped_and_reported_and_the_stream_goes_on(signal: Any, why: str) -> None:
    passed, dropped = marbles((210, signal), (220, reading(50.0)))
    assert [at for at, _ in passed] == [220]
    assert len(dropped) == 1
    assert why in dropped[0][1]


def test_the_end_passes() -> None:
    scheduler = TestScheduler()
    source = scheduler.create_hot_observable(ReactiveTest.on_completed(250))
    observer = scheduler.create_observer()
    source.pipe(validate({}, lambda *_: None)).subscribe(observer, scheduler=scheduler)
    scheduler.advance_to(300.0)
    messages: list[Any] = observer.messages
    assert [(m.time, m.value.kind) for m in messages] == [(250, "C")]
