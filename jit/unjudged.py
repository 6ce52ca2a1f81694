"""Kernel of `state_machine` for a tick in which it raised: nothing was decided, what stood stands.

Who was armed is written 0 kW then, except a device that says LOCAL in this very tick: it is left alone, and needs an
activation afterwards as after any LOCAL (S10). An old or unknown word of it silences nobody. Silence stands until a
tick decides again.
"""

from __future__ import annotations

from jit import rows as r
from jit.build import I2, kernel
from jit.codes import Authority, Condition, Permit, Quality
from jit.constants import I8

NO, SILENT = int(Permit.NO), int(Authority.SILENT)
OLD = int(Quality.STALE | Quality.FROZEN)
LOCAL, FREE_TO_RUN = int(Condition.LOCAL), int(Condition.REMOTE | Condition.ACTIVATED)


@kernel(I2)
def leave_alone(codes: I8) -> None:
    """authority, activated, conditions: silent where the device is in local control, until somebody activates it."""
    for a in range(codes.shape[1]):
        if codes[r.REMOTE, a] == NO and codes[r.QUALITY, a] & OLD == 0:
            codes[r.AUTHORITY, a], codes[r.ACTIVATED, a] = SILENT, NO
            codes[r.CONDITIONS, a] = codes[r.CONDITIONS, a] & ~FREE_TO_RUN | LOCAL
