"""Kernels of `snapshot`: points to rows, freshness proven by change, quality.

    points, ages ──► rows (soc, power, limits, …), age_s, fresh_s, quality

Age is the larger of the time since the block arrived and the time since the device's proof of freshness changed
(design rule 12). The first proof ever seen proves nothing. A weak device, without a proof, is judged by whether any of
its measurements changed within `frozen_after`.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I1, I2, RF1, RF2, RI1, RI2, F, kernel, term
from jit.constants import F8, I8

# rows of the point map: where the points of an asset are, −1 = not promised by its profile
(
    M_SOC,
    M_SOH,
    M_POWER,
    M_REACTIVE,
    M_VOLTAGE,
    M_CURRENT,
    M_TEMPERATURE,
    M_CHARGE_LIMIT,
    M_DISCHARGE_LIMIT,
    M_SETPOINT,
    M_AVAILABLE,
    M_REMOTE,
    M_ALARMS,
    M_HEARTBEAT,
    M_DEVICE,
) = range(15)
POINT_OF_ROW = (
    "soc",
    "soh",
    "power",
    "reactive_power",
    "dc_voltage",
    "dc_current",
    "temperature",
    "charge_limit",
    "discharge_limit",
    "setpoint",
    "available",
    "remote",
    "alarms",
    "heartbeat",
)

VALID = 1
MISSING = 2
RANGE = 4
PROTOCOL = 8
STALE = 16
FROZEN = 256
YES = 2
NO = 1
INF = np.inf
F_LEAST, F_MOST = 45.0, 65.0  # Hz; a frequency outside is a fault of its measurement, whatever the profile allows
MOST_ALARMS = 9007199254740992.0  # 2**53: above it a float64 has lost bits


@term
def permit_of(points: F8, codes: I8, index: int) -> int:
    """Permit of a yes/no point: not promised = YES, promised but unusable = UNKNOWN."""
    if index < 0:
        return YES
    if codes[index] & VALID == 0 or points[index] != points[index]:
        return 0
    return YES if points[index] > 0.5 else NO


@term
def bad_bits(points: F8, codes: I8, index: int) -> int:
    """0 when the point may be used or is not promised, else the bits that say why not."""
    if index < 0:
        return 0
    if codes[index] & VALID == 0 or points[index] != points[index]:
        bits = codes[index] & ~VALID
        return bits if bits != 0 else MISSING
    return 0


@term
def gather(points: F8, point_codes: I8, place: I8, values: F8, codes: I8) -> None:
    """Points to rows: what is missing is NaN, a promised permit that cannot be read is unknown."""
    for a in range(values.shape[1]):
        for row in range(M_SETPOINT + 1):
            index = place[row, a]
            shown = index >= 0 and points[index] == points[index] and point_codes[index] & MISSING == 0
            if shown and (row == M_CHARGE_LIMIT or row == M_DISCHARGE_LIMIT):
                # no required point: an implausible limit is no limit, the last one stands while the device is away
                shown = point_codes[index] & (VALID | PROTOCOL) != 0
            values[row, a] = points[index] if shown else np.nan
        codes[r.AVAILABLE, a] = permit_of(points, point_codes, place[M_AVAILABLE, a])
        codes[r.REMOTE, a] = permit_of(points, point_codes, place[M_REMOTE, a])
        alarms = place[M_ALARMS, a]
        readable = alarms >= 0 and point_codes[alarms] & VALID != 0 and 0.0 <= points[alarms] < MOST_ALARMS
        codes[r.ALARMS, a] = np.int64(points[alarms]) if readable else 0


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
    """Asset rows from the newest points. `points` and `point_codes` [n], `ages` [devices] s, `place` [15, assets]."""
    gather(points, point_codes, place, values, codes)
    prove(points, point_codes, ages, place, values, past, ratings, dt)
    for a in range(values.shape[1]):
        alarms = place[M_ALARMS, a]
        bits = bad_bits(points, point_codes, place[M_SOC, a])
        bits |= bad_bits(points, point_codes, place[M_POWER, a])
        bits |= bad_bits(points, point_codes, place[M_TEMPERATURE, a])
        bits |= bad_bits(points, point_codes, place[M_AVAILABLE, a])
        bits |= bad_bits(points, point_codes, place[M_REMOTE, a])
        bits |= bad_bits(points, point_codes, alarms)
        if alarms >= 0 and point_codes[alarms] & VALID != 0 and not 0.0 <= points[alarms] < MOST_ALARMS:
            bits |= RANGE if points[alarms] == points[alarms] else 0
        arrived, unchanged = ages[place[M_DEVICE, a]], values[r.PROOF_S, a]
        stale_after, age = ratings[c.STALE_AFTER, a], arrived
        if ratings[c.HAS_PROOF, a] > 0.5:
            age = max(arrived, unchanged)
            if unchanged > stale_after >= arrived:
                bits |= FROZEN
        elif unchanged > ratings[c.FROZEN_AFTER, a]:
            bits |= FROZEN
        if not age <= stale_after:
            bits |= STALE
        values[r.AGE_S, a] = age
        codes[r.QUALITY, a] = VALID if bits == 0 else bits
        fresh = past[r.FRESH_S, a]
        lasting = bits == 0 and past_codes[r.QUALITY, a] == VALID and fresh == fresh
        values[r.FRESH_S, a] = fresh + dt if lasting else 0.0


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
    return max(arrived, age)


@kernel(F1, I1, F1, RI1, F2, I2, F1, I1, RF1, RF1, F)
def measure_site(
    points: F8,
    point_codes: I8,
    ages: F8,
    place: I8,
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    past_site: F8,
    constants: F8,
    dt: float,
) -> None:
    """Point of connection and frequency. `place` = (poc point, device, proof, f point, device, proof), −1 = none.

    other_kw is what everything but the assets feeds in: poc_kw − Σ power_kw; unknown as soon as one part is, and then
    last_other_kw still says what it was.
    """
    limit = constants[c.POC_STALE_AFTER]
    poc = place[0]
    fed = 0.0
    for a in range(values.shape[1]):
        fed += values[r.POWER_KW, a] if codes[r.QUALITY, a] == VALID else np.nan
    site[r.OTHER_KW] = np.nan
    site[r.POC_KW] = np.nan
    site[r.POC_AGE_S] = np.nan
    site[r.POC_PROOF] = np.nan
    site[r.POC_PROOF_S] = INF
    site_codes[r.POC_QUALITY] = 0
    site[r.LAST_OTHER_KW] = past_site[r.LAST_OTHER_KW]
    if poc >= 0:
        age = proven_age(points, point_codes, ages[place[1]], place[2], site, past_site, r.POC_PROOF, dt)
        site[r.POC_AGE_S] = age
        bits = bad_bits(points, point_codes, poc)
        if not age <= limit:
            bits |= STALE
        site[r.POC_KW] = points[poc]
        site_codes[r.POC_QUALITY] = VALID if bits == 0 else bits
        if bits == 0:
            site[r.OTHER_KW] = points[poc] - fed
            if fed == fed:
                site[r.LAST_OTHER_KW] = site[r.OTHER_KW]
    f = place[3]
    site[r.FREQUENCY_HZ] = np.nan
    site[r.FREQUENCY_AGE_S] = np.nan
    site[r.FREQUENCY_PROOF] = np.nan
    site[r.FREQUENCY_PROOF_S] = INF
    site_codes[r.FREQUENCY_QUALITY] = 0
    if f >= 0:
        age = proven_age(points, point_codes, ages[place[4]], place[5], site, past_site, r.FREQUENCY_PROOF, dt)
        bits = bad_bits(points, point_codes, f)
        if points[f] < F_LEAST or points[f] > F_MOST:
            bits |= RANGE
        site[r.FREQUENCY_HZ] = points[f]
        site[r.FREQUENCY_AGE_S] = age
        site_codes[r.FREQUENCY_QUALITY] = VALID if bits == 0 else bits
