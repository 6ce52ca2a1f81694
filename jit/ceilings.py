"""Ceilings of the grid operator at the point of connection.

    never received ─► before_first      ≤ ttl ─► as told      ≤ ttl + hold ─► held      later ─► min(told, then)

A ceiling drops at once and rises along its gradient. What was told survives a restart, and so does when it was issued:
its age never runs backward, whatever the clock does, and growing old never widens. 0 kW is a ceiling, ∞ says that there
is none, NaN that none was ever received. Powers in kW, times in s; one column per direction: import, export.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, RF1, F, kernel, term
from jit.codes import Ceiling
from jit.constants import F8, I8

INF = np.inf
AWAITED, IN_FORCE, HELD, FALLEN_BACK = (
    int(Ceiling.AWAITED),
    int(Ceiling.IN_FORCE),
    int(Ceiling.HELD),
    int(Ceiling.FALLEN_BACK),
)


@kernel(F1, RF1, RF1, RF1, F, F)
def hear(site: F8, past_site: F8, told: F8, issued: F8, utc_s: float, dt: float) -> None:
    """Newest ceilings into rows. `told` [2] kW and `issued` [2] UTC s are NaN while none was received since the start.

    Of two the one that was issued later counts; of two issued at once the one that came later.
    """
    for d in range(2):
        value, at = past_site[r.CEILING_TOLD_IMPORT_KW + d], past_site[r.CEILING_ISSUED_IMPORT_S + d]
        age = past_site[r.CEILING_AGE_IMPORT_S + d] + dt
        if told[d] == told[d] and not issued[d] < at:
            value = told[d]
            age = age if issued[d] == at else 0.0
            at = issued[d]
        by_clock = utc_s - at
        site[r.CEILING_TOLD_IMPORT_KW + d], site[r.CEILING_ISSUED_IMPORT_S + d] = value, at
        site[r.CEILING_AGE_IMPORT_S + d] = age if by_clock <= age else by_clock


@term
def ceilings(site: F8, site_codes: I8, past_site: F8, given: F8, dt_ramp: float) -> None:
    """ceiling_import_kw, ceiling_export_kw in force, and why. `given` [6, 2]; ∞ where no ceiling is declared."""
    for d in range(2):
        row, why = r.CEILING_IMPORT_KW + d, r.CEILING_IMPORT + d
        whole = given[c.CEILING_OF_KW, d]
        if not whole < INF:
            site[row], site_codes[why] = INF, 0
            continue
        told, age = site[r.CEILING_TOLD_IMPORT_KW + d], site[r.CEILING_AGE_IMPORT_S + d]
        late = given[c.CEILING_TTL_S, d]
        target, site_codes[why] = told if told > 0.0 else 0.0, IN_FORCE
        if told != told:
            target, site_codes[why] = given[c.CEILING_BEFORE_KW, d], AWAITED
        elif not age <= late + given[c.CEILING_HOLD_S, d]:
            then = given[c.CEILING_THEN_KW, d]
            target, site_codes[why] = then if then < target else target, FALLEN_BACK
        elif not age <= late:
            site_codes[why] = HELD
        reached = past_site[row] + given[c.CEILING_RISE_KW_S, d] * dt_ramp
        site[row] = reached if target > reached and reached < whole else target
