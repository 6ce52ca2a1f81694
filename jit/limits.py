"""Kernel of `limits`: every named limit of an asset, and the band as their intersection.

    rating ∩ bms ∩ permission ∩ quality ∩ availability ∩ temperature ∩ soc ∩ energy ∩ site = [low_kw, high_kw] ∋ 0

Each term returns the largest charge (≥ 0) or discharge (≥ 0) it allows. A term that cannot judge allows nothing when
its input was promised, and has no opinion (∞) when it never was. Degrading an input never widens a term. The binding
limit is recorded per direction, and the room to the next one.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I2, RF1, RF2, RI1, F, N, kernel, term
from jit.codes import Permit, Reason
from jit.constants import F8, I8
from jit.project import proven

INF = np.inf
VALID = 1
YES = int(Permit.YES)
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
def worst(sent: float, written: float, seen: float) -> float:
    """The most (kW ≥ 0) that a battery not proven at its command may be feeding in; with signs turned, drawing."""
    most = 0.0
    for power in (sent, written, seen):
        if power == power and power > most:
            most = power
    return most


@kernel(F2, I2, F1, RI1, RF2, RF2, RF1, N, F)
def band(
    values: F8, codes: I8, site: F8, site_codes: I8, past: F8, ratings: F8, constants: F8, first: int, dt: float
) -> None:
    """Limit rows from `first` on, then low_kw/high_kw with `*_by` (limit + 1) and the room to the next limit."""
    other = site[r.OTHER_KW]
    if site_codes[r.POC_QUALITY] != VALID or other != other:  # the worst that is declared or was seen last
        last = site[r.LAST_OTHER_KW]
        last = last if last == last else 0.0
        feeds, draws = max(constants[c.MAX_PV], last), max(constants[c.MAX_LOAD], -last)
        required = constants[c.POC_REQUIRED] > 0.5
    else:
        feeds, draws = other, -other
        required = False
    room_out = max(0.0, constants[c.EXPORT_LIMIT] - constants[c.EXPORT_MARGIN] - feeds)
    room_in = max(0.0, constants[c.IMPORT_LIMIT] - constants[c.IMPORT_MARGIN] - draws)
    if required:
        room_out = room_in = 0.0
    unreachable_out = 0.0
    unreachable_in = 0.0
    for a in range(values.shape[1]):  # an asset not proven at its command counts at the worst of what it may be doing
        if not proven(codes, a):
            sent, written, seen = past[r.COMMAND_KW, a], values[r.WRITTEN_KW, a], values[r.POWER_KW, a]
            unreachable_out += worst(sent, written, seen)
            unreachable_in += worst(-sent, -written, -seen)
    site[r.SITE_HIGH_KW] = max(0.0, room_out - unreachable_out)
    site[r.SITE_LOW_KW] = 0.0 - max(0.0, room_in - unreachable_in)

    charge, discharge = np.empty(9), np.empty(9)
    for a in range(values.shape[1]):
        soc = values[r.SOC_PCT, a]
        rated_in, rated_out = ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a]
        promised = ratings[c.PROMISES_LIMITS, a]
        capacity = ratings[c.ENERGY_KWH, a] / 100.0
        good = codes[r.QUALITY, a] == VALID
        charge[r.L_RATING], discharge[r.L_RATING] = rated_in, rated_out
        charge[r.L_BMS] = bms(values[r.BMS_CHARGE_KW, a], promised)
        discharge[r.L_BMS] = bms(values[r.BMS_DISCHARGE_KW, a], promised)
        # lost, or back but not yet for long enough: both end the stop ramp only where permission returns
        lost = codes[r.STATE_BY, a] == VALUES_LOST or codes[r.STATE_BY, a] == WAITING
        stops_by_ramp = lost and ratings[c.RAMP_STOP, a] != INF
        charge[r.L_PERMISSION] = INF if codes[r.MAY_CHARGE, a] == YES or stops_by_ramp else 0.0
        discharge[r.L_PERMISSION] = INF if codes[r.MAY_DISCHARGE, a] == YES or stops_by_ramp else 0.0
        if good and not stops_by_ramp:
            charge[r.L_QUALITY] = discharge[r.L_QUALITY] = INF
        else:
            charge[r.L_QUALITY] = stopping(max(0.0, -past[r.RAMPED_KW, a]), ratings[c.RAMP_STOP, a], dt)
            discharge[r.L_QUALITY] = stopping(max(0.0, past[r.RAMPED_KW, a]), ratings[c.RAMP_STOP, a], dt)
        available = codes[r.AVAILABLE, a] == YES or (codes[r.AVAILABLE, a] == 0 and stops_by_ramp)
        charge[r.L_AVAILABILITY] = discharge[r.L_AVAILABILITY] = INF if available else 0.0
        t = values[r.TEMPERATURE_C, a]
        distance = min(t - ratings[c.T_MIN, a], ratings[c.T_MAX, a] - t) if t == t else np.nan
        charge[r.L_TEMPERATURE] = taper(distance, ratings[c.T_TAPER, a], rated_in)
        discharge[r.L_TEMPERATURE] = taper(distance, ratings[c.T_TAPER, a], rated_out)
        charge[r.L_SOC] = taper(ratings[c.SOC_MAX, a] - soc, ratings[c.SOC_TAPER, a], rated_in)
        discharge[r.L_SOC] = taper(soc - ratings[c.SOC_MIN, a], ratings[c.SOC_TAPER, a], rated_out)
        room_kwh = (ratings[c.SOC_MAX, a] - soc) * capacity / ratings[c.EFF_CHARGE, a]
        stored_kwh = (soc - ratings[c.SOC_MIN, a]) * capacity * ratings[c.EFF_DISCHARGE, a]
        charge[r.L_ENERGY] = energy(room_kwh, ratings[c.HORIZON_S, a])
        discharge[r.L_ENERGY] = energy(stored_kwh, ratings[c.HORIZON_S, a])
        own_in = own_out = 0.0  # what an asset itself may be doing takes nothing from its own room
        most_in = most_out = INF
        if not proven(codes, a):
            sent, written, seen = past[r.COMMAND_KW, a], values[r.WRITTEN_KW, a], values[r.POWER_KW, a]
            own_out, own_in = worst(sent, written, seen), worst(-sent, -written, -seen)
            most_in = own_in if room_in < INF else INF  # where the site has a limit it gets no more than is counted
            most_out = own_out if room_out < INF else INF
        charge[r.L_SITE] = min(most_in, max(0.0, room_in - max(0.0, unreachable_in - own_in)))
        discharge[r.L_SITE] = min(most_out, max(0.0, room_out - max(0.0, unreachable_out - own_out)))

        least_in = next_in = least_out = next_out = INF
        in_by = in_next = out_by = out_next = 0
        for k in range(9):
            values[first + 2 * k, a] = 0.0 - charge[k]
            values[first + 2 * k + 1, a] = discharge[k]
            if charge[k] < least_in:
                next_in, in_next, least_in, in_by = least_in, in_by, charge[k], k + 1
            elif charge[k] < next_in:
                next_in, in_next = charge[k], k + 1
            if discharge[k] < least_out:
                next_out, out_next, least_out, out_by = least_out, out_by, discharge[k], k + 1
            elif discharge[k] < next_out:
                next_out, out_next = discharge[k], k + 1
        values[r.LOW_KW, a] = 0.0 - least_in
        values[r.HIGH_KW, a] = least_out
        values[r.LOW_ROOM_KW, a] = next_in - least_in
        values[r.HIGH_ROOM_KW, a] = next_out - least_out
        codes[r.LOW_BY, a] = in_by
        codes[r.HIGH_BY, a] = out_by
        codes[r.LOW_NEXT_BY, a] = in_next
        codes[r.HIGH_NEXT_BY, a] = out_next
