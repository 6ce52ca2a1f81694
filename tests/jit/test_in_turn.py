"""Who may rise while another may still hold more than it was told, number by number (`joint.in_turn`)."""

from __future__ import annotations

import numpy as np
import pytest

from jit import joint
from jit import rows as r
from jit.codes import Permit, Reason
from tests.jit.test_joint import Group, site_of

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-CTRL-004")]

NAN = np.nan
WHY = int(Reason.SITE_LIMITED)


def holding(sign: float, powers: list[float], held: list[float], other: float = 0.0) -> Group:
    """What is ramped, and what the devices may still hold in its direction and, at most `other`, in the opposite."""
    ours, theirs = [sign * kw for kw in held], [-sign * other] * len(held)
    low, high = (theirs, ours) if sign > 0.0 else (ours, theirs)
    return Group(len(powers), ramped_kw=[sign * kw for kw in powers], holds_low_kw=low, holds_high_kw=high)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("powers", "held", "bound", "expected"),
    [
        ([30.0, 20.0], [0.0, 0.0], 50.0, [30.0, 20.0]),
        ([0.0, 50.0], [50.0, 0.0], 100.0, [0.0, 50.0]),
        ([0.0, 50.0], [50.0, 0.0], 60.0, [0.0, 10.0]),
        ([0.0, 50.0], [50.0, 0.0], 50.0, [0.0, 0.0]),
        ([0.0, 50.0], [50.0, 0.0], 20.0, [0.0, 0.0]),
        ([0.0, 50.0], [50.0, 0.0], NAN, [0.0, 0.0]),
        ([40.0, 30.0], [10.0, 60.0], 80.0, [20.0, 30.0]),
        ([50.0, 25.0], [0.0, 60.0], 80.0, [20.0, 25.0]),
        ([50.0, 20.0], [50.0, 0.0], 60.0, [50.0, 10.0]),
        ([50.0, 30.0], [50.0, 40.0], 60.0, [50.0, 30.0]),
        ([0.0, 0.75], [0.5, 0.25], 0.75, [0.0, 0.25]),
        ([0.0, 0.5], [0.5, 0.0], 0.75, [0.0, 0.25]),
        ([0.0, 0.0], [50.0, 0.0], 20.0, [0.0, 0.0]),
    ],
)
def test_power_rises_only_into_room_that_no_device_may_still_hold(
    sign: float, powers: list[float], held: list[float], bound: float, expected: list[float]
) -> None:
    """Row 26: the write that lowers one may be refused while the one that raises another is taken."""
    g = holding(sign, powers, held)
    low, high = (-500.0, bound) if sign > 0.0 else (-bound, 500.0)
    joint.in_turn(g.values, g.codes, g.members, 0, 2, low, high, r.RAMPED_KW, r.RAMP_BY, WHY)
    found = sign * g.values[r.RAMPED_KW]
    assert found == pytest.approx(expected)
    assert (g.codes[r.RAMP_BY] == WHY).tolist() == [kw != due for kw, due in zip(powers, expected, strict=True)]
    together = sum(max(kw, kept) for kw, kept in zip(found, held, strict=True))
    assert together <= max(np.nan_to_num(bound), sum(held)) + 1e-9


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_all_who_rise_wait_in_proportion_and_what_is_held_the_other_way_takes_no_room(sign: float) -> None:
    g = holding(sign, [0.0, 50.0, 25.0], [50.0, 0.0, 0.0], other=90.0)
    given = g.values, g.codes, g.members, 0, 3, -80.0, 80.0
    joint.in_turn(*given, r.RAMPED_KW, r.RAMP_BY, WHY)
    assert sign * g.values[r.RAMPED_KW] == pytest.approx([0.0, 20.0, 10.0])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_who_is_not_proven_neither_waits_nor_is_counted_twice(sign: float) -> None:
    """Its worst has been taken from the room already."""
    g = holding(sign, [0.0, 50.0, 90.0], [20.0, 0.0, 70.0])
    g.codes[r.PROVEN, 2] = Permit.NO
    given = g.values, g.codes, g.members, 0, 3, -60.0, 60.0
    joint.in_turn(*given, r.RAMPED_KW, r.RAMP_BY, WHY)
    assert sign * g.values[r.RAMPED_KW] == pytest.approx([0.0, 40.0, 90.0])
    assert g.codes[r.RAMP_BY].tolist() == [0, WHY, 0]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_each_transformer_has_its_own_room_and_the_site_comes_last(sign: float) -> None:
    """Two behind a transformer of 30 kW, two behind one of 60 kW, all four behind a site of 70 kW, then of 46 kW."""
    g = holding(sign, [0.0, 20.0, 0.0, 50.0], [20.0, 0.0, 20.0, 0.0])
    site, _, _ = site_of(g, -1.0, 1.0)
    band = len(r.SITE_VALUE_ROWS)
    site = np.concatenate([site, np.full(2, NAN)])
    starts, members = np.array([0, 4, 6, 8]), np.array([0, 1, 2, 3, 0, 1, 2, 3])
    both = slice(band, band + 2), slice(band + 2, band + 4), slice(r.SITE_LOW_KW, r.SITE_HIGH_KW + 1)
    for rows, kw in zip(both, (30.0, 60.0, 90.0), strict=True):
        site[rows] = (-1.0, kw) if sign > 0.0 else (-kw, 1.0)
    given = g.values, g.codes, site, starts, members, band, r.RAMPED_KW, r.RAMP_BY
    joint.one_after_another(*given)
    assert sign * g.values[r.RAMPED_KW] == pytest.approx([0.0, 10.0, 0.0, 40.0])
    told = Reason.TRANSFORMER_LIMITED
    assert g.codes[r.RAMP_BY].tolist() == [0, told, 0, told]
    site[both[2]] = (-1.0, 65.0) if sign > 0.0 else (-65.0, 1.0)
    joint.one_after_another(*given)
    assert sign * g.values[r.RAMPED_KW] == pytest.approx([0.0, 5.0, 0.0, 20.0])
    assert g.codes[r.RAMP_BY].tolist() == [0, Reason.SITE_LIMITED, 0, Reason.SITE_LIMITED]
