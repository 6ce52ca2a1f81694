"""Kernel of `limits`: every named limit of an asset, and the band as their intersection.

    rating ∩ configuration ∩ bms ∩ permission ∩ remote ∩ availability ∩ quality ∩ temperature ∩ soc ∩ energy
           ∩ apparent ∩ effect ∩ frequency ∩ site ∩ transformer ∩ grid_operator  =  [low_kw, high_kw] ∋ 0

What a battery may by itself is in `jit.terms`, what assets share in `jit.joint`, `apparent` in `jit.reactive`,
`frequency` in `jit.grid`. The binding limit is recorded per direction, and the room to the next one.
"""

from __future__ import annotations

import numpy as np

from jit import rows as r
from jit.build import F1, F2, I1, I2, RF1, RF2, RI1, RI2, F, N, kernel, term
from jit.ceilings import ceilings
from jit.constants import F8, I8
from jit.joint import connect, judge, possible
from jit.relief import relieve
from jit.terms import own_limits
from jit.transformers import transform

INF = np.inf
LIMITS = len(r.LIMITS)


@term
def bind(values: F8, codes: I8, first: int) -> None:
    """The least limit per direction, which one it is (+ 1), the next one and the room to it.

    Limit by limit over all assets, and every cell stored in every pass: the compiler makes vectors of that.
    """
    n = values.shape[1]
    for a in range(n):
        values[r.LOW_KW, a] = values[r.LOW_ROOM_KW, a] = values[r.HIGH_KW, a] = values[r.HIGH_ROOM_KW, a] = INF
        codes[r.LOW_BY, a] = codes[r.LOW_NEXT_BY, a] = codes[r.HIGH_BY, a] = codes[r.HIGH_NEXT_BY, a] = 0
    for k in range(LIMITS):
        row = first + 2 * k
        for a in range(n):
            charge, least, second = 0.0 - values[row, a], values[r.LOW_KW, a], values[r.LOW_ROOM_KW, a]
            by, next_by = codes[r.LOW_BY, a], codes[r.LOW_NEXT_BY, a]
            values[r.LOW_ROOM_KW, a] = least if charge < least else (charge if charge < second else second)
            codes[r.LOW_NEXT_BY, a] = by if charge < least else (k + 1 if charge < second else next_by)
            values[r.LOW_KW, a] = charge if charge < least else least
            codes[r.LOW_BY, a] = k + 1 if charge < least else by
        for a in range(n):
            discharge, least, second = values[row + 1, a], values[r.HIGH_KW, a], values[r.HIGH_ROOM_KW, a]
            by, next_by = codes[r.HIGH_BY, a], codes[r.HIGH_NEXT_BY, a]
            values[r.HIGH_ROOM_KW, a] = least if discharge < least else (discharge if discharge < second else second)
            codes[r.HIGH_NEXT_BY, a] = by if discharge < least else (k + 1 if discharge < second else next_by)
            values[r.HIGH_KW, a] = discharge if discharge < least else least
            codes[r.HIGH_BY, a] = k + 1 if discharge < least else by
    for a in range(n):
        values[r.LOW_ROOM_KW, a] -= values[r.LOW_KW, a]
        values[r.HIGH_ROOM_KW, a] -= values[r.HIGH_KW, a]
        values[r.LOW_KW, a] = 0.0 - values[r.LOW_KW, a]


@kernel(F2, I2, F1, I1, RF2, RI2, RF1, RF2, RF1, RF2, RF1, RI1, RI1, N, N, F, F)
def band(
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    past: F8,
    past_codes: I8,
    past_site: F8,
    ratings: F8,
    constants: F8,
    given: F8,
    kva: F8,
    starts: I8,
    members: I8,
    first: int,
    transformers: int,
    dt: float,
    dt_ramp: float,
) -> None:
    """Limit rows from `first` on, then low_kw/high_kw with `*_by` (limit + 1) and the room to the next limit.

    `apparent` and `frequency` have been written before, by `jit.reactive` and `jit.grid`.
    """
    own_limits(values, codes, past, ratings, first, dt)
    ceilings(site, site_codes, past_site, given, dt_ramp)
    judge(codes)
    possible(values, codes, ratings)
    row = first + 2 * r.L_TRANSFORMER
    transform(values, codes, site, past, past_codes, kva, starts, members, row, transformers)
    connect(values, codes, site, site_codes, constants, starts, members, first)
    relieve(site, site_codes, constants)
    bind(values, codes, first)
