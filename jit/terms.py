"""The limits of a battery by itself: one term each, over all assets, into its two rows (low ≤ 0 ≤ high, kW).

A term that cannot judge allows nothing when its input was promised, and has no opinion (∓∞) when it never was.
Degrading an input never widens a term. Each is a loop of its own without branches: the compiler makes vectors of it.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import term
from jit.codes import Condition, Permit, Reason
from jit.constants import F8, I8

INF = np.inf
VALID = 1
YES, REMOTE = int(Permit.YES), int(Condition.REMOTE)
VALUES_LOST, WAITING = int(Reason.VALUES_LOST), int(Reason.WAITING_FOR_VALUES)


@term
def rating(values: F8, ratings: F8, row: int) -> None:
    """The nameplate of the profile, where it has one."""
    for a in range(values.shape[1]):
        values[row, a] = 0.0 - ratings[c.NAMEPLATE_CHARGE_KW, a]
        values[row + 1, a] = ratings[c.NAMEPLATE_DISCHARGE_KW, a]


@term
def configuration(values: F8, ratings: F8, row: int) -> None:
    """What the definition rates the asset at."""
    for a in range(values.shape[1]):
        values[row, a], values[row + 1, a] = 0.0 - ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a]


@term
def bms(values: F8, ratings: F8, row: int) -> None:
    """Live limits of the battery. Promised but missing is 0, not infinite (design rule 6)."""
    for a in range(values.shape[1]):
        charge, discharge = values[r.BMS_CHARGE_KW, a], values[r.BMS_DISCHARGE_KW, a]
        missing = 0.0 if ratings[c.PROMISES_LIMITS, a] > 0.5 else INF
        charge = charge if charge > 0.0 else (0.0 if charge == charge else missing)
        discharge = discharge if discharge > 0.0 else (0.0 if discharge == discharge else missing)
        values[row, a], values[row + 1, a] = 0.0 - charge, discharge


@term
def permission(values: F8, codes: I8, ratings: F8, row: int) -> None:
    """The state machine's; lost data keep it until the stop ramp has ended, where the asset has one."""
    for a in range(values.shape[1]):
        by = codes[r.STATE_BY, a]
        # lost, or back but not yet for long enough: both end the stop ramp only where permission returns
        along_ramp = (by == VALUES_LOST or by == WAITING) and ratings[c.RAMP_STOP, a] != INF
        values[row, a] = -INF if codes[r.MAY_CHARGE, a] == YES or along_ramp else 0.0
        values[row + 1, a] = INF if codes[r.MAY_DISCHARGE, a] == YES or along_ramp else 0.0


@term
def remote(values: F8, codes: I8, row: int) -> None:
    """A device in local control is not ours to move."""
    for a in range(values.shape[1]):
        most = INF if codes[r.CONDITIONS, a] & REMOTE != 0 else 0.0
        values[row, a], values[row + 1, a] = 0.0 - most, most


@term
def availability(values: F8, codes: I8, ratings: F8, row: int) -> None:
    """What the device says; unknown is no, but for the stop ramp after lost data."""
    for a in range(values.shape[1]):
        by, available = codes[r.STATE_BY, a], codes[r.AVAILABLE, a]
        along_ramp = (by == VALUES_LOST or by == WAITING) and ratings[c.RAMP_STOP, a] != INF
        most = INF if available == YES or (available == 0 and along_ramp) else 0.0
        values[row, a], values[row + 1, a] = 0.0 - most, most


@term
def quality(values: F8, codes: I8, past: F8, ratings: F8, row: int, dt: float) -> None:
    """Lost data shrink the band from the last power along the stop ramp (infinite: at once; infinite power: 0)."""
    for a in range(values.shape[1]):
        by, rate, ramped = codes[r.STATE_BY, a], ratings[c.RAMP_STOP, a], past[r.RAMPED_KW, a]
        along_ramp = (by == VALUES_LOST or by == WAITING) and rate != INF
        good = codes[r.QUALITY, a] == VALID and not along_ramp
        fall = rate * dt if rate != INF else INF
        left = ramped - fall if fall < ramped < INF else 0.0
        taken = ramped + fall if fall < 0.0 - ramped < INF else 0.0
        values[row, a] = -INF if good else taken
        values[row + 1, a] = INF if good else left


@term
def temperature(values: F8, ratings: F8, row: int) -> None:
    """Full power `t_taper` away from either bound, falling linearly to 0 at it. Unknown: 0."""
    for a in range(values.shape[1]):
        t, width = values[r.TEMPERATURE_C, a], ratings[c.T_TAPER, a]
        above, below = t - ratings[c.T_MIN, a], ratings[c.T_MAX, a] - t
        distance = above if above < below else below
        share = distance / width if 0.0 < distance < width else 0.0
        charge = (ratings[c.CHARGE_KW, a] * share if distance < width else INF) if distance > 0.0 else 0.0
        discharge = (ratings[c.DISCHARGE_KW, a] * share if distance < width else INF) if distance > 0.0 else 0.0
        values[row, a], values[row + 1, a] = 0.0 - charge, discharge


