"""The steps of sharing, one at a time: energy, room, shares by weight, and who is moved by what must be done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jit import constants as c
from jit import rows as r
from jit import sharing
from jit.codes import Permit, Reason

pytestmark = [pytest.mark.req("LH-MKT-006", "LH-CTRL-002"), pytest.mark.safety]

NAN, INF = np.nan, np.inf


class Two:
    """Batteries of 200 kWh at 50 %, between 10 and 90 %, without losses; ± 100 kW, no power asked."""

    def __init__(self, **facts: Any) -> None:
        self.values, self.codes = np.full((len(r.VALUE_ROWS), 2), NAN), np.zeros((len(r.CODE_ROWS), 2), np.int64)
        self.ratings = np.zeros((len(c.RATING_NAMES), 2))
        self.site, self.site_codes = np.full(len(r.SITE_VALUE_ROWS), NAN), np.zeros(len(r.SITE_CODE_ROWS), np.int64)
        usual = {"soc_pct": 50.0, "soc_min": 10.0, "soc_max": 90.0, "energy_kwh": 200.0, "eff_charge": 1.0,
                 "eff_discharge": 1.0, "low_kw": -100.0, "high_kw": 100.0, "base_kw": 0.0,
                 "may_charge": Permit.YES, "may_discharge": Permit.YES}  # fmt: skip
        values, codes = [row.name for row in r.VALUE_ROWS], [row.name for row in r.CODE_ROWS]
        for name, value in (usual | facts).items():
            for matrix, names in ((self.values, values), (self.codes, codes), (self.ratings, list(c.RATING_NAMES))):
                if name in names:
                    matrix[names.index(name)] = value

    def oblige(
        self, low: float = -INF, high: float = INF, band: tuple[float, float] = (-INF, INF),
        by: tuple[Reason, Reason] = (Reason.RELIEVES, Reason.GRID_CODE),
    ) -> float:  # fmt: skip
        self.site[r.MUST_LOW_KW], self.site[r.MUST_HIGH_KW] = low, high
        self.site[r.SITE_LOW_KW], self.site[r.SITE_HIGH_KW] = band
        self.site_codes[r.MUST_LOW_BY], self.site_codes[r.MUST_HIGH_BY] = by
        sharing.oblige(self.values, self.codes, self.site, self.site_codes, self.ratings, r.BASE_KW, True)
        low, high = np.nan_to_num(self.values[[r.LOW_KW, r.HIGH_KW]], nan=0.0)
        self.values[r.LIMITED_KW] = np.clip(np.nan_to_num(self.values[r.BASE_KW]), low, high)
        return sharing.missing(self.values, self.site, self.site_codes, r.LIMITED_KW)

    @property
    def powers(self) -> list[float]:
        return [float(kw) for kw in self.values[r.BASE_KW]]


@pytest.mark.parametrize(
    ("soc", "stored", "room"),
    [(50.0, 72.0, 100.0), (10.0, 0.0, 200.0), (10.5, 0.9, 198.75), (89.5, 143.1, 1.25), (90.0, 144.0, 0.0),
     (5.0, 0.0, 212.5), (95.0, 153.0, 0.0), (NAN, 0.0, 0.0)],
)  # fmt: skip
def test_energy_counts_at_the_terminals_between_the_least_and_the_most_charge(
    soc: float, stored: float, room: float
) -> None:
    """Losses take from what can be discharged and add to what can be charged."""
    two = Two(soc_pct=soc, eff_discharge=0.9, eff_charge=0.8)
    assert sharing.stored(two.values, two.ratings, 1) == pytest.approx(stored)
    assert sharing.room(two.values, two.ratings, 1) == pytest.approx(room)


@pytest.mark.parametrize(
    ("whole", "weight", "free", "share", "rest"),
    [
        (30.0, [1.0, 2.0], [100.0, 100.0], [10.0, 20.0], 0.0),
        (30.0, [1.0, 2.0], [5.0, 100.0], [5.0, 25.0], 0.0),
        (30.0, [1.0, 2.0], [5.0, 10.0], [5.0, 10.0], 15.0),
        (30.0, [1.0, 0.0], [5.0, 100.0], [5.0, 0.0], 25.0),
        (30.0, [0.5, 0.25], [100.0, 100.0], [20.0, 10.0], 0.0),
        (0.5, [1.0, 4.0], [1.0, 1.0], [0.1, 0.4], 0.0),
        (30.0, [0.0, 0.0], [100.0, 100.0], [0.0, 0.0], 30.0),
        (0.0, [1.0, 2.0], [100.0, 100.0], [0.0, 0.0], 0.0),
        (1e-9, [1.0, 1.0], [100.0, 100.0], [0.0, 0.0], 1e-9),
        (2e-9, [1.0, 1.0], [100.0, 100.0], [1e-9, 1e-9], 0.0),
    ],
)
def test_shares_go_by_weight_up_to_what_is_free_and_the_rest_again(
    whole: float, weight: list[float], free: list[float], share: list[float], rest: float
) -> None:
    found = np.full(2, 99.0)
    assert sharing.fill(whole, np.array(weight), np.array(free), found) == pytest.approx(rest, abs=1e-15)
    assert found.tolist() == pytest.approx(share, abs=1e-15)


@pytest.mark.parametrize(
    ("rest", "free", "share", "expected"),
    [
        (5.0, [5.0, 15.0], [0.0, 10.0], [2.5, 12.5]),
        (0.5, [5.0, 15.0], [0.0, 10.0], [0.25, 10.25]),
        (10.0, [5.0, 15.0], [0.0, 10.0], [5.0, 15.0]),
        (15.0, [5.0, 15.0], [0.0, 10.0], [5.0, 15.0]),
        (0.0, [5.0, 15.0], [5.0, 15.0], [5.0, 15.0]),
        (3.0, [5.0, 15.0], [5.0, 15.0], [5.0, 15.0]),
    ],
)
def test_what_energy_cannot_give_is_spread_by_what_is_free(
    rest: float, free: list[float], share: list[float], expected: list[float]
) -> None:
    found = np.array(share)
    sharing.top_up(rest, np.array(free), found)
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [(-1.0, 0.0), (0.0, 0.0), (0.5, 0.5), (9.0, 9.0), (INF, 1e12), (2e12, 1e12), (NAN, 0.0), (-INF, 0.0)],
)
def test_a_part_of_a_band_is_never_negative_and_never_infinite(size: float, expected: float) -> None:
    assert sharing.bounded(size) == expected


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("power", "low", "high", "kept"),
    [
        (50.0, -100.0, 100.0, 50.0), (150.0, -100.0, 100.0, 100.0), (-150.0, -100.0, 100.0, -100.0),
        (NAN, -100.0, 100.0, 0.0), (50.0, -100.0, NAN, 0.0), (-50.0, NAN, 100.0, 0.0), (50.0, 10.0, 100.0, 50.0),
        (5.0, 10.0, 100.0, 5.0), (-5.0, -100.0, -10.0, -5.0), (0.75, -0.5, 0.5, 0.5), (-0.75, -0.5, 0.5, -0.5),
    ],
)  # fmt: skip
def test_what_is_asked_counts_within_the_band_and_unknown_is_no_bound(
    sign: float, power: float, low: float, high: float, kept: float
) -> None:
    two = Two(base_kw=power, low_kw=low, high_kw=high)
    assert sharing.own(two.values, r.BASE_KW, 1, sign) == sign * kept


@pytest.mark.parametrize("out", [True, False], ids=["out", "in"])
@pytest.mark.parametrize(
    ("base", "due", "expected", "short"),
    [
        ([0.0, 0.0], 40.0, [20.0, 20.0], 0.0),
        ([30.0, 0.0], 40.0, [35.0, 5.0], 0.0),
        ([30.0, 10.0], 40.0, [30.0, 10.0], 0.0),
        ([60.0, 10.0], 40.0, [60.0, 10.0], 0.0),
        ([60.0, -10.0], 40.0, [60.0, 0.0], 0.0),
        ([-60.0, -10.0], 40.0, [20.0, 20.0], 0.0),
        ([NAN, 0.0], 40.0, [20.0, 20.0], 0.0),
        ([90.0, 0.0], 150.0, [100.0, 50.0], 0.0),
        ([90.0, 0.0], 250.0, [100.0, 100.0], 50.0),
        ([0.0, 0.0], 0.5, [0.25, 0.25], 0.0),
        ([-0.5, 0.0], 0.25, [0.125, 0.125], 0.0),
    ],
)
def test_all_are_moved_by_energy_to_what_is_due_and_what_is_missing_is_said(
    out: bool, base: list[float], due: float, expected: list[float], short: float
) -> None:
    """Who has power beyond its part keeps it; nobody runs against it."""
    sign = 1.0 if out else -1.0
    two = Two(base_kw=sign * np.array(base))
    found = two.oblige(low=due) if out else two.oblige(high=-due)
    assert found == pytest.approx(short)
    assert two.powers == pytest.approx([sign * kw for kw in expected])
    moved = [kw != was for kw, was in zip(expected, base, strict=True)]
    assert two.codes[r.RESOLVE_BY].tolist() == [
        (Reason.RELIEVES if out else Reason.GRID_CODE) if one else 0 for one in moved
    ]


@pytest.mark.parametrize("out", [True, False], ids=["out", "in"])
@pytest.mark.parametrize(
    ("facts", "expected", "short"),
    [
        ({"manual_kw": [NAN, 30.0], "base_kw": [0.0, 30.0]}, [10.0, 30.0], 0.0),
        ({"manual_kw": [NAN, -30.0], "base_kw": [0.0, -30.0]}, [70.0, -30.0], 0.0),
        ({"may": [1, 2]}, [0.0, 40.0], 0.0),
        ({"may": [1, 1]}, [0.0, 0.0], 40.0),
        ({"soc_pct": [10.0, 50.0], "opposite": [90.0, 50.0]}, [0.0, 40.0], 0.0),
        ({"most": [10.0, 100.0]}, [10.0, 30.0], 0.0),
        ({"most": [10.0, 20.0]}, [10.0, 20.0], 10.0),
        ({"most": [0.5, 100.0]}, [0.5, 39.5], 0.0),
        ({"soc_pct": [10.0, 10.0], "opposite": [90.0, 90.0], "most": [30.0, 90.0]}, [10.0, 30.0], 0.0),
    ],
)
def test_who_may_be_moved_is_by_permission_band_and_energy(
    out: bool, facts: dict[str, Any], expected: list[float], short: float
) -> None:
    """By hand it counts and is left alone; where energy is not enough, what is free decides. 40 kW are due."""
    sign = 1.0 if out else -1.0
    given = {name: value for name, value in facts.items() if name not in ("may", "most", "opposite")}
    given |= {name: sign * np.array(given[name]) for name in ("manual_kw", "base_kw") if name in given}
    if "may" in facts:
        given["may_discharge" if out else "may_charge"] = facts["may"]
    if "most" in facts:
        given["high_kw" if out else "low_kw"] = sign * np.array(facts["most"])
    if "opposite" in facts and not out:
        given["soc_pct"] = facts["opposite"]
    two = Two(**given)
    assert (two.oblige(low=40.0) if out else two.oblige(high=-40.0)) == pytest.approx(short)
    assert two.powers == pytest.approx([sign * kw for kw in expected])


@pytest.mark.parametrize(
    ("low", "high", "band", "powers", "short"),
    [
        (60.0, INF, (-5.0, 50.0), [25.0, 25.0], 10.0),
        (-INF, -60.0, (-50.0, 5.0), [-25.0, -25.0], 10.0),
        (60.0, INF, (-5.0, 0.0), [0.0, 0.0], 60.0),
        (60.0, INF, (-5.0, NAN), [0.0, 0.0], 60.0),
        (300.0, INF, (-5.0, 250.0), [100.0, 100.0], 100.0),
        (60.0, -20.0, (-500.0, 500.0), [-10.0, -10.0], 60.0),
        (0.5, -0.5, (-500.0, 500.0), [-0.25, -0.25], 0.5),
        (-9.0, 9.0, (-500.0, 500.0), [0.0, 0.0], 0.0),
        (NAN, NAN, (-500.0, 500.0), [0.0, 0.0], 0.0),
    ],
)
def test_what_must_be_done_never_leaves_the_sites_band(
    low: float, high: float, band: tuple[float, float], powers: list[float], short: float
) -> None:
    two = Two()
    assert two.oblige(low, high, band) == pytest.approx(short)
    assert two.powers == pytest.approx(powers)


@pytest.mark.parametrize("out", [True, False], ids=["out", "in"])
@pytest.mark.parametrize("size", [1.0, 0.01])
def test_of_two_duties_the_one_that_is_not_done_moves_nobody(out: bool, size: float) -> None:
    """The second battery can only do the other one."""
    may = {"may_charge" if out else "may_discharge": [Permit.YES, Permit.NO]}
    duties = (60.0 * size, -20.0 * size) if out else (20.0 * size, -60.0 * size)
    by = (Reason.RELIEVES, Reason.GRID_CODE) if out else (Reason.GRID_CODE, Reason.RELIEVES)
    two = Two(**may)
    assert two.oblige(*duties, by=by) == pytest.approx(60.0 * size)
    assert two.powers == pytest.approx([size * (-20.0 if out else 20.0), 0.0])
    assert two.codes[r.RESOLVE_BY].tolist() == [Reason.GRID_CODE, 0]


@pytest.mark.parametrize("by", [(Reason.GRID_CODE, Reason.RELIEVES), (Reason.RELIEVES, Reason.GRID_CODE)])
def test_a_duty_alone_is_done_whoever_demands_it(by: tuple[Reason, Reason]) -> None:
    out, into = Two(), Two()
    assert (out.oblige(low=40.0, by=by), into.oblige(high=-40.0, by=by)) == (0.0, 0.0)
    assert (out.powers, into.powers) == ([20.0, 20.0], [-20.0, -20.0])
    assert (out.codes[r.RESOLVE_BY, 0], into.codes[r.RESOLVE_BY, 0]) == by


def test_a_service_is_moved_without_a_word_about_the_request() -> None:
    two = Two()
    two.site[r.MUST_LOW_KW], two.site[r.MUST_HIGH_KW] = 40.0, INF
    two.site[r.SITE_LOW_KW], two.site[r.SITE_HIGH_KW] = -INF, INF
    sharing.oblige(two.values, two.codes, two.site, two.site_codes, two.ratings, r.BASE_KW, False)
    assert two.powers == [20.0, 20.0]
    assert not two.codes[r.RESOLVE_BY].any()
