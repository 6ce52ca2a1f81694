"""Plausibility of what was measured, judged against `before` in the tick: terms of the kernel `measure`.

    jump        changed faster than its rate allows           JUMP            believed when it stays: `JUMP_FOR_S`
    physics     charge that no energy explains                PHYSICS         forgotten along its window
    contradict  power against availability, state, DC side    CONTRADICTORY   60 s after it last contradicted itself

Nothing is repaired: the value stays what the device said, the point loses VALID and says why, and with it the asset.
What depends on time is in seconds, so that it is the same at every cycle. Powers in kW, energy in kWh, SoC in %.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import term
from jit.constants import F8, I8
from jit.points import M_CURRENT, M_DEVICE, M_POWER, M_SOC, M_STATE, M_TEMPERATURE, M_VOLTAGE
from jit.quality import CONTRADICTORY, JUMP, PHYSICS, VALID, meet

NO = 1
CHECKED = 3  # soc, power, temperature
JUMP_FOR_S = 3.0  # a jump that stays this long, and in a newer answer, is believed
SLOW = 16.0  # windows of `physics` that a drift is looked for in: 4 h
FIRST_S = 1e-9  # of a jump that is seen for the first time
OF_MOVED = 0.25  # share of the energy moved that losses, ageing and their estimates may explain
AT_REST, OTHER_SIDE = 0.05, 0.25  # of the rating: power that counts as none; difference between AC and DC side
CONTRADICT_S = 3.0  # beyond the device's own response
PAUSE_S = 30.0  # a tick so late says nothing of the power until then: the machine may have slept
CALM_S = 60.0  # without contradiction until it is believed again


@term
def jump(point_codes: I8, ages: F8, place: I8, values: F8, codes: I8, past: F8, ratings: F8, dt: float) -> None:
    """A step that is larger than what the rate has saved up (at most a second's worth, and the age of what was seen).

    Two samples have to agree: a torn or misread value is gone with the next answer, a real step stays and is believed
    after `JUMP_FOR_S`, so that no step locks a battery for ever.
    """
    for k in range(CHECKED):
        row = M_SOC if k == 0 else (M_POWER if k == 1 else M_TEMPERATURE)
        for a in range(values.shape[1]):
            rate, index, value = ratings[c.SOC_JUMP + k, a], place[row, a], values[row, a]
            seen, slack, stood = past[r.SOC_SEEN_PCT + k, a], past[r.SOC_SLACK_PCT + k, a], past[r.SOC_JUMP_S + k, a]
            slack = slack if slack == slack else 0.0
            stood = stood if stood == stood else 0.0
            usable = index >= 0 and value == value and point_codes[index] & VALID != 0
            if rate == np.inf or not usable:
                values[r.SOC_SEEN_PCT + k, a] = seen
                values[r.SOC_SLACK_PCT + k, a] = slack + rate * dt if rate < np.inf else 0.0
                values[r.SOC_JUMP_S + k, a] = 0.0
                continue
            age, was = past[r.AGE_S, a], past[row, a]
            burst = rate * (1.0 + age) if 0.0 <= age < np.inf else rate
            step = value - seen if value > seen else seen - value
            slack += rate * dt if stood == 0.0 else 0.0  # a jump does not become plausible by being looked at again
            agrees = stood > 0.0 and was - burst <= value <= was + burst
            stays = agrees and stood + dt >= JUMP_FOR_S and ages[place[M_DEVICE, a]] < stood
            if seen != seen or stays:
                slack, stood = burst, 0.0
            elif step <= slack:
                slack, stood = min(slack - step, burst), 0.0
            else:
                stood = stood + dt if agrees else FIRST_S
                value = seen
                point_codes[index] = meet(point_codes[index], JUMP)
                codes[r.QUALITY, a] = meet(codes[r.QUALITY, a], JUMP)
            values[r.SOC_SEEN_PCT + k, a] = value
            values[r.SOC_SLACK_PCT + k, a], values[r.SOC_JUMP_S + k, a] = slack, stood


@term
def unexplained(moved: float, cell_kw: float, most_kw: float, gap: float, dt: float) -> float:
    """Charge that no energy explains since the last look (kWh); after a gap, what no power could have moved in it."""
    if gap > 0.0:
        most = most_kw * (gap + dt) / 3600.0
        return max(0.0, moved - most) + min(0.0, moved + most)
    return moved + cell_kw * dt / 3600.0


@term
def physics(point_codes: I8, place: I8, values: F8, codes: I8, past: F8, ratings: F8, dt: float) -> None:
    """ΔSoC · E + ∫P is near 0 over the window and over 16 windows (reliability S17), as sums that fade exponentially.

    The short sum finds steps and wrong scales, the long one drift; a step belongs to the short one alone, unless it
    takes a drift back. More than the tolerance of the energy and a quarter of what was moved is not explained.
    """
    for a in range(values.shape[1]):
        index, at = place[M_SOC, a], place[M_POWER, a]
        soc, power = values[r.SOC_PCT, a], values[r.POWER_KW, a]
        base, gap, soh = past[r.BASE_SOC_PCT, a], past[r.BASE_S, a], values[r.SOH_PCT, a]
        error, drift = past[r.UNEXPLAINED_KWH, a], past[r.DRIFT_KWH, a]
        moved, cycled = past[r.MOVED_KWH, a], past[r.CYCLED_KWH, a]
        gap, error = gap if gap == gap else 0.0, error if error == error else 0.0
        drift = drift if drift == drift else 0.0
        moved, cycled = moved if moved == moved else 0.0, cycled if cycled == cycled else 0.0
        energy, window = ratings[c.ENERGY_KWH, a], ratings[c.PHYSICS_S, a]
        tolerance = ratings[c.PHYSICS_PCT, a] * 0.01 * energy
        energy *= 0.01 * soh if 50.0 <= soh <= 100.0 else 1.0
        known = index >= 0 and soc == soc and point_codes[index] & VALID != 0
        usable = known and at >= 0 and power == power and point_codes[at] & VALID != 0
        found = size = 0.0
        if usable and base == base:
            cell = power / ratings[c.EFF_DISCHARGE, a] if power > 0.0 else power * ratings[c.EFF_CHARGE, a]
            most = max(ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a]) / ratings[c.EFF_DISCHARGE, a]
            step = dt if dt <= PAUSE_S else 0.0
            found = unexplained((soc - base) * 0.01 * energy, cell, most, gap + dt - step, step)
            size = max(power, -power) * step / 3600.0
        again = usable or base != base
        values[r.BASE_SOC_PCT, a] = soc if again and known else base
        values[r.BASE_S, a] = 0.0 if again else gap + dt
        fade, slow = max(0.0, 1.0 - dt / window), max(0.0, 1.0 - dt / (SLOW * window))
        error, moved, cycled, drift = error * fade + found, moved * fade + size, cycled * slow + size, drift * slow
        small = max(found, -found) <= 0.5 * tolerance
        if small or (drift + found) * (drift + found) < drift * drift:
            drift += found
        values[r.UNEXPLAINED_KWH, a], values[r.DRIFT_KWH, a] = error, drift
        values[r.MOVED_KWH, a], values[r.CYCLED_KWH, a] = moved, cycled
        if max(error, -error) > tolerance + OF_MOVED * moved or max(drift, -drift) > tolerance + OF_MOVED * cycled:
            codes[r.QUALITY, a] = meet(codes[r.QUALITY, a], PHYSICS)
            if index >= 0:
                point_codes[index] = meet(point_codes[index], PHYSICS)


@term
def beside(power: float, voltage: float, current: float, rated: float) -> bool:
    """The DC side says another power, in size or in sign, than the AC side."""
    other = voltage * current * 0.001
    return other - power > OTHER_SIDE * rated or power - other > OTHER_SIDE * rated


@term
def contradict(
    points: F8,
    point_codes: I8,
    place: I8,
    values: F8,
    codes: I8,
    past: F8,
    past_codes: I8,
    ratings: F8,
    dt: float,
) -> None:
    """Power while the battery is not available (reliability S15), against its state, or against its DC side.

    It has to last longer than the device needs to respond. What did is believed again after a calm minute, so that a
    battery does not start and stop by its own contradiction.
    """
    for a in range(values.shape[1]):
        power, rated = values[r.POWER_KW, a], max(ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a])
        rest = AT_REST * rated
        against = codes[r.AVAILABLE, a] == NO and (power > rest or power < -rest)
        state = place[M_STATE, a]
        if state >= 0 and point_codes[state] & VALID != 0:
            against = against or (points[state] == ratings[c.STATE_CHARGING, a] and power > rest)
            against = against or (points[state] == ratings[c.STATE_DISCHARGING, a] and power < -rest)
        voltage, current = place[M_VOLTAGE, a], place[M_CURRENT, a]
        if voltage >= 0 and current >= 0 and point_codes[voltage] & point_codes[current] & VALID != 0:
            against = against or beside(power, values[r.VOLTAGE_V, a], values[r.CURRENT_A, a], rated)
        held, limit = past[r.AGAINST_S, a], CONTRADICT_S + ratings[c.DEAD_TIME_S, a] + 3.0 * ratings[c.LAG_S, a]
        held = held if held == held else 0.0
        held = min(limit, held + dt) if against else max(0.0, held - dt * limit / CALM_S)
        values[r.AGAINST_S, a] = held
        if held >= limit or (held > 0.0 and past_codes[r.QUALITY, a] & CONTRADICTORY != 0):
            codes[r.QUALITY, a] = meet(codes[r.QUALITY, a], CONTRADICTORY)
            if place[M_POWER, a] >= 0:
                point_codes[place[M_POWER, a]] = meet(point_codes[place[M_POWER, a]], CONTRADICTORY)
