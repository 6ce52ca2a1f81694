"""Curves in bounded memory and their drawing: no peak is lost, gaps stay gaps."""

from __future__ import annotations

from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.whatif.plot import Drawn, _ticks, plot, strips
from pipeline.whatif.series import MOST, Series

pytestmark = pytest.mark.req("LH-TEST-004")


def filled(count: int) -> Series:
    series = Series()
    for k in range(count):
        series.see(k * 1_000_000_000, {"a": nan if k < 3 else float(k == 1234)}, {"s": 4 if k < count // 2 else 6})
    return series


@pytest.mark.parametrize("count", [1, 10, MOST, MOST + 1, 5000])
def test_memory_is_bounded_and_no_peak_is_lost(count: int) -> None:
    series = filled(count)
    curve = series.curves["a"]
    assert len(curve.least) == len(curve.most) == len(series.instants_ns) <= MOST
    assert curve.extent[1] == (1.0 if count > 1234 else 0.0) or count == 1
    assert series.until_ns == (count - 1) * 1_000_000_000
    assert series.instants_ns == sorted(series.instants_ns)


def test_a_strip_says_what_stood_longest() -> None:
    runs = filled(5000).strips["s"].runs()
    assert [code for _, _, code in runs] == [4, 6]
    assert runs[0][0] == 0
    assert runs[-1][1] == len(filled(5000).instants_ns)


def test_what_is_unknown_is_a_gap() -> None:
    series = Series()
    for k, value in enumerate((1.0, 2.0, nan, 3.0)):
        series.see(k * 1_000_000_000, {"a": value}, {})
    drawn = plot("a & b", series, [Drawn(series.curves["a"], "now")], 100)
    path = drawn.split('class="now" d="')[1].split('"')[0]
    assert path.count("M") == 2
    assert "a &amp; b" in drawn


def test_nothing_known_is_no_plot() -> None:
    series = Series()
    series.see(0, {"a": nan}, {"s": 8})
    assert plot("a", series, [Drawn(series.curves["a"], "now")], 100) == ""
    assert "fault" in strips(series, [("new", series.strips["s"])])


@given(st.floats(-1e6, 1e6), st.floats(0.0, 1e6))
def test_ticks_enclose_what_is_shown(low: float, span: float) -> None:
    values = _ticks(low, low + span)
    assert values[0] <= low + 1e-6 * max(1.0, abs(low))
    assert values[-1] >= low + span - 1e-6 * max(1.0, abs(low) + span)
    assert 2 <= len(values) <= 16
