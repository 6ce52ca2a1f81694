"""What assets share: the point of connection and the transformers, each a group with a band of its own.

    group 0, all assets:   site limit ∩ grid operator's ceiling      group g: √(S² − Q²) of a transformer
    members of group g:    members[starts[g]] … members[starts[g + 1] − 1]

An asset that is not proven at its command counts at the worst of what it may be doing. That takes the room from the
others and none from itself. Cutting only shrinks, and the site comes last: transformers stay satisfied within it.
Powers in kW, + = feeding in.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import term
from jit.codes import Condition, Permit, Reason
from jit.constants import F8, I8
from jit.sharing import bounded, fill

INF = np.inf
LEAST_STEP_KW = 1e-6
VALID = 1
NO, YES = int(Permit.NO), int(Permit.YES)
FOLLOWS, REMOTE = int(Condition.FOLLOWS), int(Condition.REMOTE)
DIRECTION, SITE = int(Reason.ONE_DIRECTION), int(Reason.SITE_LIMITED)
TRANSFORMER, GRID_OPERATOR = int(Reason.TRANSFORMER_LIMITED), int(Reason.GRID_OPERATOR_LIMITED)


@term
def least(a: float, b: float) -> float:
    """The smaller of two; what is unknown in second place does not count."""
    return b if b < a else a


@term
def most(a: float, b: float) -> float:
    """The larger of two; what is unknown in second place does not count."""
    return b if b > a else a


@term
def judge(codes: I8) -> None:
    """proven: the asset does what it is told: fresh data, permitted, obeying. Of any other the worst is assumed."""
    for a in range(codes.shape[1]):
        permitted = codes[r.MAY_CHARGE, a] == YES or codes[r.MAY_DISCHARGE, a] == YES
        obeys = codes[r.QUALITY, a] == VALID and codes[r.CONDITIONS, a] & FOLLOWS != 0
        codes[r.PROVEN, a] = YES if permitted and obeys else NO


@term
def tried(values: F8, ratings: F8, a: int, low: float, high: float) -> tuple[float, float]:
    """With what a derated battery is given to prove that it follows again; without it, it would stay where it is."""
    derated_low, derated_high = values[r.EFFECT_LOW_KW, a], values[r.EFFECT_HIGH_KW, a]
    if derated_low > -INF:
        low = least(low, most(derated_low, low - most(0.5 * ratings[c.TOLERANCE_KW, a], ratings[c.MIN_CHARGE_KW, a])))
    if derated_high < INF:
        more = most(0.5 * ratings[c.TOLERANCE_KW, a], ratings[c.MIN_DISCHARGE_KW, a])
        high = most(high, least(derated_high, high + more))
    return low, high


@term
def possible(values: F8, codes: I8, ratings: F8) -> None:
    """possible_low_kw, possible_high_kw of what is not proven: unconfirmed commands, measurement, reversion value.

    Its rating where nothing was ever seen of it. A device out of reach that is ours has reverted when its time for that
    has passed since the last command: neither its last measurement nor an older command counts from then on.
    """
    for a in range(values.shape[1]):
        low = high = 0.0
        if codes[r.PROVEN, a] != YES:
            power, away = values[r.POWER_KW, a], codes[r.QUALITY, a] != VALID
            low = least(0.0, values[r.HOLDS_LOW_KW, a])
            high = most(0.0, values[r.HOLDS_HIGH_KW, a])
            waits = ratings[c.REVERTS_AFTER_S, a] + ratings[c.VALID_FOR_S, a]
            ours = codes[r.CONDITIONS, a] & REMOTE != 0
            reverted = away and ours and values[r.STEADY_S, a] > waits and not values[r.AGE_S, a] <= waits
            if away:
                low, high = least(low, ratings[c.REVERTS_TO_KW, a]), most(high, ratings[c.REVERTS_TO_KW, a])
            if power == power and not reverted:
                low, high = least(low, power), most(high, power)
            elif power != power and not reverted:
                low, high = least(low, 0.0 - ratings[c.CHARGE_KW, a]), most(high, ratings[c.DISCHARGE_KW, a])
            if not away:
                low, high = tried(values, ratings, a, low, high)
        values[r.POSSIBLE_LOW_KW, a], values[r.POSSIBLE_HIGH_KW, a] = low, high


@term
def rooms(site: F8, site_codes: I8, constants: F8) -> tuple[float, float]:
    """What everything else feeds in and draws, kW: as measured at the worst, else the most declared or seen lately.

    ∞ where a meter that must be there is not.
    """
    other, off = site[r.OTHER_KW], site[r.OTHER_OFF_KW]
    if site_codes[r.POC_QUALITY] == VALID and other == other:
        return other + off, off - other
    if constants[c.POC_REQUIRED] > 0.5:
        return INF, INF
    feeds = most(constants[c.MAX_PV], site[r.OTHER_MOST_KW])
    return feeds, most(constants[c.MAX_LOAD], 0.0 - site[r.OTHER_LEAST_KW])


@term
def share(
    values: F8, codes: I8, members: I8, first: int, last: int, room_in: float, room_out: float, row: int
) -> tuple[float, float]:
    """A room (kW ≥ 0) for the proven members, and per member (rows `row`, `row + 1`) its own part in it.

    Returns what is left for the proven ones together. One that is not proven gets no more than is counted for it.
    """
    taken_in = taken_out = 0.0
    for m in range(first, last):
        taken_in -= values[r.POSSIBLE_LOW_KW, members[m]]
        taken_out += values[r.POSSIBLE_HIGH_KW, members[m]]
    for m in range(first, last):
        a = members[m]
        own_in, own_out = 0.0 - values[r.POSSIBLE_LOW_KW, a], values[r.POSSIBLE_HIGH_KW, a]
        part_in = most(0.0, room_in - most(0.0, taken_in - own_in))
        part_out = most(0.0, room_out - most(0.0, taken_out - own_out))
        if codes[r.PROVEN, a] != YES:
            part_in = least(part_in, own_in) if room_in < INF else part_in
            part_out = least(part_out, own_out) if room_out < INF else part_out
        values[row, a] = most(values[row, a], 0.0 - part_in)
        values[row + 1, a] = least(values[row + 1, a], part_out)
    return most(0.0, room_in - taken_in), most(0.0, room_out - taken_out)


@term
def no_opinion(values: F8, row: int) -> None:
    """A limit that has nothing to say: rows `row` and `row + 1`."""
    for a in range(values.shape[1]):
        values[row, a], values[row + 1, a] = -INF, INF


@term
def limits_of_site(site: F8, constants: F8) -> tuple[float, float]:
    """Most import and export now (kW): the limits less their margin, and what the mean of the window leaves."""
    limit_in = least(constants[c.IMPORT_LIMIT] - constants[c.IMPORT_MARGIN], site[r.MEAN_IMPORT_KW])
    return limit_in, least(constants[c.EXPORT_LIMIT] - constants[c.EXPORT_MARGIN], site[r.MEAN_EXPORT_KW])


@term
def connect(
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    constants: F8,
    starts: I8,
    members: I8,
    first: int,
) -> None:
    """Limits `site` and `grid_operator`, and the narrower of both as the site's band, with its name."""
    feeds, draws = rooms(site, site_codes, constants)
    row, operator = first + 2 * r.L_SITE, first + 2 * r.L_GRID_OPERATOR
    no_opinion(values, row)
    no_opinion(values, operator)
    limit_in, limit_out = limits_of_site(site, constants)
    room_in = most(0.0, limit_in - draws) if draws < INF else 0.0
    room_out = most(0.0, limit_out - feeds) if feeds < INF else 0.0
    left_in, left_out = share(values, codes, members, starts[0], starts[1], room_in, room_out, row)
    ceiling_in, ceiling_out = site[r.CEILING_IMPORT_KW], site[r.CEILING_EXPORT_KW]
    room_in = most(0.0, ceiling_in - draws) if ceiling_in < INF else INF
    room_out = most(0.0, ceiling_out - feeds) if ceiling_out < INF else INF
    told_in, told_out = share(values, codes, members, starts[0], starts[1], room_in, room_out, operator)
    site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW] = 0.0 - least(left_in, told_in), least(left_out, told_out)
    site_codes[r.SITE_LOW_BY] = 1 + (r.L_GRID_OPERATOR if told_in < left_in else r.L_SITE)
    site_codes[r.SITE_HIGH_BY] = 1 + (r.L_GRID_OPERATOR if told_out < left_out else r.L_SITE)


