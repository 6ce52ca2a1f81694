"""The algebra of quality: how the qualities of values combine into that of what is made from them.

    meet(a, b) = (VALID of a and of b) and every other bit of either

A quality is a set of bits (`jit.codes.Quality`). `meet` is commutative, associative and idempotent, VALID changes
nothing, and what is not valid stays so: a semilattice in which a ≤ b says that a knows no less trouble than b. All that
judges quality takes the meet with what it found, so nothing downstream is ever better than what it was made from, and
an age is never younger (design §3.6). 0, never received, is not valid and says nothing more.
"""

from __future__ import annotations

from jit.build import term

VALID = 1
MISSING = 2
RANGE = 4
PROTOCOL = 8
STALE = 16
CONTRADICTORY = 128
FROZEN = 256
JUMP = 512
PHYSICS = 2048


@term
def meet(a: int, b: int) -> int:
    """The quality of what is made from two values of these qualities."""
    return (a & b & VALID) | ((a | b) & ~VALID)


@term
def older(a: float, b: float) -> float:
    """The age of what is made from two values of these ages (s); unknown as soon as one is."""
    return a if a != a or a >= b else b
