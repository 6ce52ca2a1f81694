"""Kernels of the mandatory grid functions: P(f) as a ceiling per asset, reactive power for the site.

    f ► over_frequency_kw, under_frequency_kw (what the event leaves) ► limit `frequency`
                                                  and what lies beyond zero ► must_high_kw, must_low_kw
    U, P ► curve ► first-order filter ► must_kvar, in every tick

P(f): above `from` an asset may discharge at most P₀ − slope · (f − from) · P_ref; P₀ is its power when the threshold
was crossed. P_ref is P₀ (`momentary`: never beyond zero) or the rating (`rated`: below zero charging is due). Below the
other `from` the same holds with signs turned. When f is back for `return_after`, the ceiling rises by `return` of the
rating per second until it is gone. A lost frequency holds the last ceiling: it never widens. Slope of a droop:
Regulation (EU) 2016/631, article 13(2).

Q: level beyond the ends of the curve. cos φ (P) is linear in 1 − cos φ. The filter q += (q* − q) · dt / (τ + dt) is
stable for every dt. Without a voltage Q holds, or goes to 0 through the filter.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I1, I2, RF1, RF2, RI1, F, N, kernel, term
from jit.codes import GridPhase, Reason
from jit.constants import F8, I8
from jit.measure import point_quality
from jit.quality import RANGE, STALE, VALID, meet
from jit.reactive import running

INF = np.inf
OFF, IDLE, ACTIVE = int(GridPhase.OFF), int(GridPhase.IDLE), int(GridPhase.ACTIVE)
RETURNING, HELD, BLIND = int(GridPhase.RETURNING), int(GridPhase.HELD), int(GridPhase.BLIND)
DEMANDED = int(Reason.GRID_CODE)
NO_FUNCTION, Q_OF_U, COS_PHI, FIXED = range(4)
U_LEAST, U_MOST = 0.5, 1.5  # of the nominal voltage: outside of it, it is the measurement that is wrong


@kernel(F1, I1, RI1, F1, I1, RF1, RF1)
def measure_poc(points: F8, point_codes: I8, place: I8, site: F8, site_codes: I8, constants: F8, grid: F8) -> None:
    """poc_kvar and poc_v of the meter. `place` = (its reactive power, its voltage), −1 = none; its age is poc_age_s."""
    q, u, nominal = place[0], place[1], grid[c.NOMINAL_V]
    site[r.POC_KVAR] = site[r.POC_V] = np.nan
    site_codes[r.POC_V_QUALITY] = 0
    if q >= 0 and point_quality(points[q], point_codes[q]) == VALID:
        site[r.POC_KVAR] = points[q]
    if u >= 0:
        quality = point_quality(points[u], point_codes[u])
        if not site[r.POC_AGE_S] <= constants[c.POC_STALE_AFTER]:
            quality = meet(quality, STALE)
        if nominal > 0.0 and (points[u] < U_LEAST * nominal or points[u] > U_MOST * nominal):
            quality = meet(quality, RANGE)
        site[r.POC_V], site_codes[r.POC_V_QUALITY] = points[u], quality


@term
def on_curve(curve: F8, x: float) -> float:
    """Between the points of `curve` [2, n], by rising x; level beyond its ends."""
    y: float = curve[1, 0]
    for k in range(curve.shape[1] - 1):
        if x > curve[0, k]:
            share = min(1.0, (x - curve[0, k]) / (curve[0, k + 1] - curve[0, k]))
            y = curve[1, k] + share * (curve[1, k + 1] - curve[1, k])
    return y


@term
def of_cos_phi(distance: float, power: float) -> float:
    """Q (kvar) at 1 − cos φ = |distance|, + = over-excited, beside P (kW) of either sign."""
    factor = 1.0 - abs(distance)
    size = abs(power) * sqrt(1.0 - factor * factor) / factor
    return size if distance > 0.0 else 0.0 - size


@term
def reactive(site: F8, site_codes: I8, past_site: F8, grid: F8, curve: F8, dt: float) -> None:
    """must_kvar and its phase; NaN without a function."""
    mode, was = grid[c.Q_FUNCTION], past_site[r.MUST_KVAR]
    was = was if was == was else 0.0
    site[r.MUST_KVAR], site_codes[r.KVAR_PHASE] = np.nan, OFF
    if mode == NO_FUNCTION:
        return
    site_codes[r.KVAR_PHASE] = ACTIVE
    if mode == FIXED:
        target = curve[1, 0]
    elif mode == COS_PHI:
        power = past_site[r.TOTAL_KW]
        power = power if power == power else 0.0
        target = of_cos_phi(on_curve(curve, abs(power) / grid[c.Q_RATED_KW]), power)
    elif site_codes[r.POC_V_QUALITY] == VALID and site[r.POC_V] == site[r.POC_V]:
        target = on_curve(curve, site[r.POC_V] / grid[c.NOMINAL_V]) * grid[c.Q_OF_KVAR]
    else:
        target = was if grid[c.Q_HOLDS] > 0.5 else 0.0
        site_codes[r.KVAR_PHASE] = HELD if grid[c.Q_HOLDS] > 0.5 else BLIND
    span = grid[c.Q_TAU_S] + dt
    site[r.MUST_KVAR] = was + (target - was) * (dt / span) if span > 0.0 else target


@term
def ceiling(reference: float, beyond: float, rated: float, of_rated: float, slope: float) -> float:
    """What an event of `beyond` Hz past the threshold leaves of the reference power (kW), at most `rated`."""
    reference = min(reference, rated)
    if of_rated > 0.5:
        return reference - slope * beyond * rated
    return max(0.0, reference) * max(0.0, 1.0 - slope * beyond)


@term
def lasting(site: F8, site_codes: I8, past_site: F8, grid: F8, sign: float, base: int, timer: int, dt: float) -> int:
    """What the frequency says about one side: OFF, ACTIVE, RETURNING, IDLE (back, not yet for long enough) or HELD."""
    f, start = site[r.FREQUENCY_HZ], grid[base + c.F_FROM]
    usable = site_codes[r.FREQUENCY_QUALITY] == VALID and f == f and site[r.FREQUENCY_AGE_S] <= grid[c.F_STALE_S]
    back = past_site[timer]
    site[timer] = back if back == back else 0.0
    if not start > 0.0:
        return OFF
    if not usable:
        return HELD
    if sign * (f - start) > 0.0:
        site[timer] = 0.0
        return ACTIVE
    site[timer] += dt
    return RETURNING if site[timer] >= grid[base + c.F_WAIT_S] else IDLE


@term
def reference_of(values: F8, codes: I8, past: F8, sign: float, most: float, a: int) -> float:
    """The power (kW) in the direction of `sign` when the threshold is crossed: measured, else as ramped, else 0."""
    power = values[r.POWER_KW, a] if codes[r.QUALITY, a] == VALID else past[r.RAMPED_KW, a]
    return min(most, sign * power) if power == power else 0.0


@term
def side(
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    past: F8,
    ratings: F8,
    grid: F8,
    event: int,
    sign: float,
    base: int,
    row: int,
    phase: int,
    forth: int,
    against: int,
    dt: float,
) -> None:
    """One side of P(f): `row` holds the ceiling, `row + 1` the reference, both with signs turned when `sign` is −1.

    `base`: first of its parameters; `forth`, `against`: ratings in the direction that it limits and in the other one.
    """
    restricts = False
    for a in range(values.shape[1]):
        was, reference, rated = past[row, a], past[row + 1, a], ratings[forth, a]
        left = was if was == was else INF
        if event == OFF:
            left, reference = INF, np.nan
        elif event == ACTIVE:
            if reference != reference:
                reference = reference_of(values, codes, past, sign, left, a)
            beyond = sign * (site[r.FREQUENCY_HZ] - grid[base + c.F_FROM])
            left = ceiling(reference, beyond, rated, grid[base + c.F_OF_RATED], grid[base + c.F_SLOPE])
            left = max(0.0 - ratings[against, a], left)
        elif event != HELD:
            reference = np.nan
            if event == RETURNING:
                left = left + grid[base + c.F_RETURN] * rated * dt
                left = left if left < rated else INF
        restricts = restricts or left < INF
        values[row, a], values[row + 1, a] = left, reference
    site_codes[phase] = event
    if event == HELD and not restricts:
        site_codes[phase] = BLIND
    elif event == IDLE or event == RETURNING:
        site_codes[phase] = RETURNING if restricts else IDLE


@term
def mandatory(values: F8, codes: I8, site: F8, site_codes: I8, limit: int) -> None:
    """Limit `frequency` in the rows from `limit`; what the ceilings ask beyond zero, of running assets together."""
    most_out = most_in = 0.0
    for a in range(values.shape[1]):
        out, into = values[r.OVER_FREQUENCY_KW, a], values[r.UNDER_FREQUENCY_KW, a]
        values[limit, a], values[limit + 1, a] = 0.0 - max(0.0, into), max(0.0, out)
        if running(codes, a):
            most_out += out
            most_in += into
    site[r.MUST_HIGH_KW] = most_out if most_out < 0.0 else INF
    site[r.MUST_LOW_KW] = 0.0 - most_in if most_in < 0.0 else -INF
    site_codes[r.MUST_HIGH_BY] = DEMANDED if most_out < 0.0 else 0
    site_codes[r.MUST_LOW_BY] = DEMANDED if most_in < 0.0 else 0


@kernel(F2, I2, F1, I1, RF2, RF1, RF2, RF1, RF2, N, F)
def demand(
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    past: F8,
    past_site: F8,
    ratings: F8,
    grid: F8,
    curve: F8,
    limit: int,
    dt: float,
) -> None:
    """Both sides of P(f), the limit `frequency` in the rows from `limit`, must_low_kw, must_high_kw and must_kvar."""
    over = lasting(site, site_codes, past_site, grid, 1.0, c.OVER, r.OVER_BACK_S, dt)
    side(values, codes, site, site_codes, past, ratings, grid, over, 1.0, c.OVER, r.OVER_FREQUENCY_KW, r.OVER_PHASE,
         c.DISCHARGE_KW, c.CHARGE_KW, dt)  # fmt: skip
    under = lasting(site, site_codes, past_site, grid, -1.0, c.UNDER, r.UNDER_BACK_S, dt)
    side(values, codes, site, site_codes, past, ratings, grid, under, -1.0, c.UNDER, r.UNDER_FREQUENCY_KW,
         r.UNDER_PHASE, c.CHARGE_KW, c.DISCHARGE_KW, dt)  # fmt: skip
    mandatory(values, codes, site, site_codes, limit)
    reactive(site, site_codes, past_site, grid, curve, dt)
