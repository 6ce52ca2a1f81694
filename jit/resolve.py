"""Kernels of `resolve` and `ancillary`: who gets the battery, and what a reserve service adds.

    requests by priority ──► asked_kw ──► base_kw (sold reserve kept free, in power and in energy)
    frequency ──► droop ──► its own ramp ──► given_kw ──► desired_kw = base_kw + Σ given_kw
    must_low_kw, must_high_kw ──► both, as far as the band goes (`jit.sharing`)

A request that has nothing to say is NaN; the first one in the definition's order that has something wins. A wish for
the whole site is split by the energy each asset still has (above min to discharge, below max to charge), capped by its
headroom, the rest shared again; what nobody has room for is spread by the same shares, so that `constrain` cuts it and
names the limit.

Droop: P = −capacity · clip(f − 50 Hz, ±full_at) / full_at, nothing inside the insensitivity
(Regulation (EU) 2017/1485, annex V).
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I1, I2, RF1, RF2, RI2, F, N, kernel, term
from jit.codes import Permit, Reason
from jit.constants import F8, I8
from jit.sharing import fill, oblige, room, stored

VALID = 1
LESS = 1.0 - 1e-9  # a share that is less than the others' by more than rounding was capped
YES = int(Permit.YES)
FOLLOWS, NO_REQUEST = int(Reason.FOLLOWS_REQUEST), int(Reason.NO_REQUEST)
RESERVED, HEADROOM = int(Reason.RESERVE_KEPT_FREE), int(Reason.HEADROOM)
BY_HAND = int(Reason.BY_HAND)
ADDED, HELD = int(Reason.SERVICE_ADDED), int(Reason.SERVICE_HELD)
WITHDRAWN, ABSENT = int(Reason.SERVICE_WITHDRAWN), int(Reason.SERVICE_ABSENT)


@term
def headroom(values: F8, ratings: F8, reserve_kwh: float, a: int, out: bool) -> float:
    """Power left for base use in one direction once the sold reserve has its power and its energy."""
    reserve = values[r.RESERVE_KW, a]
    limit = values[r.HIGH_KW, a] if out else 0.0 - values[r.LOW_KW, a]
    spare = stored(values, ratings, a) if out else room(values, ratings, a)
    by_energy: float = max(0.0, spare - reserve_kwh) * 3600.0 / ratings[c.HORIZON_S, a]
    free: float = limit - reserve
    return max(0.0, min(free, by_energy))


@term
def choose(values: F8, codes: I8, site: F8, asked: I8) -> None:
    """Per asset the first request that has something to say, its own or one for the whole site; none by hand."""
    for a in range(values.shape[1]):
        by_hand = values[r.MANUAL_KW, a]
        values[r.ASKED_KW, a] = by_hand if by_hand == by_hand else 0.0
        codes[r.REQUEST_BY, a] = 0
        codes[r.RESOLVE_BY, a] = BY_HAND if by_hand == by_hand else NO_REQUEST
        if by_hand == by_hand:
            continue
        for q in range(asked.shape[1]):
            own, whole = values[asked[0, q], a], site[asked[1, q]]
            if own == own or whole == whole:
                codes[r.REQUEST_BY, a] = q + 1
                codes[r.RESOLVE_BY, a] = FOLLOWS
                values[r.ASKED_KW, a] = own if own == own else 0.0
                break


@term
def weigh(values: F8, codes: I8, ratings: F8, kwh: F8, row: int, chosen: int, out: bool, weight: F8, free: F8) -> int:
    """Energy (`weight`) and headroom (`free`) of every asset that takes part in a site request; how many take part."""
    members = 0
    for a in range(values.shape[1]):
        weight[a] = free[a] = 0.0
        if codes[r.REQUEST_BY, a] != chosen or values[row, a] == values[row, a]:
            continue
        members += 1
        permitted = codes[r.MAY_DISCHARGE, a] == YES if out else codes[r.MAY_CHARGE, a] == YES
        if permitted:
            free[a] = headroom(values, ratings, kwh[a], a, out)
            weight[a] = stored(values, ratings, a) if out else room(values, ratings, a)
    return members


@term
def keep_free(values: F8, codes: I8, ratings: F8, kwh: F8) -> None:
    """base_kw: what is asked, less what the sold reserve needs in power and energy."""
    for a in range(values.shape[1]):
        wanted = values[r.ASKED_KW, a]
        base = wanted
        if values[r.RESERVE_KW, a] > 0.0:
            if wanted > 0.0:
                base = min(wanted, headroom(values, ratings, kwh[a], a, True))
            elif wanted < 0.0:
                base = 0.0 - min(0.0 - wanted, headroom(values, ratings, kwh[a], a, False))
            if base != wanted:
                codes[r.RESOLVE_BY, a] = RESERVED
        values[r.BASE_KW, a] = base


@kernel(F2, I2, F1, I1, RF2, RF2, RF2, RI2, N)
def resolve(
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    ratings: F8,
    split: F8,
    service: F8,
    asked: I8,
    services: int,
) -> None:
    """asked_kw, base_kw, request_by (entry + 1), why. `asked` [2, requests]: rows in values, in site."""
    assets = values.shape[1]
    kwh, weight, free, share = np.zeros(assets), np.zeros(assets), np.zeros(assets), np.zeros(assets)
    for a in range(assets):
        reserve = 0.0
        kept = values[r.MANUAL_KW, a] != values[r.MANUAL_KW, a]  # by hand nothing is kept free
        for s in range(services if kept else 0):
            reserve += split[s, a]
            kwh[a] += split[s, a] * service[c.ENERGY_H, s]
        values[r.RESERVE_KW, a] = reserve
    choose(values, codes, site, asked)
    for q in range(asked.shape[1]):
        whole, row = site[asked[1, q]], asked[0, q]
        if whole != whole:
            continue
        out = whole >= 0.0
        members = weigh(values, codes, ratings, kwh, row, q + 1, out, weight, free)
        total = level = 0.0
        for a in range(assets):
            total += weight[a]
        rest = fill(abs(whole), weight, free, share)
        for a in range(assets):
            if weight[a] > 0.0:
                level = max(level, share[a] / weight[a])
        for a in range(assets):
            if weight[a] > 0.0:
                size = share[a] + rest * weight[a] / total
                values[r.ASKED_KW, a] = size if out else 0.0 - size
                if rest <= 0.0 and share[a] < LESS * level * weight[a]:
                    codes[r.RESOLVE_BY, a] = HEADROOM
            elif total <= 0.0 and codes[r.REQUEST_BY, a] == q + 1 and values[row, a] != values[row, a]:
                values[r.ASKED_KW, a] = whole / members  # nobody can: each is asked its part, the limits say why not
    keep_free(values, codes, ratings, kwh)
    oblige(values, codes, site, site_codes, ratings, r.BASE_KW, True)


@term
def droop_of(f: float, usable: bool, service: F8, s: int) -> float:
    """Share of the capacity asked for, −1 to 1; 0 inside the insensitivity and without a usable frequency."""
    off = f - 50.0
    if not usable or abs(off) <= service[c.INSENSITIVITY_HZ, s]:
        return 0.0
    full = service[c.FULL_AT_HZ, s]
    share: float = 0.0 - max(-full, min(full, off)) / full
    return share


@term
def deliver(
    values: F8,
    codes: I8,
    past: F8,
    service: F8,
    split: F8,
    s: int,
    row: int,
    code_row: int,
    droop: float,
    phase: int,
    dt_ramp: float,
) -> None:
    """One service: what each asset is asked, gives along the service's ramp, and cannot deliver."""
    whole = 0.0
    for a in range(values.shape[1]):
        whole += split[s, a]
    for a in range(values.shape[1]):
        capacity, was = split[s, a], past[row + 2, a]
        was = was if was == was else 0.0
        by_hand = values[r.MANUAL_KW, a] == values[r.MANUAL_KW, a]
        asked = capacity * droop if phase == ADDED else (was if phase == HELD else 0.0)
        if by_hand:
            asked = 0.0
        step = service[c.SERVICE_RAMP_KW_S, s] * dt_ramp * (capacity / whole if whole > 0.0 else 0.0)
        base = values[r.BASE_KW, a]
        short_out = capacity - max(0.0, values[r.HIGH_KW, a] - base)
        short_in = capacity - max(0.0, base - values[r.LOW_KW, a])
        values[row, a] = capacity
        values[row + 1, a] = asked if phase == ADDED else np.nan
        values[row + 2, a] = max(was - step, min(was + step, asked))
        values[row + 3, a] = capacity if by_hand else max(0.0, min(capacity, max(short_out, short_in)))
        codes[code_row, a] = ABSENT if capacity <= 0.0 else (BY_HAND if by_hand else phase)


