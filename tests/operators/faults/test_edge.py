"""Faults on an edge, as marbles in virtual time: what passes, what becomes of it, and when."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from reactivex.testing import ReactiveTest, TestScheduler

from jit.codes import Quality
from operators.faults import falsehood, passage
from operators.faults.edge import Act, on_edge
from sources.reading import Reading
from sources.tick import Tick
from tests.marbles import emitted

on_next = ReactiveTest.on_next
ALL, SOC = slice(None), slice(0, 1)
TICK = Tick(0, 0.0, 0, 1.0)


def reading(at: int, device: str = "b1") -> Reading:
    return Reading(device, float(at), np.array([float(at), 7.0]), np.full(2, int(Quality.VALID)), int(at * 1e9))


def passed(act: Act, *times: int, begin: float = 100.0, lasts: float = 100.0) -> list[tuple[float, Any]]:
    """(virtual time, signal) behind the edge, subscribed at 200: the fault is on from 300 to 400."""
    scheduler = TestScheduler()
    source = scheduler.create_hot_observable(*(on_next(at, reading(at)) for at in times))
    edge = on_edge("b1", begin, lasts, act, scheduler)
    observer = scheduler.start(lambda: source.pipe(edge), disposed=2000)
    return emitted(observer)


def seen(found: list[tuple[float, Any]]) -> list[tuple[float, float]]:
    return [(time, float(signal.values[0])) for time, signal in found]


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (passage.drop(1.0, random.Random(1)), [(250, 250), (450, 450)]),
        (passage.drop(0.0, random.Random(1)), [(250, 250), (310, 310), (390, 390), (450, 450)]),
        (passage.delay(5.0), [(250, 250), (315, 310), (395, 390), (450, 450)]),
        (passage.delay(100.0), [(250, 250), (410, 310), (450, 450), (490, 390)]),
        (passage.duplicate(1.0, random.Random(1)),
         [(250, 250), (310, 310), (310, 310), (390, 390), (390, 390), (450, 450)]),
        (passage.freeze(), [(250, 250), (310, 310), (390, 310), (450, 450)]),
        (falsehood.sign(SOC), [(250, 250), (310, -310), (390, -390), (450, 450)]),
        (falsehood.scale(SOC, 10.0), [(250, 250), (310, 3100), (390, 3900), (450, 450)]),
        (falsehood.jump(SOC, 20.0), [(250, 250), (310, 330), (390, 410), (450, 450)]),
        (falsehood.sentinel(SOC, 65535.0), [(250, 250), (310, 65535), (390, 65535), (450, 450)]),
    ],
)  # fmt: skip
def test_a_fault_holds_between_its_instants_and_no_longer(act: Act, expected: list[tuple[float, float]]) -> None:
    assert seen(passed(act, 250, 310, 390, 450)) == expected


def test_readings_overtake_each_other_and_none_is_lost() -> None:
    times = [300 + step for step in range(0, 90, 3)]
    found = passed(passage.reorder(20.0, random.Random(3)), *times)
    assert sorted(value for _, value in seen(found)) == times
    assert [value for _, value in seen(found)] != times


def test_what_is_late_says_so_and_what_is_frozen_seems_fresh() -> None:
    assert passed(passage.delay(5.0), 310)[0][1].arrived_s == 315.0
    assert passed(passage.freeze(), 310, 390)[1][1].arrived_s == 390.0


def test_nan_is_missing_and_only_where_it_was_asked_for() -> None:
    _, spoiled = passed(falsehood.nan(SOC), 310)[0]
    assert np.isnan(spoiled.values[0])
    assert spoiled.quality.tolist() == [Quality.MISSING, Quality.VALID]
    assert spoiled.values[1] == 7.0


def test_a_clock_that_is_wrong_moves_the_device_s_stamps_alone() -> None:
    _, spoiled = passed(falsehood.skew(-60.0), 310)[0]
    assert (spoiled.stamp_ns, spoiled.arrived_s) == (250 * 10**9, 310.0)


def test_other_devices_and_ticks_pass_at_once() -> None:
    scheduler = TestScheduler()
    signals: list[Any] = [TICK, reading(310, "b2"), reading(310)]
    source = scheduler.create_hot_observable(*(on_next(310, signal) for signal in signals))
    edge = on_edge("b1", 0.0, 1e9, passage.delay(50.0), scheduler)
    observer = scheduler.start(lambda: source.pipe(edge), disposed=2000)
    assert [message.time for message in observer.messages] == [310.0, 310.0, 360.0]


def test_the_reading_that_came_is_never_changed_itself() -> None:
    """Readings are shared: what a fault makes is another one."""
    given = reading(310)
    scheduler = TestScheduler()
    source = scheduler.create_hot_observable(on_next(310, given))
    scheduler.start(lambda: source.pipe(on_edge("b1", 0.0, 1e9, falsehood.sign(ALL), scheduler)))
    assert given.values.tolist() == [310.0, 7.0]
