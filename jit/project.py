"""Kernels of `constrain`, `ramp` and `command`: from what is desired to what is sent.

    desired ► band ► one direction ► site ► limited ► ramp ► band again ► rounded toward zero ► command

A limit beats the ramp (design rule 4): the ramp starts from the previous *unrounded* ramped power projected onto
today's band, and the command is projected once more. While a stage's fault bit is set every band is [0, 0].
"""

from __future__ import annotations

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I1, I2, RF2, RI2, F, kernel, term
from jit.codes import Authority, Condition, Mode, Permit, Reason, State
from jit.constants import F8, I8

VALID = 1
MOST_STEPS = 1e15  # what a float64 counts exactly
ARMED, YES = int(Authority.ARMED), int(Permit.YES)
WITHIN, LIMITED, SITE, DIRECTION = (
    int(Reason.WITHIN_LIMITS),
    int(Reason.LIMITED),
    int(Reason.SITE_LIMITED),
    int(Reason.ONE_DIRECTION),
)
STAGE_FAULT = int(Reason.STAGE_FAULT)
REACHED, UP, DOWN, AT_ONCE = (
    int(Reason.RAMP_REACHED),
    int(Reason.RAMP_UP),
    int(Reason.RAMP_DOWN),
    int(Reason.LIMIT_AT_ONCE),
)
ROUNDED, BELOW, UNCHANGED, IS_SILENT, NO_VALUE = (
    int(Reason.ROUNDED),
    int(Reason.BELOW_MINIMUM),
    int(Reason.UNCHANGED),
    int(Reason.SILENT),
    int(Reason.NO_VALUE),
)
FOLLOWS = int(Condition.FOLLOWS)
STOP, IDLE, CHARGE, DISCHARGE = int(Mode.STOP), int(Mode.IDLE), int(Mode.CHARGE), int(Mode.DISCHARGE)
S_FAULT, S_STOP = int(State.FAULT), int(State.EMERGENCY_STOP)


@term
def clamp(value: float, low: float, high: float) -> float:
    """Projection onto [low, high] ∋ 0. Whatever is unknown is 0, never a bound."""
    if value != value or low != low or high != high or low > 0.0 or high < 0.0:
        return 0.0
    if value < low:
        return low
    if value > high:
        return high
    return value


@term
def toward_zero(power: float, step: float) -> float:
    """The largest multiple of `step` (kW) that is not above |power|. Steps below 1 kW divide it (0.1 → tenths)."""
    if step <= 0.0:
        return power
    size = abs(power)
    if not size < MOST_STEPS * min(step, 1.0):
        return 0.0  # no device is that large: a number that cannot be counted is not a power
    if step < 1.0:
        parts = float(int(1.0 / step + 0.5))
        count = float(int(size * parts))
        rounded = count / parts
        if rounded > size:
            rounded = (count - 1.0) / parts
    else:
        count = float(int(size / step))
        rounded = count * step
        if rounded > size:
            rounded = (count - 1.0) * step
    return rounded if power > 0.0 else 0.0 - rounded


@term
def rise(start: float, up: float, down: float, dt: float) -> float:
    """The highest power (kW) after `dt` from `start`: `down` is the rate toward zero, `up` the one away from it."""
    if start >= 0.0:
        return start + up * dt
    if start + down * dt <= 0.0:
        return start + down * dt
    return (dt + start / down) * up


@term
def proven(codes: I8, a: int) -> bool:
    """Whether an asset does what it is told: fresh data, permitted, obeying. Of any other the worst is assumed."""
    permitted: bool = codes[r.MAY_CHARGE, a] == YES or codes[r.MAY_DISCHARGE, a] == YES
    obeys: bool = codes[r.QUALITY, a] == VALID and codes[r.CONDITIONS, a] & FOLLOWS != 0
    return permitted and obeys


@term
def together(values: F8, codes: I8, site: F8, row: int, why_row: int) -> int:
    """Project all assets jointly: one direction for the site, then its import and export, shared in proportion.

    Returns the direction taken (+1 out, −1 in, 0). The power of an asset that is not proven at its command is not
    counted against the site here: its worst case has already been taken from the site's room.
    """
    total = 0.0
    for a in range(values.shape[1]):
        total += values[row, a]
    kept = 0.0
    for a in range(values.shape[1]):
        power = values[row, a]
        if (total > 0.0 and power < 0.0) or (total < 0.0 and power > 0.0):
            values[row, a] = 0.0
            codes[why_row, a] = DIRECTION
        elif total == 0.0 and power != 0.0:
            values[row, a] = 0.0
            codes[why_row, a] = DIRECTION
        elif proven(codes, a):
            kept += power
    bound = site[r.SITE_HIGH_KW] if kept > 0.0 else site[r.SITE_LOW_KW]
    if bound != bound:
        bound = 0.0
    if abs(kept) > abs(bound):
        scale = abs(bound) / abs(kept)
        for a in range(values.shape[1]):
            if values[row, a] != 0.0 and proven(codes, a):
                values[row, a] = values[row, a] * scale
                codes[why_row, a] = SITE
    return 1 if total > 0.0 else (-1 if total < 0.0 else 0)


