"""Kernel of the telemetry low-pass: it follows what drifts, rejects what jumps, and begins anew where a jump stays.

    |x − y| ≤ jump   y += (x − y) · dt / (lag + dt)
    |x − y| > jump   y stays, marked as substituted; after `reseed_s` of it the jump is the truth: y = x

The weight of a sample is that of its time, so that cycles of 1 s and of 100 ms filter alike. Unknown in, unknown out:
the filter bridges nothing, and a gap counts towards beginning anew. Units are those of the value; times in s.
"""

from __future__ import annotations

import numpy as np

from jit.build import F2, I2, RF2, F, N, kernel
from jit.codes import Quality
from jit.constants import F8, I8
from jit.transforms import finite, known

VALID, SUBSTITUTED, MISSING = int(Quality.VALID), int(Quality.SUBSTITUTED), int(Quality.MISSING)
# rows behind the output
LEVEL, AWAY_S = 1, 2


@kernel(F2, I2, RF2, N, N, N, F, F, F, F)
def smooth(
    values: F8,
    codes: I8,
    past: F8,
    source: int,
    row: int,
    code: int,
    lag_s: float,
    jump: float,
    reseed_s: float,
    dt: float,
) -> None:
    """Output in `row`, what it follows in `row` + LEVEL, seconds away from it in `row` + AWAY_S, quality in `code`."""
    for a in range(values.shape[1]):
        now, level, away = values[source, a], past[row + LEVEL, a], past[row + AWAY_S, a]
        away = away + dt if known(away) else dt
        present = known(now)
        if present and known(level) and abs(now - level) <= jump:
            level, away = finite(level + (now - level) * (dt / (lag_s + dt))), 0.0
        elif present and (not known(level) or away > reseed_s):
            level, away = now, 0.0
        values[row, a] = level if present else np.nan
        values[row + LEVEL, a], values[row + AWAY_S, a] = level, away
        codes[code, a] = MISSING if not present else (VALID if away == 0.0 else SUBSTITUTED)
