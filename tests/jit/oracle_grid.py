"""The circle, Q's limit and P(f) in rational arithmetic: written from the rules, not from the kernels, and exact."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import isqrt


def inside(p: float, q: float, s: float) -> bool:
    """P² + Q² ≤ S², exactly."""
    return Fraction(p) ** 2 + Fraction(q) ** 2 <= Fraction(s) ** 2


def leg_below(s: float, used: float, parts: int = 10**9) -> Fraction:
    """The largest multiple of 1/`parts` that is not above √(S² − used²); 0 when nothing is left."""
    square = Fraction(s) ** 2 - Fraction(used) ** 2
    if square <= 0:
        return Fraction(0)
    return Fraction(isqrt(square.numerator * parts**2 // square.denominator), parts)


def ceiling(
    reference: Fraction, beyond: Fraction, droop: Fraction, rated: Fraction, against: Fraction, *, of_rated: bool
) -> Fraction:
    """P(f): a droop of 1 takes the whole reference power within 50 Hz. `against`: the rating of the other direction."""
    reference = min(reference, rated)
    if of_rated:
        return max(-against, reference - beyond / (50 * droop) * rated)
    kept = max(Fraction(0), reference)
    return max(Fraction(0), kept - kept * beyond / (50 * droop))


def curve(points: Sequence[tuple[Fraction, Fraction]], x: Fraction) -> Fraction:
    """Straight between the points, level beyond them."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (x - x0) * (y1 - y0) / (x1 - x0)
    return points[-1][1]
