"""Kernels of reactive power: who is asked, what the apparent-power circle leaves, the ramp, and the exact command.

    must_kvar (grid code) or a request ► asked_kvar ► circle ► limited_kvar ► ramp ► ramped_kvar ► circle ► command_kvar

The circle P² + Q² ≤ S² is the circle itself, not a polygon. Who gives way is the site's `pq_priority`: with `p`, Q is
cut to √(S² − P²) at every step; with `q`, the term `apparent` cuts the band of P to √(S² − Q²) of the largest Q that
this tick can still send. The command is rounded toward zero and then held against the circle in exact arithmetic: the
products without error by Dekker and Veltkamp (Numerische Mathematik 18, 1971), whose last bits decide.

kvar, + = fed into the grid (over-excited). Without permission, in FAULT, after a stop, without an apparent rating or
without a write point for it, Q is 0. Q moves no faster than its ramp, and a limit beats the ramp.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I2, RF1, RF2, RI2, F, N, kernel, term
from jit.codes import Authority, Permit, Reason
from jit.constants import F8, I8
from jit.project import toward_zero
from jit.sharing import fill

VALID = 1
ARMED, YES = int(Authority.ARMED), int(Permit.YES)
NO_REQUEST, FOLLOWS, GRID = int(Reason.NO_REQUEST), int(Reason.FOLLOWS_REQUEST), int(Reason.GRID_REACTIVE)
STAGE_FAULT, IS_SILENT, FORBIDDEN = int(Reason.STAGE_FAULT), int(Reason.SILENT), int(Reason.REACTIVE_FORBIDDEN)
CIRCLE, RATED = int(Reason.APPARENT_LIMITED), int(Reason.REACTIVE_RATED)
ROUNDED = int(Reason.ROUNDED)
UP, DOWN = int(Reason.RAMP_UP), int(Reason.RAMP_DOWN)
HALVES = 134217729.0  # 2**27 + 1: parts a float64 into two of 26 bits, whose products are exact
SLACK = 8.881784197001252e-16  # 2**-50: more than the rounding of the four last parts, in relation to their sum
SHORTER = 0.9999999999999998  # 1 − 2**-52


@term
def lost(x: float, y: float) -> float:
    """What rounding took from a product, exactly: x · y − fl(x · y)."""
    product, x_scaled, y_scaled = x * y, HALVES * x, HALVES * y
    x_high, y_high = x_scaled - (x_scaled - x), y_scaled - (y_scaled - y)
    x_low, y_low = x - x_high, y - y_high
    rest: float = x_low * y_low - (((product - x_high * y_high) - x_low * y_high) - x_high * y_low)
    return rest


@term
def within(p: float, q: float, s: float) -> bool:
    """Whether p² + q² ≤ s² in rational arithmetic. What cannot be decided in the last bits, and NaN, is outside.

    Powers below 1e-150 count as 0: no resolution is that fine.
    """
    pp, qq, ss = p * p, q * q, s * s
    whole = pp + qq
    if whole < 0.5 * ss:
        return True
    if not whole <= 2.0 * ss:
        return False
    part = whole - pp
    cut = (pp - (whole - part)) + (qq - part)  # what the sum lost, exactly
    p_lost, q_lost, s_lost = lost(p, p), lost(q, q), lost(s, s)
    rest = cut + p_lost + q_lost - s_lost
    slack = SLACK * (abs(cut) + abs(p_lost) + abs(q_lost) + abs(s_lost))
    inside: bool = (whole - ss) + (rest + slack) <= 0.0  # the first difference is exact, the sum has the right sign
    return inside


@term
def leg(s: float, used: float) -> float:
    """√(s² − used²), rounded; 0 when nothing is left."""
    size = abs(used)
    if not size < s:
        return 0.0
    return sqrt((s - size) * (s + size))


@term
def room(s: float, used: float) -> float:
    """The largest x ≥ 0, to a few last bits, with used² + x² ≤ s² for certain: 400 for 300 of 500."""
    most = leg(s, used)
    while not within(used, most, s) and most > 0.0:
        most = most * SHORTER
    return most


@term
def fit(q: float, p: float, ratings: F8, a: int) -> float:
    """Q within the asset's own limit and the circle beside P. Unknown is 0."""
    most, s = ratings[c.REACTIVE_KVAR, a], ratings[c.APPARENT_KVA, a]
    size = min(abs(q), most) if q == q else 0.0
    if not within(p, size, s):
        size = room(s, p)
    return size if q > 0.0 else 0.0 - size


