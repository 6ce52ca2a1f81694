"""Kernel of `snapshot`: for how long a battery has stood at a high state of charge (reliability S19, §2 row 47).

    soc_pct > above  and  |power_kw| < 1 % of the rating  ──► dwell_s

0 kW is not the whole safe state: most storage fires happened at 80 to 100 % charge, in standby. The time goes on while
data are lost, for the battery has not been proven to be elsewhere, and it is carried over a restart. Times in s, power
in kW, + = discharging. Without a declaration `above` is infinite and nothing is counted.
"""

from __future__ import annotations

from jit import constants as c
from jit import rows as r
from jit.build import F2, I2, RF2, F, kernel
from jit.constants import F8, I8

VALID = 1
STANDING = 0.01  # of the rating; below it the battery is not being emptied


@kernel(F2, I2, RF2, RF2, F)
def dwell(values: F8, codes: I8, past: F8, ratings: F8, dt: float) -> None:
    """Writes dwell_s: 0 as soon as the state of charge is proven lower, or power flows."""
    for a in range(values.shape[1]):
        held = past[r.DWELL_S, a]
        held = held if held == held else 0.0
        above, soc, power = ratings[c.DWELL_ABOVE, a], values[r.SOC_PCT, a], values[r.POWER_KW, a]
        rated = max(ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a])
        known = codes[r.QUALITY, a] == VALID and soc == soc and power == power
        moved = known and (soc <= above or power >= STANDING * rated or power <= -STANDING * rated)
        if above != above or above > 100.0 or moved or (not known and held == 0.0):
            values[r.DWELL_S, a] = 0.0
        else:
            values[r.DWELL_S, a] = held + dt
