"""The telemetry low-pass: its formula, drift, beginning anew, and what the earlier control core gave."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit import filter as kernels
from jit.build import plain
from jit.codes import Quality

pytestmark = pytest.mark.req("LH-NATIVE-001", "LH-TEST-001")
SOURCE, ROW, ROWS = 0, 1, 4
Sample = tuple[float, Quality]


def filtered(
    series: list[float], *, lag: float = 1.0, jump: float = 10.0, reseed: float = 3.0, dt: float = 1.0
) -> list[Sample]:
    """What the filter makes of a series, compiled and plain alike."""
    values, codes, made = np.full((ROWS, 1), nan), np.zeros((1, 1), np.int64), []
    for sample in series:
        past = values.copy()
        past.flags.writeable = False
        values[SOURCE] = sample
        twin = values.copy(), codes.copy()
        for kernel, (v, c) in ((plain(kernels.smooth), twin), (kernels.smooth, (values, codes))):
            with np.errstate(all="ignore"):
                kernel(v, c, past, SOURCE, ROW, 0, lag, jump, reseed, dt)
        np.testing.assert_array_equal(twin[0], values)
        np.testing.assert_array_equal(twin[1], codes)
        made.append((float(values[ROW, 0]), Quality(int(codes[0, 0]))))
    return made


def test_it_begins_at_the_first_value_and_follows_by_the_share_of_time() -> None:
    assert [value for value, _ in filtered([0.0, 8.0, 8.0, 8.0])] == [0.0, 4.0, 6.0, 7.0]
    assert filtered([0.0, 8.0], dt=0.1)[1][0] == pytest.approx(8.0 * 0.1 / 1.1)


def test_a_jump_is_not_followed_and_what_stands_in_is_marked() -> None:
    assert filtered([0.0, 90.0, 2.0]) == [(0.0, Quality.VALID), (0.0, Quality.SUBSTITUTED), (1.0, Quality.VALID)]


@pytest.mark.parametrize("dt", [1.0, 0.1])
def test_a_jump_that_stays_is_the_truth(dt: float) -> None:
    """The earlier core rejected for ever after a true step."""
    steps = round(3.0 / dt)
    made = filtered([0.0] + [90.0] * (steps + 2), dt=dt)
    assert [value for value, _ in made[:steps]] == [0.0] * steps
    assert made[-1] == (90.0, Quality.VALID)


@pytest.mark.parametrize("lost", [nan, inf, -inf])
def test_unknown_in_unknown_out_and_a_gap_counts_towards_beginning_anew(lost: float) -> None:
    made = filtered([0.0, lost, lost, lost, 90.0])
    assert all(value != value and quality == Quality.MISSING for value, quality in made[1:4])
    assert made[4] == (90.0, Quality.VALID)


def test_a_level_that_overflows_begins_anew() -> None:
    assert filtered([-1e308, 1e308, 5.0], jump=inf)[2] == (5.0, Quality.VALID)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20), st.floats(0.1, 100.0), st.floats(0.0, 500.0))
def test_results_of_the_earlier_core_are_reproduced(series: list[float], lag: float, jump: float) -> None:
    """Y = α·x + (1 − α)·y, a step of more than `jump` keeps the old value and is marked; without beginning anew."""
    alpha = 1.0 / (lag + 1.0)
    made = filtered(series, lag=lag, jump=jump, reseed=inf)
    level = series[0]
    for now, (value, quality) in zip(series, made, strict=True):
        if abs(now - level) > jump:
            assert quality == Quality.SUBSTITUTED
        else:
            level = alpha * now + (1.0 - alpha) * level
        assert value == pytest.approx(level, rel=1e-9, abs=1e-9)
        level = value  # one rounding is not carried into the next comparison
