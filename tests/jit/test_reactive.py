"""The apparent-power circle, held against rational arithmetic: what is sent lies inside, and nothing is given away."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jit import constants as c
from jit import reactive
from jit import rows as r
from jit.codes import Authority, Permit, Reason
from tests.jit import oracle_grid as oracle

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SAFE-003")]

kva = st.one_of(st.sampled_from([500.0, 275.0, 0.5, 1.0, 1e6, 120.7]), st.floats(0.01, 1e6))
share = st.one_of(st.sampled_from([0.6, 0.8, 1.0, 0.0, 1.0 - 2**-52, 2**-30]), st.floats(1e-12, 1.0))
steps = st.sampled_from([0.1, 0.001, 1.0, 0.25, 5.0, 100.0])
#: Beside Q. A power below 1e-150 kW counts as 0 (`within`).
beside = st.floats(-1.0, 1.0).filter(lambda p: p == 0.0 or abs(p) > 1e-100)


@settings(max_examples=400, deadline=None)
@given(s=kva, p=share, q=share)
@example(s=500.0, p=0.6, q=0.8)
@example(s=0.5, p=0.6, q=0.8)
def test_within_is_never_wrong_about_what_is_inside(s: float, p: float, q: float) -> None:
    assert oracle.inside(p * s, q * s, s) or not reactive.within(p * s, q * s, s)


@pytest.mark.parametrize(("p", "q", "s"), [(300.0, 400.0, 500.0), (3.0, 4.0, 5.0), (0.0, 7.25, 7.25), (20, 21, 29)])
def test_on_the_circle_is_inside_and_one_bit_more_is_not(p: float, q: float, s: float) -> None:
    assert reactive.within(p, q, s)
    assert not reactive.within(p, np.nextafter(q, np.inf), s)
    assert not reactive.within(p, q, np.nextafter(s, 0.0))
    assert reactive.room(s, p) == q


@pytest.mark.parametrize("numbers", [(np.nan, 1.0, 5.0), (1.0, np.nan, 5.0), (1.0, 1.0, np.nan), (np.inf, 0.0, 5.0)])
def test_what_is_not_a_number_is_outside(numbers: tuple[float, float, float]) -> None:
    with np.errstate(all="ignore"):
        assert not reactive.within(*numbers)


@settings(max_examples=400, deadline=None)
@given(s=kva, p=st.one_of(share, st.floats(1.0, 2.0)))
def test_room_is_inside_for_certain_and_gives_nothing_away(s: float, p: float) -> None:
    used = p * s
    most = reactive.room(s, used)
    assert oracle.inside(used, most, s) or (most == 0.0 and used >= s)
    assert oracle.leg_below(s, used) - Fraction(most) <= Fraction(s) / 10**7


@pytest.mark.parametrize("s", [0.7, 0.01, 120.7])
def test_room_is_inside_where_the_root_is_rounded_out_of_the_circle(s: float) -> None:
    """Also where powers are less than 1 kW."""
    drawn = np.linspace(0.0, s, 300, endpoint=False).tolist()
    outside = [used for used in drawn if not reactive.within(used, reactive.leg(s, used), s)]
    assert outside
    assert all(reactive.within(used, reactive.room(s, used), s) for used in outside)


class One:
    """One asset at the end of the chain."""

    def __init__(self, **ratings: float) -> None:
        self.ratings = np.zeros((len(c.RATING_NAMES), 1))
        given = {"apparent_kva": 500.0, "reactive_kvar": 500.0, "ramp_kvar_s": 1e6, "resolution_kvar": 0.1}
        for name, value in (given | ratings).items():
            self.ratings[c.RATING_NAMES.index(name)] = value
        self.values = np.zeros((len(r.VALUE_ROWS), 1))
        self.codes = np.zeros((len(r.CODE_ROWS), 1), np.int64)
        self.codes[r.MAY_CHARGE] = self.codes[r.MAY_DISCHARGE] = Permit.YES
        self.codes[r.AUTHORITY], self.codes[r.ASKED_KVAR_BY] = Authority.ARMED, Reason.FOLLOWS_REQUEST
        self.codes[r.QUALITY] = 1
        self.past, self.past_codes = self.values.copy(), self.codes.copy()
        self.site = np.full(len(r.SITE_VALUE_ROWS), np.nan)
        for array in (self.ratings, self.past, self.past_codes):
            array.flags.writeable = False

    def sent(self, p: float, q: float, **rows: Any) -> float:
        """command_kvar after all three steps beside the same P."""
        self.values[r.ASKED_KVAR] = q
        self.values[[r.LIMITED_KW, r.RAMPED_KW, r.COMMAND_KW]] = p
        for name, value in rows.items():
            self.codes[getattr(r, name.upper())] = value
        reactive.constrain_kvar(self.values, self.codes, self.ratings)
        reactive.ramp_kvar(self.values, self.codes, self.past, self.past_codes, self.ratings, 1.0)
        reactive.command_kvar(self.values, self.codes, self.site, self.ratings)
        return float(self.values[r.COMMAND_KVAR, 0])

    @property
    def why(self) -> Reason:
        return Reason(int(self.codes[r.KVAR_BY, 0]))


@settings(max_examples=400, deadline=None)
@given(s=kva, most=share, p=beside, q=st.floats(-2.0, 2.0), step=steps)
def test_the_rounded_command_is_exactly_inside_and_the_next_step_is_not(
    s: float, most: float, p: float, q: float, step: float
) -> None:
    """S1, S2 for Q: toward zero, one resolution at most from what is asked, the rating or the circle."""
    one = One(apparent_kva=s, reactive_kvar=most * s, resolution_kvar=step)
    sent = one.sent(p * s, q * s)
    assert oracle.inside(p * s, sent, s)
    assert abs(sent) <= most * s
    assert sent * q >= 0.0
    assert abs(sent) <= abs(q * s)
    free = min(oracle.leg_below(s, p * s), Fraction(most * s), Fraction(abs(q * s)))
    assert free - abs(Fraction(sent)) <= Fraction(step) * (1 + Fraction(1, 10**6)) + Fraction(s) / 10**7
    assert one.site[r.TOTAL_KVAR] == sent


def test_300_and_400_of_500_come_out_whole() -> None:
    assert One().sent(300.0, 450.0) == 400.0
    assert One().sent(-300.0, -450.0) == -400.0
    assert One().sent(500.0, 100.0) == 0.0
    assert One().sent(0.0, 900.0) == 500.0
    assert One(reactive_kvar=1.0).sent(0.0, 5.0) == 1.0
    assert One(resolution_kvar=0.25).sent(0.0, 0.8) == 0.75
    assert One(resolution_kvar=0.25).sent(0.0, -0.8) == -0.75
    one = One(apparent_kva=17 * 0.7)
    assert reactive.rounded_kvar(20.0, 8 * 0.7, one.ratings, 0) == 10.4  # 10.5 is outside, by the last bit of 17 · 0.7
    one = One(apparent_kva=0.819, resolution_kvar=0.001)
    assert reactive.rounded_kvar(0.8, 0.315, one.ratings, 0) == 0.755  # 5 : 12 : 13, and outside by the last bit


@pytest.mark.parametrize(("p", "sent"), [(1e6, 0.0), (8e5, 6e5), (0.0, 1e6)])
def test_what_lies_far_outside_is_found_at_once_and_not_step_by_step(p: float, sent: float) -> None:
    """1 GVA in steps of 1 var: the tick has no time for 10⁹ of them."""
    one = One(apparent_kva=1e6, reactive_kvar=2e6, resolution_kvar=0.001, ramp_kvar_s=1e9)
    assert reactive.rounded_kvar(2e6, p, one.ratings, 0) == sent


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ({"may_charge": Permit.NO, "may_discharge": Permit.NO}, Reason.REACTIVE_FORBIDDEN),
        ({"fault": 4}, Reason.STAGE_FAULT),
    ],
)
def test_without_permission_and_after_a_failed_stage_it_is_0_at_once(rows: dict[str, int], why: Reason) -> None:
    one = One(ramp_kvar_s=1.0)
    assert one.sent(0.0, 300.0, **rows) == 0.0
    assert one.why == why


@pytest.mark.parametrize("rows", [{"may_charge": Permit.NO, "may_discharge": Permit.NO}, {"fault": 4}])
def test_whatever_was_ramped_nothing_is_sent_without_permission_and_after_a_failed_stage(rows: dict[str, int]) -> None:
    one = One()
    one.values[r.RAMPED_KVAR] = 300.0
    for name, value in rows.items():
        one.codes[getattr(r, name.upper())] = value
    reactive.command_kvar(one.values, one.codes, one.site, one.ratings)
    assert (one.values[r.COMMAND_KVAR, 0], one.site[r.TOTAL_KVAR]) == (0.0, 0.0)


def test_what_is_unknown_asks_for_nothing() -> None:
    one = One()
    assert one.sent(0.0, np.nan) == 0.0
    assert one.values[r.LIMITED_KVAR, 0] == one.values[r.RAMPED_KVAR, 0] == 0.0


@pytest.mark.parametrize(
    ("p", "q", "ratings", "why"),
    [
        (0.0, 100.0, {}, Reason.FOLLOWS_REQUEST),
        (300.0, 450.0, {}, Reason.APPARENT_LIMITED),
        (0.0, 100.0, {"ramp_kvar_s": 20.0}, Reason.RAMP_UP),
        (0.0, 100.05, {}, Reason.ROUNDED),
        (0.0, 100.0, {"reactive_kvar": 0.0}, Reason.REACTIVE_RATED),
        (0.0, 900.0, {"reactive_kvar": 100.0}, Reason.REACTIVE_RATED),
    ],
)
def test_the_reason_is_the_last_step_that_changed_it(
    p: float, q: float, ratings: dict[str, float], why: Reason
) -> None:
    one = One(**ratings)
    one.sent(p, q)
    assert one.why == why


def test_a_silent_asset_says_so() -> None:
    one = One()
    one.sent(0.0, 100.0, authority=Authority.SILENT)
    assert one.why == Reason.SILENT


@settings(max_examples=200, deadline=None)
@given(was=st.floats(-600.0, 600.0), q=st.floats(-600.0, 600.0), p=st.floats(-500.0, 500.0))
def test_no_step_is_longer_than_the_ramp_but_into_the_circle(was: float, q: float, p: float) -> None:
    """S7 for Q: a limit beats the ramp."""
    one = One(ramp_kvar_s=30.0)
    one.past.flags.writeable = True
    one.past[r.RAMPED_KVAR] = was
    one.past.flags.writeable = False
    one.sent(p, q)
    most = reactive.room(500.0, p)
    projected = min(max(was, -most), most)
    assert abs(float(one.values[r.RAMPED_KVAR, 0]) - projected) <= 30.0 * (1 + 1e-12)
