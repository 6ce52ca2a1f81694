"""The point of connection and its transformers, step by step: ceilings, means, relief, and what a transformer carries.

Powers in kW, + = fed in; every rule holds in both directions.
"""

from __future__ import annotations

import numpy as np
import pytest

from jit import ceilings, means, relief, transformers
from jit import constants as c
from jit import rows as r
from jit.codes import Authority, Ceiling, Permit, Reason
from jit.frame import F8, I8
from tests.jit import oracle_grid as oracle

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-SAFE-004")]

NAN, INF = np.nan, np.inf
BOTH = pytest.mark.parametrize("d", [0, 1], ids=["import", "export"])


def connection() -> tuple[F8, I8, F8, F8]:
    """Rows of the site, their codes, those of the tick before, and its constants; nothing is known."""
    site, past = np.full(len(r.SITE_VALUE_ROWS), NAN), np.full(len(r.SITE_VALUE_ROWS), NAN)
    return site, np.zeros(len(r.SITE_CODE_ROWS), np.int64), past, np.zeros(len(c.SITE_NAMES))


@BOTH
@pytest.mark.parametrize(
    ("before", "told", "issued", "utc_s", "expected"),
    [
        ((NAN, NAN, NAN), NAN, NAN, 1006.0, (NAN, NAN, NAN)),
        ((NAN, NAN, NAN), 40.0, 1000.0, 1000.5, (40.0, 1000.0, 0.5)),
        ((40.0, 1000.0, 5.0), NAN, NAN, 1006.0, (40.0, 1000.0, 6.0)),
        ((40.0, 1000.0, 5.0), NAN, NAN, 1010.0, (40.0, 1000.0, 10.0)),
        ((40.0, 1000.0, 5.0), NAN, NAN, 1002.0, (40.0, 1000.0, 6.0)),
        ((40.0, 1000.0, 5.0), 30.0, 1005.0, 1006.0, (30.0, 1005.0, 1.0)),
        ((40.0, 1000.0, 5.0), 90.0, 1005.0, 1000.0, (90.0, 1005.0, 0.0)),
        ((40.0, 1000.0, 5.0), 30.0, 999.0, 1006.0, (40.0, 1000.0, 6.0)),
        ((40.0, 1000.0, 5.5), 30.0, 1000.0, 1006.0, (30.0, 1000.0, 6.5)),
        ((40.0, 1000.0, 5.0), NAN, 1005.0, 1006.0, (40.0, 1000.0, 6.0)),
        ((40.0, 1000.0, 5.0), INF, 1005.0, 1006.0, (INF, 1005.0, 1.0)),
    ],
)
def test_of_two_ceilings_the_later_word_counts_and_its_age_never_runs_backward(
    d: int, before: tuple[float, float, float], told: float, issued: float, utc_s: float,
    expected: tuple[float, float, float],
) -> None:  # fmt: skip
    """Row 27: whatever the clock does."""
    site, _, past, _ = connection()
    rows = [first + d for first in (r.CEILING_TOLD_IMPORT_KW, r.CEILING_ISSUED_IMPORT_S, r.CEILING_AGE_IMPORT_S)]
    heard = np.full((2, 2), NAN)
    past[rows], heard[:, d] = before, (told, issued)
    past.flags.writeable = heard.flags.writeable = False
    ceilings.hear(site, past, heard[0], heard[1], utc_s, 1.0)
    assert site[rows].tolist() == pytest.approx(list(expected), nan_ok=True)
    assert np.isnan(site[[row + 1 - 2 * d for row in rows]]).all()


