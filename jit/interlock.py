"""Kernel of `snapshot`: digital inputs and what they forbid in this very tick.

    points ──► active? (unknown counts as active) ──► seconds since it was ──► interlock, interlock_by per asset

An input is known while its point is valid and young enough; what is not known is active: an unreadable door is an open
door. What an interlock forbids stays forbidden until its input has been inactive for `release_after`, also after a
restart. An active `stop` says STOP; one that is merely unknown says UNSURE, which latches only while power may flow.
"""

from __future__ import annotations

from jit import rows as r
from jit.build import F1, I1, I2, RF1, RF2, RI2, F, N, kernel
from jit.codes import Forbidden
from jit.constants import F8, I8
from jit.timers import lasts

VALID = 1
STOP, UNSURE = int(Forbidden.STOP), int(Forbidden.UNSURE)

# rows of `place`: point, device and the level (1 high, 0 low) that means active; of `spans`: seconds
I_POINT, I_DEVICE, I_HIGH = range(3)
I_STALE_AFTER, I_RELEASE_AFTER = range(2)


@kernel(F1, I1, F1, RI2, RF2, RI2, I2, F1, RF1, N, F)
def judge(
    points: F8,
    point_codes: I8,
    ages: F8,
    place: I8,
    spans: F8,
    forbids: I8,
    codes: I8,
    site: F8,
    past_site: F8,
    first: int,
    dt: float,
) -> None:
    """`place` [3, interlocks], `spans` [2, interlocks], `forbids` [interlocks, assets]; site rows from `first` on.

    interlock: bits of `Forbidden`; interlock_by: the first that forbids anything + 1; clear_s of each (NaN: active).
    """
    for a in range(codes.shape[1]):
        codes[r.INTERLOCK, a] = codes[r.INTERLOCK_BY, a] = 0
    for i in range(place.shape[1]):
        point = place[I_POINT, i]
        known = point_codes[point] & VALID != 0 and points[point] == points[point]
        known = known and ages[place[I_DEVICE, i]] <= spans[I_STALE_AFTER, i]
        active = not known or (points[point] > 0.5) == (place[I_HIGH, i] == 1)
        clear = lasts(past_site[first + i], not active, dt)
        site[first + i] = clear
        if clear >= spans[I_RELEASE_AFTER, i]:
            continue
        for a in range(codes.shape[1]):
            bits = forbids[i, a]
            if bits & STOP != 0 and not known:
                bits = (bits & ~STOP) | UNSURE
            if bits != 0 and codes[r.INTERLOCK_BY, a] == 0:
                codes[r.INTERLOCK_BY, a] = i + 1
            codes[r.INTERLOCK, a] |= bits
