"""The algebra of quality: laws of the meet, and that nothing in the chain makes a value better than it came."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jit import quality
from jit.build import plain
from jit.codes import Quality
from jit.quality import VALID

pytestmark = [pytest.mark.req("LH-DOM-004"), pytest.mark.safety]

ALL = int(sum(Quality))
any_quality = st.integers(0, ALL)
any_age = st.one_of(st.floats(0.0, 1e6), st.sampled_from([math.nan, math.inf]))
meet, older = plain(quality.meet), plain(quality.older)


def worse_or_equal(a: int, b: int) -> bool:
    """The first is never valid where the second is not, and knows every trouble that it knows."""
    return (a & VALID) <= (b & VALID) and (b & ~VALID) & ~a == 0


@given(a=any_quality, b=any_quality, c=any_quality)
def test_the_meet_is_a_semilattice(a: int, b: int, c: int) -> None:
    assert meet(a, b) == meet(b, a)
    assert meet(a, meet(b, c)) == meet(meet(a, b), c)
    assert meet(a, a) == a


@given(a=any_quality)
def test_valid_changes_nothing_and_every_trouble_absorbs_all(a: int) -> None:
    assert meet(a, VALID) == a
    assert meet(a, ALL & ~VALID) == ALL & ~VALID


@given(a=any_quality, b=any_quality)
def test_nothing_made_from_two_values_is_better_than_either(a: int, b: int) -> None:
    assert worse_or_equal(meet(a, b), a)
    assert worse_or_equal(meet(a, b), b)


@given(a=any_quality, b=any_quality)
def test_the_meet_is_the_best_of_what_is_worse_than_both(a: int, b: int) -> None:
    assert worse_or_equal(a, b) == (meet(a, b) == a)


@given(a=any_age, b=any_age)
def test_an_age_is_never_younger_than_what_it_was_made_from(a: float, b: float) -> None:
    made = older(a, b)
    if math.isnan(a) or math.isnan(b):
        assert math.isnan(made)
    else:
        assert made == older(b, a) == max(a, b)


def test_the_bits_are_those_of_the_enumeration() -> None:
    for name in ("VALID", "MISSING", "RANGE", "PROTOCOL", "STALE", "CONTRADICTORY", "FROZEN", "JUMP", "PHYSICS"):
        assert getattr(quality, name) == Quality[name]
