"""The PID kernel against its formula, its promises one by one, and what the earlier control core gave.

`earlier` is written from that core's contract: derivative on the error, the same order of evaluation. The kernel gives
its numbers to the bit wherever the target is constant and 0 (so that error and measurement differ in sign alone); what
differs on purpose is listed below and tested as such.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, isfinite, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit import pid as kernels
from jit.build import plain
from jit.codes import Control
from jit.pid import INTEGRAL, MEMORY, OPTIONS, OUTPUT, SEEN

pytestmark = pytest.mark.req("LH-CTRL-004", "LH-NATIVE-001", "LH-TEST-001")
TARGET, MEASURED, HELD, FIRST = range(4)


@dataclass
class Loop:
    """One controller, step by step."""

    kp: float = 0.0
    ki: float = 0.0
    kd: float = 0.0
    low: float = -100.0
    high: float = 100.0
    band: float = 0.0
    values: np.ndarray = field(init=False, default_factory=lambda: np.full((FIRST + MEMORY, 1), nan))
    codes: np.ndarray = field(init=False, default_factory=lambda: np.zeros((1, 1), np.int64))

    def step(self, target: float, measured: float, dt: float = 1.0, held: float = nan) -> float:
        past = self.values.copy()
        past.flags.writeable = False
        options = np.array([[self.kp], [self.ki], [self.kd], [self.low], [self.high], [self.band]])
        assert options.shape[0] == OPTIONS
        options.flags.writeable = False
        self.values[TARGET], self.values[MEASURED], self.values[HELD] = target, measured, held
        twin = self.values.copy(), self.codes.copy()
        for kernel, (values, codes) in ((plain(kernels.pid), twin), (kernels.pid, (self.values, self.codes))):
            with np.errstate(all="ignore"):
                kernel(values, codes, past, options, TARGET, MEASURED, HELD, FIRST, 0, dt)
        np.testing.assert_array_equal(twin[0], self.values)
        np.testing.assert_array_equal(twin[1], self.codes)
        return self.output

    @property
    def output(self) -> float:
        return float(self.values[FIRST + OUTPUT, 0])

    @property
    def integral(self) -> float:
        return float(self.values[FIRST + INTEGRAL, 0])

    @property
    def why(self) -> Control:
        return Control(int(self.codes[0, 0]))


def test_proportional_integral_and_derivative_are_what_the_formula_says() -> None:
    loop = Loop(kp=2.0, ki=0.5, kd=1.0)
    assert loop.step(10.0, 4.0) == 2.0 * 6.0 + 0.5 * 6.0  # the first measurement has no derivative
    assert loop.step(10.0, 5.0) == 2.0 * 5.0 + (3.0 + 2.5) - 1.0
    assert loop.why == Control.CONTROLS


def test_a_new_target_gives_no_kick() -> None:
    loop = Loop(kd=50.0)
    loop.step(0.0, 4.0)
    assert loop.step(90.0, 4.0) == 0.0


def test_inside_the_dead_band_nothing_moves_and_its_edge_is_outside() -> None:
    loop = Loop(kp=1.0, ki=1.0, kd=1.0, band=2.0)
    loop.step(0.0, -3.0)
    before = loop.integral
    assert loop.step(0.0, -1.9) == before == loop.integral
    assert loop.why == Control.IN_DEAD_BAND
    assert loop.step(0.0, -2.0) != before


@pytest.mark.parametrize(("sign", "why"), [(1.0, Control.CLAMPED_HIGH), (-1.0, Control.CLAMPED_LOW)])
@pytest.mark.hazard("row 24")
def test_the_integral_waits_at_the_clamp_and_comes_back_at_once(sign: float, why: Control) -> None:
    loop = Loop(kp=1.0, ki=0.1, low=-10.0, high=10.0)
    for _ in range(50):
        loop.step(8.0 * sign, 0.0)
    assert abs(loop.output) <= 10.0
    loop.step(12.0 * sign, 0.0)
    assert (loop.output, loop.why) == (10.0 * sign, why)
    assert abs(loop.integral) <= 2.0  # without anti-windup it would be 41
    loop.step(-1.0 * sign, 0.0)
    assert loop.output * sign < 10.0


def test_taking_over_from_another_hand_is_bumpless() -> None:
    loop = Loop(kp=2.0, ki=0.1)
    for _ in range(5):
        assert loop.step(10.0, 7.0, held=42.0) == 42.0
        assert loop.why == Control.TRACKS
    assert loop.step(10.0, 7.0, dt=0.0) == 42.0
    assert loop.step(10.0, 7.0) == pytest.approx(42.0 + 0.1 * 3.0)


@pytest.mark.parametrize(("target", "measured"), [(nan, 1.0), (1.0, nan), (inf, 1.0), (1.0, -inf)])
def test_what_is_unknown_gives_no_output_and_costs_no_memory(target: float, measured: float) -> None:
    loop = Loop(kp=1.0, ki=1.0, kd=100.0)
    loop.step(5.0, 0.0)
    kept = loop.integral
    assert np.isnan(loop.step(target, measured))
    assert (loop.why, loop.integral) == (Control.NO_INPUT, kept)
    assert np.isnan(loop.values[FIRST + SEEN, 0])
    assert loop.step(5.0, 3.0) == 2.0 + kept + 2.0  # over the gap there is no derivative


@pytest.mark.parametrize(
    "options",
    [{"low": 1.0, "high": -1.0}, {"band": -1.0}, {"band": nan}, {"low": nan}, {"kp": nan}, {"ki": inf}, {"kd": nan}],
    ids=str,
)
def test_options_without_sense_give_no_output(options: dict[str, float]) -> None:
    loop = Loop(**({"kp": 1.0} | options))
    assert np.isnan(loop.step(5.0, 0.0))
    assert loop.why == Control.OPTIONS_REFUSED


@pytest.mark.parametrize("gains", [{"ki": 1e308}, {"kp": 1e308}, {"kp": 1e308, "ki": -1e308}], ids=str)
def test_what_overflows_gives_no_output_and_keeps_the_integral(gains: dict[str, float]) -> None:
    loop = Loop(**gains, low=-inf, high=inf)
    loop.step(0.0, 0.0)
    assert np.isnan(loop.step(1e10, 0.0))
    assert (loop.why, loop.integral) == (Control.OVERFLOW, 0.0)


def test_an_overflow_while_tracked_keeps_the_integral() -> None:
    loop = Loop(kp=1e308, low=-inf, high=inf)
    assert loop.step(1e10, 0.0, held=1.0) == 1.0
    assert loop.integral == 0.0


# --- what the earlier control core gave ------------------------------------------------------------------------------


@dataclass
class Earlier:
    """PID of the earlier core, from its contract: (p + I) + d, derivative on the error, kept inside the dead band."""

    integral: float = 0.0
    error: float = 0.0

    def step(self, o: Loop, target: float, measured: float, dt: float) -> float:
        error = target - measured
        inside = o.band > 0.0 and abs(error) < o.band
        error = 0.0 if inside else error
        p, d, step = o.kp * error, (0.0 if inside else o.kd * (error - self.error) / dt), o.ki * error
        grown = self.integral + step * dt
        whole = (p + grown) + d
        frozen = (whole > o.high and step > 0.0) or (whole < o.low and step < 0.0)
        self.integral = self.integral if frozen else grown
        self.error = self.error if inside else error
        return min(o.high, max(o.low, (p + self.integral) + d))


reasonable = st.floats(-500.0, 500.0)
gains = st.floats(-5.0, 5.0)


@given(
    gains, gains, gains, st.floats(0.0, 50.0), st.lists(reasonable, min_size=1, max_size=12), st.sampled_from((0.1, 1))
)
def test_results_of_the_earlier_core_are_reproduced(
    kp: float, ki: float, kd: float, band: float, series: list[float], dt: float
) -> None:
    """With a target of 0 and outside the dead band; after it the earlier core's derivative spanned the whole stay."""
    loop = Loop(kp, ki, kd, band=band)
    earlier = Earlier(error=-series[0])  # it started from an error of 0: a kick at the first step
    for number, measured in enumerate(series):
        if number and kd != 0.0 and abs(series[number - 1]) < band:
            break
        assert isfinite(loop.step(0.0, measured, dt))
        assert loop.output == pytest.approx(earlier.step(loop, 0.0, measured, dt), rel=1e-12, abs=1e-9)


def test_no_time_has_passed_is_no_error_any_more() -> None:
    loop = Loop(kp=1.0, ki=1.0, kd=1.0)
    loop.step(5.0, 0.0)
    assert loop.step(5.0, 1.0, dt=0.0) == 4.0 + 5.0
