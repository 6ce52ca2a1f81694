"""The limits of a battery by itself, value by value: at their bounds, just beside them, and without the input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from config.asset import MOST_POINTS
from jit import constants as c
from jit import rows as r
from jit import terms
from jit.codes import Condition, Permit, Reason

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-TEST-001")]

INF, NAN = np.inf, np.nan
ROW = len(r.VALUE_ROWS) + 1  # a row that is not used on either side must stay as it is
RATED = {"charge_kw": 200.0, "discharge_kw": 100.0, "soc_min": 10.0, "soc_max": 90.0, "t_min": 0.0, "t_max": 40.0,
         "soc_taper": 8.0, "t_taper": 5.0, "energy_kwh": 100.0, "horizon_s": 3600.0, "eff_charge": 0.8,
         "eff_discharge": 0.5, "ramp_stop": INF, "nameplate_charge_kw": 210.0,
         "nameplate_discharge_kw": 110.0}  # fmt: skip
Band = tuple[float, float]


def band(term: str, dt: float | None = None, **facts: Any) -> Band:
    """What a term allows one battery. `facts` are rows and ratings by name; `ramped_kw` is that of the tick before."""
    ratings = np.zeros((len(c.RATING_NAMES), 1))
    values, codes = np.full((ROW + 3, 1), 77.0), np.zeros((len(r.CODE_ROWS), 1), np.int64)
    past = np.full_like(values, NAN)
    value_names, code_names = [row.name for row in r.VALUE_ROWS], [row.name for row in r.CODE_ROWS]
    for name, value in (RATED | facts).items():
        if name in c.RATING_NAMES:
            ratings[c.RATING_NAMES.index(name)] = value
        elif name in code_names:
            codes[code_names.index(name)] = value
        else:
            (past if name == "ramped_kw" else values)[value_names.index(name)] = value
    given = {"values": values, "codes": codes, "past": past, "ratings": ratings, "row": ROW, "dt": dt}
    function = getattr(terms, term)
    wanted = getattr(function, "py_func", function).__code__
    with np.errstate(all="ignore"):
        function(*(given[name] for name in wanted.co_varnames[: wanted.co_argcount]))
    assert values[ROW - 1, 0] == 77.0
    assert values[ROW + 2, 0] == 77.0
    return float(values[ROW, 0]), float(values[ROW + 1, 0])


@pytest.mark.parametrize(("term", "expected"), [("rating", (-210.0, 110.0)), ("configuration", (-200.0, 100.0))])
def test_what_it_is_built_and_declared_for(term: str, expected: Band) -> None:
    assert band(term) == expected


@pytest.mark.parametrize(
    ("charge", "discharge", "promised", "expected"),
    [
        (50.0, 60.0, 1.0, (-50.0, 60.0)),
        (0.5, 0.25, 1.0, (-0.5, 0.25)),
        (0.0, 0.0, 1.0, (0.0, 0.0)),
        (-50.0, -60.0, 0.0, (0.0, 0.0)),
        (NAN, NAN, 1.0, (0.0, 0.0)),
        (NAN, 60.0, 0.0, (-INF, 60.0)),
        (50.0, NAN, 0.0, (-50.0, INF)),
    ],
)
def test_a_live_limit_that_was_promised_and_is_missing_is_0(
    charge: float, discharge: float, promised: float, expected: Band
) -> None:
    assert band("bms", bms_charge_kw=charge, bms_discharge_kw=discharge, promises_limits=promised) == expected


LOST, WAITING, OTHER = Reason.VALUES_LOST, Reason.WAITING_FOR_VALUES, Reason.NOT_AVAILABLE


@pytest.mark.parametrize("stop", [INF, 10.0])
@pytest.mark.parametrize("by", [LOST, WAITING, OTHER])
@pytest.mark.parametrize("charge", list(Permit))
@pytest.mark.parametrize("discharge", list(Permit))
def test_only_lost_data_and_a_declared_stop_ramp_keep_a_permission_that_is_gone(
    stop: float, by: Reason, charge: Permit, discharge: Permit
) -> None:
    along = by is not OTHER and stop < INF
    found = band("permission", may_charge=charge, may_discharge=discharge, state_by=by, ramp_stop=stop)
    low = -INF if charge is Permit.YES or along else 0.0
    assert found == (low, INF if discharge is Permit.YES or along else 0.0)


@pytest.mark.parametrize("stop", [INF, 10.0])
@pytest.mark.parametrize("by", [LOST, WAITING, OTHER])
@pytest.mark.parametrize("available", list(Permit))
def test_a_device_that_says_no_is_not_moved_and_silence_is_bridged_by_the_stop_ramp_alone(
    stop: float, by: Reason, available: Permit
) -> None:
    bridged = available is Permit.UNKNOWN and by is not OTHER and stop < INF
    most = INF if available is Permit.YES or bridged else 0.0
    assert band("availability", available=available, state_by=by, ramp_stop=stop) == (-most, most)


@pytest.mark.parametrize(("conditions", "most"), [(0, 0.0), (Condition.REMOTE, INF), (~int(Condition.REMOTE), 0.0)])
def test_local_control_allows_nothing(conditions: int, most: float) -> None:
    assert band("remote", conditions=conditions) == (-most, most)


@pytest.mark.parametrize("by", [LOST, WAITING, OTHER])
@pytest.mark.parametrize(
    ("stop", "ramped", "expected"),
    [
        (10.0, 50.0, (0.0, 45.0)),
        (10.0, -50.0, (-45.0, 0.0)),
        (10.0, 5.5, (0.0, 0.5)),
        (10.0, -5.5, (-0.5, 0.0)),
        (10.0, 5.0, (0.0, 0.0)),
        (10.0, -5.0, (0.0, 0.0)),
        (10.0, 3.0, (0.0, 0.0)),
        (10.0, -3.0, (0.0, 0.0)),
        (10.0, NAN, (0.0, 0.0)),
        (10.0, INF, (0.0, 0.0)),
        (10.0, -INF, (0.0, 0.0)),
        (INF, 50.0, (0.0, 0.0)),
        (INF, -50.0, (0.0, 0.0)),
    ],
)
def test_lost_data_shrink_the_band_from_the_last_power_along_the_stop_ramp(
    by: Reason, stop: float, ramped: float, expected: Band
) -> None:
    lost = band("quality", 0.5, quality=2, state_by=by, ramp_stop=stop, ramped_kw=ramped)
    assert lost == expected
    back = band("quality", 0.5, quality=1, state_by=by, ramp_stop=stop, ramped_kw=ramped)
    assert back == (expected if by is not OTHER and stop < INF else (-INF, INF)), "until permission has returned"


@pytest.mark.parametrize(
    ("celsius", "share"),
    [(20.0, None), (5.0, None), (35.0, None), (2.5, 0.5), (37.5, 0.5), (0.5, 0.1), (39.5, 0.1), (0.0, 0.0),
     (40.0, 0.0), (-3.0, 0.0), (43.0, 0.0), (NAN, 0.0)],
)  # fmt: skip
def test_heat_and_cold_take_power_away_linearly(celsius: float, share: float | None) -> None:
    low, high = (-INF, INF) if share is None else (-200.0 * share, 100.0 * share)
    assert band("temperature", temperature_c=celsius) == pytest.approx((low, high))


@pytest.mark.parametrize(("celsius", "most"), [(0.5, INF), (0.0, 0.0), (40.0, 0.0), (NAN, 0.0)])
def test_without_a_taper_the_bound_of_temperature_is_a_step(celsius: float, most: float) -> None:
    assert band("temperature", temperature_c=celsius, t_taper=0.0) == (-most, most)


@pytest.mark.parametrize(
    ("level", "expected"),
    [(50.0, (-INF, INF)), (18.0, (-INF, INF)), (82.0, (-INF, INF)), (14.0, (-INF, 50.0)), (86.0, (-100.0, INF)),
     (10.8, (-INF, 10.0)), (89.2, (-20.0, INF)), (10.0, (-INF, 0.0)), (90.0, (0.0, INF)), (5.0, (-INF, 0.0)),
     (95.0, (0.0, INF)), (NAN, (0.0, 0.0))],
)  # fmt: skip
def test_toward_an_end_of_the_soc_power_falls_in_that_direction_alone(level: float, expected: Band) -> None:
    assert band("soc", soc_pct=level) == pytest.approx(expected)


@pytest.mark.parametrize(("level", "expected"), [(10.5, (-INF, INF)), (10.0, (-INF, 0.0)), (90.0, (0.0, INF))])
def test_without_a_taper_an_end_of_the_soc_is_a_step(level: float, expected: Band) -> None:
    assert band("soc", soc_pct=level, soc_taper=0.0) == expected


@pytest.mark.parametrize(
    ("level", "expected"),
    [(50.0, (-50.0, 20.0)), (10.5, (-99.375, 0.25)), (89.5, (-0.625, 39.75)), (10.0, (-100.0, 0.0)),
     (90.0, (0.0, 40.0)), (5.0, (-106.25, 0.0)), (95.0, (0.0, 42.5)), (NAN, (0.0, 0.0))],
)  # fmt: skip
def test_no_bound_of_the_soc_is_crossed_within_the_horizon(level: float, expected: Band) -> None:
    """100 kWh, one hour: 1 % are 1 kWh; 0.8 of what is drawn arrives, half of what is taken out leaves."""
    assert band("energy", soc_pct=level) == pytest.approx(expected)
    quarter = band("energy", soc_pct=level, horizon_s=900.0)
    assert quarter == pytest.approx((4 * expected[0], 4 * expected[1]))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(-50.0, 60.0, (-50.0, 60.0)), (-0.5, 0.5, (-0.5, 0.5)), (0.0, 0.0, (0.0, 0.0)), (5.0, -5.0, (0.0, 0.0)),
     (NAN, NAN, (0.0, 0.0)), (-INF, INF, (-INF, INF))],
)  # fmt: skip
def test_what_is_not_known_to_be_followed_is_not_asked(low: float, high: float, expected: Band) -> None:
    assert band("effect", effect_low_kw=low, effect_high_kw=high) == expected


COLD = {"t_charge_points": 3.0, "t_charge_at_0": 0.0, "t_charge_share_0": 0.0, "t_charge_at_1": 10.0,
        "t_charge_share_1": 0.25, "t_charge_at_2": 20.0, "t_charge_share_2": 1.0}  # fmt: skip
FULL = {"soc_charge_points": 2.0, "soc_charge_at_0": 60.0, "soc_charge_share_0": 1.0, "soc_charge_at_1": 80.0,
        "soc_charge_share_1": 0.5, "soc_discharge_points": 1.0, "soc_discharge_share_0": 0.75}  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "curves", "expected"),
    [
        (-3.0, COLD, (0.0, 0.0)), (5.0, COLD, (-25.0, INF)), (10.0, COLD, (-50.0, INF)), (15.0, COLD, (-125.0, INF)),
        (20.0, COLD, (-INF, INF)), (30.0, COLD, (-INF, INF)), (37.5, COLD, (-100.0, 50.0)), (NAN, COLD, (0.0, 0.0)),
        (60.0, FULL, (-INF, 75.0)), (70.0, FULL, (-150.0, 75.0)), (80.0, FULL, (-100.0, 75.0)),
        (85.0, FULL, (-100.0, 75.0)), (88.0, FULL, (-50.0, 75.0)), (14.0, FULL, (-INF, 50.0)), (NAN, FULL, (0.0, 0.0)),
        (50.0, {"soc_discharge_points": 1.0, "soc_discharge_share_0": 1.0}, (-INF, INF)),
    ],
)  # fmt: skip
def test_a_taper_curve_is_straight_between_its_points_and_only_takes(
    measured: float, curves: dict[str, float], expected: Band
) -> None:
    """Besides the straight taper toward the ends, by direction; an unknown value stays 0."""
    heat = curves is COLD
    straight = band("temperature" if heat else "soc", **{"temperature_c" if heat else "soc_pct": measured})
    row, charge = (r.TEMPERATURE_C, c.T_CHARGE) if heat else (r.SOC_PCT, c.SOC_CHARGE)
    values, ratings = np.full((ROW + 2, 1), NAN), np.zeros((len(c.RATING_NAMES), 1))
    values[row], (values[ROW], values[ROW + 1]) = measured, straight
    for name, value in (RATED | curves).items():
        ratings[c.RATING_NAMES.index(name)] = value
    terms.along(values, ratings, row, charge, charge + c.CURVE_ROWS, ROW)
    found = float(values[ROW, 0]), float(values[ROW + 1, 0])
    assert found == pytest.approx(expected)
    assert found[0] >= straight[0]
    assert found[1] <= straight[1]


def test_the_rows_of_the_curves_are_where_they_are_said_to_be() -> None:
    assert MOST_POINTS == c.MOST_POINTS
    firsts = (c.T_CHARGE, c.T_DISCHARGE, c.SOC_CHARGE, c.SOC_DISCHARGE)
    assert [c.RATING_NAMES[first] for first in firsts] == [f"{curve}_points" for curve in c.CURVES]
    assert c.RATING_NAMES[c.SOC_DISCHARGE + c.CURVE_ROWS - 1] == "soc_discharge_share_5"
    assert len(c.RATING_NAMES) == c.SOC_DISCHARGE + c.CURVE_ROWS