@BOTH
@pytest.mark.parametrize(
    ("told", "age", "before", "expected", "why"),
    [
        (NAN, NAN, 100.0, 20.0, Ceiling.AWAITED),
        (40.0, 10.0, 100.0, 40.0, Ceiling.IN_FORCE),
        (40.0, 60.0, 100.0, 40.0, Ceiling.IN_FORCE),
        (40.0, 60.5, 100.0, 40.0, Ceiling.HELD),
        (40.0, 90.0, 100.0, 40.0, Ceiling.HELD),
        (40.0, 90.5, 100.0, 10.0, Ceiling.FALLEN_BACK),
        (40.0, NAN, 100.0, 10.0, Ceiling.FALLEN_BACK),
        (5.0, 90.5, 100.0, 5.0, Ceiling.FALLEN_BACK),
        (0.5, 10.0, 100.0, 0.5, Ceiling.IN_FORCE),
        (0.0, 10.0, 100.0, 0.0, Ceiling.IN_FORCE),
        (-3.0, 10.0, 100.0, 0.0, Ceiling.IN_FORCE),
        (30.0, 10.0, 80.0, 30.0, Ceiling.IN_FORCE),
        (80.0, 10.0, 30.0, 40.0, Ceiling.IN_FORCE),
        (38.0, 10.0, 30.0, 38.0, Ceiling.IN_FORCE),
        (INF, 10.0, 30.0, 40.0, Ceiling.IN_FORCE),
        (INF, 10.0, 90.0, INF, Ceiling.IN_FORCE),
        (INF, 10.0, 89.5, 99.5, Ceiling.IN_FORCE),
        (80.0, 10.0, NAN, 80.0, Ceiling.IN_FORCE),
    ],
)
def test_a_ceiling_drops_at_once_rises_along_its_gradient_and_grows_old_without_widening(
    d: int, told: float, age: float, before: float, expected: float, why: Ceiling
) -> None:
    """100 kW at most, 60 s valid and 30 s held, then 10 kW; 20 kW before the first word; 5 kW/s up, over 2 s."""
    site, codes, past, _ = connection()
    codes[r.CEILING_IMPORT : r.CEILING_IMPORT + 2] = 99
    given = np.full((6, 2), INF)
    names = c.CEILING_OF_KW, c.CEILING_TTL_S, c.CEILING_HOLD_S, c.CEILING_BEFORE_KW, c.CEILING_THEN_KW
    given[[*names, c.CEILING_RISE_KW_S], d] = 100.0, 60.0, 30.0, 20.0, 10.0, 5.0
    site[r.CEILING_TOLD_IMPORT_KW + d], site[r.CEILING_AGE_IMPORT_S + d] = told, age
    past[r.CEILING_IMPORT_KW + d] = before
    ceilings.ceilings(site, codes, past, given, 2.0)
    assert (site[r.CEILING_IMPORT_KW + d], codes[r.CEILING_IMPORT + d]) == (expected, why)
    assert (site[r.CEILING_IMPORT_KW + 1 - d], codes[r.CEILING_IMPORT + 1 - d]) == (INF, 0), "none is declared there"


@BOTH
@pytest.mark.parametrize(
    ("facts", "allowed", "used"),
    [
        ({}, 4950.0 / 40.0, 1050.0),
        ({"flow": -50.0}, 125.0, 1000.0),
        ({"flow": 0.5}, 4999.5 / 40.0, 1000.5),
        ({"used": 7000.0}, 0.0, 7050.0),
        ({"used": NAN}, 125.0, 1000.0),
        ({"until": 1218.0}, 122.5, 1100.0),
        ({"until": 1217.0}, 117.5, 1300.0),
        ({"until": 1217.0, "flow": 150.0}, 4550.0 / 40.0, 1450.0),
        ({"until": 1218.5, "cycle": 0.5}, 4850.0 / 40.0, 1150.0),
        ({"until": 1219.5}, 4950.0 / 40.0, 1050.0),
        ({"until": NAN}, 100.0, 2000.0),
        ({"until": 1199.0}, 100.0, 2000.0),
        ({"until": 1260.0}, 125.0, 1000.0),
        ({"until": 1259.0}, 4950.0 / 40.0, 1050.0),
        ({"utc": 1200.5, "until": 1199.5}, 5975.0 / 59.5, 25.0),
        ({"utc": 1201.0, "until": 1200.0}, 4950.0 / 59.0, 1050.0),
        ({"utc": 1259.5, "until": 1258.5}, 4950.0, 1050.0),
        ({"clock": Permit.NO}, 100.0, 1050.0),
        ({"clock": Permit.NO, "used": 2950.0}, 75.0, 3000.0),
        ({"quality": 2}, 4930.0 / 40.0, 1070.0),
        ({"flow": NAN}, 4930.0 / 40.0, 1070.0),
        ({"quality": 2, "sent": -20.0}, 4970.0 / 40.0, 1030.0),
        ({"quality": 2, "sent": NAN}, 123.75, 1050.0),
        ({"quality": 2, "sent": -90.0}, 125.0, 1000.0),
        ({"quality": 2, "required": 1.0}, 0.0, INF),
        ({"quality": 2, "required": 1.0, "utc": 1200.0, "until": NAN}, 0.0, INF),
    ],
)
def test_a_mean_leaves_what_the_window_has_not_used_and_what_was_not_seen_counts_as_used(
    d: int, facts: dict[str, float], allowed: float, used: float
) -> None:
    """100 kW over a minute; 20 s of it gone with 1,000 kWs; 50 kW flow, or 50 kW declared and 20 kW sent."""
    sign = 1.0 if d else -1.0
    site, codes, past, constants = connection()
    constants[[c.MEAN_IMPORT_LIMIT, c.MEAN_IMPORT_LIMIT + 1]] = INF
    constants[[c.MEAN_IMPORT_WINDOW_S, c.MEAN_IMPORT_WINDOW_S + 1]] = 60.0
    constants[c.MEAN_IMPORT_LIMIT + d] = 100.0
    constants[c.CYCLE_S], constants[c.POC_REQUIRED] = facts.get("cycle", 1.0), facts.get("required", 0.0)
    constants[c.MAX_PV if d else c.MAX_LOAD] = 50.0
    site[r.POC_KW], codes[r.POC_QUALITY] = sign * facts.get("flow", 50.0), facts.get("quality", 1)
    codes[r.CLOCK], past[r.TOTAL_KW] = facts.get("clock", Permit.YES), sign * facts.get("sent", 20.0)
    past[r.MEAN_IMPORT_KWS + d], past[r.MEAN_IMPORT_UNTIL_S + d] = facts.get("used", 1e3), facts.get("until", 1219.0)
    with np.errstate(invalid="ignore"):  # ∞ for no time
        means.average(site, codes, past, constants, facts.get("utc", 1220.0), 1.0)
    assert site[r.MEAN_IMPORT_KW + d] == pytest.approx(allowed)
    assert site[r.MEAN_IMPORT_KWS + d] == pytest.approx(used)
    assert site[r.MEAN_IMPORT_UNTIL_S + d] == facts.get("utc", 1220.0)
    rows = r.MEAN_IMPORT_KW + 1 - d, r.MEAN_IMPORT_KWS + 1 - d, r.MEAN_IMPORT_UNTIL_S + 1 - d
    assert [float(site[row]) for row in rows] == pytest.approx([INF, 0.0, NAN], nan_ok=True), "no mean is limited there"


