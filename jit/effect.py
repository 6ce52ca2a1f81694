"""Kernel of `snapshot`: whether a device does what it is told, and what is done when it does not.

    told, response ► least_kw ≤ power ≤ most_kw?   wrong_sign_s, beyond_s, short_s ─┐
    receipts, polled set-point ► different_s, foreign                                ├► reaction, deviation
    command ► reversals ► paused      writes ► failed_s       readings ► still_s ────┘   effect_low_kw, effect_high_kw

Two checks with two reactions: *read-back* (the device holds the set-point that was written) and *effect* (its power is
within what the declared response allows, ± `tolerance`). Only a new measurement is evidence, of at most 1 s; nothing is
judged while nothing is written, while data are bad, or for times in which writes fail.

    deviation           first reaction                                       then
    wrong sign          latch after 3 s (reliability S8)
    beyond, short       `else` after `for`                                   `then` after twice `for` (S9)
    stuck telemetry     hold until it moves again
    foreign set-point   hold after two readings                              latch after four within 60 s
    writes fail         hold after `valid_for`, until one reaches it
    oscillation         hold for 60 s after five reversals (S13)

Derating takes the band down to what is delivered (beyond: to 0) and lets it grow again, along the ramp, by what is
proven to be delivered and half the tolerance; it never widens without proof. Powers in kW, times in s.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.build import F2, I2, RF2, RI2, F, N, kernel, term
from jit.codes import Deviation, Reaction
from jit.constants import F8, I8
from jit.told import envelope, tell, window
from jit.watch import deviate, foreign, hold_readback, still, swing

INF = np.inf
ARMED = 2
NONE, DERATE, HOLD, STOP = int(Reaction.NONE), int(Reaction.DERATE), int(Reaction.HOLD), int(Reaction.STOP)
BEYOND, SHORT, STUCK = int(Deviation.BEYOND), int(Deviation.SHORT), int(Deviation.STUCK)
WRONG_SIGN, FOREIGN, FAILING = int(Deviation.WRONG_SIGN), int(Deviation.FOREIGN), int(Deviation.WRITES_FAIL)
OSCILLATES = int(Deviation.OSCILLATES)
FOREIGN_HOLD, FOREIGN_STOP = 2, 4  # readings
FOREIGN_HOLD_S = 5.0  # after the last of them
PAUSE_S = 60.0
REVERSALS = 5


@term
def derate(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8) -> None:
    """effect_low_kw, effect_high_kw: what the device has proven to follow; ∓∞ while there is no doubt."""
    for a in range(values.shape[1]):
        low, high = past[r.EFFECT_LOW_KW, a], past[r.EFFECT_HIGH_KW, a]
        if low != low or high != high or past_codes[r.LATCH, a] != 0:  # what is latched gives nothing anyway
            low, high = -INF, INF
        evidence, power, tolerance = values[r.EVIDENCE_S, a], values[r.POWER_KW, a], ratings[c.TOLERANCE_KW, a]
        if evidence > 0.0 and ratings[c.EFFECT_ELSE, a] == DERATE:
            seen, doubt = codes[r.SEEN, a], ratings[c.EFFECT_FOR_S, a]
            gives, takes = max(0.0, power), max(0.0, -power)
            more_out = max(0.5 * tolerance, ratings[c.MIN_DISCHARGE_KW, a])
            more_in = max(0.5 * tolerance, ratings[c.MIN_CHARGE_KW, a])
            if seen == SHORT and power < values[r.LEAST_KW, a] and (values[r.SHORT_S, a] >= doubt or high < INF):
                high = min(high, gives + more_out)
            elif seen == SHORT and (values[r.SHORT_S, a] >= doubt or low > -INF):
                low = max(low, 0.0 - takes - more_in)
            elif seen == BEYOND and (values[r.BEYOND_S, a] >= doubt or max(-low, high) <= tolerance):
                low = high = 0.0
            elif seen == 0:
                step = ratings[c.RAMP_UP, a] * evidence
                high = max(high, min(high + step, gives + more_out))
                low = min(low, max(low - step, 0.0 - takes - more_in))
        rated_in, rated_out = ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a]
        values[r.EFFECT_LOW_KW, a] = -INF if low <= -rated_in else low
        values[r.EFFECT_HIGH_KW, a] = INF if high >= rated_out else high


@term
def pause(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """paused, paused_s: a hold for a time, and why. It does not run down over a restart: unknown, it begins anew."""
    for a in range(values.shape[1]):
        why, left = past_codes[r.PAUSED, a], past[r.PAUSED_S, a]
        left = left - dt if left == left else PAUSE_S
        if why == 0 or left <= 0.0:
            why, left = 0, 0.0
        doubt = ratings[c.EFFECT_FOR_S, a]
        for deviation in (BEYOND, SHORT):
            row = r.BEYOND_S if deviation == BEYOND else r.SHORT_S
            now, before = values[row, a], past[row, a]
            first = ratings[c.EFFECT_ELSE, a] == HOLD and now >= doubt and not before >= doubt
            again = ratings[c.EFFECT_THEN, a] == HOLD and now >= 2.0 * doubt
            if first or again:
                why, left = deviation, PAUSE_S
            if again:
                values[row, a] = 0.0
        if codes[r.REVERSALS, a] >= REVERSALS:
            why, left = OSCILLATES, PAUSE_S
        codes[r.PAUSED, a], values[r.PAUSED_S, a] = why, left


@term
def react(values: F8, codes: I8, ratings: F8) -> None:
    """The rows reaction and deviation: the strongest reaction that is due, and what it is due to."""
    for a in range(values.shape[1]):
        reaction, why = NONE, 0
        doubt = ratings[c.EFFECT_FOR_S, a]
        past_first = values[r.BEYOND_S, a] >= doubt or values[r.SHORT_S, a] >= doubt
        if values[r.EFFECT_LOW_KW, a] > -INF or values[r.EFFECT_HIGH_KW, a] < INF:
            reaction, why = DERATE, BEYOND if values[r.BEYOND_S, a] > values[r.SHORT_S, a] else SHORT
        if values[r.FAILED_S, a] >= ratings[c.VALID_FOR_S, a]:
            reaction, why = HOLD, FAILING
        if codes[r.SEEN, a] == STUCK:
            reaction, why = HOLD, STUCK
        if codes[r.FOREIGN, a] >= FOREIGN_HOLD and values[r.FOREIGN_S, a] < FOREIGN_HOLD_S:
            reaction, why = HOLD, FOREIGN
        if codes[r.PAUSED, a] != 0:
            reaction, why = HOLD, codes[r.PAUSED, a]
        last = ratings[c.EFFECT_THEN, a] == STOP
        at_once = ratings[c.EFFECT_ELSE, a] == STOP and past_first
        if (last and values[r.SHORT_S, a] >= 2.0 * doubt) or (at_once and values[r.SHORT_S, a] >= doubt):
            reaction, why = STOP, SHORT
        if (last and values[r.BEYOND_S, a] >= 2.0 * doubt) or (at_once and values[r.BEYOND_S, a] >= doubt):
            reaction, why = STOP, BEYOND
        if codes[r.FOREIGN, a] >= FOREIGN_STOP:
            reaction, why = STOP, FOREIGN
        if values[r.WRONG_SIGN_S, a] >= ratings[c.SIGN_FOR_S, a]:
            reaction, why = STOP, WRONG_SIGN
        codes[r.REACTION, a], codes[r.DEVIATION, a] = reaction, why


@kernel(F2, I2, RF2, RI2, RF2, N, N, F)
def follow(
    values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, first: int, older: int, dt: float
) -> None:
    """All of it for every asset. The ring of what was told: `older` pairs of rows from `first` on."""
    tell(values, codes, past, past_codes, ratings, first, older, dt)
    window(values, ratings, first, older)
    envelope(values, codes, past, past_codes, ratings, first, older, dt)
    still(values, codes, past, past_codes, dt)
    deviate(values, codes, past, past_codes, ratings)
    hold_readback(values, codes, past, past_codes, ratings, dt)
    foreign(values, codes, past, past_codes, ratings, dt)
    swing(values, codes, past, past_codes, ratings, dt)
    derate(values, codes, past, past_codes, ratings)
    pause(values, codes, past, past_codes, ratings, dt)
    react(values, codes, ratings)