@term
def soc(values: F8, ratings: F8, row: int) -> None:
    """The same toward the ends of the SoC band: charging toward its top, discharging toward its bottom."""
    for a in range(values.shape[1]):
        width, level = ratings[c.SOC_TAPER, a], values[r.SOC_PCT, a]
        above, below = level - ratings[c.SOC_MIN, a], ratings[c.SOC_MAX, a] - level
        charge = (ratings[c.CHARGE_KW, a] * below / width if below < width else INF) if below > 0.0 else 0.0
        discharge = (ratings[c.DISCHARGE_KW, a] * above / width if above < width else INF) if above > 0.0 else 0.0
        values[row, a], values[row + 1, a] = 0.0 - charge, discharge


@term
def on_curve(ratings: F8, curve: int, a: int, x: float) -> float:
    """The share of the rating that a taper curve (row `curve`) allows at `x`: straight between points, level beyond."""
    points, at, share = int(ratings[curve, a]), curve + 1, curve + 1 + c.MOST_POINTS
    allowed: float = ratings[share, a]
    for k in range(points - 1):
        start, end = ratings[at + k, a], ratings[at + k + 1, a]
        if x > start:
            part = (x - start) / (end - start) if x < end else 1.0
            allowed = ratings[share + k, a] + part * (ratings[share + k + 1, a] - ratings[share + k, a])
    return allowed


@term
def along(values: F8, ratings: F8, measured: int, charge: int, discharge: int, row: int) -> None:
    """What the taper curves, where there are any, leave of a limit over the value in row `measured`."""
    for a in range(values.shape[1]):
        x = values[measured, a]
        if ratings[charge, a] > 0.0:
            share = on_curve(ratings, charge, a, x)
            if share < 1.0:
                values[row, a] = max(values[row, a], 0.0 - ratings[c.CHARGE_KW, a] * share)
        if ratings[discharge, a] > 0.0:
            share = on_curve(ratings, discharge, a, x)
            if share < 1.0:
                values[row + 1, a] = min(values[row + 1, a], ratings[c.DISCHARGE_KW, a] * share)


@term
def energy(values: F8, ratings: F8, row: int) -> None:
    """The power that fills (or empties) the band of SoC within the horizon, so that no bound is crossed in a tick."""
    for a in range(values.shape[1]):
        level, kws = values[r.SOC_PCT, a], ratings[c.ENERGY_KWH, a] * 36.0 / ratings[c.HORIZON_S, a]
        above, below = level - ratings[c.SOC_MIN, a], ratings[c.SOC_MAX, a] - level
        values[row, a] = 0.0 - (below * kws / ratings[c.EFF_CHARGE, a] if below > 0.0 else 0.0)
        values[row + 1, a] = above * kws * ratings[c.EFF_DISCHARGE, a] if above > 0.0 else 0.0


@term
def effect(values: F8, row: int) -> None:
    """What the device has proven to follow (`jit.effect`); 0 when not even that is known."""
    for a in range(values.shape[1]):
        low, high = values[r.EFFECT_LOW_KW, a], values[r.EFFECT_HIGH_KW, a]
        values[row, a], values[row + 1, a] = low if low < 0.0 else 0.0, high if high > 0.0 else 0.0


@term
def own_limits(values: F8, codes: I8, past: F8, ratings: F8, first: int, dt: float) -> None:
    """All of them, in the rows from `first` on."""
    rating(values, ratings, first + 2 * r.L_RATING)
    configuration(values, ratings, first + 2 * r.L_CONFIGURATION)
    bms(values, ratings, first + 2 * r.L_BMS)
    permission(values, codes, ratings, first + 2 * r.L_PERMISSION)
    remote(values, codes, first + 2 * r.L_REMOTE)
    availability(values, codes, ratings, first + 2 * r.L_AVAILABILITY)
    quality(values, codes, past, ratings, first + 2 * r.L_QUALITY, dt)
    temperature(values, ratings, first + 2 * r.L_TEMPERATURE)
    along(values, ratings, r.TEMPERATURE_C, c.T_CHARGE, c.T_DISCHARGE, first + 2 * r.L_TEMPERATURE)
    soc(values, ratings, first + 2 * r.L_SOC)
    along(values, ratings, r.SOC_PCT, c.SOC_CHARGE, c.SOC_DISCHARGE, first + 2 * r.L_SOC)
    energy(values, ratings, first + 2 * r.L_ENERGY)
    effect(values, first + 2 * r.L_EFFECT)
