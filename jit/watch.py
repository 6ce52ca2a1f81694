"""Terms of `effect`: what the newest measurement, set-point and commands say about a device.

    power outside least_kw … most_kw ──► seen, and for how long: wrong_sign_s, beyond_s, short_s
    set-point outside what was told ───► different_s; changed by somebody else: foreign
    command through zero and back ─────► reversals

Only a measurement newer than the last one is evidence (evidence_s, at most 1 s each). A device in doubt has to show
that it follows something before its timers run down, at a quarter of the speed; otherwise one good measurement ends
them. Powers in kW, times in s.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import term
from jit.codes import Deviation
from jit.constants import F8, I8

INF = np.inf
VALID = 1
ARMED = 2
CONFIRMED, WRITE_FAILED, DIFFERENT = 2, 3, 6
YES = 2
BEYOND, SHORT, STUCK = int(Deviation.BEYOND), int(Deviation.SHORT), int(Deviation.STUCK)
OSCILLATES = int(Deviation.OSCILLATES)
EVIDENCE_S = 1.0  # what one measurement proves at most: three of them for a wrong sign
RECOVERY = 0.25
LIVELY_S, LIVELY = 60.0, 0.5  # a telemetry that usually moves from one reading to the next
LIVELY_FOR_S = 10.0  # a longer rest says nothing more about that
FORGET_S = 60.0
SWING = 0.2  # of the rating
SWING_S, SWING_RESPONSES = 60.0, 12.0  # a slow loop swings slowly
MOST_FOREIGN = 1000


@term
def timer(before: float) -> float:
    """A timer of the past; it begins at 0."""
    return before if before == before else 0.0


@term
def still(values: F8, codes: I8, past: F8, past_codes: I8, dt: float) -> None:
    """evidence_s of this tick's measurement (0: none); still_s, how long power repeats exactly; lively, how rarely."""
    for a in range(values.shape[1]):
        gap = timer(past[r.JUDGED_S, a]) + dt
        renewed = not values[r.AGE_S, a] >= past[r.AGE_S, a] + 0.5 * dt
        power, was = values[r.POWER_KW, a], past[r.POWER_KW, a]
        usable = codes[r.QUALITY, a] == VALID and renewed and power == power
        still_s, lively = timer(past[r.STILL_S, a]), timer(past[r.LIVELY, a])
        if usable:
            still_s = still_s + min(gap, EVIDENCE_S) if power == was else 0.0
            if power != 0.0 and still_s <= LIVELY_FOR_S:
                share = min(1.0, min(gap, EVIDENCE_S) / LIVELY_S)
                lively += (0.0 - lively if power == was else 1.0 - lively) * share
        known = values[r.LEAST_KW, a] == values[r.LEAST_KW, a]
        judged = usable and known and past_codes[r.AUTHORITY, a] == ARMED and codes[r.WRITE_STATUS, a] < WRITE_FAILED
        values[r.EVIDENCE_S, a] = min(gap, EVIDENCE_S) if judged else 0.0
        values[r.JUDGED_S, a] = 0.0 if usable else gap
        values[r.STILL_S, a], values[r.LIVELY, a] = still_s, lively


@term
def run(before: float, evidence: float, present: bool, doubted: bool, asked: bool) -> float:
    """A timer of evidence. In doubt it runs down only while something is asked and delivered, and slowly."""
    if present:
        return before + evidence
    if not doubted:
        return 0.0
    return max(0.0, before - RECOVERY * evidence) if asked else before


@term
def hopeless(values: F8, past: F8, ratings: F8, a: int) -> bool:
    """Derated to next to nothing, asked for all of it, and not even that is delivered."""
    sent, power, step = past[r.COMMAND_KW, a], values[r.POWER_KW, a], 2.0 * ratings[c.RESOLUTION_KW, a]
    high, low, floor = past[r.EFFECT_HIGH_KW, a], past[r.EFFECT_LOW_KW, a], ratings[c.TOLERANCE_KW, a]
    least_out = max(floor, ratings[c.MIN_DISCHARGE_KW, a])
    least_in = max(floor, ratings[c.MIN_CHARGE_KW, a])
    out: bool = sent > 0.0 and high <= least_out and sent >= high - step and power < 0.6 * sent
    into: bool = sent < 0.0 and -low <= least_in and -sent >= -low - step and -power < -0.6 * sent
    return out or into


@term
def deviate(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8) -> None:
    """seen, wrong_sign_s, beyond_s, short_s: the newest power against what the declared response allows."""
    for a in range(values.shape[1]):
        wrong, more, less = timer(past[r.WRONG_SIGN_S, a]), timer(past[r.BEYOND_S, a]), timer(past[r.SHORT_S, a])
        seen, evidence, armed = past_codes[r.SEEN, a], values[r.EVIDENCE_S, a], past_codes[r.AUTHORITY, a] == ARMED
        if not armed:
            wrong, more, less, seen = 0.0, 0.0, 0.0, 0
        if evidence > 0.0:
            low, high, power = values[r.LEAST_KW, a], values[r.MOST_KW, a], values[r.POWER_KW, a]
            tolerance = ratings[c.TOLERANCE_KW, a]
            rated = max(ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a])
            opposite = (low > 0.05 * rated and power < -0.02 * rated) or (high < -0.05 * rated and power > 0.02 * rated)
            beyond = power > max(0.0, high) + tolerance or power < min(0.0, low) - tolerance
            short = (low > 0.0 and power < low - tolerance) or (high < 0.0 and power > high + tolerance)
            repeats = values[r.LIVELY, a] > LIVELY and values[r.STILL_S, a] >= ratings[c.EFFECT_FOR_S, a]
            seen = BEYOND if beyond else (SHORT if short else 0)
            if seen != 0 and repeats:
                seen = STUCK  # no evidence of what the power is
            derated = past[r.EFFECT_LOW_KW, a] > -INF or past[r.EFFECT_HIGH_KW, a] < INF
            accused = past_codes[r.REACTION, a] != 0 or max(more, less) >= ratings[c.EFFECT_FOR_S, a]
            doubted = (derated or accused) and past_codes[r.LATCH, a] == 0
            asked = low > tolerance or high < -tolerance
            wrong = run(wrong, evidence, opposite and seen != STUCK, False, asked)
            more = run(more, evidence, seen == BEYOND, doubted, asked)
            nothing = doubted and hopeless(values, past, ratings, a)
            less = run(less, evidence, seen == SHORT or nothing, doubted, asked)
        values[r.WRONG_SIGN_S, a], values[r.BEYOND_S, a], values[r.SHORT_S, a] = wrong, more, less
        codes[r.SEEN, a] = seen


