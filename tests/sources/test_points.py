"""Points: order, ranges, exact scaling, sign."""

from __future__ import annotations

from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.profile import Point
from jit.codes import Quality
from sources.points import point_names, point_ranges, scaling
from tests.real.modbus import load


@pytest.mark.req("LH-DOM-005", "LH-MODB-003")
def test_points_come_in_canonical_order_whatever_the_order_in_the_file() -> None:
    assert point_names(load("grid-meter")) == (
        "power", "reactive_power", "frequency", "voltage", "current", "heartbeat",
    )  # fmt: skip
    assert point_names(load("sunspec-storage"))[:3] == ("soc", "soh", "power")


def test_points_that_are_not_canonical_come_last() -> None:
    meter = load("grid-meter")
    extended = meter.model_copy(update={"read": {"cabinet": Point(register_="input 20", type="uint16"), **meter.read}})
    assert point_names(extended)[-1] == "cabinet"


def test_ranges_are_infinite_where_none_is_declared() -> None:
    low, high = point_ranges(load("grid-meter"))
    assert (low[2], high[2]) == (40.0, 70.0)
    assert (low[0], high[0]) == (-inf, inf)


@pytest.mark.req("LH-SAFE-006")
@pytest.mark.parametrize("declared", [None, (-5.0, 130.0), (2.0, 98.0)])
def test_a_state_of_charge_is_between_0_and_100_whatever_a_profile_says(declared: tuple[float, float] | None) -> None:
    profile = load("sunspec-storage")
    soc = profile.read["soc"].model_copy(update={"range": declared})
    low, high = point_ranges(profile.model_copy(update={"read": profile.read | {"soc": soc}}))
    assert (low[0], high[0]) == ((2.0, 98.0) if declared == (2.0, 98.0) else (0.0, 100.0))


@pytest.mark.parametrize(("unit", "scale", "raw", "value"), [
    ("W", 1, 1500, 1.5), ("kW", 0.1, 801, 80.1), ("MW", 1, 2, 2000.0), ("mHz", 1, 50010, 50.01), ("%", 0.1, 552, 55.2),
])  # fmt: skip
def test_units_and_decimals_are_exact(unit: str, scale: float, raw: int, value: float) -> None:
    point = Point(register_="holding 1", type="int32", word_order="big", unit=unit, scale=scale)
    assert scaling(load("sunspec-storage"), "any", point).value(raw) == (value, Quality.VALID)


def test_only_signed_points_follow_the_devices_sign() -> None:
    meter = load("grid-meter")  # counts drawing as +
    assert scaling(meter, "power", meter.read["power"]).value(-80000.0) == (80.0, Quality.VALID)
    assert scaling(meter, "frequency", meter.read["frequency"]).value(50.0) == (50.0, Quality.VALID)
    assert str(scaling(meter, "power", meter.read["power"]).value(0.0)[0]) == "0.0"


@given(st.sampled_from([nan, inf, -inf, 9999.9]))
def test_what_is_no_number_is_missing_and_never_zero(raw: float) -> None:
    point = Point(register_="holding 1", type="float64", word_order="big", sentinels=[9999.9])
    value, quality = scaling(load("sunspec-storage"), "any", point).value(raw)
    assert isnan(value)
    assert quality == Quality.MISSING


@pytest.mark.req("LH-DOM-004")
@pytest.mark.parametrize(("name", "raw", "value"), [
    ("available", 3, 1.0), ("available", 1, 0.0), ("available", 99, 0.0), ("remote", 0, 1.0), ("remote", 1, 0.0),
])  # fmt: skip
def test_yes_is_what_the_profile_lists_and_everything_else_is_no(name: str, raw: int, value: float) -> None:
    profile = load("sunspec-storage")
    assert scaling(profile, name, profile.read[name]).value(raw) == (value, Quality.VALID)
