"""What must be done by all assets together, against its statement: in bounds, or everybody who may is at the band."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit import constants as c
from jit import rows as r
from jit.codes import Permit, Reason
from jit.sharing import fill, missing, oblige

pytestmark = [pytest.mark.req("LH-MKT-006", "LH-CTRL-002"), pytest.mark.safety]

SLACK = 1e-6
POWER = st.one_of(st.sampled_from([0.0, 30.0, 100.0]), st.floats(0.0, 300.0))
DUTY = st.one_of(st.just(0.0), st.floats(1.0, 900.0))


@st.composite
def sites(draw: st.DrawFn) -> dict[str, Any]:
    n = draw(st.integers(1, 12))
    values, codes = np.zeros((len(r.VALUE_ROWS), n)), np.zeros((len(r.CODE_ROWS), n), np.int64)
    site, site_codes = np.zeros(len(r.SITE_VALUE_ROWS)), np.zeros(len(r.SITE_CODE_ROWS), np.int64)
    ratings = np.zeros((len(c.RATING_NAMES), n))
    ratings[c.SOC_MIN], ratings[c.SOC_MAX], ratings[c.ENERGY_KWH] = 10.0, 90.0, 500.0
    ratings[c.EFF_CHARGE] = ratings[c.EFF_DISCHARGE] = 0.95
    for a in range(n):
        out, into = draw(st.booleans()), draw(st.booleans())
        codes[r.MAY_DISCHARGE, a], codes[r.MAY_CHARGE, a] = Permit.YES if out else 1, Permit.YES if into else 1
        values[r.HIGH_KW, a] = draw(POWER) if out else 0.0
        values[r.LOW_KW, a] = 0.0 - draw(POWER) if into else 0.0
        values[r.BASE_KW, a] = draw(st.one_of(st.floats(-400.0, 400.0), st.just(np.nan)))
        values[r.SOC_PCT, a] = draw(st.one_of(st.floats(0.0, 100.0), st.just(np.nan)))
        values[r.MANUAL_KW, a] = draw(st.sampled_from([np.nan, np.nan, np.nan, 20.0]))
    low, high = draw(DUTY), draw(DUTY)
    site[r.MUST_LOW_KW], site[r.MUST_HIGH_KW] = low or -np.inf, -high if high else np.inf
    site_codes[r.MUST_LOW_BY], site_codes[r.MUST_HIGH_BY] = draw(st.permutations([Reason.GRID_CODE, Reason.RELIEVES]))
    site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW] = draw(st.sampled_from([-np.inf, -150.0])), draw(
        st.sampled_from([np.inf, 150.0])
    )
    return {"values": values, "codes": codes, "site": site, "site_codes": site_codes, "ratings": ratings}


def kept(values: Any) -> Any:
    return np.clip(np.nan_to_num(values[r.BASE_KW]), values[r.LOW_KW], values[r.HIGH_KW])


@settings(max_examples=400, deadline=None)
@given(facts=sites())
def test_all_together_are_in_bounds_or_everybody_who_may_is_at_the_band(facts: dict[str, Any]) -> None:
    """Rank 2 beats every request, never the band; what is missing is exactly what is said to be."""
    values, codes, site, site_codes = (facts[name] for name in ("values", "codes", "site", "site_codes"))
    before = values.copy()
    oblige(values, codes, site, site_codes, facts["ratings"], r.BASE_KW, True)
    values[r.LIMITED_KW] = kept(values)
    short = missing(values, site, site_codes, r.LIMITED_KW)
    moved = codes[r.RESOLVE_BY] != 0
    before[r.LIMITED_KW] = values[r.LIMITED_KW]
    assert np.array_equal(values[:, ~moved], before[:, ~moved], equal_nan=True)
    assert (values[r.BASE_KW, moved] >= values[r.LOW_KW, moved] - SLACK).all()
    assert (values[r.BASE_KW, moved] <= values[r.HIGH_KW, moved] + SLACK).all()
    by_hand = values[r.MANUAL_KW] == values[r.MANUAL_KW]
    assert not (moved & by_hand).any()
    duties = [(1.0, site[r.MUST_LOW_KW], r.MUST_LOW_BY, r.MAY_DISCHARGE, r.HIGH_KW, site[r.SITE_HIGH_KW]),
              (-1.0, -site[r.MUST_HIGH_KW], r.MUST_HIGH_BY, r.MAY_CHARGE, r.LOW_KW, -site[r.SITE_LOW_KW])]  # fmt: skip
    due = [duty for duty in duties if duty[1] > 0.0]
    if len(due) == 2:  # they contradict each other: the grid code's is the one
        other = next(duty for duty in due if site_codes[duty[2]] != Reason.GRID_CODE)
        due.remove(other)
        short -= other[1]
    if not due:
        assert short == 0.0
        assert not moved.any()
        return
    ((sign, size, by, permit, bound, most),) = due
    powers = sign * kept(values)
    assert not (moved & (codes[r.RESOLVE_BY] != site_codes[by])).any()
    assert (powers[~by_hand] >= 0.0).all(), "nobody runs against it"
    total = powers.sum()
    assert short == pytest.approx(max(0.0, size - total), abs=SLACK) or total > most
    if total < min(size, most) - SLACK:
        free = (codes[permit] == Permit.YES) & ~by_hand
        assert powers[free] == pytest.approx(sign * values[bound][free], abs=SLACK)


def test_it_is_shared_by_energy_and_what_is_full_is_left_out() -> None:
    values, codes = np.zeros((len(r.VALUE_ROWS), 3)), np.zeros((len(r.CODE_ROWS), 3), np.int64)
    site, site_codes = np.zeros(len(r.SITE_VALUE_ROWS)), np.zeros(len(r.SITE_CODE_ROWS), np.int64)
    ratings = np.ones((len(c.RATING_NAMES), 3))
    ratings[c.SOC_MIN], ratings[c.SOC_MAX], ratings[c.ENERGY_KWH] = 10.0, 90.0, 100.0
    codes[r.MAY_CHARGE] = codes[r.MAY_DISCHARGE] = Permit.YES
    values[r.LOW_KW], values[r.HIGH_KW], values[r.MANUAL_KW] = -100.0, 100.0, np.nan
    values[r.SOC_PCT] = [30.0, 50.0, 90.0]
    values[r.BASE_KW] = [10.0, 40.0, -50.0]
    site[r.MUST_LOW_KW], site[r.MUST_HIGH_KW], site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW] = 190.0, np.inf, -500.0, 500.0
    oblige(values, codes, site, site_codes, ratings, r.BASE_KW, True)
    assert missing(values, site, site_codes, r.BASE_KW) == 0.0
    assert values[r.BASE_KW] == pytest.approx([30.0, 80.0, 80.0])  # 140 kW more, as 20 : 40 : 80


def test_what_is_not_shared_after_eight_passes_is_said_to_be_left() -> None:
    """Each asset weighs a hundredth of the one before: a pass fills one of them."""
    weight, free, share = 100.0 ** -np.arange(12.0), np.ones(12), np.full(12, 99.0)
    rest = fill(11.5, weight, free, share)
    assert (share[:8] == 1.0).all()
    assert (share[8:] < 1.0).all()
    assert rest == pytest.approx(11.5 - share.sum())
    assert rest > 1.0


@pytest.mark.parametrize("first", [Reason.GRID_CODE, Reason.RELIEVES])
def test_of_two_duties_that_contradict_each_other_the_grid_codes_is_done(first: Reason) -> None:
    values, codes = np.zeros((len(r.VALUE_ROWS), 1)), np.zeros((len(r.CODE_ROWS), 1), np.int64)
    site, site_codes = np.zeros(len(r.SITE_VALUE_ROWS)), np.zeros(len(r.SITE_CODE_ROWS), np.int64)
    ratings = np.ones((len(c.RATING_NAMES), 1))
    ratings[c.SOC_MAX], values[r.SOC_PCT], values[r.MANUAL_KW] = 90.0, 50.0, np.nan
    codes[r.MAY_CHARGE] = codes[r.MAY_DISCHARGE] = Permit.YES
    values[r.LOW_KW], values[r.HIGH_KW] = -100.0, 100.0
    site[r.MUST_LOW_KW], site[r.MUST_HIGH_KW], site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW] = 30.0, -40.0, -500.0, 500.0
    site_codes[r.MUST_HIGH_BY] = first
    site_codes[r.MUST_LOW_BY] = Reason.RELIEVES if first is Reason.GRID_CODE else Reason.GRID_CODE
    oblige(values, codes, site, site_codes, ratings, r.BASE_KW, True)
    short = missing(values, site, site_codes, r.BASE_KW)
    expected = (-40.0, 30.0) if first is Reason.GRID_CODE else (30.0, 40.0)
    assert (values[r.BASE_KW, 0], short) == pytest.approx(expected)
    assert codes[r.RESOLVE_BY, 0] == Reason.GRID_CODE
