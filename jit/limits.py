"""Kernel of `limits`: every named limit of an asset, and the band as their intersection.

    rating ∩ configuration ∩ bms ∩ permission ∩ remote ∩ availability ∩ quality ∩ temperature ∩ soc ∩ energy
           ∩ apparent ∩ effect ∩ frequency ∩ site ∩ transformer ∩ grid_operator  =  [low_kw, high_kw] ∋ 0

Each term returns the largest charge (≥ 0) or discharge (≥ 0) it allows. A term that cannot judge allows nothing when
its input was promised, and has no opinion (∞) when it never was. Degrading an input never widens a term. The binding
limit is recorded per direction, and the room to the next one.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I1, I2, RF1, RF2, RI1, RI2, F, N, kernel, term
from jit.ceilings import ceilings
from jit.codes import Condition, Permit, Reason
from jit.constants import F8, I8
from jit.joint import connect, possible
from jit.transformers import transform

INF = np.inf
VALID = 1
LIMITS = len(r.LIMITS)
YES, REMOTE = int(Permit.YES), int(Condition.REMOTE)
VALUES_LOST, WAITING = int(Reason.VALUES_LOST), int(Reason.WAITING_FOR_VALUES)


@term
def bms(limit: float, promised: float) -> float:
    """Live limit of the battery. Promised but missing is 0, not infinite (design rule 6)."""
    if limit != limit:
        return 0.0 if promised > 0.5 else INF
    return max(0.0, limit)


@term
def taper(distance: float, width: float, rated: float) -> float:
    """Full power `width` away from a bound, falling linearly to 0 at it. Unknown distance: 0."""
    if distance != distance or distance <= 0.0:
        return 0.0
    if width <= 0.0 or distance >= width:
        return INF
    return rated * distance / width


@term
def energy(stored_kwh: float, horizon_s: float) -> float:
    """The power that empties (or fills) `stored_kwh` within the horizon, so that no bound is crossed inside a tick."""
    if stored_kwh != stored_kwh or stored_kwh <= 0.0:
        return 0.0
    return stored_kwh * 3600.0 / horizon_s


@term
def stopping(before: float, rate: float, dt: float) -> float:
    """Lost data shrink the band along the asset's stop ramp (infinite: at once)."""
    if before != before or rate == INF:
        return 0.0
    return max(0.0, before - rate * dt)


@term
def permit(values: F8, codes: I8, past: F8, ratings: F8, first: int, dt: float) -> None:
    """Permission, remote control, quality, availability. Lost data end along the stop ramp where the asset has one."""
    permission, quality = first + 2 * r.L_PERMISSION, first + 2 * r.L_QUALITY
    availability, remote = first + 2 * r.L_AVAILABILITY, first + 2 * r.L_REMOTE
    for a in range(values.shape[1]):
        # lost, or back but not yet for long enough: both end the stop ramp only where permission returns
        lost = codes[r.STATE_BY, a] == VALUES_LOST or codes[r.STATE_BY, a] == WAITING
        rate = ratings[c.RAMP_STOP, a]
        along_ramp = lost and rate != INF
        values[permission, a] = -INF if codes[r.MAY_CHARGE, a] == YES or along_ramp else 0.0
        values[permission + 1, a] = INF if codes[r.MAY_DISCHARGE, a] == YES or along_ramp else 0.0
        remotely = codes[r.CONDITIONS, a] & REMOTE != 0
        values[remote, a], values[remote + 1, a] = -INF if remotely else 0.0, INF if remotely else 0.0
        good = codes[r.QUALITY, a] == VALID and not along_ramp
        ramped = past[r.RAMPED_KW, a]
        values[quality, a] = -INF if good else 0.0 - stopping(max(0.0, -ramped), rate, dt)
        values[quality + 1, a] = INF if good else stopping(max(0.0, ramped), rate, dt)
        available = codes[r.AVAILABLE, a] == YES or (codes[r.AVAILABLE, a] == 0 and along_ramp)
        values[availability, a] = -INF if available else 0.0
        values[availability + 1, a] = INF if available else 0.0


