"""Kernels of `snapshot`: points to rows, freshness proven by change, quality.

    points, ages ──► rows (soc, power, limits, …) ──► proof ──► plausible? ──► age_s, quality, fresh_s

Age is the larger of the time since the block arrived and the time since the device's proof of freshness changed
(design rule 12). The first proof ever seen proves nothing. A weak device, without a proof, is judged by whether any of
its measurements changed within `frozen_after`. Quality is the meet (`jit.quality`) of everything that is required.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I1, I2, RF1, RF2, RI1, RI2, F, kernel, term
from jit.constants import F8, I8
from jit.plausible import contradict, jump, physics
from jit.points import (
    M_ALARMS,
    M_AVAILABLE,
    M_CHARGE_LIMIT,
    M_CONTACTOR,
    M_COOLING,
    M_DEVICE,
    M_DISCHARGE_LIMIT,
    M_HEARTBEAT,
    M_POWER,
    M_REMOTE,
    M_SETPOINT,
    M_SOC,
    M_TEMPERATURE,
)
from jit.quality import FROZEN, MISSING, PROTOCOL, RANGE, STALE, VALID, meet, older

YES = 2
NO = 1
INF = np.inf
F_LEAST, F_MOST = 45.0, 65.0  # Hz; a frequency outside is a fault of its measurement, whatever the profile allows
MOST_ALARMS = 9007199254740992.0  # 2**53: above it a float64 has lost bits


@term
def point_quality(point: float, code: int) -> int:
    """Quality of one required point: what cannot be used says at least that it is missing."""
    if code & VALID != 0 and point == point:
        return code
    lost = code & ~VALID
    return lost if lost != 0 else MISSING


@term
def gather(points: F8, point_codes: I8, place: I8, values: F8, codes: I8) -> None:
    """Measurements to rows, what is missing as NaN; the meet of the required ones to `quality`."""
    for a in range(values.shape[1]):
        codes[r.QUALITY, a] = VALID
    for row in range(M_SETPOINT + 1):
        required = row == M_SOC or row == M_POWER or row == M_TEMPERATURE
        limit = row == M_CHARGE_LIMIT or row == M_DISCHARGE_LIMIT
        for a in range(values.shape[1]):
            index = place[row, a]
            value = np.nan
            if index >= 0:
                code = point_codes[index]
                # no required point: an implausible limit is no limit, the last one stands while the device is away
                if code & MISSING == 0 and (not limit or code & (VALID | PROTOCOL) != 0):
                    value = points[index]
                if required:
                    codes[r.QUALITY, a] = meet(codes[r.QUALITY, a], point_quality(value, code))
            values[row, a] = value


@term
def permit(points: F8, point_codes: I8, place: I8, codes: I8, row: int, target: int) -> None:
    """Permits of a yes/no point: not promised = YES, promised but unusable = UNKNOWN and worse quality."""
    for a in range(codes.shape[1]):
        index, permitted = place[row, a], YES
        if index >= 0:
            quality = point_quality(points[index], point_codes[index])
            codes[r.QUALITY, a] = meet(codes[r.QUALITY, a], quality)
            permitted = 0 if quality & VALID == 0 else (YES if points[index] > 0.5 else NO)
        codes[target, a] = permitted


@term
def alarmed(points: F8, point_codes: I8, place: I8, codes: I8) -> None:
    """Alarm bits, 0 while they cannot be read; then quality says so."""
    for a in range(codes.shape[1]):
        index = place[M_ALARMS, a]
        codes[r.ALARMS, a] = 0
        if index < 0:
            continue
        quality = point_quality(points[index], point_codes[index])
        if quality & VALID != 0 and not 0.0 <= points[index] < MOST_ALARMS:
            quality = meet(quality, RANGE)
        codes[r.QUALITY, a] = meet(codes[r.QUALITY, a], quality)
        if quality & VALID != 0:
            codes[r.ALARMS, a] = np.int64(points[index])


@term
def equip(codes: I8) -> None:
    """A battery without what it needs, or of which that is unknown, is not available where its profile promises it.

    Cooling and auxiliary supply (reliability §2 row 48), and a closed contactor (S15): what is lost is in force as lost
    availability is, at once and until it is back.
    """
    for a in range(codes.shape[1]):
        codes[r.AVAILABLE, a] = min(codes[r.AVAILABLE, a], min(codes[r.COOLING, a], codes[r.CONTACTOR, a]))


@term
def prove(points: F8, point_codes: I8, ages: F8, place: I8, values: F8, past: F8, ratings: F8, dt: float) -> None:
    """The newest proof of freshness and the seconds since it changed. A weak device proves by any measurement."""
    for a in range(values.shape[1]):
        arrived, strong = ages[place[M_DEVICE, a]], ratings[c.HAS_PROOF, a] > 0.5
        if strong:
            proof = place[M_HEARTBEAT, a]
            seen = points[proof] if point_codes[proof] & VALID != 0 else np.nan
        else:
            seen = values[r.SOC_PCT, a] + 1.37 * values[r.POWER_KW, a] + 1.11 * values[r.TEMPERATURE_C, a]
        last, held = past[r.PROOF, a], past[r.PROOF_S, a]
        values[r.PROOF, a] = seen if seen == seen else last
        values[r.PROOF_S, a] = held + dt if held == held else INF
        if seen == seen and last != last:  # the first one ever seen proves nothing
            values[r.PROOF_S, a] = INF if strong else 0.0
        elif seen == seen and seen != last:
            values[r.PROOF_S, a] = arrived


@term
def settle(ages: F8, place: I8, values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """Age, what it takes from quality, and for how long all has been good."""
    for a in range(values.shape[1]):
        quality, arrived, unchanged = codes[r.QUALITY, a], ages[place[M_DEVICE, a]], values[r.PROOF_S, a]
        stale_after, age = ratings[c.STALE_AFTER, a], arrived
        if ratings[c.HAS_PROOF, a] > 0.5:
            age = older(arrived, unchanged)
            if unchanged > stale_after >= arrived:
                quality = meet(quality, FROZEN)
        elif unchanged > ratings[c.FROZEN_AFTER, a]:
            quality = meet(quality, FROZEN)
        if not age <= stale_after:
            quality = meet(quality, STALE)
        values[r.AGE_S, a] = age
        codes[r.QUALITY, a] = quality
        fresh = past[r.FRESH_S, a]
        lasting = quality == VALID and past_codes[r.QUALITY, a] == VALID and fresh == fresh
        values[r.FRESH_S, a] = fresh + dt if lasting else 0.0


@kernel(F1, I1, F1, RI2, F2, I2, RF2, RI2, RF2, F)
def measure(
    points: F8,
    point_codes: I8,
    ages: F8,
    place: I8,
    values: F8,
    codes: I8,
    past: F8,
    past_codes: I8,
    ratings: F8,
    dt: float,
) -> None:
    """Asset rows from the newest points. `points` and `point_codes` [n], `ages` [devices] s, `place` [18, assets]."""
    gather(points, point_codes, place, values, codes)
    permit(points, point_codes, place, codes, M_AVAILABLE, r.AVAILABLE)
    permit(points, point_codes, place, codes, M_REMOTE, r.REMOTE)
    permit(points, point_codes, place, codes, M_COOLING, r.COOLING)
    permit(points, point_codes, place, codes, M_CONTACTOR, r.CONTACTOR)
    alarmed(points, point_codes, place, codes)
    prove(points, point_codes, ages, place, values, past, ratings, dt)
    jump(point_codes, ages, place, values, codes, past, ratings, dt)
    physics(point_codes, place, values, codes, past, ratings, dt)
    contradict(points, point_codes, place, values, codes, past, past_codes, ratings, dt)
    equip(codes)
    settle(ages, place, values, codes, past, past_codes, ratings, dt)


@term
def proven_age(
    points: F8, codes: I8, arrived: float, proof: int, site: F8, past_site: F8, row: int, dt: float
) -> float:
    """Age of a meter's block (s): since it arrived, or since its proof changed if that is longer. Writes proof rows.

    `row` holds the newest proof, `row + 1` the seconds since it changed. Without a proof it is as old as its block.
    """
    if proof < 0:
        return arrived
    seen = points[proof] if codes[proof] & VALID != 0 else np.nan
    last = past_site[row]
    held = past_site[row + 1]
    age = held + dt if held == held else INF
    if seen == seen and last == last and seen != last:
        age = arrived
    site[row] = seen if seen == seen else last
    site[row + 1] = age
    return older(arrived, age)


@kernel(F1, I1, F1, RI1, F1, I1, RF1, RF1, F)
def measure_site(
    points: F8,
    point_codes: I8,
    ages: F8,
    place: I8,
    site: F8,
    site_codes: I8,
    past_site: F8,
    constants: F8,
    dt: float,
) -> None:
    """Point of connection and frequency. `place` = (poc point, device, proof, f point, device, proof), −1 = none."""
    limit = constants[c.POC_STALE_AFTER]
    poc = place[0]
    site[r.POC_KW] = np.nan
    site[r.POC_AGE_S] = np.nan
    site[r.POC_PROOF] = np.nan
    site[r.POC_PROOF_S] = INF
    site_codes[r.POC_QUALITY] = 0
    if poc >= 0:
        age = proven_age(points, point_codes, ages[place[1]], place[2], site, past_site, r.POC_PROOF, dt)
        site[r.POC_AGE_S] = age
        quality = point_quality(points[poc], point_codes[poc])
        if not age <= limit:
            quality = meet(quality, STALE)
        site[r.POC_KW] = points[poc]
        site_codes[r.POC_QUALITY] = quality
    f = place[3]
    site[r.FREQUENCY_HZ] = np.nan
    site[r.FREQUENCY_AGE_S] = np.nan
    site[r.FREQUENCY_PROOF] = np.nan
    site[r.FREQUENCY_PROOF_S] = INF
    site_codes[r.FREQUENCY_QUALITY] = 0
    if f >= 0:
        age = proven_age(points, point_codes, ages[place[4]], place[5], site, past_site, r.FREQUENCY_PROOF, dt)
        quality = point_quality(points[f], point_codes[f])
        if points[f] < F_LEAST or points[f] > F_MOST:
            quality = meet(quality, RANGE)
        site[r.FREQUENCY_HZ] = points[f]
        site[r.FREQUENCY_AGE_S] = age
        site_codes[r.FREQUENCY_QUALITY] = quality
