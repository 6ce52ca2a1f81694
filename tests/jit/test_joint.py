"""What assets share, number by number: who is proven, the worst of who is not, the room of a group, one step off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jit import constants as c
from jit import joint
from jit import rows as r
from jit.codes import Condition, Permit, Reason
from jit.frame import F8, I8

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-CTRL-004")]

INF, NAN = np.inf, np.nan
ROW = len(r.VALUE_ROWS)


class Group:
    """Assets behind one limit; `facts` are rows and ratings by name, one number for all or one for each."""

    def __init__(self, assets: int = 1, **facts: Any) -> None:
        self.values, self.codes = np.full((ROW + 2, assets), NAN), np.zeros((len(r.CODE_ROWS), assets), np.int64)
        self.ratings = np.zeros((len(c.RATING_NAMES), assets))
        self.members = np.arange(assets)
        self.codes[r.PROVEN] = Permit.YES
        values, codes = [row.name for row in r.VALUE_ROWS], [row.name for row in r.CODE_ROWS]
        for name, value in facts.items():
            for matrix, names in ((self.values, values), (self.codes, codes), (self.ratings, list(c.RATING_NAMES))):
                if name in names:
                    matrix[names.index(name)] = value
        self.members.flags.writeable = self.ratings.flags.writeable = False


@pytest.mark.parametrize("charge", list(Permit))
@pytest.mark.parametrize("discharge", list(Permit))
@pytest.mark.parametrize("quality", [0, 1, 2])
@pytest.mark.parametrize("conditions", [0, Condition.FOLLOWS, ~int(Condition.FOLLOWS), -1])
def test_an_asset_is_proven_when_it_may_run_and_is_seen_to_follow(
    charge: Permit, discharge: Permit, quality: int, conditions: int
) -> None:
    one = Group(may_charge=charge, may_discharge=discharge, quality=quality, conditions=conditions)
    joint.judge(one.codes)
    sure = Permit.YES in (charge, discharge) and quality == 1 and conditions & Condition.FOLLOWS
    assert one.codes[r.PROVEN, 0] == (Permit.YES if sure else Permit.NO)


REMOTE = int(Condition.REMOTE)
AWAY = {"proven": Permit.NO, "quality": 2, "conditions": REMOTE, "power_kw": 40.0, "steady_s": 0.0, "age_s": 1.0,
        "reverts_after_s": 10.0, "valid_for_s": 3.0, "charge_kw": 100.0, "discharge_kw": 200.0}  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"proven": Permit.YES}, (0.0, 0.0)),
        ({"quality": 1}, (0.0, 40.0)),
        ({"quality": 1, "power_kw": -0.5}, (-0.5, 0.0)),
        ({"quality": 1, "reverts_to_kw": -9.0}, (0.0, 40.0)),
        ({"quality": 1, "holds_low_kw": -60.0, "holds_high_kw": 70.0}, (-60.0, 70.0)),
        ({"quality": 1, "steady_s": 99.0, "age_s": 99.0}, (0.0, 40.0)),
        ({"quality": 1, "power_kw": NAN}, (-100.0, 200.0)),
        ({}, (0.0, 40.0)),
        ({"reverts_to_kw": -9.0}, (-9.0, 40.0)),
        ({"reverts_to_kw": 50.0}, (0.0, 50.0)),
        ({"power_kw": NAN}, (-100.0, 200.0)),
        ({"steady_s": 13.5, "age_s": 13.5}, (0.0, 0.0)),
        ({"steady_s": 13.5, "age_s": 13.5, "reverts_to_kw": -9.0}, (-9.0, 0.0)),
        ({"steady_s": 13.5, "age_s": 13.5, "power_kw": NAN}, (0.0, 0.0)),
        ({"steady_s": 13.0, "age_s": 13.5}, (0.0, 40.0)),
        ({"steady_s": 13.5, "age_s": 13.0}, (0.0, 40.0)),
        ({"steady_s": 13.5, "age_s": NAN}, (0.0, 0.0)),
        ({"steady_s": NAN, "age_s": 13.5}, (0.0, 40.0)),
        ({"steady_s": 13.5, "age_s": 13.5, "conditions": 0}, (0.0, 40.0)),
        ({"steady_s": 13.5, "age_s": 13.5, "holds_high_kw": 7.0}, (0.0, 7.0)),
    ],
)
def test_of_what_is_not_proven_the_worst_is_possible_until_it_has_reverted(
    facts: dict[str, Any], expected: tuple[float, float]
) -> None:
    one = Group(**AWAY | facts)
    joint.possible(one.values, one.codes, one.ratings)
    assert (one.values[r.POSSIBLE_LOW_KW, 0], one.values[r.POSSIBLE_HIGH_KW, 0]) == expected


@pytest.mark.parametrize(
    ("other", "good", "required", "seen", "expected"),
    [
        (30.0, True, 1.0, (NAN, NAN), (30.0, -30.0)),
        (30.0, False, 1.0, (NAN, NAN), (INF, INF)),
        (NAN, True, 1.0, (NAN, NAN), (INF, INF)),
        (NAN, True, 0.0, (NAN, NAN), (20.0, 50.0)),
        (30.0, False, 0.0, (-40.0, 10.0), (20.0, 50.0)),
        (30.0, False, 0.0, (-60.0, 25.0), (25.0, 60.0)),
    ],
)
def test_without_its_meter_a_site_counts_what_is_declared_or_was_seen(
    other: float, good: bool, required: float, seen: tuple[float, float], expected: tuple[float, float]
) -> None:
    site, site_codes = np.full(len(r.SITE_VALUE_ROWS), NAN), np.zeros(len(r.SITE_CODE_ROWS), np.int64)
    constants = np.zeros(len(c.SITE_NAMES))
    constants[c.POC_REQUIRED], constants[c.MAX_PV], constants[c.MAX_LOAD] = required, 20.0, 50.0
    site[r.OTHER_KW], site[r.OTHER_OFF_KW], site_codes[r.POC_QUALITY] = other, 0.0, 1 if good else 2
    site[r.OTHER_LEAST_KW], site[r.OTHER_MOST_KW] = seen
    assert joint.rooms(site, site_codes, constants) == expected


@pytest.mark.hazard("S4")
def test_a_derated_battery_counts_with_what_it_is_given_to_try() -> None:
    """Half the tolerance more than it holds, and never beyond what it was derated to."""
    values, ratings = np.zeros((len(r.VALUE_ROWS), 1)), np.zeros((len(c.RATING_NAMES), 1))
    values[r.EFFECT_LOW_KW], values[r.EFFECT_HIGH_KW], ratings[c.TOLERANCE_KW] = -3.0, INF, 7.5
    assert joint.tried(values, ratings, 0, 0.0, 2.0) == (-3.0, 2.0)
    values[r.EFFECT_LOW_KW], values[r.EFFECT_HIGH_KW] = -30.0, 20.0
    assert joint.tried(values, ratings, 0, -10.0, 2.0) == (-13.75, 5.75)
    assert joint.tried(values, ratings, 0, -50.0, 30.0) == (-50.0, 30.0)


@pytest.mark.hazard("S4")
def test_what_else_hangs_there_counts_at_the_worst_that_it_may_be() -> None:
    """Measured while a battery moved: as infeed against export, as load against import."""
    site, site_codes = np.zeros(len(r.SITE_VALUE_ROWS)), np.ones(len(r.SITE_CODE_ROWS), np.int64)
    site[r.OTHER_KW], site[r.OTHER_OFF_KW] = 30.0, 12.0
    assert joint.rooms(site, site_codes, np.zeros(len(c.SITE_NAMES))) == (42.0, -18.0)


@pytest.mark.parametrize(
    ("room", "left", "parts"),
    [
        (100.0, (70.0, 60.0), [(-70.0, 60.0), (-70.0, 60.0), (-30.0, 40.0)]),
        (35.0, (5.0, 0.0), [(-5.0, 0.0), (-5.0, 0.0), (-30.0, 35.0)]),
        (20.0, (0.0, 0.0), [(0.0, 0.0), (0.0, 0.0), (-20.0, 20.0)]),
        (INF, (INF, INF), [(-INF, INF), (-INF, INF), (-INF, INF)]),
    ],
)
def test_who_is_not_proven_takes_its_worst_from_the_room_of_the_others(
    room: float, left: tuple[float, float], parts: list[tuple[float, float]]
) -> None:
    g = Group(3, possible_low_kw=[0.0, 0.0, -30.0], possible_high_kw=[0.0, 0.0, 40.0])
    g.codes[r.PROVEN, 2] = Permit.NO
    joint.no_opinion(g.values, ROW)
    assert joint.share(g.values, g.codes, g.members, 0, 3, room, room, ROW) == left
    assert list(zip(g.values[ROW], g.values[ROW + 1], strict=True)) == parts
    joint.share(g.values, g.codes, g.members, 0, 1, 3.0, 4.0, ROW)  # a narrower group: the narrowest part stands
    joint.share(g.values, g.codes, g.members, 0, 1, 90.0, 90.0, ROW)
    assert (-g.values[ROW, 0], g.values[ROW + 1, 0]) == (min(3.0, -parts[0][0]), min(4.0, parts[0][1]))


WHY = int(Reason.SITE_LIMITED)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("powers", "wishes", "bound", "proven", "expected"),
    [
        ([50.0, 30.0], [50.0, 30.0], 80.0, "yy", [50.0, 30.0]),
        ([50.0, 30.0], [50.0, 30.0], 40.0, "yy", [25.0, 15.0]),
        ([50.0, 30.0], [90.0, 30.0], 40.0, "yy", [30.0, 10.0]),
        ([1.0, 3.0], [1.0, 3.0], 2.0, "yy", [0.5, 1.5]),
        ([50.0, 30.5], [50.0, 30.5], 80.0, "yy", [80.0 * 50.0 / 80.5, 80.0 * 30.5 / 80.5]),
        ([50.0, 10.0], [50.0, 100.0], 40.0, "yy", [30.0, 10.0]),
        ([50.0, 30.0], [50.0, 30.0], NAN, "yy", [0.0, 0.0]),
        ([50.0, 30.0], [50.0, 30.0], -5.0, "yy", [0.0, 0.0]),
        ([50.0, 30.0], [50.0, 30.0], 40.0, "yn", [40.0, 30.0]),
        ([50.0, 30.0], [50.0, 30.0], 0.5, "yy", [0.3125, 0.1875]),
        ([50.0, 0.0], [50.0, 70.0], 20.0, "yy", [20.0, 0.0]),
        ([0.0, 0.0], [50.0, 30.0], 0.0, "yy", [0.0, 0.0]),
    ],
)
def test_a_group_is_cut_by_what_its_members_wish_and_names_who_was(
    sign: float, powers: list[float], wishes: list[float], bound: float, proven: str, expected: list[float]
) -> None:
    g = Group(2, ramped_kw=[sign * power for power in powers], desired_kw=[sign * wish for wish in wishes])
    g.codes[r.PROVEN] = [Permit.YES if letter == "y" else Permit.NO for letter in proven]
    low, high = (-77.0, bound) if sign > 0.0 else (-bound, 77.0)
    joint.squeeze(g.values, g.codes, g.members, 0, 2, low, high, r.RAMPED_KW, r.DESIRED_KW, r.RAMP_BY, WHY)
    assert sign * g.values[r.RAMPED_KW] == pytest.approx(expected)
    cut = [power != wanted for power, wanted in zip(powers, expected, strict=True)]
    assert (g.codes[r.RAMP_BY] == WHY).tolist() == cut


def test_who_is_at_the_bound_together_is_not_cut_by_a_last_bit() -> None:
    rng = np.random.default_rng(3)
    for powers in rng.uniform(0.0, 100.0, (50, 3)):
        g = Group(3, ramped_kw=powers, desired_kw=rng.uniform(100.0, 200.0, 3))
        bound = float(powers[0]) + float(powers[1]) + float(powers[2])
        joint.squeeze(g.values, g.codes, g.members, 0, 3, -1.0, bound, r.RAMPED_KW, r.DESIRED_KW, r.RAMP_BY, WHY)
        assert g.values[r.RAMPED_KW].tolist() == powers.tolist()
        assert not g.codes[r.RAMP_BY].any()


@pytest.mark.parametrize(
    ("limits", "told", "expected"),
    [
        ((100.0, 100.0), (INF, INF), (-100.0, 100.0, r.L_SITE, r.L_SITE)),
        ((100.0, 100.0), (40.0, INF), (-40.0, 100.0, r.L_GRID_OPERATOR, r.L_SITE)),
        ((100.0, 100.0), (INF, 40.0), (-100.0, 40.0, r.L_SITE, r.L_GRID_OPERATOR)),
        ((100.0, 100.0), (100.0, 100.0), (-100.0, 100.0, r.L_SITE, r.L_SITE)),
        ((100.0, 100.0), (0.5, 0.0), (-0.5, 0.0, r.L_GRID_OPERATOR, r.L_GRID_OPERATOR)),
        ((0.0, 0.5), (40.0, 40.0), (0.0, 0.5, r.L_SITE, r.L_SITE)),
    ],
)
def test_the_narrower_of_site_and_grid_operator_is_the_sites_band_and_named_so(
    limits: tuple[float, float], told: tuple[float, float], expected: tuple[float, float, int, int]
) -> None:
    g = Group(possible_low_kw=0.0, possible_high_kw=0.0)
    values = np.full((ROW + 2 * len(r.LIMITS), 1), NAN)
    values[:ROW] = g.values[:ROW]
    site, site_codes, starts = site_of(g, NAN, NAN)
    constants = np.zeros(len(c.SITE_NAMES))
    constants[c.IMPORT_LIMIT], constants[c.EXPORT_LIMIT] = limits
    site[r.MEAN_IMPORT_KW] = site[r.MEAN_EXPORT_KW] = INF
    site[r.OTHER_KW], site[r.OTHER_OFF_KW], site_codes[r.POC_QUALITY] = 0.0, 0.0, 1
    site[r.CEILING_IMPORT_KW], site[r.CEILING_EXPORT_KW] = told
    joint.connect(values, g.codes, site, site_codes, constants, starts, g.members, ROW)
    low, high, low_by, high_by = expected
    assert (site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW]) == (low, high)
    assert (site_codes[r.SITE_LOW_BY], site_codes[r.SITE_HIGH_BY]) == (low_by + 1, high_by + 1)
    row, operator = ROW + 2 * r.L_SITE, ROW + 2 * r.L_GRID_OPERATOR
    assert (values[row, 0], values[row + 1, 0]) == (-limits[0], limits[1])
    assert (values[operator, 0], values[operator + 1, 0]) == (-told[0], told[1])


@pytest.mark.parametrize(
    ("mean", "expected"), [(INF, (95.0, 77.5)), (96.0, (95.0, 77.5)), (60.0, (60.0, 60.0)), (0.0, (0.0, 0.0))]
)
def test_a_limit_of_the_site_is_kept_with_its_margin_and_what_the_mean_leaves(
    mean: float, expected: tuple[float, float]
) -> None:
    site, constants = np.full(len(r.SITE_VALUE_ROWS), NAN), np.zeros(len(c.SITE_NAMES))
    constants[c.IMPORT_LIMIT], constants[c.IMPORT_MARGIN] = 100.0, 5.0
    constants[c.EXPORT_LIMIT], constants[c.EXPORT_MARGIN] = 80.0, 2.5
    site[r.MEAN_IMPORT_KW] = site[r.MEAN_EXPORT_KW] = mean
    assert joint.limits_of_site(site, constants) == expected


@pytest.mark.parametrize(
    ("other", "told", "band", "parts"),
    [
        (30.0, (INF, INF), (-130.0, 70.0), (-INF, INF)),
        (-30.0, (INF, INF), (-70.0, 130.0), (-INF, INF)),
        (30.0, (40.0, 40.0), (-70.0, 10.0), (-70.0, 10.0)),
        (130.0, (40.0, 40.0), (-170.0, 0.0), (-170.0, 0.0)),
        (NAN, (INF, INF), (0.0, 0.0), (-INF, INF)),
        (NAN, (40.0, 40.0), (0.0, 0.0), (0.0, 0.0)),
    ],
)
def test_what_everything_else_does_leaves_the_room_and_a_lost_meter_none(
    other: float, told: tuple[float, float], band: tuple[float, float], parts: tuple[float, float]
) -> None:
    """Limits of 100 kW, a meter that must be there; where no ceiling is told, the grid operator has no opinion."""
    values, codes = np.zeros((ROW + 2 * len(r.LIMITS), 1)), Group().codes
    site, site_codes, starts = site_of(Group(), NAN, NAN)
    constants = np.zeros(len(c.SITE_NAMES))
    constants[c.IMPORT_LIMIT] = constants[c.EXPORT_LIMIT] = 100.0
    constants[c.POC_REQUIRED] = 1.0
    site[r.MEAN_IMPORT_KW] = site[r.MEAN_EXPORT_KW] = INF
    site[r.OTHER_KW], site[r.OTHER_OFF_KW], site_codes[r.POC_QUALITY] = other, 0.0, 1
    site[r.CEILING_IMPORT_KW], site[r.CEILING_EXPORT_KW] = told
    joint.connect(values, codes, site, site_codes, constants, starts, np.array([0]), ROW)
    assert (site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW]) == band
    operator = ROW + 2 * r.L_GRID_OPERATOR
    assert (values[operator, 0], values[operator + 1, 0]) == parts


def site_of(g: Group, low: float, high: float, by: int = r.L_SITE + 1) -> tuple[F8, I8, I8]:
    site, site_codes = np.full(len(r.SITE_VALUE_ROWS) + 2, NAN), np.zeros(len(r.SITE_CODE_ROWS), np.int64)
    site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW] = low, high
    site_codes[r.SITE_LOW_BY] = site_codes[r.SITE_HIGH_BY] = by
    return site, site_codes, np.array([0, g.values.shape[1]])


@pytest.mark.parametrize(
    ("powers", "expected", "direction"),
    [
        ([50.0, -20.0, 0.0], [50.0, 0.0, 0.0], 1),
        ([20.0, -50.0, -5.0], [0.0, -50.0, -5.0], -1),
        ([20.0, -20.0, 0.0], [0.0, 0.0, 0.0], 0),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], 0),
        ([0.25, -0.5, 0.0], [0.0, -0.5, 0.0], -1),
        ([0.5, -0.25, 0.0], [0.5, 0.0, 0.0], 1),
    ],
)
def test_no_battery_charges_while_another_discharges(
    powers: list[float], expected: list[float], direction: int
) -> None:
    g = Group(3, ramped_kw=powers)
    site, site_codes, starts = site_of(g, -INF, INF)
    given = g.values, g.codes, site, site_codes, starts, g.members, len(r.SITE_VALUE_ROWS)
    assert joint.together(*given, r.RAMPED_KW, r.RAMPED_KW, r.RAMP_BY) == direction
    assert g.values[r.RAMPED_KW].tolist() == expected
    turned = [Reason.ONE_DIRECTION if power != found else 0 for power, found in zip(powers, expected, strict=True)]
    assert g.codes[r.RAMP_BY].tolist() == turned


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("by", "why"),
    [(r.L_SITE + 1, Reason.SITE_LIMITED), (r.L_GRID_OPERATOR + 1, Reason.GRID_OPERATOR_LIMITED)],
)
def test_the_transformers_come_first_and_the_site_last_each_with_its_name(sign: float, by: int, why: Reason) -> None:
    """Two assets behind a transformer of 30 kW, all three behind a site of 60 kW."""
    g = Group(3, ramped_kw=[sign * 40.0, sign * 20.0, sign * 10.0])
    site, site_codes, _ = site_of(g, -60.0 if sign < 0.0 else -1.0, 60.0 if sign > 0.0 else 1.0, by)
    opposite = r.SITE_LOW_BY if sign > 0.0 else r.SITE_HIGH_BY
    site_codes[opposite] = 0
    band = len(r.SITE_VALUE_ROWS)
    site[band : band + 2] = (-2.0, 30.0) if sign > 0.0 else (-30.0, 2.0)
    starts, members = np.array([0, 3, 5]), np.array([0, 1, 2, 0, 1])
    given = g.values, g.codes, site, site_codes, starts, members, band
    joint.together(*given, r.RAMPED_KW, r.RAMPED_KW, r.RAMP_BY)
    assert sign * g.values[r.RAMPED_KW] == pytest.approx([20.0, 10.0, 10.0])
    assert g.codes[r.RAMP_BY].tolist() == [Reason.TRANSFORMER_LIMITED, Reason.TRANSFORMER_LIMITED, 0]
    site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW] = -20.0, 20.0
    joint.together(*given, r.RAMPED_KW, r.RAMPED_KW, r.RAMP_BY)
    assert sign * g.values[r.RAMPED_KW] == pytest.approx([10.0, 5.0, 5.0])
    assert g.codes[r.RAMP_BY].tolist() == [why, why, why]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_who_cuts_less_than_a_kilowatt_is_named_as_well(sign: float) -> None:
    g = Group(ramped_kw=sign * 0.75)
    site, site_codes, starts = site_of(g, -0.5, 0.5)
    site_codes[r.SITE_HIGH_BY if sign > 0.0 else r.SITE_LOW_BY] = r.L_GRID_OPERATOR + 1
    given = g.values, g.codes, site, site_codes, starts, g.members, len(r.SITE_VALUE_ROWS)
    joint.together(*given, r.RAMPED_KW, r.RAMPED_KW, r.RAMP_BY)
    assert (g.values[r.RAMPED_KW, 0], g.codes[r.RAMP_BY, 0]) == (sign * 0.5, Reason.GRID_OPERATOR_LIMITED)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("powers", "bound", "given", "expected"),
    [
        ([10.0, 20.0, 5.0], 35.0, -1, [10.0, 20.0, 5.0]),
        ([10.0, 20.0, 5.0], 34.9, 1, [10.0, 19.0, 5.0]),
        ([10.0, 5.0, 10.0], 24.0, 0, [9.0, 5.0, 10.0]),
        ([0.0, 0.5, 0.0], 0.4, 1, [0.0, 0.0, 0.0]),
        ([0.0, 2.5, 0.0], 2.4, 1, [0.0, 0.0, 0.0]),
        ([0.0, 3.0, 0.0], 2.9, 1, [0.0, 2.0, 0.0]),
        ([0.0, 0.0, 0.0], 0.0, -1, [0.0, 0.0, 0.0]),
    ],
)
def test_what_rounding_put_over_a_bound_the_largest_gives_back_in_one_step(
    sign: float, powers: list[float], bound: float, given: int, expected: list[float]
) -> None:
    """At or above its minimum power, else 0."""
    g = Group(3, command_kw=[sign * power for power in powers], resolution_kw=1.0,
              min_charge_kw=2.0 if sign < 0.0 else 50.0, min_discharge_kw=2.0 if sign > 0.0 else 50.0)  # fmt: skip
    low, high = (-9.0, bound) if sign > 0.0 else (-bound, 9.0)
    assert joint.settle(g.values, g.codes, g.ratings, g.members, 0, 3, low, high) == given
    assert (sign * g.values[r.COMMAND_KW]).tolist() == expected


def test_less_than_a_kilowatt_is_given_back_by_less() -> None:
    g = Group(2, command_kw=[0.75, 0.25], resolution_kw=0.25)
    assert joint.settle(g.values, g.codes, g.ratings, g.members, 0, 2, -9.0, 0.9) == 0
    assert g.values[r.COMMAND_KW].tolist() == [0.5, 0.25]


def test_a_device_without_a_resolution_gives_the_least_step_and_who_is_not_proven_gives_nothing() -> None:
    g = Group(2, command_kw=[90.0, 10.0])
    g.codes[r.PROVEN, 0] = Permit.NO
    assert joint.settle(g.values, g.codes, g.ratings, g.members, 0, 2, -9.0, 10.0) == -1
    assert joint.settle(g.values, g.codes, g.ratings, g.members, 0, 2, -9.0, 9.0) == 1
    assert g.values[r.COMMAND_KW].tolist() == [90.0, 10.0 - 1e-6]
    assert joint.settle(g.values, g.codes, g.ratings, g.members, 0, 1, -9.0, 9.0) == -1, "nobody of them is proven"
    other = Group(2, command_kw=[10.0, 90.0])
    other.codes[r.PROVEN, 1] = Permit.NO
    assert joint.settle(other.values, other.codes, other.ratings, other.members, 0, 2, -9.0, 9.0) == 0


def test_a_sum_is_beyond_its_bound_by_the_last_bit_and_not_by_the_rounding_of_the_sum() -> None:
    """In float64 2⁵³ + 1 + 1 is 2⁵³."""
    g = Group(3, command_kw=[2.0**53, 1.0, 1.0], resolution_kw=1.0)
    assert joint.beyond(g.values, g.codes, g.members, 0, 3, -1.0, 2.0**53) == 2.0
    assert joint.beyond(g.values, g.codes, g.members, 0, 3, -1.0, 2.0**53 + 2.0) <= 0.0
    g.values[r.COMMAND_KW] *= -1.0
    assert joint.beyond(g.values, g.codes, g.members, 0, 3, -(2.0**53), 1.0) == 2.0
    assert joint.beyond(g.values, g.codes, g.members, 0, 3, -(2.0**53) - 2.0, 1.0) <= 0.0
    g.values[r.COMMAND_KW] = [1.0, 2.0**53, 1.0]
    assert joint.beyond(g.values, g.codes, g.members, 0, 3, -1.0, 2.0**53) == 2.0
