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
from jit.build import F1, F2, I2, RF1, RF2, RI1, F, N, kernel, term
from jit.codes import Condition, Permit, Reason
from jit.constants import F8, I8
from jit.project import proven

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
def worst(sent: float, written: float, seen: float) -> float:
    """The most (kW ≥ 0) that a battery not proven at its command may be feeding in; with signs turned, drawing."""
    most = 0.0
    for power in (sent, written, seen):
        if power == power and power > most:
            most = power
    return most


@term
def rooms(site: F8, site_codes: I8, constants: F8) -> tuple[float, float]:
    """What all assets together may draw and feed in, kW ≥ 0. Without a good meter: the worst declared or seen last."""
    other = site[r.OTHER_KW]
    if site_codes[r.POC_QUALITY] == VALID and other == other:
        feeds, draws = other, -other
    elif constants[c.POC_REQUIRED] > 0.5:
        return 0.0, 0.0
    else:
        last = site[r.LAST_OTHER_KW]
        last = last if last == last else 0.0
        feeds, draws = max(constants[c.MAX_PV], last), max(constants[c.MAX_LOAD], -last)
    room_in = max(0.0, constants[c.IMPORT_LIMIT] - constants[c.IMPORT_MARGIN] - draws)
    return room_in, max(0.0, constants[c.EXPORT_LIMIT] - constants[c.EXPORT_MARGIN] - feeds)


@term
def share_site(values: F8, codes: I8, site: F8, past: F8, room_in: float, room_out: float, row: int) -> None:
    """The site's room for all proven assets, and per asset (rows `row`, `row + 1`) its own part in it.

    An asset that is not proven at its command counts at the worst of what it may be doing. That takes the room from the
    others and none from itself; where the site has a limit, it gets no more than is counted for it.
    """
    others_in = others_out = 0.0
    for a in range(values.shape[1]):
        if not proven(codes, a):
            sent, written, seen = past[r.COMMAND_KW, a], values[r.WRITTEN_KW, a], values[r.POWER_KW, a]
            others_in += worst(-sent, -written, -seen)
            others_out += worst(sent, written, seen)
    site[r.SITE_HIGH_KW] = max(0.0, room_out - others_out)
    site[r.SITE_LOW_KW] = 0.0 - max(0.0, room_in - others_in)
    for a in range(values.shape[1]):
        own_in = own_out = 0.0
        most_in = most_out = INF
        if not proven(codes, a):
            sent, written, seen = past[r.COMMAND_KW, a], values[r.WRITTEN_KW, a], values[r.POWER_KW, a]
            own_in, own_out = worst(-sent, -written, -seen), worst(sent, written, seen)
            most_in = own_in if room_in < INF else INF
            most_out = own_out if room_out < INF else INF
        values[row, a] = 0.0 - min(most_in, max(0.0, room_in - max(0.0, others_in - own_in)))
        values[row + 1, a] = min(most_out, max(0.0, room_out - max(0.0, others_out - own_out)))


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
def no_opinion(values: F8, row: int) -> None:
    """A limit that has nothing to say: rows `row` and `row + 1`."""
    for a in range(values.shape[1]):
        values[row, a], values[row + 1, a] = -INF, INF


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


@kernel(F2, I2, F1, RI1, RF2, RF2, RF1, N, F)
def band(
    values: F8, codes: I8, site: F8, site_codes: I8, past: F8, ratings: F8, constants: F8, first: int, dt: float
) -> None:
    """Limit rows from `first` on, then low_kw/high_kw with `*_by` (limit + 1) and the room to the next limit.

    `apparent` and `frequency` have been written before, by `jit.reactive` and `jit.grid`.
    """
    protect(values, ratings, first)
    permit(values, codes, past, ratings, first, dt)
    followed(values, first + 2 * r.L_EFFECT)
    no_opinion(values, first + 2 * r.L_TRANSFORMER)
    no_opinion(values, first + 2 * r.L_GRID_OPERATOR)
    room_in, room_out = rooms(site, site_codes, constants)
    share_site(values, codes, site, past, room_in, room_out, first + 2 * r.L_SITE)
    bind(values, codes, first)
