"""Kernels of `constrain`, `ramp` and `command`: from what is desired to what is sent.

    desired ► band ► one direction ► site ► limited ► ramp ► band again ► rounded toward zero ► command

A limit beats the ramp (design rule 4): the ramp starts from the previous *unrounded* ramped power projected onto
today's band, and the command is projected once more. While a stage's fault bit is set every band is [0, 0].
"""

from __future__ import annotations

from jit import constants as c
from jit import rows as r
from jit.build import F1, F2, I1, I2, RF2, RI1, RI2, F, N, kernel, term
from jit.codes import Authority, Mode, Reason, State, WriteStatus
from jit.constants import F8, I8
from jit.joint import DIRECTION, GRID_OPERATOR, SITE, TRANSFORMER, one_after_another, settle, together
from jit.sharing import missing

MOST_STEPS = 1e15  # what a float64 counts exactly
ARMED = int(Authority.ARMED)
WITHIN, LIMITED = int(Reason.WITHIN_LIMITS), int(Reason.LIMITED)
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
STOP, IDLE, CHARGE, DISCHARGE = int(Mode.STOP), int(Mode.IDLE), int(Mode.CHARGE), int(Mode.DISCHARGE)
S_FAULT, S_STOP = int(State.FAULT), int(State.EMERGENCY_STOP)
LOST, DIFFERENT = int(WriteStatus.REFUSED), int(WriteStatus.DIFFERENT)  # from the one on a write was not taken


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
    """The largest multiple of `step` (kW) that is not above |power|. A step that divides 1 kW is a part of it (0.1)."""
    if step <= 0.0:
        return power
    size = abs(power)
    if not size < MOST_STEPS * min(step, 1.0):
        return 0.0  # no device is that large: a number that cannot be counted is not a power
    parts = float(int(1.0 / step + 0.5))
    if step < 1.0 and abs(parts * step - 1.0) < 1e-9:
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


@kernel(F2, I2, F1, I1, RI1, RI1, N)
def constrain(values: F8, codes: I8, site: F8, site_codes: I8, starts: I8, members: I8, band: int) -> None:
    """limited_kw, limited_by (limit + 1, 0 = none) and why; must_short_kw, what they lack of what must be done.

    The limit that is named is the true one: without it the power were larger, without any other it were the same.
    Where two leave exactly the same, the first of `LIMITS` is named, of an asset's own and a shared one its own.
    """
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
    taken = together(values, codes, site, site_codes, starts, members, band, r.LIMITED_KW, r.DESIRED_KW, r.LIMITED_WHY)
    site_codes[r.DIRECTION] = taken + 2
    for a in range(values.shape[1]):
        why = codes[r.LIMITED_WHY, a]
        if why == SITE:
            codes[r.LIMITED_BY, a] = r.L_SITE + 1
        elif why == TRANSFORMER:
            codes[r.LIMITED_BY, a] = r.L_TRANSFORMER + 1
        elif why == GRID_OPERATOR:
            codes[r.LIMITED_BY, a] = r.L_GRID_OPERATOR + 1
        elif why == DIRECTION:
            codes[r.LIMITED_BY, a] = 0  # without its own limit it would be 0 as well
    site[r.MUST_SHORT_KW] = missing(values, site, site_codes, r.LIMITED_KW)


@kernel(F2, I2, F1, I1, RF2, RI2, RF2, RI1, RI1, N, F)
def ramp(
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    past: F8,
    past_codes: I8,
    ratings: F8,
    starts: I8,
    members: I8,
    band: int,
    dt: float,
) -> None:
    """ramped_kw from the origin toward limited_kw. Origin: the previous ramped power, or measured power after silence.

    While writes are not taken it does not go on away from zero: the first that is taken again were a jump.
    A service brings a ramp of its own: what its given power moved in this tick widens the step by as much. The joint
    projection, and waiting for room that another may still hold, are part of what is remembered: when the site's limit
    goes, power rises from what was sent, by the ramp.
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
        upper, lower = rise(start, up, down, dt), 0.0 - rise(0.0 - start, up, down, dt)
        status = codes[r.WRITE_STATUS, a]
        if status >= LOST and status != DIFFERENT:
            upper, lower = min(upper, max(start, 0.0)), max(lower, min(start, 0.0))
        upper, lower = upper + max(0.0, moved), lower + min(0.0, moved)
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
    together(values, codes, site, site_codes, starts, members, band, r.RAMPED_KW, r.RAMPED_KW, r.RAMP_BY)
    one_after_another(values, codes, site, starts, members, band, r.RAMPED_KW, r.RAMP_BY)


@term
def conclude(values: F8, codes: I8, site: F8, past_codes: I8) -> None:
    """Mode, heartbeat and the sum of what is sent."""
    total = 0.0
    for a in range(values.shape[1]):
        power = values[r.COMMAND_KW, a]
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


@kernel(F2, I2, F1, I1, RI2, RF2, RI1, RI1, N)
def command(
    values: F8,
    codes: I8,
    site: F8,
    site_codes: I8,
    past_codes: I8,
    ratings: F8,
    starts: I8,
    members: I8,
    band: int,
) -> None:
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
        values[r.COMMAND_KVAR, a] = 0.0
    together(values, codes, site, site_codes, starts, members, band, r.COMMAND_KW, r.COMMAND_KW, r.COMMAND_BY)
    for a in range(values.shape[1]):
        power = values[r.COMMAND_KW, a]
        rounded = toward_zero(power, ratings[c.RESOLUTION_KW, a])
        if rounded != power and codes[r.COMMAND_BY, a] == UNCHANGED:
            codes[r.COMMAND_BY, a] = ROUNDED
        least = ratings[c.MIN_DISCHARGE_KW, a] if rounded > 0.0 else ratings[c.MIN_CHARGE_KW, a]
        if rounded != 0.0 and abs(rounded) < least:
            rounded = 0.0
            codes[r.COMMAND_BY, a] = BELOW
        values[r.COMMAND_KW, a] = rounded
    for g in range(1, starts.shape[0] - 1):
        low, high = site[band + 2 * g - 2], site[band + 2 * g - 1]
        a = settle(values, codes, ratings, members, starts[g], starts[g + 1], low, high)
        if a >= 0:
            codes[r.COMMAND_BY, a] = ROUNDED
    a = settle(values, codes, ratings, members, starts[0], starts[1], site[r.SITE_LOW_KW], site[r.SITE_HIGH_KW])
    if a >= 0:
        codes[r.COMMAND_BY, a] = ROUNDED
    conclude(values, codes, site, past_codes)