@term
def squeeze(
    values: F8,
    codes: I8,
    members: I8,
    first: int,
    last: int,
    low: float,
    high: float,
    row: int,
    wish: int,
    why_row: int,
    why: int,
) -> None:
    """Cut the proven members of a group into [low, high] ∋ 0, by what they wish (row `wish`), the rest again.

    Who already has less than its part keeps what it has: so one limit alone is why a member has what it has, and `why`
    says so of those that are cut. They all have one sign; an unknown bound is 0.
    """
    kept = 0.0
    for m in range(first, last):
        if codes[r.PROVEN, members[m]] == YES:
            kept += values[row, members[m]]
    bound = high if kept > 0.0 else 0.0 - low
    if not bound >= 0.0:
        bound = 0.0
    if not abs(kept) > bound:
        return
    weight, free, part = np.zeros(last - first), np.zeros(last - first), np.zeros(last - first)
    for m in range(first, last):
        a = members[m]
        if values[row, a] != 0.0 and codes[r.PROVEN, a] == YES:
            weight[m - first], free[m - first] = bounded(abs(values[wish, a])), abs(values[row, a])
    fill(bound, weight, free, part)
    for m in range(first, last):
        a, size = members[m], part[m - first]
        if size < free[m - first]:
            values[row, a] = size if values[row, a] > 0.0 else 0.0 - size
            codes[why_row, a] = why