@term
def outside(values: F8, ratings: F8, a: int) -> bool:
    """Whether the polled set-point is none that was told lately. Unknown is not outside."""
    held, slack = values[r.SETPOINT_KW, a], ratings[c.HELD_KW, a]
    low, high = values[r.TOLD_LOW_KW, a], values[r.TOLD_HIGH_KW, a]
    other: bool = held < low - slack or held > high + slack
    return other


@term
def hold_readback(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """different_s: for how long the device has held another set-point than those told, by receipt or by poll.

    A frozen or silent page says nothing about the set-point, also before it is known to be frozen: a read-back counts
    with the measurements that prove the page alive. A write that fails neither confirms nor contradicts it.
    failed_s: for how long no write has reached it.
    """
    for a in range(values.shape[1]):
        held, failed = timer(past[r.DIFFERENT_S, a]), timer(past[r.FAILED_S, a])
        status, evidence = codes[r.WRITE_STATUS, a], values[r.EVIDENCE_S, a]
        armed, good = past_codes[r.AUTHORITY, a] == ARMED, codes[r.QUALITY, a] == VALID
        polled = values[r.SETPOINT_KW, a] == values[r.SETPOINT_KW, a] and values[r.LEAST_KW, a] == values[r.LEAST_KW, a]
        if not armed:  # nothing was written that the device should hold
            held = 0.0
        elif status == DIFFERENT:
            alive = min(timer(past[r.JUDGED_S, a]) + dt, EVIDENCE_S) if values[r.JUDGED_S, a] == 0.0 else 0.0
            held = held + alive if good else 0.0
        elif status == CONFIRMED and not (polled and good):
            held = 0.0
        elif evidence > 0.0 and polled:
            held = held + evidence if outside(values, ratings, a) else 0.0
        values[r.DIFFERENT_S, a] = held
        values[r.FAILED_S, a] = failed + dt if armed and WRITE_FAILED <= status < DIFFERENT else 0.0


@term
def foreign(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """foreign, foreign_s: readings of a set-point that somebody else wrote, and the time since the last of them.

    It must have *changed* to what we never told: an old one of ours is one that was discarded. The device's own
    reversion is nobody's. Being thrown out of the connection again and again counts as two of them.
    """
    for a in range(values.shape[1]):
        count, since = past_codes[r.FOREIGN, a], timer(past[r.FOREIGN_S, a]) + dt
        if since >= FORGET_S:
            count = 0
        held, before, slack = values[r.SETPOINT_KW, a], past[r.SETPOINT_KW, a], ratings[c.HELD_KW, a]
        if values[r.EVIDENCE_S, a] > 0.0 and outside(values, ratings, a):
            own = abs(held - ratings[c.REVERTS_TO_KW, a]) <= slack
            if not own and (count > 0 or abs(held - before) > slack):
                count, since = min(count + 1, MOST_FOREIGN), 0.0
        if codes[r.CONTESTED, a] == YES and past_codes[r.AUTHORITY, a] == ARMED:
            count, since = max(count, 2), 0.0
        codes[r.FOREIGN, a], values[r.FOREIGN_S, a] = count, since


@term
def swing(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """reversals: how often within 60 s (slow devices: longer) the command swung through zero by 20 % of the rating.

    peak_kw is the extreme since the last reversal, reversal_1_s … reversal_5_s the time since the last five.
    """
    for a in range(values.shape[1]):
        sent, peak = past[r.COMMAND_KW, a], past[r.PEAK_KW, a]
        rated = max(ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a])
        turned = False
        if past_codes[r.PAUSED, a] == OSCILLATES or sent != sent or past_codes[r.AUTHORITY, a] != ARMED:
            peak = 0.0
        elif peak != peak or sent * peak >= 0.0:
            peak = sent if not abs(sent) < abs(peak) else peak
        elif abs(sent - peak) > SWING * rated:
            turned, peak = True, sent
        values[r.PEAK_KW, a] = peak
        within = max(SWING_S, SWING_RESPONSES * (ratings[c.DEAD_TIME_S, a] + ratings[c.LAG_S, a]))
        count = 0
        for k in range(5):
            ago = past[r.REVERSAL_1_S + k, a] + dt
            if turned:
                ago = past[r.REVERSAL_1_S + k - 1, a] + dt if k > 0 else 0.0
            if past_codes[r.PAUSED, a] == OSCILLATES or not ago <= within:
                ago = INF
            else:
                count += 1
            values[r.REVERSAL_1_S + k, a] = ago
        codes[r.REVERSALS, a] = count
