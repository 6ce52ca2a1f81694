"""The steps of the grid functions, one at a time: what is measured, what has begun and ended, what it leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jit import constants as c
from jit import grid
from jit import rows as r
from jit.codes import GridPhase, Reason
from jit.quality import MISSING, RANGE, STALE, VALID
from tests.jit.test_grid import CHARGE, DISCHARGE, Site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SAFE-003")]

NAN, INF = np.nan, np.inf
OFF, IDLE, ACTIVE = GridPhase.OFF, GridPhase.IDLE, GridPhase.ACTIVE
RETURNING, HELD, BLIND = GridPhase.RETURNING, GridPhase.HELD, GridPhase.BLIND


@pytest.mark.parametrize(
    ("place", "points", "codes", "age", "nominal", "expected"),
    [
        ((-1, -1), (12.5, 400.0), (VALID, VALID), 1.0, 400.0, (NAN, NAN, 0)),
        ((0, 1), (12.5, 400.0), (VALID, VALID), 1.0, 400.0, (12.5, 400.0, VALID)),
        ((1, 0), (400.0, 12.5), (VALID, VALID), 1.0, 400.0, (12.5, 400.0, VALID)),
        ((-1, 0), (400.0, 12.5), (VALID, VALID), 1.0, 400.0, (NAN, 400.0, VALID)),
        ((0, -1), (12.5, 400.0), (VALID, VALID), 1.0, 400.0, (12.5, NAN, 0)),
        ((0, 1), (12.5, 400.0), (STALE, STALE), 1.0, 400.0, (NAN, 400.0, STALE)),
        ((0, 1), (NAN, NAN), (VALID, VALID), 1.0, 400.0, (NAN, NAN, MISSING)),
        ((0, 1), (12.5, 400.0), (VALID, VALID), 3.0, 400.0, (12.5, 400.0, VALID)),
        ((0, 1), (12.5, 400.0), (VALID, VALID), 3.1, 400.0, (12.5, 400.0, STALE)),
        ((0, 1), (12.5, 400.0), (VALID, VALID), NAN, 400.0, (12.5, 400.0, STALE)),
        ((0, 1), (12.5, 200.0), (VALID, VALID), 1.0, 400.0, (12.5, 200.0, VALID)),
        ((0, 1), (12.5, 199.0), (VALID, VALID), 1.0, 400.0, (12.5, 199.0, RANGE)),
        ((0, 1), (12.5, 600.0), (VALID, VALID), 1.0, 400.0, (12.5, 600.0, VALID)),
        ((0, 1), (12.5, 601.0), (VALID, VALID), 9.0, 400.0, (12.5, 601.0, RANGE | STALE)),
        ((0, 1), (12.5, 0.9), (VALID, VALID), 1.0, 1.0, (12.5, 0.9, VALID)),
        ((0, 1), (12.5, 0.4), (VALID, VALID), 1.0, 1.0, (12.5, 0.4, RANGE)),
        ((0, 1), (12.5, 601.0), (VALID, VALID), 1.0, 0.0, (12.5, 601.0, VALID)),
    ],
)
def test_a_voltage_is_believed_when_it_is_fresh_and_possible_at_this_point(
    place: tuple[int, int], points: tuple[float, float], codes: tuple[int, int], age: float, nominal: float,
    expected: tuple[float, float, int],
) -> None:  # fmt: skip
    site, site_codes = np.full(len(r.SITE_VALUE_ROWS), 77.0), np.full(len(r.SITE_CODE_ROWS), 77, np.int64)
    constants, parameters = np.zeros(len(c.SITE_NAMES)), np.zeros(c.GRID_PARAMETERS)
    site[r.POC_AGE_S], constants[c.POC_STALE_AFTER], parameters[c.NOMINAL_V] = age, 3.0, nominal
    where = np.array(place)
    where.flags.writeable = constants.flags.writeable = parameters.flags.writeable = False
    grid.measure_poc(np.array(points), np.array(codes), where, site, site_codes, constants, parameters)
    found = site[r.POC_KVAR], site[r.POC_V], site_codes[r.POC_V_QUALITY]
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("facts", "event", "timer"),
    [
        ({"f": 50.0}, RETURNING, 3.0),
        ({"f": 50.0, "before": 1.0}, IDLE, 2.0),
        ({"f": 50.0, "before": NAN}, IDLE, 1.0),
        ({"f": 50.3, "sign": -1.0, "start": 49.8, "before": 1.0}, IDLE, 2.0),
        ({"f": 49.7, "sign": -1.0, "start": 49.8}, ACTIVE, 0.0),
        ({"f": 50.2, "before": 1.0}, IDLE, 2.0),
        ({"f": 50.3}, ACTIVE, 0.0),
        ({"f": 50.3, "age": 3.0}, ACTIVE, 0.0),
        ({"f": 50.3, "age": 3.1}, HELD, 2.0),
        ({"f": 50.3, "age": NAN}, HELD, 2.0),
        ({"f": 50.3, "quality": STALE}, HELD, 2.0),
        ({"f": NAN}, HELD, 2.0),
        ({"f": NAN, "before": NAN}, HELD, 0.0),
        ({"f": 50.3, "start": 0.0}, OFF, 2.0),
    ],
)
def test_an_event_lasts_while_the_frequency_is_beyond_and_is_over_some_time_after(
    facts: dict[str, float], event: GridPhase, timer: float
) -> None:
    parameters, site = np.zeros(c.GRID_PARAMETERS), np.full(len(r.SITE_VALUE_ROWS), NAN)
    parameters[c.UNDER + c.F_FROM], parameters[c.UNDER + c.F_WAIT_S] = facts.get("start", 50.2), 3.0
    parameters[c.F_STALE_S] = 3.0
    past_site, site_codes = site.copy(), np.zeros(len(r.SITE_CODE_ROWS), np.int64)
    site[r.FREQUENCY_HZ], site[r.FREQUENCY_AGE_S] = facts["f"], facts.get("age", 0.5)
    site_codes[r.FREQUENCY_QUALITY] = facts.get("quality", VALID)
    past_site[r.UNDER_BACK_S] = facts.get("before", 2.0)
    sign = facts.get("sign", 1.0)
    assert grid.lasting(site, site_codes, past_site, parameters, sign, c.UNDER, r.UNDER_BACK_S, 1.0) == event
    assert site[r.UNDER_BACK_S] == timer


@pytest.mark.parametrize(
    ("reference", "beyond", "of_rated", "left"),
    [
        (100.0, 0.5, 0.0, 80.0),
        (100.0, 2.5, 0.0, 0.0),
        (100.0, 9.0, 0.0, 0.0),
        (0.5, 0.5, 0.0, 0.4),
        (900.0, 0.5, 0.0, 200.0),
        (-100.0, 0.5, 0.0, 0.0),
        (100.0, 0.5, 1.0, 50.0),
        (900.0, 0.5, 1.0, 200.0),
        (-100.0, 0.5, 1.0, -150.0),
        (100.0, 9.0, 1.0, -800.0),
    ],
)
def test_an_event_takes_its_share_of_the_reference_or_of_the_rating(
    reference: float, beyond: float, of_rated: float, left: float
) -> None:
    """40 % for each Hz of 250 kW: of the momentary power never beyond zero."""
    assert grid.ceiling(reference, beyond, 250.0, of_rated, 0.4) == pytest.approx(left)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("power", "quality", "ramped", "most", "expected"),
    [
        (100.0, VALID, 50.0, INF, 100.0),
        (100.0, STALE, 50.0, INF, 50.0),
        (NAN, VALID, 50.0, INF, 0.0),
        (100.0, STALE, NAN, INF, 0.0),
        (100.0, VALID, 50.0, 30.0, 30.0),
        (-100.0, VALID, 50.0, 30.0, -100.0),
    ],
)
def test_the_reference_is_the_power_at_the_crossing_as_well_as_it_is_known(
    sign: float, power: float, quality: int, ramped: float, most: float, expected: float
) -> None:
    values, codes = np.zeros((len(r.VALUE_ROWS), 1)), np.zeros((len(r.CODE_ROWS), 1), np.int64)
    past = values.copy()
    values[r.POWER_KW], codes[r.QUALITY], past[r.RAMPED_KW] = sign * power, quality, sign * ramped
    assert grid.reference_of(values, codes, past, sign, most, 0) == expected


def two_sides(event: GridPhase, was: list[float], reference: list[float], **parameters: float) -> tuple[Any, ...]:
    """Ceilings, references and phase after one tick at 50.7 Hz of two batteries that give 100 kW."""
    values, codes = np.zeros((len(r.VALUE_ROWS), 2)), np.ones((len(r.CODE_ROWS), 2), np.int64)
    past, ratings, given = values.copy(), np.zeros((len(c.RATING_NAMES), 2)), np.zeros(c.GRID_PARAMETERS)
    site, site_codes = np.zeros(len(r.SITE_VALUE_ROWS)), np.zeros(len(r.SITE_CODE_ROWS), np.int64)
    past[r.OVER_FREQUENCY_KW], past[r.OVER_REFERENCE_KW], values[r.POWER_KW] = was, reference, 100.0
    ratings[c.DISCHARGE_KW], ratings[c.CHARGE_KW], site[r.FREQUENCY_HZ] = DISCHARGE, CHARGE, 50.7
    given[c.OVER : c.OVER + 4] = 50.2, 0.4, parameters.get("of_rated", 0.0), 0.1
    grid.side(values, codes, site, site_codes, past, ratings, given, event, 1.0, c.OVER, r.OVER_FREQUENCY_KW,
              r.OVER_PHASE, c.DISCHARGE_KW, c.CHARGE_KW, 2.0)  # fmt: skip
    return values[r.OVER_FREQUENCY_KW].tolist(), values[r.OVER_REFERENCE_KW].tolist(), site_codes[r.OVER_PHASE]


@pytest.mark.parametrize(
    ("event", "was", "reference", "ceilings", "references", "phase"),
    [
        (OFF, [30.0, INF], [90.0, NAN], [INF, INF], [NAN, NAN], OFF),
        (ACTIVE, [INF, NAN], [NAN, NAN], [80.0, 80.0], [100.0, 100.0], ACTIVE),
        (ACTIVE, [60.0, 80.0], [NAN, 50.0], [48.0, 40.0], [60.0, 50.0], ACTIVE),
        (HELD, [60.0, INF], [75.0, NAN], [60.0, INF], [75.0, NAN], HELD),
        (HELD, [INF, 60.0], [NAN, 75.0], [INF, 60.0], [NAN, 75.0], HELD),
        (HELD, [INF, NAN], [NAN, NAN], [INF, INF], [NAN, NAN], BLIND),
        (IDLE, [60.0, INF], [75.0, NAN], [60.0, INF], [NAN, NAN], RETURNING),
        (IDLE, [INF, INF], [NAN, NAN], [INF, INF], [NAN, NAN], IDLE),
        (RETURNING, [60.0, INF], [75.0, NAN], [110.0, INF], [NAN, NAN], RETURNING),
        (RETURNING, [200.0, 190.0], [75.0, NAN], [INF, 240.0], [NAN, NAN], RETURNING),
        (RETURNING, [200.0, INF], [NAN, NAN], [INF, INF], [NAN, NAN], IDLE),
    ],
)
def test_a_ceiling_is_set_held_and_given_back_and_its_phase_says_so(
    event: GridPhase, was: list[float], reference: list[float], ceilings: list[float], references: list[float],
    phase: GridPhase,
) -> None:  # fmt: skip
    """25 kW/s back; at the rating it is gone."""
    found = two_sides(event, was, reference)
    assert found[0] == pytest.approx(ceilings)
    assert found[1] == pytest.approx(references, nan_ok=True)
    assert found[2] == phase


def test_nobody_owes_more_than_it_is_rated_for() -> None:
    assert two_sides(ACTIVE, [INF, INF], [-190.0, -100.0], of_rated=1.0)[0] == [-CHARGE, -150.0]


@pytest.mark.parametrize(
    ("out", "into", "running", "must"),
    [
        ([INF, INF], [INF, INF], [2, 2], (-INF, INF)),
        ([-50.0, -0.25], [INF, INF], [2, 2], (-INF, -50.25)),
        ([INF, INF], [-50.0, -0.25], [2, 2], (50.25, INF)),
        ([-0.5, 0.0], [-0.25, 0.0], [2, 2], (0.25, -0.5)),
        ([-50.0, -20.0], [INF, INF], [2, 1], (-INF, -50.0)),
        ([-50.0, INF], [-5.0, INF], [2, 1], (5.0, -50.0)),
        ([-50.0, 80.0], [INF, INF], [2, 2], (-INF, INF)),
        ([30.0, 40.0], [INF, 40.0], [2, 2], (-INF, INF)),
    ],
)
def test_what_lies_beyond_zero_is_owed_by_those_who_run_together(
    out: list[float], into: list[float], running: list[int], must: tuple[float, float]
) -> None:
    rows = len(r.VALUE_ROWS)
    values, codes = np.zeros((rows + 2, 2)), np.zeros((len(r.CODE_ROWS), 2), np.int64)
    site, site_codes = np.full(len(r.SITE_VALUE_ROWS), NAN), np.full(len(r.SITE_CODE_ROWS), 99, np.int64)
    values[r.OVER_FREQUENCY_KW], values[r.UNDER_FREQUENCY_KW], codes[r.MAY_CHARGE] = out, into, running
    grid.mandatory(values, codes, site, site_codes, rows)
    assert (site[r.MUST_LOW_KW], site[r.MUST_HIGH_KW]) == must
    due = tuple(Reason.GRID_CODE if abs(kw) < INF else 0 for kw in must)
    assert (site_codes[r.MUST_LOW_BY], site_codes[r.MUST_HIGH_BY]) == due
    assert values[rows].tolist() == [-max(0.0, kw) for kw in into]
    assert values[rows + 1].tolist() == [max(0.0, kw) for kw in out]


def demanded(mode: float, points: list[list[float]], **facts: float) -> tuple[float, GridPhase]:
    site = Site()
    site.points = np.array(points)
    site.parameters[c.Q_FUNCTION], site.parameters[c.Q_RATED_KW], site.parameters[c.Q_OF_KVAR] = mode, 250.0, 100.0
    site.parameters[c.Q_TAU_S], site.parameters[c.Q_HOLDS] = facts.get("tau", 0.0), facts.get("holds", 0.0)
    site.site[r.MUST_KVAR], site.site[r.TOTAL_KW] = facts.get("was", NAN), facts.get("total", NAN)
    site.volts = facts.get("volts", 400.0)
    site.step(dt=facts.get("dt", 1.0))
    return float(site.site[r.MUST_KVAR]), site.phase(r.KVAR_PHASE)


FIXED, COS_PHI, Q_OF_U = 3.0, 2.0, 1.0
LINE = [[0.0, 1.0], [0.2, 0.2]]  # cos φ 0.8, over-excited, at any power


@pytest.mark.parametrize(
    ("mode", "points", "facts", "kvar", "phase"),
    [
        (0.0, [[0.0], [-25.0]], {"was": 9.0}, NAN, OFF),
        (FIXED, [[0.0], [-25.0]], {}, -25.0, ACTIVE),
        (FIXED, [[0.0], [-25.0]], {"volts": NAN, "total": 99.0}, -25.0, ACTIVE),
        (FIXED, [[0.0], [-25.0]], {"tau": 3.0}, -6.25, ACTIVE),
        (FIXED, [[0.0], [-25.0]], {"tau": 2.0, "dt": 2.0, "was": 15.0}, -5.0, ACTIVE),
        (FIXED, [[0.0], [-25.0]], {"tau": 0.5, "dt": 0.5}, -12.5, ACTIVE),
        (FIXED, [[0.0], [-25.0]], {"dt": 0.0, "was": 9.0}, -25.0, ACTIVE),
        (COS_PHI, LINE, {"total": 80.0}, 60.0, ACTIVE),
        (COS_PHI, LINE, {"total": -80.0}, 60.0, ACTIVE),
        (COS_PHI, LINE, {}, 0.0, ACTIVE),
        (COS_PHI, [[0.0, 1.0], [-0.2, -0.2]], {"total": 80.0}, -60.0, ACTIVE),
        (Q_OF_U, [[0.9, 1.1], [0.5, -0.5]], {"volts": 360.0}, 50.0, ACTIVE),
        (Q_OF_U, [[0.9, 1.1], [0.5, -0.5]], {"volts": 420.0, "was": 9.0}, -25.0, ACTIVE),
        (Q_OF_U, [[0.9, 1.1], [0.5, -0.5]], {"volts": NAN, "was": 9.0}, 0.0, BLIND),
        (Q_OF_U, [[0.9, 1.1], [0.5, -0.5]], {"volts": NAN, "was": 9.0, "holds": 1.0}, 9.0, HELD),
        (Q_OF_U, [[0.9, 1.1], [0.5, -0.5]], {"volts": NAN, "holds": 1.0}, 0.0, HELD),
    ],
)
def test_each_function_of_reactive_power_says_what_it_demands(
    mode: float, points: list[list[float]], facts: dict[str, float], kvar: float, phase: GridPhase
) -> None:
    found, said = demanded(mode, points, **facts)
    assert found == pytest.approx(kvar, nan_ok=True)
    assert said == phase
