"""Term of `limits`: what a transformer carries, P² + Q² ≤ S² for the assets behind it together, in both directions.

A transformer is a group of `jit.joint`: an asset behind it that is not proven at its command counts at its worst, and
`constrain`, `ramp` and `command` scale the others into its band. Powers in kW and kvar, its limit in kVA.
"""

from __future__ import annotations

from math import sqrt

from jit import rows as r
from jit.build import term
from jit.constants import F8, I8
from jit.joint import least, most, no_opinion, share
from jit.reactive import origin

INSIDE = 1.0 - 2.0**-50  # a root is rounded, and may not be rounded out of the circle


@term
def transform(
    values: F8,
    codes: I8,
    site: F8,
    past: F8,
    past_codes: I8,
    kva: F8,
    starts: I8,
    members: I8,
    row: int,
    band: int,
) -> None:
    """Limit `transformer` (rows `row`, `row + 1`) and the band of every transformer (site rows from `band` on).

    Active power has what reactive power leaves: √(S² − Q²), Q the most that the members' may come to in this tick, on
    the way from what was sent to what is asked.
    """
    no_opinion(values, row)
    for g in range(1, starts.shape[0] - 1):
        over = under = 0.0
        for m in range(starts[g], starts[g + 1]):
            asked, held = values[r.ASKED_KVAR, members[m]], origin(values, codes, past, past_codes, members[m])
            over += most(most(0.0, asked), held)
            under += least(least(0.0, asked), held)
        reactive = over if over > 0.0 - under else 0.0 - under
        room = 0.0
        if reactive < kva[g]:
            room = sqrt((kva[g] - reactive) * (kva[g] + reactive)) * (1.0 if reactive == 0.0 else INSIDE)
        left_in, left_out = share(values, codes, members, starts[g], starts[g + 1], room, room, row)
        site[band + 2 * g - 2], site[band + 2 * g - 1] = 0.0 - left_in, left_out