@kernel(F2, I2, F1, I1)
def constrain(values: F8, codes: I8, site: F8, site_codes: I8) -> None:
    """limited_kw, limited_by (limit + 1, 0 = none) and why."""
    for a in range(values.shape[1]):
        desired = values[r.DESIRED_KW, a]
        low, high = values[r.LOW_KW, a], values[r.HIGH_KW, a]
        codes[r.LIMITED_BY, a] = 0
        codes[r.LIMITED_WHY, a] = WITHIN
        if codes[r.FAULT, a] != 0:
            values[r.LIMITED_KW, a] = 0.0
            codes[r.LIMITED_WHY, a] = STAGE_FAULT
            continue
        limited = clamp(desired, low, high)
        values[r.LIMITED_KW, a] = limited
        if desired > limited:
            codes[r.LIMITED_BY, a] = codes[r.HIGH_BY, a]
            codes[r.LIMITED_WHY, a] = LIMITED
        elif desired < limited:
            codes[r.LIMITED_BY, a] = codes[r.LOW_BY, a]
            codes[r.LIMITED_WHY, a] = LIMITED
    site_codes[r.DIRECTION] = together(values, codes, site, r.LIMITED_KW, r.LIMITED_WHY) + 2
    for a in range(values.shape[1]):
        if codes[r.LIMITED_WHY, a] == SITE:
            codes[r.LIMITED_BY, a] = r.L_SITE + 1


@kernel(F2, I2, F1, RF2, RI2, RF2, F)
def ramp(values: F8, codes: I8, site: F8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """ramped_kw from the origin toward limited_kw. Origin: the previous ramped power, or measured power after silence.

    A service brings a ramp of its own: what its given power moved in this tick widens the step by as much. The joint
    projection is part of what is remembered: when the site's limit goes, power rises from what was sent, by the ramp.
    """
    for a in range(values.shape[1]):
        low, high = values[r.LOW_KW, a], values[r.HIGH_KW, a]
        if codes[r.FAULT, a] != 0:
            low = high = 0.0
        origin = past[r.RAMPED_KW, a] if past_codes[r.AUTHORITY, a] == ARMED else values[r.POWER_KW, a]
        if past_codes[r.AUTHORITY, a] == ARMED and past_codes[r.FAULT, a] != 0:
            origin = 0.0  # a stage failed, perhaps `command` itself: 0 kW was sent, whatever had been ramped
        if origin != origin:
            origin = 0.0
        start = clamp(origin, low, high)
        target = clamp(values[r.LIMITED_KW, a], low, high)
        was = past[r.SERVICE_KW, a]
        moved = values[r.SERVICE_KW, a] - (was if was == was else 0.0)
        if moved != moved:
            moved = 0.0
        # "up" is away from zero, "down" toward it; a step through zero is first the one, then the other
        up, down = ratings[c.RAMP_UP, a], ratings[c.RAMP_DOWN, a]
        upper = rise(start, up, down, dt) + max(0.0, moved)
        lower = 0.0 - rise(0.0 - start, up, down, dt) + min(0.0, moved)
        if target > upper:
            ramped, by = upper, UP
        elif target < lower:
            ramped, by = lower, DOWN
        else:
            ramped, by = target, REACHED
        if start != origin and by == REACHED:
            by = AT_ONCE
        values[r.RAMPED_KW, a] = clamp(ramped, low, high)
        codes[r.RAMP_BY, a] = by
    together(values, codes, site, r.RAMPED_KW, r.RAMP_BY)


@kernel(F2, I2, F1, RI2, RF2)
def command(values: F8, codes: I8, site: F8, past_codes: I8, ratings: F8) -> None:
    """command_kw, mode and reason: projected once more, rounded toward zero, at or above the device's minimum power."""
    for a in range(values.shape[1]):
        low, high = values[r.LOW_KW, a], values[r.HIGH_KW, a]
        codes[r.COMMAND_BY, a] = UNCHANGED
        if codes[r.FAULT, a] != 0:
            low = high = 0.0
            codes[r.COMMAND_BY, a] = STAGE_FAULT
        ramped = values[r.RAMPED_KW, a]
        if ramped != ramped:
            codes[r.COMMAND_BY, a] = NO_VALUE
        values[r.COMMAND_KW, a] = clamp(ramped, low, high)
    together(values, codes, site, r.COMMAND_KW, r.COMMAND_BY)
    total = 0.0
    for a in range(values.shape[1]):
        power = values[r.COMMAND_KW, a]
        rounded = toward_zero(power, ratings[c.RESOLUTION_KW, a])
        if rounded != power and codes[r.COMMAND_BY, a] == UNCHANGED:
            codes[r.COMMAND_BY, a] = ROUNDED
        power = rounded
        least = ratings[c.MIN_DISCHARGE_KW, a] if power > 0.0 else ratings[c.MIN_CHARGE_KW, a]
        if power != 0.0 and abs(power) < least:
            power = 0.0
            codes[r.COMMAND_BY, a] = BELOW
        values[r.COMMAND_KW, a] = power
        armed = codes[r.AUTHORITY, a] == ARMED
        beat = past_codes[r.HEARTBEAT, a]
        codes[r.HEARTBEAT, a] = (beat + 1) % 65536 if armed else beat
        if not armed:
            codes[r.COMMAND_BY, a] = IS_SILENT
        state = codes[r.STATE, a]
        if state == S_FAULT or state == S_STOP:
            codes[r.MODE, a] = STOP
        elif power > 0.0:
            codes[r.MODE, a] = DISCHARGE
        elif power < 0.0:
            codes[r.MODE, a] = CHARGE
        else:
            codes[r.MODE, a] = IDLE
        total += power
    site[r.TOTAL_KW] = total