@term
def running(codes: I8, a: int) -> bool:
    """Whether the asset may run, in whichever direction."""
    may: bool = codes[r.MAY_CHARGE, a] == YES or codes[r.MAY_DISCHARGE, a] == YES
    return may


@term
def permitted(codes: I8, a: int) -> bool:
    """Reactive power needs a running asset and a chain without a fault."""
    return running(codes, a) and codes[r.FAULT, a] == 0


@term
def origin(values: F8, codes: I8, past: F8, past_codes: I8, a: int) -> float:
    """Where the ramp of Q starts: what was ramped, measured after silence, 0 when unknown or after a failed stage."""
    if past_codes[r.AUTHORITY, a] != ARMED:
        start = values[r.REACTIVE_KVAR, a] if codes[r.QUALITY, a] == VALID else 0.0
    else:
        start = past[r.RAMPED_KVAR, a] if past_codes[r.FAULT, a] == 0 else 0.0
    return start if start == start else 0.0


@term
def share_out(values: F8, whole: float, weight: F8, free: F8, share: F8) -> None:
    """A wish for all: by rating, capped by the room beside P, the rest again; what nobody has room for, by rating."""
    total = 0.0
    for a in range(values.shape[1]):
        total += weight[a]
    rest = fill(abs(whole), weight, free, share)
    for a in range(values.shape[1]):
        if weight[a] > 0.0:
            size = share[a] + rest * weight[a] / total
            values[r.ASKED_KVAR, a] = size if whole > 0.0 else 0.0 - size


@term
def follow_requests(values: F8, codes: I8, site: F8, first: int, site_first: int, requests: int, weight: F8, free: F8,
                    share: F8, most: F8) -> None:  # fmt: skip
    """The first request in order that says something about Q, its own or one for the site; independent of P's."""
    for a in range(values.shape[1]):
        for q in range(requests):
            own, whole = values[first + q, a], site[site_first + q]
            if own == own or whole == whole:
                codes[r.KVAR_REQUEST_BY, a], codes[r.ASKED_KVAR_BY, a] = q + 1, FOLLOWS
                values[r.ASKED_KVAR, a] = own if own == own and most[a] > 0.0 else 0.0
                break
    for q in range(requests):
        whole = site[site_first + q]
        if whole == whole:
            for a in range(values.shape[1]):
                own = values[first + q, a]
                weight[a] = most[a] if codes[r.KVAR_REQUEST_BY, a] == q + 1 and own != own else 0.0
            share_out(values, whole, weight, free, share)


@term
def choose(
    values: F8, codes: I8, site: F8, past: F8, ratings: F8, constants: F8, first: int, site_first: int, requests: int
) -> None:
    """asked_kvar and by whom: the grid code's must_kvar for all, else the requests. Beside P: beside the last one."""
    assets = values.shape[1]
    weight, free, share, most = np.zeros(assets), np.zeros(assets), np.zeros(assets), np.zeros(assets)
    must = site[r.MUST_KVAR]
    for a in range(assets):
        values[r.ASKED_KVAR, a] = 0.0
        codes[r.KVAR_REQUEST_BY, a], codes[r.ASKED_KVAR_BY, a] = 0, NO_REQUEST
        most[a] = ratings[c.REACTIVE_KVAR, a] if running(codes, a) else 0.0
        power = past[r.RAMPED_KW, a] if constants[c.Q_FIRST] < 0.5 else 0.0
        free[a] = abs(fit(most[a], power if power == power else 0.0, ratings, a))
    if must == must:
        for a in range(assets):
            codes[r.ASKED_KVAR_BY, a] = GRID
            weight[a] = most[a]
        share_out(values, must, weight, free, share)
        return
    follow_requests(values, codes, site, first, site_first, requests, weight, free, share, most)


@term
def apparent(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, constants: F8, row: int) -> None:
    """Limit `apparent`: S, with `pq_priority: q` what Q leaves of it; none without an apparent rating."""
    for a in range(values.shape[1]):
        s = ratings[c.APPARENT_KVA, a]
        most = s if s > 0.0 else np.inf
        if s > 0.0 and constants[c.Q_FIRST] > 0.5:
            held = abs(fit(origin(values, codes, past, past_codes, a), 0.0, ratings, a))
            most = room(s, max(held, abs(fit(values[r.ASKED_KVAR, a], 0.0, ratings, a))))
        values[row, a], values[row + 1, a] = 0.0 - most, most


