"""The limiter against an oracle in rational arithmetic that was written from the rules (LH-CTRL-002)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit import project
from jit import rows as r
from tests.jit import oracle
from tests.jit.limiter_case import ASSETS, CASES, Case, close, columns, sites

pytestmark = pytest.mark.req("LH-CTRL-002", "LH-TEST-001")

cases = st.builds(Case, st.lists(columns(), min_size=ASSETS, max_size=ASSETS), sites())


@settings(max_examples=CASES, deadline=None)
@given(case=cases)
def test_every_term_and_the_band_are_the_oracles(case: Case) -> None:
    case.band()
    for column, named in enumerate(case.oracle_terms()):
        for number, name in enumerate(r.LIMITS):
            low, high = named[name]
            told = f"{name} of battery {column}"
            assert close(case.values[case.first + 2 * number, column], low), told
            assert close(case.values[case.first + 2 * number + 1, column], high), told
        low, high = oracle.meet(list(named.values()))
        assert close(case.values[r.LOW_KW, column], low)
        assert close(case.values[r.HIGH_KW, column], high)


@settings(max_examples=CASES, deadline=None)
@given(case=cases)
def test_every_band_contains_0_and_names_what_binds(case: Case) -> None:
    """Limits only shrink and always exist; the binding one is recorded, with the room to the next (design rule 5)."""
    case.band()
    values, codes = case.values, case.codes
    assert (values[r.LOW_KW] <= 0.0).all()
    assert (values[r.HIGH_KW] >= 0.0).all()
    for a in range(ASSETS):
        for bound, by, next_by, room, side in (
            (r.LOW_KW, r.LOW_BY, r.LOW_NEXT_BY, r.LOW_ROOM_KW, 0),
            (r.HIGH_KW, r.HIGH_BY, r.HIGH_NEXT_BY, r.HIGH_ROOM_KW, 1),
        ):
            sizes = sorted((abs(values[case.first + 2 * k + side, a]), k + 1) for k in range(len(r.LIMITS)))
            assert abs(values[bound, a]) == sizes[0][0]
            assert codes[by, a] == sizes[0][1]
            if np.isfinite(sizes[1][0]):
                assert codes[next_by, a] == sizes[1][1]
            assert values[room, a] == sizes[1][0] - sizes[0][0]


@settings(max_examples=CASES, deadline=None)
@given(case=cases)
def test_the_joint_projection_is_the_oracles(case: Case) -> None:
    case.band()
    bands = [
        (Fraction(low), Fraction(high)) for low, high in zip(case.values[r.LOW_KW], case.values[r.HIGH_KW], strict=True)
    ]
    desired = [Fraction(b["desired"]) for b in case.batteries]
    expected = oracle.project(desired, bands, case.joint, case.proven)
    shared = case.constants.shared
    project.constrain(
        case.values, case.codes, case.site, case.site_codes, shared.starts, shared.members, case.band_row
    )
    found = case.values[r.LIMITED_KW]
    each = [min(max(Fraction(b["desired"]), low), high) for b, (low, high) in zip(case.batteries, bands, strict=True)]
    if abs(sum(each, Fraction(0))) < Fraction(1, 10**6):
        return  # the direction of a site that sums to nothing is decided by the last bit
    assert all(close(power, wanted) for power, wanted in zip(found, expected, strict=True)), (found, expected)
    for limited, (low, high) in zip(found, bands, strict=True):
        assert low <= limited <= high
    assert not ((found > 0.0).any() and (found < 0.0).any())


@settings(max_examples=CASES, deadline=None)
@given(case=cases)
def test_the_rounded_commands_keep_every_limit_exactly(case: Case) -> None:
    """What is sent, as the rational number that it is: in every asset's band, in every group's, P² + Q² ≤ S² included.

    The reactive power is what was sent last. Reliability S2, S4, S5; hazards rows 1, 25 and 26.
    """
    case.band()
    shared, values, codes = case.constants.shared, case.values, case.codes
    values[r.RAMPED_KW] = values[r.DESIRED_KW]
    codes[r.AUTHORITY] = 2
    past_codes = codes.copy()
    past_codes.flags.writeable = False
    ratings, members = case.constants.ratings, shared.members
    project.command(
        values, codes, case.site, case.site_codes, past_codes, ratings, shared.starts, members, case.band_row
    )
    sent = [Fraction(power) for power in values[r.COMMAND_KW]]
    for power, low, high in zip(sent, values[r.LOW_KW], values[r.HIGH_KW], strict=True):
        assert Fraction(low) <= power <= Fraction(high)
    assert not (max(sent) > 0 > min(sent))
    sure = case.proven
    for g in range(len(shared.starts) - 1):
        inside = shared.members[shared.starts[g] : shared.starts[g + 1]]
        total = sum((sent[member] for member in inside if sure[member]), Fraction(0))
        if g > 0:
            kvar = sum((Fraction(case.batteries[member]["kvar"]) for member in inside), Fraction(0))
            assert total**2 + kvar**2 <= Fraction(shared.kva[g]) ** 2 or total == 0
        low, high = (
            (case.site[r.SITE_LOW_KW], case.site[r.SITE_HIGH_KW])
            if g == 0
            else case.site[case.band_row + 2 * g - 2 : case.band_row + 2 * g]
        )
        assert low == -np.inf or total >= Fraction(low)
        assert high == np.inf or total <= Fraction(high)


@given(
    power=st.floats(-1e6, 1e6),
    step=st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.25, 0.3, 0.5, 0.7, 1.0, 2.5, 10.0, 100.0]),
)
def test_rounding_is_toward_zero_and_by_less_than_a_step(power: float, step: float) -> None:
    rounded = project.toward_zero(power, step)
    assert abs(rounded) <= abs(power)
    assert (
        abs(Fraction(power) - Fraction(rounded)) <= Fraction(step) * Fraction(1_000_001, 1_000_000)
        if step
        else (rounded == power)
    )
    assert rounded * power >= 0.0
    if step:
        count = Fraction(rounded) / Fraction(step)
        assert abs(count - round(count)) <= Fraction(1, 10**6)


@pytest.mark.parametrize("power", [np.inf, -np.inf, 1e300, 1e17])
@pytest.mark.parametrize("step", [0.1, 1.0, 10.0])
def test_a_number_that_cannot_be_counted_is_no_power(power: float, step: float) -> None:
    assert project.toward_zero(power, step) == 0.0


@given(
    start=st.floats(-1000.0, 1000.0),
    up=st.floats(0.001, 500.0),
    down=st.floats(0.001, 500.0),
    dt=st.floats(0.0, 10.0),
)
@pytest.mark.req("LH-CTRL-003")
def test_a_step_through_zero_is_made_of_two(start: float, up: float, down: float, dt: float) -> None:
    """The highest power after dt, in exact numbers: down to zero at the one rate, away from it at the other."""
    expected = oracle.rise(*map(Fraction, (start, up, down, dt)))
    assert abs(Fraction(project.rise(start, up, down, dt)) - expected) < 1e-6
