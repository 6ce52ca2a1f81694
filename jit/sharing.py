"""How a power is shared: by the energy each asset has, capped by what it has free, the rest again.

    chosen total ──► [must_low_kw, must_high_kw], what the grid code and `relief` demand of all assets together

What must be beats every request and every service, and never the band: nobody is moved beyond low_kw, high_kw, and all
together not beyond site_low_kw, site_high_kw. Nobody runs against it; who does not suffice is filled up to the band,
by energy, and by what is free where energy is not enough. Run by hand, an asset counts and is left alone.
Powers in kW, + = discharging, energies in kWh; what is unknown is never a bound and counts as 0.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import term
from jit.codes import Permit, Reason
from jit.constants import F8, I8

PASSES = 8  # of sharing the rest again; each pass fills at least one asset
LEAST_KW = 1e-9
YES = int(Permit.YES)
GRID_CODE = int(Reason.GRID_CODE)


@term
def stored(values: F8, ratings: F8, a: int) -> float:
    """Energy that can be discharged above the minimum SoC (kWh at the terminals), 0 when unknown."""
    margin: float = values[r.SOC_PCT, a] - ratings[c.SOC_MIN, a]
    if not margin > 0.0:
        return 0.0
    energy: float = margin / 100.0 * ratings[c.ENERGY_KWH, a] * ratings[c.EFF_DISCHARGE, a]
    return energy


@term
def room(values: F8, ratings: F8, a: int) -> float:
    """Energy that can be charged below the maximum SoC (kWh at the terminals), 0 when unknown."""
    margin: float = ratings[c.SOC_MAX, a] - values[r.SOC_PCT, a]
    if not margin > 0.0:
        return 0.0
    energy: float = margin / 100.0 * ratings[c.ENERGY_KWH, a] / ratings[c.EFF_CHARGE, a]
    return energy


@term
def fill(whole: float, weight: F8, free: F8, share: F8) -> float:
    """Share `whole` (kW ≥ 0) by weight, capped by what is free, the rest again; returns what nobody has room for."""
    rest = whole
    for a in range(share.shape[0]):
        share[a] = 0.0
    for _ in range(PASSES):
        open_weight = 0.0
        for a in range(share.shape[0]):
            if weight[a] > 0.0 and share[a] < free[a]:
                open_weight += weight[a]
        if rest <= LEAST_KW or open_weight <= 0.0:
            break
        left = rest
        for a in range(share.shape[0]):
            if weight[a] > 0.0 and share[a] < free[a]:
                given = min(left * weight[a] / open_weight, free[a] - share[a])
                share[a] += given
                rest -= given
    return max(0.0, rest)


@term
def own(values: F8, row: int, a: int, sign: float) -> float:
    """What `row` leaves an asset within its band, + in the direction of `sign`; unknown is 0."""
    low, high, power = values[r.LOW_KW, a], values[r.HIGH_KW, a], values[row, a]
    least = low if low < 0.0 else 0.0
    most = high if high > 0.0 else 0.0
    if power != power:
        return 0.0
    kept: float = sign * max(least, min(most, power))
    return kept


@term
def bounded(size: float) -> float:
    """A part of a band: unknown is nothing, and nothing is infinite."""
    return min(size, 1e12) if size > 0.0 else 0.0


@term
def offered(values: F8, codes: I8, ratings: F8, row: int, sign: float, weight: F8, free: F8) -> float:
    """Energy and room of who may be moved in the direction of `sign`, into arrays of zeros.

    Returns what all do together once nobody runs against it.
    """
    total = 0.0
    for a in range(values.shape[1]):
        power, by_hand = own(values, row, a, sign), values[r.MANUAL_KW, a] == values[r.MANUAL_KW, a]
        total += power if by_hand or power > 0.0 else 0.0
        may = codes[r.MAY_DISCHARGE, a] if sign > 0.0 else codes[r.MAY_CHARGE, a]
        if may == YES and not by_hand:
            most = values[r.HIGH_KW, a] if sign > 0.0 else 0.0 - values[r.LOW_KW, a]
            free[a] = bounded(bounded(most) - max(0.0, power))
            weight[a] = bounded(stored(values, ratings, a) if sign > 0.0 else room(values, ratings, a))
    return total


@term
def top_up(rest: float, free: F8, share: F8) -> None:
    """Spread the rest by what is still free, whatever the energy."""
    left = 0.0
    for a in range(share.shape[0]):
        left += free[a] - share[a]
    part = 1.0 if rest >= left else rest / left
    for a in range(share.shape[0]):
        share[a] += part * (free[a] - share[a])


@term
def move(values: F8, codes: I8, ratings: F8, row: int, sign: float, least: float, why: int, mark: bool) -> None:
    """Let all assets' `row` come to `least` (kW > 0, in the direction of `sign`) or more, as far as there is room."""
    n = values.shape[1]
    weight, free, share = np.zeros(n), np.zeros(n), np.zeros(n)
    need = least - offered(values, codes, ratings, row, sign, weight, free)
    if need > 0.0:
        top_up(fill(need, weight, free, share), free, share)
    for a in range(n):
        power, by_hand = own(values, row, a, sign), values[r.MANUAL_KW, a] == values[r.MANUAL_KW, a]
        if not by_hand and (power < 0.0 or share[a] > 0.0):
            values[row, a] = sign * (max(0.0, power) + share[a])
            if mark:
                codes[r.RESOLVE_BY, a] = why


@term
def duties(site: F8) -> tuple[float, float]:
    """What all assets together have to discharge, and to charge, at least (kW ≥ 0)."""
    return bounded(site[r.MUST_LOW_KW]), bounded(0.0 - site[r.MUST_HIGH_KW])


@term
def oblige(values: F8, codes: I8, site: F8, site_codes: I8, ratings: F8, row: int, mark: bool) -> None:
    """Move all assets' `row` into [must_low_kw, must_high_kw], as far as they may.

    Where both contradict each other, the grid code goes first. `mark`: say in resolve_by who was moved, and why.
    """
    up, down = duties(site)
    if up > 0.0 and down > 0.0:
        if site_codes[r.MUST_HIGH_BY] == GRID_CODE:
            up = 0.0
        else:
            down = 0.0
    if up > 0.0:
        most = min(up, bounded(site[r.SITE_HIGH_KW]))
        move(values, codes, ratings, row, 1.0, most, site_codes[r.MUST_LOW_BY], mark)
    if down > 0.0:
        most = min(down, bounded(0.0 - site[r.SITE_LOW_KW]))
        move(values, codes, ratings, row, -1.0, most, site_codes[r.MUST_HIGH_BY], mark)


@term
def missing(values: F8, site: F8, site_codes: I8, row: int) -> float:
    """What all assets' `row` together lacks of the duties (kW ≥ 0): of two against each other, the one that is left."""
    total = 0.0
    for a in range(values.shape[1]):
        total += values[row, a]
    up, down = duties(site)
    if up > 0.0 and down > 0.0:
        if site_codes[r.MUST_HIGH_BY] == GRID_CODE:
            return up + max(0.0, down + total)
        return down + max(0.0, up - total)
    return max(0.0, up - total) if up > 0.0 else (max(0.0, down + total) if down > 0.0 else 0.0)
