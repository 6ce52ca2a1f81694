"""Start and stop sequences: one declared step after the other, each with its guards and its time-out.

    snapshot       steps: which points say yes now ──┐
    state_machine  ready ► proceed ──────────────────┴─► sequence, step, step_now ─► written with the tick's command

* A step is passed without a write while its point already says what the step is for; that is also how a restart begins.
* Only a step with every guard in place acts (`step_now`): 0 kW commanded and confirmed, power measured near 0, nothing
  latched, data good. Opening waits until that has lasted `CALM_S` (reliability S16): no contactor opens under load.
* A step that has acted for its time-out latches (`late`). Starting runs in STANDBY only, and nothing closes twice
  without leaving it; stopping runs because of a deactivation, a lock-out or a latch, never because of data.

In shadow nothing acts and nothing is late. Times in s.
"""

from __future__ import annotations

from jit import constants as c
from jit import rows as r
from jit.build import F1, I1, I2, RI2, kernel, term
from jit.codes import Act, Condition, Latch, Quality, Sequence, State
from jit.constants import F8, I8, MOST_STEPS
from jit.measure import point_quality
from jit.timers import lasts

#: Power has been near zero for this long (s) before a contactor opens; and how near, as a share of the rating.
CALM_S, NEAR = 3.0, 0.01

_C = Condition
#: What a start sequence needs to be under way at all (then 0 kW is written), and what each of its steps needs.
START_WANTS = int(_C.FRESH | _C.ACTIVATED | _C.REMOTE | _C.STEADY)
START_NEEDS = START_WANTS | int(_C.GOOD | _C.QUIET | _C.IDENTIFIED | _C.REVERTS | _C.AGREES | _C.OBEYS | _C.FREE)
HINDERS_START = int(_C.STOPPED | _C.LATCHED | _C.LOCKED | _C.MANUAL)
#: What each step of stopping needs, and what ends a stop sequence before it is done.
STOP_NEEDS = int(_C.GOOD | _C.QUIET | _C.REMOTE | _C.IDENTIFIED)
HINDERS_STOP = int(_C.STOPPED | _C.MANUAL)
#: Latches after which the stop sequence runs: the device is the right one, and nobody else commands it.
OPENS = int(Latch.ALARM | Latch.WRONG_SIGN | Latch.BEYOND | Latch.EFFECT | Latch.INTERLOCK | Latch.SEQUENCE)

NONE, START, STOP = int(Sequence.NONE), int(Sequence.START), int(Sequence.STOP)
ENDS = int(Act.DEACTIVATE | Act.LOCK_OUT)
C_ACTIVATED, C_REMOTE, C_LOCKED = int(_C.ACTIVATED), int(_C.REMOTE), int(_C.LOCKED)
C_LATCHED, C_GOOD, C_QUIET = int(_C.LATCHED), int(_C.GOOD), int(_C.QUIET)
C_STARTED, C_RESTS = int(_C.STARTED), int(_C.RESTS)
S_STANDBY, S_READY, S_LIMITED, S_FAULT = int(State.STANDBY), int(State.READY), int(State.LIMITED), int(State.FAULT)
VALID = int(Quality.VALID)
WHEN = 2 * MOST_STEPS  # first bit of what a step of starting up needs before it is written


@kernel(F1, I1, RI2, I2)
def look(points: F8, point_codes: I8, place: I8, codes: I8) -> None:
    """Bits of `steps`: start steps whose `until` says yes, stop steps whose `until_not` says no, start steps that may
    be written. `place` int64[3 · MOST_STEPS, assets], −1 = no such point. Unknown is neither yes nor no.
    """
    for a in range(codes.shape[1]):
        bits = 0
        for i in range(place.shape[0]):
            index = place[i, a]
            if index < 0:
                bits |= 1 << i if i >= WHEN else 0
                continue
            known = point_quality(points[index], point_codes[index]) & VALID != 0
            if known and (points[index] > 0.5) == (i < MOST_STEPS or i >= WHEN):
                bits |= 1 << i
        codes[r.STEPS, a] = bits if codes[r.QUALITY, a] == VALID else 0


@term
def count(steps: F8, first: int, a: int) -> int:
    """How many steps the sequence has whose time-outs begin at row `first`."""
    n = 0
    while n < MOST_STEPS and steps[first + n, a] > 0.0:
        n += 1
    return n