@kernel(F2, I2, F1, RF2, RI2, RF2, RF1, N, N, N, N)
def ask(
    values: F8,
    codes: I8,
    site: F8,
    past: F8,
    past_codes: I8,
    ratings: F8,
    constants: F8,
    first: int,
    site_first: int,
    requests: int,
    limit: int,
) -> None:
    """asked_kvar, and the limit `apparent` in the rows from `limit`; Q of requests from `first` and `site_first` on.

    Q is chosen before the band, which with `pq_priority: q` depends on it.
    """
    choose(values, codes, site, past, ratings, constants, first, site_first, requests)
    apparent(values, codes, past, past_codes, ratings, constants, limit)


@kernel(F2, I2, RF2)
def constrain_kvar(values: F8, codes: I8, ratings: F8) -> None:
    """limited_kvar and why: asked_kvar within the circle beside limited_kw."""
    for a in range(values.shape[1]):
        asked = values[r.ASKED_KVAR, a]
        if not permitted(codes, a):
            values[r.LIMITED_KVAR, a] = 0.0
            codes[r.LIMITED_KVAR_BY, a] = STAGE_FAULT if codes[r.FAULT, a] != 0 else FORBIDDEN
            continue
        values[r.LIMITED_KVAR, a] = fit(asked, values[r.LIMITED_KW, a], ratings, a)
        cut = RATED if abs(values[r.LIMITED_KVAR, a]) == ratings[c.REACTIVE_KVAR, a] else CIRCLE
        codes[r.LIMITED_KVAR_BY, a] = codes[r.ASKED_KVAR_BY, a] if values[r.LIMITED_KVAR, a] == asked else cut


@kernel(F2, I2, RF2, RI2, RF2, F)
def ramp_kvar(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """ramped_kvar toward limited_kvar, from where it was, within today's circle; at once to 0 without permission."""
    for a in range(values.shape[1]):
        if ratings[c.REACTIVE_KVAR, a] == 0.0 or not permitted(codes, a):
            values[r.RAMPED_KVAR, a] = 0.0
            continue
        power, step = values[r.RAMPED_KW, a], ratings[c.RAMP_KVAR_S, a] * dt
        start = fit(origin(values, codes, past, past_codes, a), power, ratings, a)
        target = fit(values[r.LIMITED_KVAR, a], power, ratings, a)
        values[r.RAMPED_KVAR, a] = max(start - step, min(start + step, target))


@term
def rounded_kvar(q: float, p: float, ratings: F8, a: int) -> float:
    """Q toward zero to the device's resolution, one step less while it is outside of the circle beside the sent P."""
    step, s = ratings[c.RESOLUTION_KVAR, a], ratings[c.APPARENT_KVA, a]
    size = min(abs(q), ratings[c.REACTIVE_KVAR, a]) if q == q else 0.0
    if not within(p, size, s):
        size = min(size, leg(s, p))
    size = toward_zero(size, step)
    while size > 0.0 and not within(p, size, s):
        size = toward_zero(size - 0.5 * step, step)
    return size if q > 0.0 else 0.0 - size


@term
def reason(values: F8, codes: I8, q: float, a: int) -> Any:
    """Why command_kvar is what it is: the last step of the chain that changed it."""
    limited, ramped, by = values[r.LIMITED_KVAR, a], values[r.RAMPED_KVAR, a], codes[r.LIMITED_KVAR_BY, a]
    if codes[r.AUTHORITY, a] != ARMED:
        return IS_SILENT
    if codes[r.FAULT, a] != 0:
        return STAGE_FAULT
    if ramped != limited:
        return UP if abs(ramped) < abs(limited) else DOWN
    return ROUNDED if q != ramped and by != CIRCLE else by


@kernel(F2, I2, F1, RF2)
def command_kvar(values: F8, codes: I8, site: F8, ratings: F8) -> None:
    """command_kvar beside the final command_kw, why, and the site's sum. P² + Q² ≤ S² holds exactly on what is sent."""
    total = 0.0
    for a in range(values.shape[1]):
        sent = 0.0
        if permitted(codes, a) and ratings[c.REACTIVE_KVAR, a] > 0.0:
            sent = rounded_kvar(values[r.RAMPED_KVAR, a], values[r.COMMAND_KW, a], ratings, a)
        values[r.COMMAND_KVAR, a] = sent
        codes[r.KVAR_BY, a] = reason(values, codes, sent, a)
        total += sent
    site[r.TOTAL_KVAR] = total