@term
def together(
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    starts: I8,
    members: I8,
    band: int,
    row: int,
    wish: int,
    why_row: int,
) -> int:
    """Project all assets jointly: one direction for the site, then every transformer, then the site, by their wishes.

    Returns the direction taken (+1 out, −1 in, 0). The power of an asset that is not proven at its command is not
    counted here: its worst case has already been taken from the room.
    """
    total = 0.0
    for a in range(values.shape[1]):
        total += values[row, a]
    for a in range(values.shape[1]):
        power = values[row, a]
        if power != 0.0 and not power * total > 0.0:
            values[row, a] = 0.0
            codes[why_row, a] = DIRECTION
    for g in range(1, starts.shape[0] - 1):
        low, high = site[band + 2 * g - 2], site[band + 2 * g - 1]
        squeeze(values, codes, members, starts[g], starts[g + 1], low, high, row, wish, why_row, TRANSFORMER)
    by = site_codes[r.SITE_HIGH_BY] if total > 0.0 else site_codes[r.SITE_LOW_BY]
    why = GRID_OPERATOR if by == r.L_GRID_OPERATOR + 1 else SITE
    low, high = site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW]
    squeeze(values, codes, members, starts[0], starts[1], low, high, row, wish, why_row, why)
    return 1 if total > 0.0 else (-1 if total < 0.0 else 0)


@term
def in_turn(
    values: F8, codes: I8, members: I8, first: int, last: int, low: float, high: float, row: int, why_row: int, why: int
) -> None:
    """Proven members of a group rise only into room that is free: what a device may still hold counts beside them.

    The write that lowers one may be refused while the one that raises another is taken. None goes below what it holds.
    """
    total = taken = rising = 0.0
    for m in range(first, last):
        if codes[r.PROVEN, members[m]] == YES:
            total += values[row, members[m]]
    sign, holds = (1.0, r.HOLDS_HIGH_KW) if total > 0.0 else (-1.0, r.HOLDS_LOW_KW)
    bound = most(0.0, high if total > 0.0 else 0.0 - low)
    for m in range(first, last):
        a = members[m]
        if codes[r.PROVEN, a] == YES:
            power, held = abs(values[row, a]), most(0.0, sign * values[holds, a])
            taken += most(power, held)
            rising += most(0.0, power - held)
    if not (taken > bound and rising > 0.0):
        return
    left = most(0.0, 1.0 - (taken - bound) / rising)
    for m in range(first, last):
        a = members[m]
        held = most(0.0, sign * values[holds, a])
        if codes[r.PROVEN, a] == YES and abs(values[row, a]) > held:
            values[row, a] = sign * (held + (abs(values[row, a]) - held) * left)
            codes[why_row, a] = why


@term
def one_after_another(
    values: F8, codes: I8, site: F8, starts: I8, members: I8, band: int, row: int, why_row: int
) -> None:
    """`in_turn` for every transformer and the point of connection."""
    for g in range(1, starts.shape[0] - 1):
        low, high = site[band + 2 * g - 2], site[band + 2 * g - 1]
        in_turn(values, codes, members, starts[g], starts[g + 1], low, high, row, why_row, TRANSFORMER)
    low, high = site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW]
    in_turn(values, codes, members, starts[0], starts[1], low, high, row, why_row, SITE)


@term
def beyond(values: F8, codes: I8, members: I8, first: int, last: int, low: float, high: float) -> float:
    """By how much the commands of a group's proven members leave [low, high], summed without rounding error; or ≤ 0."""
    total = rest = 0.0
    for m in range(first, last):
        a = members[m]
        if codes[r.PROVEN, a] == YES:
            power = values[r.COMMAND_KW, a]
            whole = total + power
            kept = whole - total
            rest += (total - (whole - kept)) + (power - kept)
            total = whole
    over: float = (total - high) + rest if total > 0.0 else (low - total) - rest
    return over if total != 0.0 else 0.0


@term
def settle(values: F8, codes: I8, ratings: F8, members: I8, first: int, last: int, low: float, high: float) -> int:
    """One step off the largest command where the sum of the rounded ones is out of its band by a rounding error.

    Returns the column that gave it, −1 where none had to.
    """
    if not beyond(values, codes, members, first, last, low, high) > 0.0:
        return -1
    largest = -1
    for m in range(first, last):
        a = members[m]
        larger = largest < 0 or abs(values[r.COMMAND_KW, a]) > abs(values[r.COMMAND_KW, largest])
        if codes[r.PROVEN, a] == YES and larger:
            largest = a
    step, power = ratings[c.RESOLUTION_KW, largest], values[r.COMMAND_KW, largest]
    step = step if step > LEAST_STEP_KW else LEAST_STEP_KW
    size = most(0.0, abs(power) - step)
    smallest = ratings[c.MIN_DISCHARGE_KW, largest] if power > 0.0 else ratings[c.MIN_CHARGE_KW, largest]
    size = 0.0 if size < smallest else size
    values[r.COMMAND_KW, largest] = size if power > 0.0 else 0.0 - size
    return largest
