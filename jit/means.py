"""Kernel of `limits`: the mean power at the point of connection over a window of the clock, as it is billed.

    energy of this window so far ─► (limit · window − energy) / time left = what may be drawn (fed in) from now on

Windows begin at whole multiples of their length in UTC. What was not measured counts at the worst: everything else as
declared or seen last, the batteries at what was sent; a time that was not seen at all (a pause, a restart, a window
that had begun) counts as if the limit had been used. Without a trusted clock no more than the limit itself is allowed.
Feeding in pays for no drawing: meters count both ways apart. Powers in kW, energies in kWs, times in s; ∞ where no mean
is limited.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, I1, RF1, F, kernel
from jit.codes import Permit
from jit.constants import F8, I8
from jit.joint import most, rooms

VALID, YES = 1, int(Permit.YES)


@kernel(F1, I1, RF1, RF1, F, F)
def average(site: F8, site_codes: I8, past_site: F8, constants: F8, utc_s: float, dt: float) -> None:
    """mean_import_kw, mean_export_kw: what may flow from now on; their energy beside, and up to when it is counted."""
    feeds, draws = rooms(site, site_codes, constants)
    poc, sent = site[r.POC_KW], past_site[r.TOTAL_KW]
    measured = site_codes[r.POC_QUALITY] == VALID and poc == poc
    sent = sent if sent == sent else 0.0
    for d in range(2):
        sign, worst = (-1.0, draws) if d == 0 else (1.0, feeds)
        limit, window = constants[c.MEAN_IMPORT_LIMIT + d], constants[c.MEAN_IMPORT_WINDOW_S + d]
        used_row, until_row = r.MEAN_IMPORT_KWS + d, r.MEAN_IMPORT_UNTIL_S + d
        if not limit < np.inf or not window > 0.0:
            site[r.MEAN_IMPORT_KW + d], site[used_row], site[until_row] = np.inf, 0.0, np.nan
            continue
        begun = float(int(utc_s / window)) * window
        over, used, until = utc_s - begun, past_site[used_row], past_site[until_row]
        flow = most(0.0, sign * poc) if measured else most(0.0, worst + sign * sent)
        gap = utc_s - until
        gap = dt if gap < dt else gap
        flow = flow if gap <= 2.0 * constants[c.CYCLE_S] else most(limit, flow)  # a time that was not seen
        used = used + flow * gap if until >= begun and until < begun + window and used == used else flow * over
        used = used if used < np.inf else np.inf
        left = most(window - over, constants[c.CYCLE_S])
        allowed = most(0.0, (limit * window - used) / left)
        if site_codes[r.CLOCK] != YES and allowed > limit:
            allowed = limit
        site[r.MEAN_IMPORT_KW + d], site[used_row], site[until_row] = allowed, used, utc_s