@term
def late(codes: I8, past: F8, past_codes: I8, steps: F8, a: int) -> bool:
    """Whether the step that acted in the previous tick has had its time and is still not done."""
    now: int = past_codes[r.STEP_NOW, a]
    if not 0 < now <= 2 * MOST_STEPS:
        return False
    over: bool = past[r.STEP_S, a] >= steps[now - 1, a] and codes[r.STEPS, a] >> (now - 1) & 1 == 0
    return over


@term
def ready(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, steps: F8, dt: float) -> None:
    """STARTED, and for how long power has been near 0 with 0 kW confirmed; unknown is not near 0."""
    for a in range(values.shape[1]):
        conditions, power = codes[r.CONDITIONS, a], values[r.POWER_KW, a]
        near = NEAR * max(ratings[c.CHARGE_KW, a], ratings[c.DISCHARGE_KW, a])
        calm = -near < power < near and conditions & C_GOOD != 0 and conditions & C_QUIET != 0
        values[r.IDLE_S, a] = lasts(past[r.IDLE_S, a], calm, dt)
        n = count(steps, 0, a)
        every = (1 << n) - 1
        done = codes[r.STEPS, a] & every == every
        if not done and past_codes[r.SEQUENCE, a] == START and past_codes[r.STEP, a] > n:
            done = codes[r.STEPS, a] >> (n - 1) & 1 != 0
        if done or past_codes[r.STATE, a] != S_STANDBY:
            codes[r.CONDITIONS, a] = conditions | C_STARTED


@term
def wanted(codes: I8, past: F8, past_codes: I8, steps: F8, a: int) -> int:
    """The sequence that is to be under way in this tick."""
    state, conditions, before = past_codes[r.STATE, a], codes[r.CONDITIONS, a], past_codes[r.SEQUENCE, a]
    if steps[MOST_STEPS, a] > 0.0:
        opens = codes[r.LATCH, a] & ~past_codes[r.LATCH, a] & OPENS != 0
        asked = codes[r.ACTS, a] & ENDS != 0 or (opens and before != STOP)
        meant = conditions & C_ACTIVATED == 0 or conditions & (C_LOCKED | C_LATCHED) != 0
        place = S_READY <= state <= S_LIMITED or state == S_FAULT or (state == S_STANDBY and before != NONE)
        free = conditions & HINDERS_STOP == 0 and conditions & C_REMOTE != 0
        if (asked or before == STOP) and meant and place and free and not late(codes, past, past_codes, steps, a):
            return STOP
    if steps[0, a] > 0.0 and state == S_STANDBY and conditions & HINDERS_START == 0:
        return START if conditions & START_WANTS == START_WANTS else NONE
    return NONE


@term
def acts(values: F8, codes: I8, sequence: int, step: int, a: int) -> bool:
    """Whether all guards of a step are in place."""
    conditions, idle = codes[r.CONDITIONS, a], values[r.IDLE_S, a]
    guarded: bool = codes[r.STEPS, a] >> (WHEN + step - 1) & 1 != 0
    guarded = guarded and conditions & START_NEEDS == START_NEEDS and idle >= 0.0
    if sequence == STOP:
        guarded = conditions & STOP_NEEDS == STOP_NEEDS and idle >= CALM_S
    return guarded


@term
def proceed(values: F8, codes: I8, past: F8, past_codes: I8, steps: F8, armed: float, dt: float) -> None:
    """The step that is to be done and, when its guards are in place, the place of what is written for it + 1."""
    for a in range(values.shape[1]):
        sequence = wanted(codes, past, past_codes, steps, a) if armed > 1.5 else NONE
        first = MOST_STEPS if sequence == STOP else 0
        same = sequence != NONE and past_codes[r.SEQUENCE, a] == sequence
        step = past_codes[r.STEP, a] if same and past_codes[r.STEP, a] > 0 else 1
        n = count(steps, first, a)
        while step <= n and codes[r.STEPS, a] >> (first + step - 1) & 1 != 0:
            step += 1
        if sequence == STOP and step > n:
            sequence = NONE
        values[r.STEP_S, a] = 0.0
        codes[r.SEQUENCE, a], codes[r.STEP, a], codes[r.STEP_NOW, a] = sequence, 0, 0
        codes[r.CONDITIONS, a] |= C_RESTS if sequence != STOP else 0
        if sequence == NONE:
            continue
        codes[r.STEP, a] = step
        held = past[r.STEP_S, a] if same and past_codes[r.STEP, a] == step else 0.0
        if step <= n and acts(values, codes, sequence, step, a):
            codes[r.STEP_NOW, a] = first + step
            held += dt if past_codes[r.STEP_NOW, a] == first + step else 0.0
        values[r.STEP_S, a] = held if held == held else 0.0
