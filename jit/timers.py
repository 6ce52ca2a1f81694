"""Timers that stages share: how long something has lasted, in seconds of true elapsed time."""

from __future__ import annotations

import numpy as np

from jit.build import term


@term
def lasts(before: float, holds: bool, dt: float) -> float:
    """For how long something has held (s): NaN while it does not, 0 in the first tick that shows it."""
    if not holds:
        return np.nan
    return before + dt if before == before else 0.0
