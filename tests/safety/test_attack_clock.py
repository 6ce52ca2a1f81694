"""A wall clock that steps starts no window and ends none, until the step has lasted."""

from __future__ import annotations

import pytest

from pipeline.wall_clock import HOLD_S, WallClock
from tests.rig import START_NS

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