@BOTH
def test_a_mean_over_no_time_is_none(d: int) -> None:
    site, codes, past, constants = connection()
    constants[[c.MEAN_IMPORT_LIMIT, c.MEAN_IMPORT_LIMIT + 1]] = 100.0
    constants[c.MEAN_IMPORT_WINDOW_S + d] = 0.5
    means.average(site, codes, past, constants, 1220.0, 1.0)
    assert site[r.MEAN_IMPORT_KW + 1 - d] == INF
    assert site[r.MEAN_IMPORT_KW + d] <= 100.0


@BOTH
@pytest.mark.parametrize(
    ("beyond", "facts", "due", "by"),
    [
        (30.0, {}, 30.0, Reason.RELIEVES),
        (70.0, {}, 50.0, Reason.RELIEVES),
        (0.0, {}, -INF, 0),
        (0.5, {}, 0.5, Reason.RELIEVES),
        (-20.0, {}, -INF, 0),
        (-20.0, {"ceiling": 60.0}, 20.0, Reason.RELIEVES),
        (30.0, {"mean": 60.0}, 50.0, Reason.RELIEVES),
        (30.0, {"margin": 5.0}, 35.0, Reason.RELIEVES),
        (30.0, {"must": 40.0}, 40.0, Reason.GRID_CODE),
        (30.0, {"must": 30.0}, 30.0, Reason.GRID_CODE),
        (30.0, {"must": 29.5}, 30.0, Reason.RELIEVES),
        (30.0, {"quality": 2}, -INF, 0),
        (NAN, {}, -INF, 0),
        (30.0, {"most": 0.0}, -INF, 0),
    ],
)
def test_what_everything_else_does_beyond_a_limit_is_relieved_up_to_a_power(
    d: int, beyond: float, facts: dict[str, float], due: float, by: int
) -> None:
    """A limit of 100 kW, relief of 50 kW at most. What is demanded otherwise is never lowered."""
    site, codes, _, constants = connection()
    sign = 1.0 if d else -1.0
    constants[[c.IMPORT_MARGIN, c.EXPORT_MARGIN]] = facts.get("margin", 0.0)
    constants[[c.IMPORT_LIMIT, c.EXPORT_LIMIT]] = 100.0
    constants[c.RELIEF_KW] = facts.get("most", 50.0)
    site[[r.MEAN_IMPORT_KW, r.MEAN_EXPORT_KW]] = facts.get("mean", INF)
    site[[r.CEILING_IMPORT_KW, r.CEILING_EXPORT_KW]] = facts.get("ceiling", INF)
    site[r.OTHER_KW], codes[r.POC_QUALITY] = sign * (100.0 + beyond), facts.get("quality", 1)
    row, other = (r.MUST_HIGH_KW, r.MUST_LOW_KW) if d else (r.MUST_LOW_KW, r.MUST_HIGH_KW)
    why = r.MUST_HIGH_BY if d else r.MUST_LOW_BY
    site[row], site[other] = -sign * facts.get("must", -INF), sign * INF
    codes[why] = Reason.GRID_CODE if "must" in facts else 0
    relief.relieve(site, codes, constants)
    assert (-sign * site[row], codes[why]) == (due, by)
    assert site[other] == sign * INF


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("asked", "was", "room"),
    [
        ([0.0, 0.0, 30.0], [0.0, 0.0, 0.0], (100.0, 40.0)),
        ([60.0, 0.0, 0.0], [0.0, 0.0, 0.0], (80.0, 50.0)),
        ([30.0, 30.0, 0.0], [0.0, 0.0, 0.0], (80.0, 50.0)),
        ([60.0, -30.0, 0.0], [0.0, 0.0, 0.0], (80.0, 50.0)),
        ([30.0, -60.0, 0.0], [0.0, 0.0, 0.0], (80.0, 50.0)),
        ([30.0, -60.0, 0.0], [30.0, 0.0, 0.0], (80.0, 50.0)),
        ([60.0, -59.5, 0.0], [0.0, 0.0, 0.0], (80.0, 50.0)),
        ([0.0, 0.0, 0.0], [60.0, 0.0, 30.0], (80.0, 40.0)),
        ([20.0, 0.0, 0.0], [60.0, 0.0, 0.0], (80.0, 50.0)),
        ([30.0, 0.0, 0.0], [-60.0, 0.0, 0.0], (80.0, 50.0)),
        ([NAN, NAN, NAN], [0.0, 0.0, 0.0], (100.0, 50.0)),
        ([100.0, 0.0, 50.5], [0.0, 0.0, 0.0], (0.0, 0.0)),
        ([99.5, 0.0, 0.0], [0.0, 0.0, 0.0], ((0.5 * 199.5) ** 0.5, 50.0)),
    ],
)
def test_active_power_has_what_reactive_power_leaves_of_each_transformer(
    sign: float, asked: list[float], was: list[float], room: tuple[float, float]
) -> None:
    """Two batteries behind 100 kVA, one behind 50 kVA: Q is the most between what was sent and what is asked."""
    row, band = len(r.VALUE_ROWS), len(r.SITE_VALUE_ROWS)
    values, codes = np.zeros((row + 2, 3)), np.zeros((len(r.CODE_ROWS), 3), np.int64)
    past, past_codes, site = values.copy(), codes.copy(), np.full(band + 4, NAN)
    values[r.ASKED_KVAR], past[r.RAMPED_KVAR] = sign * np.array(asked), sign * np.array(was)
    codes[r.PROVEN], past_codes[r.AUTHORITY] = Permit.YES, Authority.ARMED
    starts, members, kva = np.array([0, 3, 5, 6]), np.array([0, 1, 2, 0, 1, 2]), np.array([INF, 100.0, 50.0])
    transformers.transform(values, codes, site, past, past_codes, kva, starts, members, row, band)
    assert site[band:].tolist() == pytest.approx([-room[0], room[0], -room[1], room[1]])
    assert values[row].tolist() == pytest.approx([-room[0], -room[0], -room[1]])
    assert values[row + 1].tolist() == pytest.approx([room[0], room[0], room[1]])


@pytest.mark.parametrize("kvar", [60.0, 28.0, 1.0, 0.1, *np.linspace(0.3, 99.9, 40).tolist()])
def test_the_root_is_never_rounded_out_of_the_circle_of_a_transformer(kvar: float) -> None:
    """Exactly: P² + Q² ≤ S² in fractions, and no more than the last bits are given away."""
    row, band = len(r.VALUE_ROWS), len(r.SITE_VALUE_ROWS)
    values, codes = np.zeros((row + 2, 1)), np.zeros((len(r.CODE_ROWS), 1), np.int64)
    past, past_codes, site = values.copy(), codes.copy(), np.full(band + 2, NAN)
    values[r.ASKED_KVAR] = kvar
    starts, members, kva = np.array([0, 1, 2]), np.array([0, 0]), np.array([INF, 100.0])
    transformers.transform(values, codes, site, past, past_codes, kva, starts, members, row, band)
    assert oracle.inside(float(site[band + 1]), kvar, 100.0)
    assert site[band + 1] == pytest.approx((100.0**2 - kvar**2) ** 0.5, rel=1e-12)