@term
def protect(values: F8, ratings: F8, first: int) -> None:
    """Nameplate, configuration, live BMS limits, temperature, state of charge and the energy left."""
    for a in range(values.shape[1]):
        rated_in, rated_out = ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a]
        promised, capacity = ratings[c.PROMISES_LIMITS, a], ratings[c.ENERGY_KWH, a] / 100.0
        values[first + 2 * r.L_RATING, a] = 0.0 - ratings[c.NAMEPLATE_CHARGE_KW, a]
        values[first + 2 * r.L_RATING + 1, a] = ratings[c.NAMEPLATE_DISCHARGE_KW, a]
        values[first + 2 * r.L_CONFIGURATION, a] = 0.0 - rated_in
        values[first + 2 * r.L_CONFIGURATION + 1, a] = rated_out
        values[first + 2 * r.L_BMS, a] = 0.0 - bms(values[r.BMS_CHARGE_KW, a], promised)
        values[first + 2 * r.L_BMS + 1, a] = bms(values[r.BMS_DISCHARGE_KW, a], promised)
        t, width = values[r.TEMPERATURE_C, a], ratings[c.T_TAPER, a]
        distance = min(t - ratings[c.T_MIN, a], ratings[c.T_MAX, a] - t) if t == t else np.nan
        values[first + 2 * r.L_TEMPERATURE, a] = 0.0 - taper(distance, width, rated_in)
        values[first + 2 * r.L_TEMPERATURE + 1, a] = taper(distance, width, rated_out)
        above, below = values[r.SOC_PCT, a] - ratings[c.SOC_MIN, a], ratings[c.SOC_MAX, a] - values[r.SOC_PCT, a]
        values[first + 2 * r.L_SOC, a] = 0.0 - taper(below, ratings[c.SOC_TAPER, a], rated_in)
        values[first + 2 * r.L_SOC + 1, a] = taper(above, ratings[c.SOC_TAPER, a], rated_out)
        room_kwh = below * capacity / ratings[c.EFF_CHARGE, a]
        stored_kwh = above * capacity * ratings[c.EFF_DISCHARGE, a]
        values[first + 2 * r.L_ENERGY, a] = 0.0 - energy(room_kwh, ratings[c.HORIZON_S, a])
        values[first + 2 * r.L_ENERGY + 1, a] = energy(stored_kwh, ratings[c.HORIZON_S, a])


@term
def followed(values: F8, row: int) -> None:
    """What the device has proven to follow (`jit.effect`); 0 when not even that is known."""
    for a in range(values.shape[1]):
        low, high = values[r.EFFECT_LOW_KW, a], values[r.EFFECT_HIGH_KW, a]
        values[row, a], values[row + 1, a] = low if low < 0.0 else 0.0, high if high > 0.0 else 0.0


@term
def bind(values: F8, codes: I8, first: int) -> None:
    """The least limit per direction, which one it is (+ 1), the next one and the room to it."""
    for a in range(values.shape[1]):
        least_in = next_in = least_out = next_out = INF
        in_by = in_next = out_by = out_next = 0
        for k in range(LIMITS):
            charge, discharge = 0.0 - values[first + 2 * k, a], values[first + 2 * k + 1, a]
            if charge < least_in:
                next_in, in_next, least_in, in_by = least_in, in_by, charge, k + 1
            elif charge < next_in:
                next_in, in_next = charge, k + 1
            if discharge < least_out:
                next_out, out_next, least_out, out_by = least_out, out_by, discharge, k + 1
            elif discharge < next_out:
                next_out, out_next = discharge, k + 1
        values[r.LOW_KW, a], values[r.HIGH_KW, a] = 0.0 - least_in, least_out
        values[r.LOW_ROOM_KW, a], values[r.HIGH_ROOM_KW, a] = next_in - least_in, next_out - least_out
        codes[r.LOW_BY, a], codes[r.HIGH_BY, a] = in_by, out_by
        codes[r.LOW_NEXT_BY, a], codes[r.HIGH_NEXT_BY, a] = in_next, out_next


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
    protect(values, ratings, first)
    permit(values, codes, past, ratings, first, dt)
    followed(values, first + 2 * r.L_EFFECT)
    ceilings(site, site_codes, past_site, given, dt_ramp)
    possible(values, codes, ratings)
    row = first + 2 * r.L_TRANSFORMER
    transform(values, codes, site, past, past_codes, kva, starts, members, row, transformers)
    connect(values, codes, site, site_codes, constants, starts, members, first)
    bind(values, codes, first)
