"""A wall clock that steps starts no window and ends none, until the step has lasted."""

from __future__ import annotations

import pytest

from jit.codes import Permit, Why
from pipeline.wall_clock import HOLD_S, WallClock
from sources.schedule import Schedule, ScheduleType, Window
from tests.rig import START_NS, Rig, site

HOUR_NS = 3_600_000_000_000
pytestmark = pytest.mark.req("LH-RT-001")


class Clocks:
    """A monotonic and a wall clock, the wall clock `off_ns` away."""

    def __init__(self) -> None:
        self.now_s, self.off_ns = 100.0, 0
        self.wall = WallClock(lambda: START_NS + round(self.now_s * 1e9) + self.off_ns)

    def after(self, seconds: float) -> float:
        """Seconds between what is given and the time before any step."""
        self.now_s += seconds
        return (self.wall.at(self.now_s) - START_NS - round(self.now_s * 1e9)) * 1e-9


@pytest.mark.parametrize("step_ns", [2 * HOUR_NS, -2 * HOUR_NS, 24 * HOUR_NS, 1_100_000_000, -1_100_000_000])
def test_a_step_is_not_followed_and_said(step_ns: int) -> None:
    clocks = Clocks()
    assert clocks.after(0.0) == 0.0
    clocks.off_ns = step_ns
    for _ in range(int(HOLD_S)):
        assert abs(clocks.after(1.0)) < 1e-6
    assert clocks.wall.stepped_s == pytest.approx(step_ns * 1e-9, abs=1e-6)


def test_a_step_that_is_taken_back_is_forgotten() -> None:
    clocks = Clocks()
    clocks.after(0.0)
    clocks.off_ns = HOUR_NS
    clocks.after(10.0)
    clocks.off_ns = 0
    assert clocks.after(1.0) == 0.0
    assert clocks.wall.stepped_s == 0.0
    clocks.off_ns = HOUR_NS
    assert abs(clocks.after(HOLD_S)) < 1e-6  # its time starts anew


def test_a_step_that_lasts_is_believed() -> None:
    clocks = Clocks()
    clocks.after(0.0)
    clocks.off_ns = -HOUR_NS
    clocks.after(1.0)
    assert clocks.after(HOLD_S) == -3600.0
    assert clocks.wall.stepped_s == 0.0
    assert clocks.after(1.0) == -3600.0


def test_slow_corrections_are_followed_at_once() -> None:
    clocks = Clocks()
    clocks.after(0.0)
    for _ in range(100):
        clocks.off_ns += 500_000_000
        assert clocks.after(1.0) == pytest.approx(clocks.off_ns * 1e-9)
    assert clocks.wall.stepped_s == 0.0


def test_a_pause_of_the_process_is_no_step() -> None:
    clocks = Clocks()
    clocks.after(0.0)
    assert clocks.after(300.0) == 0.0
    assert clocks.wall.stepped_s == 0.0


# --- trust (F7, reliability §2 row 34) --------------------------------------------------------------------------------


def between_two_steps(cycle: str, on_loss: str = "hold") -> Rig:
    """A minute before the schedule goes from 60 to 120 kW."""
    rig = Rig(site(1, cycle=cycle, time={"max_offset": "500 ms", "on_loss": on_loss})).ready()
    windows = tuple(
        Window(rig.now_ns + int(start * 1e9), rig.now_ns + int(end * 1e9), power)
        for start, end, power in ((0.0, 60.0, 60.0), (60.0, 7_200.0, 120.0))
    )
    rig.signal(Schedule(ScheduleType("day_ahead"), None, "DE-LU", 1, rig.now_ns, windows, "digest"))
    rig.run(20)
    assert rig.power == [60.0]
    return rig


@pytest.mark.hazard("row 34", "F7")
def test_without_a_trusted_clock_no_schedule_moves_to_another_step(cycle: str) -> None:
    """F7: the present step is held, and the one that is due follows when the clock is trusted again."""
    rig = between_two_steps(cycle)
    rig.trusted = False
    rig.run(300)
    assert rig.power == [60.0]
    assert rig.frame.site_code("clock") == Permit.NO
    rig.trusted = True
    rig.run(10)
    assert rig.power == [120.0]


def test_a_step_is_held_for_one_interval_at_most(cycle: str) -> None:
    """Reliability §2 row 34: a quarter of an hour, then 0 kW, said by the request."""
    rig = between_two_steps(cycle)
    rig.trusted = False
    rig.run(899)
    assert rig.power == [60.0]
    rig.run(10)
    assert rig.power == [0.0]
    assert rig.frame["requests.day_ahead.why"][0] == Why.NO_CLOCK


def test_on_loss_withdraw_takes_the_schedules_at_once(cycle: str) -> None:
    rig = between_two_steps(cycle, "withdraw")
    rig.trusted = False
    rig.run(5)
    assert rig.power == [0.0]
    assert rig.frame["request_by"][0] == len(rig.frame.layout.requests)  # idle needs no clock


def test_a_clock_that_was_never_trusted_starts_no_schedule(cycle: str) -> None:
    rig = Rig(site(1, cycle=cycle))
    rig.trusted = False
    rig.ready()
    rig.schedule("day_ahead", 60.0)
    rig.run(5)
    assert rig.power == [0.0]
    rig.trusted = True
    rig.run(5)
    assert rig.power == [60.0]


@pytest.mark.hazard("row 34", "F7")
def test_ages_ramps_and_expiry_do_not_look_at_the_wall_clock(cycle: str) -> None:
    """F7: for any wall-clock step, Δt, expiry and ramps are unchanged."""
    rigs = [between_two_steps(cycle) for _ in range(2)]
    for rig, step_ns in zip(rigs, (0, -3 * HOUR_NS), strict=True):
        rig.trusted = False
        rig.now_ns += step_ns
        rig.schedule("intraday", 200.0, "b1")  # said, and not followed without a clock
        rig.batteries["b1"].discharge_limit = 30.0
        rig.run(1)
    straight, stepped = (rig.frame for rig in rigs)
    for row in ("age_s", "fresh_s", "state_s", "ramped_kw", "command_kw", "write_age_s"):
        assert straight[row].tobytes() == stepped[row].tobytes(), row


def test_a_machine_that_does_not_know_its_error_is_not_trusted_until_it_does() -> None:
    errors = [0.1]
    wall = WallClock(lambda: START_NS, 0.5, lambda: errors[0])
    wall.at(100.0)
    assert wall.trusted
    for error, trusted in ((float("inf"), False), (0.6, False), (0.5, True), (float("nan"), False)):
        errors[0] = error
        wall.at(100.0)
        assert wall.trusted is trusted