@kernel(F2, I2, F1, I1, RF2, RF1, RF2, RF2, RF2, N, N, N, N, F, F)
def respond(
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    past: F8,
    past_site: F8,
    ratings: F8,
    service: F8,
    split: F8,
    first: int,
    code_first: int,
    site_first: int,
    services: int,
    dt: float,
    dt_ramp: float,
) -> None:
    """Rows of every service from `first` on: capacity, asked, given, undeliverable; then service_kw and desired_kw.

    `dt` counts how long the input is lost, `dt_ramp` is what the service's ramp may use: a pause earns no credit.
    """
    f = site[r.FREQUENCY_HZ]
    for s in range(services):
        usable = f == f and site_codes[r.FREQUENCY_QUALITY] == VALID
        usable = usable and site[r.FREQUENCY_AGE_S] <= service[c.MAX_AGE_S, s]
        lost = past_site[site_first + s]
        lost = 0.0 if usable else (lost + dt if lost == lost else np.inf)
        site[site_first + s] = lost
        phase = ADDED if usable else (HELD if lost <= service[c.HOLD_S, s] else WITHDRAWN)
        droop = droop_of(f, usable, service, s)
        deliver(values, codes, past, service, split, s, first + 4 * s, code_first + s, droop, phase, dt_ramp)
    for a in range(values.shape[1]):
        total = 0.0
        by = ABSENT
        for s in range(services):
            total += values[first + 4 * s + 2, a]
            by = codes[code_first + s, a]
        values[r.SERVICE_KW, a] = total
        values[r.DESIRED_KW, a] = values[r.BASE_KW, a] + total
        codes[r.SERVICE_BY, a] = by
    oblige(values, codes, site, site_codes, ratings, r.DESIRED_KW, False)
    for a in range(values.shape[1]):
        total, base, desired = values[r.SERVICE_KW, a], values[r.BASE_KW, a], values[r.DESIRED_KW, a]
        over = max(base + total - values[r.HIGH_KW, a], base + total - desired)
        under = max(values[r.LOW_KW, a] - base - total, desired - base - total)
        values[r.SHORTFALL_KW, a] = max(0.0, min(abs(total), over if total > 0.0 else under)) if total != 0.0 else 0.0
