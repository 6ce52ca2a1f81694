"""Windows while the machine's clock cannot be trusted (F7): what S12 allows then, and that it finds what is more."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.simulation.checks import verify
from pipeline.simulation.clock import Held, held
from pipeline.simulation.site import definition
from pipeline.simulation.trace import Asked
from pipeline.simulation.world import EPOCH_NS, World
from pipeline.wall_clock import WallClock
from sources.schedule import Schedule, ScheduleType, Window
from tests.simulation.test_checks import calm, command, tell

pytestmark = [pytest.mark.safety, pytest.mark.hazard("S12", "row 34")]

HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("set_s", "right_s", "by_s", "power_until_s", "found"),
    [
        (25.0, 25.0, HOUR_S, 48.0, True),  # the clock is never set
        (25.0, 45.0, HOUR_S, 48.0, False),
        (25.0, 45.0, -HOUR_S, 48.0, False),
        (25.0, 45.0, HOUR_S, 58.0, True),  # held for 15 s, and not for longer
        (25.0, 45.0, 0.9, 48.0, True),  # a difference that is followed
        (31.5, 45.0, HOUR_S, 48.0, True),  # it had closed before
    ],
)
def test_a_window_is_held_for_as_long_as_the_clock_is_and_no_longer(
    set_s: float, right_s: float, by_s: float, power_until_s: float, found: bool
) -> None:
    """Power of a window that closes at 30 s; the machine's clock is off from `set_s` to `right_s`."""
    trace = calm()
    tell(trace, "power", 0.0, 0.0)  # none that a ramp could begin at
    trace.asked = [Asked(0.0, 1e6, 200.0, "b2"), Asked(0.0, 30.0, 200.0, "b1", closes_s=30.0)]
    trace.shown_ns = [round((at_s + (by_s if set_s <= at_s < right_s else 0.0)) * 1e9) for at_s in trace.ticks]
    command(trace, lambda s, kw: kw if s < power_until_s else 0.0)
    breaches = verify(trace, only=["S12"])
    assert bool(breaches) is found
    assert all(breach.at_s > (45.0 if power_until_s > 50.0 else 30.0) for breach in breaches)


def test_what_a_newer_document_has_ended_is_not_held() -> None:
    """Power goes on after that, in a time in which the clock is off."""
    trace = calm()
    tell(trace, "power", 0.0, 0.0)
    trace.asked = [Asked(0.0, 30.0, 200.0)]
    trace.shown_ns = [round((at_s + (HOUR_S if 25.0 <= at_s < 50.0 else 0.0)) * 1e9) for at_s in trace.ticks]
    assert verify(trace, only=["S12"])


def test_a_clock_that_stays_wrong_is_believed_after_a_minute_and_a_new_process_believes_it_at_once() -> None:
    ticks = [float(second) for second in range(1, 201)]
    shown = [round((at_s + (HOUR_S if at_s >= 10.0 else 0.0)) * 1e9) for at_s in ticks]
    assert list(held(ticks, shown, [0.0])) == [Held(9.0, 10.0, 70.0)]
    assert list(held(ticks, shown, [0.0, 30.5])) == [Held(9.0, 10.0, 31.0)]
    assert list(held(ticks[:40], shown, [0.0])) == [Held(9.0, 10.0, float("inf"))]


@given(spells=st.lists(st.tuples(st.integers(1, 90), st.sampled_from([0.0, 0.4, -1.0, 1.0, -2.0, HOUR_S, -86_400.0]))))
@settings(max_examples=60, deadline=None)
def test_it_is_held_in_just_those_ticks_in_which_the_process_does_not_trust_it(spells: list[tuple[int, float]]) -> None:
    offsets = [0.0, *(offset for ticks, offset in spells for _ in range(ticks))]
    ticks = [float(second) for second in range(len(offsets))]
    shown = [round((at_s + offset) * 1e9) for at_s, offset in zip(ticks, offsets, strict=True)]
    said = iter(shown)
    clock = WallClock(lambda: next(said))
    distrusted = []
    for at_s in ticks:
        clock.at(at_s)
        distrusted += [] if clock.trusted else [at_s]
    spans = list(held(ticks, shown, [0.0]))
    assert distrusted == [at_s for at_s in ticks if any(span.from_s <= at_s < span.until_s for span in spans)]


def test_a_document_is_held_while_the_clock_is_set_and_then_ends(tmp_path: Path) -> None:
    """Seed 702: 8 s of power are asked for, and after 3 of them the clock is wrong for 15 s."""
    with World(definition(1), tmp_path) as world:
        world.schedule(0.0)
        world.run(12.0)
        now = world.loop.time()
        window = Window(EPOCH_NS + round(now * 1e9), EPOCH_NS + round((now + 8.0) * 1e9), 240.0)
        said = Schedule(ScheduleType.COMMITMENT, None, "DE-LU", 1, window.start_ns, (window,), "digest")
        world.process.post(said)
        world.trace.asked.append(Asked(now, now + 8.0, 240.0, market="commitment", closes_s=now + 8.0))
        world.run(3.0).wall_offset_ns = round(HOUR_S * 1e9)
        world.run(14.0)
        assert world.trace.in_force("b1", world.loop.time()) > 200.0
        world.wall_offset_ns = 0
        world.run(12.0)
        assert world.trace.in_force("b1", world.loop.time()) == 0.0
        world.verify()
