"""The state machine as a table and the kernel that walks it.

A transition is data: from which states, with which conditions set and which absent, to which state, for which reason.
The first row that fits wins. EMERGENCY_STOP and FAULT come first, so they are reached from everywhere (LH-SM-002).
IDLE, CHARGING, DISCHARGING and LIMITED are labels of permitted running, taken from the previous outcome.
"""

from __future__ import annotations

import numpy as np

from jit import constants as c
from jit import rows as r
from jit import sequence
from jit.build import F2, I2, RF2, RI2, F, kernel, term
from jit.codes import Act, Authority, Condition, Deviation, Forbidden, Latch, Permit, Proved, Reaction, Reason, State
from jit.constants import F8, I8
from jit.timers import lasts

RUNNING = (State.READY, State.IDLE, State.CHARGING, State.DISCHARGING, State.LIMITED)
LABEL = -1  # "to" of the row that chooses a label of running


def _mask(*states: State) -> int:
    return sum(1 << int(state) for state in states)


ANY = _mask(*State)
_RUN = _mask(*RUNNING)
_HANDS = _mask(State.MAINTENANCE)
_C = Condition

#: What takes the permission away wherever power may flow, the gravest first, and the reason that is given.
LOSSES = (
    (_C.GOOD, Reason.VALUES_LOST),
    (_C.AGREES, Reason.READBACK_DIFFERS),
    (_C.IDENTIFIED, Reason.NOT_IDENTIFIED),
    (_C.REVERTS, Reason.REVERSION_NOT_ARMED),
    (_C.OBEYS, Reason.DISOBEYS),
    (_C.AVAILABLE, Reason.NOT_AVAILABLE),
    (_C.FREE, Reason.INTERLOCKED),
)

#: (from, all of, none of, to, reason), in order of precedence. Why in this order:
#: a stop stands above everything, a fault above what a person or the data say; both are left only by their own act.
#: Maintenance comes next, and takes 0 kW confirmed to be entered from running: whoever works on it finds it still.
#: LOCAL is above the rest of running, since nothing at all may be written then. Of what only takes permission away the
#: cause comes first and the waiting last, so that people read why it went and not what it waits for.
TABLE: tuple[tuple[int, int, int, int, int], ...] = (
    (ANY, _C.STOPPED, 0, State.EMERGENCY_STOP, Reason.OPERATOR_STOP),
    (ANY, _C.LATCHED, 0, State.FAULT, Reason.FAULT_LATCHED),
    (_mask(State.EMERGENCY_STOP), 0, _C.STOPPED, State.STANDBY, Reason.STOP_RELEASED),
    (_mask(State.FAULT), 0, _C.LATCHED, State.STANDBY, Reason.FAULT_ACKNOWLEDGED),
    *((_HANDS, int(_C.MANUAL), int(lost), State.MAINTENANCE, reason) for lost, reason in LOSSES),
    (_HANDS | _RUN | _mask(State.STANDBY), _C.MANUAL, 0, State.MAINTENANCE, Reason.BY_HAND),
    (ANY & ~_RUN, _C.LOCKED, 0, State.MAINTENANCE, Reason.LOCKED_OUT),
    (_RUN, _C.LOCKED | _C.QUIET | _C.RESTS, 0, State.MAINTENANCE, Reason.LOCKED_OUT),
    (_HANDS, 0, 0, State.STANDBY, Reason.MAINTENANCE_ENDED),
    (_mask(State.UNKNOWN), 0, 0, State.INIT, Reason.WAITING_FOR_VALUES),
    (_mask(State.INIT), _C.FRESH, 0, State.STANDBY, Reason.VALUES_FRESH),
    (_mask(State.INIT), 0, 0, State.INIT, Reason.WAITING_FOR_VALUES),
    (
        _mask(State.STANDBY),
        _C.FRESH | _C.ACTIVATED | _C.REMOTE | _C.AVAILABLE | _C.STEADY | _C.STARTED,
        0,
        State.READY,
        Reason.ACTIVATED,
    ),
    (_RUN, 0, _C.REMOTE, State.STANDBY, Reason.LOCAL_CONTROL),
    (_RUN, _C.QUIET | _C.RESTS, _C.ACTIVATED, State.STANDBY, Reason.DEACTIVATED),
    (_RUN, 0, _C.ACTIVATED, State.READY, Reason.DEACTIVATED),
    (_RUN, _C.LOCKED, 0, State.READY, Reason.LOCKED_OUT),
    *((_RUN, 0, int(lost), State.READY, reason) for lost, reason in LOSSES),
    (_RUN, 0, _C.FRESH, State.READY, Reason.WAITING_FOR_VALUES),
    (_RUN, 0, _C.REENTERED, State.READY, Reason.REENTRY),
    (_RUN, 0, 0, LABEL, Reason.RUNNING),
)
TRANSITIONS = np.array([[int(cell) for cell in row] for row in TABLE], dtype=np.int64)
TRANSITIONS.flags.writeable = False

#: What running needs; the absent ones are what `missing` shows.
_PROVED = _C.IDENTIFIED | _C.REVERTS
_FIT = _C.FRESH | _C.ACTIVATED | _C.REMOTE | _C.AVAILABLE | _C.AGREES | _C.OBEYS | _C.FREE
NEEDED = int(_FIT | _PROVED | _C.STEADY | _C.REENTERED | _C.STARTED)
STANDING = int(_C.STOPPED | _C.LATCHED | _C.LOCKED)
#: What an asset must be in to be taken over by hand, and what must not stand; what it needs to go on with power.
TAKEN = int(_C.GOOD) | NEEDED & ~int(_C.ACTIVATED)
SOUND = int(_C.GOOD | _C.AGREES | _C.OBEYS | _C.AVAILABLE | _C.FREE | _PROVED)
#: Everything is fine with an asset: the re-entry delay runs.
FINE = SOUND | int(_C.REMOTE)
TROUBLE = int(_C.STOPPED | _C.LATCHED)
MOST_MANUAL_S = 60.0  # the longest dead-man time, whatever was asked

NO, YES = int(Permit.NO), int(Permit.YES)
VALID = 1
A_STOP, A_RELEASE, A_ACKNOWLEDGE = int(Act.STOP), int(Act.RELEASE), int(Act.ACKNOWLEDGE)
A_ACTIVATE, A_DEACTIVATE, A_LOCK, A_UNLOCK = int(Act.ACTIVATE), int(Act.DEACTIVATE), int(Act.LOCK_OUT), int(Act.UNLOCK)
A_RESTORED, A_MANUAL = int(Act.RESTORED_STOP), int(Act.MANUAL)
L_ALARM, L_SIGN, L_READBACK = int(Latch.ALARM), int(Latch.WRONG_SIGN), int(Latch.READBACK)
L_BEYOND, L_IDENTITY, L_CRASH = int(Latch.BEYOND), int(Latch.IDENTITY), int(Latch.CRASH_LOOP)
L_INTERLOCK, L_SEQUENCE = int(Latch.INTERLOCK), int(Latch.SEQUENCE)
F_STOP, F_CHARGE, F_DISCHARGE = int(Forbidden.STOP), int(Forbidden.CHARGE), int(Forbidden.DISCHARGE)
F_UNSURE, F_POWER = int(Forbidden.UNSURE), int(Forbidden.CHARGE | Forbidden.DISCHARGE)
L_EFFECT, L_SECOND_MASTER = int(Latch.EFFECT), int(Latch.SECOND_MASTER)
HOLD, STOP = int(Reaction.HOLD), int(Reaction.STOP)
BEYOND, SHORT, FOREIGN = int(Deviation.BEYOND), int(Deviation.SHORT), int(Deviation.FOREIGN)
P_IDENTITY, P_REVERSION, P_FOREIGN = int(Proved.IDENTITY), int(Proved.REVERSION), int(Proved.FOREIGN)
C_FRESH, C_STOPPED, C_LATCHED, C_ACTIVATED = int(_C.FRESH), int(_C.STOPPED), int(_C.LATCHED), int(_C.ACTIVATED)
C_REMOTE, C_LOCAL, C_AVAILABLE = int(_C.REMOTE), int(_C.LOCAL), int(_C.AVAILABLE)
C_CLEAR, C_LOCKED = int(_C.CLEAR), int(_C.LOCKED)
C_GOOD, C_QUIET, C_AGREES, C_FOLLOWS = int(_C.GOOD), int(_C.QUIET), int(_C.AGREES), int(_C.FOLLOWS)
C_OBEYS, C_RESTS = int(_C.OBEYS), int(_C.RESTS)
C_IDENTIFIED, C_REVERTS = int(_C.IDENTIFIED), int(_C.REVERTS)
C_STEADY, C_REENTERED, C_MANUAL, C_FREE = int(_C.STEADY), int(_C.REENTERED), int(_C.MANUAL), int(_C.FREE)
S_INIT, S_STANDBY, S_READY, S_IDLE = int(State.INIT), int(State.STANDBY), int(State.READY), int(State.IDLE)
S_CHARGING, S_DISCHARGING, S_LIMITED = int(State.CHARGING), int(State.DISCHARGING), int(State.LIMITED)
S_STOP, S_MAINTENANCE = int(State.EMERGENCY_STOP), int(State.MAINTENANCE)
SILENT, ARMED = int(Authority.SILENT), int(Authority.ARMED)
R_RUNNING, R_REMAINS, R_ACTIVATED = int(Reason.RUNNING), int(Reason.REMAINS), int(Reason.ACTIVATED)
R_HAND, R_LOCKED, R_LOCAL = int(Reason.BY_HAND), int(Reason.LOCKED_OUT), int(Reason.LOCAL_CONTROL)
R_DEACTIVATED, R_ENDED = int(Reason.DEACTIVATED), int(Reason.MAINTENANCE_ENDED)
R_INTERLOCKED = int(Reason.INTERLOCKED)
WRITTEN, CONFIRMED, WRITE_FAILED = 1, 2, 3  # REFUSED and above
#: A second difference of the read-back latches, unless the first lies so many seconds of agreement back.
TWICE, CALM_S = 2, 3600.0


@term
def stands(before: bool, acts: int, sets: int, lifts: int) -> bool:
    """Something that stands until somebody lifts it; set and lifted in the same tick, it stands."""
    return acts & sets != 0 or (before and acts & lifts == 0)


@term
def ran(past_codes: I8, a: int) -> bool:
    """Whether power was permitted in the previous tick."""
    permitted: bool = past_codes[r.MAY_CHARGE, a] == YES or past_codes[r.MAY_DISCHARGE, a] == YES
    return permitted


@term
def observe(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, masks: I8) -> None:
    """Conditions that the snapshot and `before` decide by themselves."""
    for a in range(values.shape[1]):
        good = codes[r.QUALITY, a] == VALID
        # a device whose set-point cannot be read back has nothing better than that it took the write
        taken = codes[r.WRITE_STATUS, a] == CONFIRMED or codes[r.WRITE_STATUS, a] == WRITTEN
        written_zero = taken and values[r.WRITTEN_KW, a] == 0.0
        conditions = 0
        if good:
            conditions |= C_GOOD
        if good and values[r.FRESH_S, a] >= ratings[c.FRESH_FOR, a]:
            conditions |= C_FRESH
        if codes[r.AVAILABLE, a] == YES:
            conditions |= C_AVAILABLE
        if past[r.COMMAND_KW, a] == 0.0 and (written_zero or past_codes[r.AUTHORITY, a] != ARMED):
            conditions |= C_QUIET
        if values[r.DIFFERENT_S, a] < ratings[c.READBACK_S, a]:
            conditions |= C_AGREES
        if codes[r.WRITE_STATUS, a] < WRITE_FAILED and values[r.BEYOND_S, a] < ratings[c.SIGN_FOR_S, a]:
            conditions |= C_FOLLOWS
        unproved = masks[c.MUST_PROVE, a] & ~codes[r.PROVED, a]
        if unproved & P_IDENTITY == 0:
            conditions |= C_IDENTIFIED
        if unproved & P_REVERSION == 0:
            conditions |= C_REVERTS
        if codes[r.REACTION, a] < HOLD:
            conditions |= C_OBEYS
        if codes[r.INTERLOCK, a] & F_POWER != F_POWER:
            conditions |= C_FREE
        codes[r.CONDITIONS, a] = conditions


@term
def hold(codes: I8, past_codes: I8) -> None:
    """What people set and lift: stop, lock-out, activation; and remote control, which LOCAL takes away with it."""
    for a in range(codes.shape[1]):
        acts = codes[r.ACTS, a]
        stopped = stands(past_codes[r.STOPPED, a] == YES, acts, A_STOP | A_RESTORED, A_RELEASE)
        locked = stands(past_codes[r.LOCKED, a] == YES, acts, A_LOCK, A_UNLOCK)
        local = codes[r.REMOTE, a] == NO
        if codes[r.REMOTE, a] == 0:  # unknown: what was known stands, however many ticks failed since
            local = past_codes[r.CONDITIONS, a] & C_LOCAL != 0
        # after a stop, a lock and LOCAL, also when it was found so at the start, somebody has to activate
        idle = stands(past_codes[r.ACTIVATED, a] == NO, acts, A_DEACTIVATE, A_ACTIVATE) or local or stopped or locked
        codes[r.STOPPED, a] = YES if stopped else NO
        codes[r.LOCKED, a] = YES if locked else NO
        codes[r.ACTIVATED, a] = NO if idle else YES
        conditions = codes[r.CONDITIONS, a]
        conditions |= C_STOPPED if stopped else 0
        conditions |= C_LOCKED if locked else 0
        conditions |= 0 if idle else C_ACTIVATED
        conditions |= C_LOCAL if local else C_REMOTE
        codes[r.CONDITIONS, a] = conditions


@term
def differ(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """differed: how often the device began to hold another set-point, at most twice; agreed_s: for how long it has not.

    A device that reverts agrees at 0 kW, and differs again as soon as it may run: the second time within `CALM_S`
    latches. Only what was written and is known counts toward that hour, which begins anew with a restart.
    """
    for a in range(values.shape[1]):
        count, agreed = past_codes[r.DIFFERED, a], past[r.AGREED_S, a]
        differs = values[r.DIFFERENT_S, a] >= ratings[c.READBACK_S, a]
        if differs and not past[r.DIFFERENT_S, a] >= ratings[c.READBACK_S, a] and count < TWICE:
            count += 1
        if differs or agreed != agreed:
            agreed = 0.0
        elif past_codes[r.AUTHORITY, a] == ARMED and codes[r.QUALITY, a] == VALID:
            agreed += dt
        codes[r.DIFFERED, a], values[r.AGREED_S, a] = count if agreed < CALM_S else 0, agreed


@term
def keep(
    values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, masks: I8, steps: F8, dt: float
) -> None:
    """What latches, and for how long nothing of it has been present; unknown is not clear.

    A cause is one bit of `present`: it latches in the tick that shows it, and an acknowledgement takes every bit once
    all causes have been absent for `clear_for`.
    """
    for a in range(values.shape[1]):
        present = 0
        if codes[r.ALARMS, a] & masks[c.CRITICAL_ALARMS, a] != 0:
            present |= L_ALARM
        if values[r.WRONG_SIGN_S, a] >= ratings[c.SIGN_FOR_S, a]:
            present |= L_SIGN
        held = values[r.DIFFERENT_S, a]
        again = codes[r.DIFFERED, a] == TWICE and held >= ratings[c.READBACK_S, a]
        if again or held >= 2.0 * ratings[c.READBACK_S, a]:
            present |= L_READBACK
        if codes[r.REACTION, a] == STOP:
            why = codes[r.DEVIATION, a]
            present |= L_BEYOND if why == BEYOND else (L_EFFECT if why == SHORT else 0)
            present |= L_SECOND_MASTER if why == FOREIGN else 0
        if codes[r.PROVED, a] & P_FOREIGN != 0:
            present |= L_IDENTITY
        forbidden = codes[r.INTERLOCK, a]
        if forbidden & F_STOP != 0 or (forbidden & F_UNSURE != 0 and ran(past_codes, a)):
            present |= L_INTERLOCK
        if sequence.late(codes, past, past_codes, steps, a):
            present |= L_SEQUENCE
        sure = codes[r.QUALITY, a] == VALID and forbidden & F_UNSURE == 0
        clear = lasts(past[r.CLEAR_S, a], present == 0 and sure, dt)
        latch = past_codes[r.LATCH, a] | present
        if codes[r.ACTS, a] & A_ACKNOWLEDGE != 0 and clear >= ratings[c.CLEAR_FOR, a]:
            latch, codes[r.DIFFERED, a] = 0, 0
        values[r.CLEAR_S, a], codes[r.LATCH, a] = clear, latch
        conditions = codes[r.CONDITIONS, a]
        conditions |= C_LATCHED if latch & ~L_CRASH != 0 else 0
        conditions |= C_STEADY if latch & L_CRASH == 0 else 0
        conditions |= C_CLEAR if clear >= ratings[c.CLEAR_FOR, a] else 0
        codes[r.CONDITIONS, a] = conditions


@term
def reenter(values: F8, codes: I8, past: F8, past_codes: I8, ratings: F8, dt: float) -> None:
    """Seconds until permission may return after it was lost while running; they run only while everything is fine.

    It returns `reentry_delay` after that, and no sooner than `calm_for` after it returned the last time: an asset whose
    data come and go does not run on and off (reliability L3). What stood before a restart begins anew.
    """
    for a in range(values.shape[1]):
        conditions, delay = codes[r.CONDITIONS, a], ratings[c.REENTRY_AFTER_S, a]
        fine = lasts(past[r.FINE_S, a], conditions & FINE == FINE and conditions & TROUBLE == 0, dt)
        returned = past[r.RETURNED_S, a] + dt
        left = delay - fine if fine == fine else delay
        if ratings[c.CALM_FOR_S, a] - returned > left:  # noqa: PLR1730  # it may never have returned: NaN is no time
            left = ratings[c.CALM_FOR_S, a] - returned
        if not left > 0.0:
            left = 0.0
        if past_codes[r.REENTRY, a] != YES or left == 0.0:
            codes[r.CONDITIONS, a] |= C_REENTERED
        values[r.FINE_S, a], values[r.RETURNED_S, a], values[r.REENTRY_S, a] = fine, returned, left


@term
def by_hand(values: F8, codes: I8, past: F8, past_codes: I8, dt: float) -> None:
    """MAINTENANCE by hand: the power that was asked for stands until its dead-man time ends, then 0 kW, then nothing.

    It ends at once with a stop, a latch and LOCAL. Whatever else takes the permission away takes the power for good:
    it never comes back by itself. Afterwards somebody has to activate.
    """
    for a in range(values.shape[1]):
        conditions, acts, state = codes[r.CONDITIONS, a], codes[r.ACTS, a], past_codes[r.STATE, a]
        power, left = past[r.MANUAL_KW, a], past[r.MANUAL_S, a] - dt
        asked, span = values[r.MANUAL_ASKED_KW, a], values[r.MANUAL_FOR_S, a]
        free = conditions & TAKEN == TAKEN and conditions & STANDING == 0
        place = power == power or state == S_STANDBY or S_READY <= state <= S_LIMITED
        if acts & A_MANUAL != 0 and asked == asked and span > 0.0 and free and place:
            power, left = asked, min(span, MOST_MANUAL_S)
        if not left > 0.0 or acts & (A_DEACTIVATE | A_LOCK) != 0 or conditions & SOUND != SOUND:
            left = 0.0
            power = 0.0 if power == power and conditions & C_QUIET == 0 else np.nan
        if conditions & TROUBLE != 0 or conditions & C_REMOTE == 0:
            power, left = np.nan, 0.0
        values[r.MANUAL_KW, a], values[r.MANUAL_S, a] = power, left
        if power == power:
            codes[r.CONDITIONS, a] = (conditions | C_MANUAL) & ~C_ACTIVATED
            codes[r.ACTIVATED, a] = NO


@term
def walk(values: F8, codes: I8, past: F8, past_codes: I8, table: I8, dt: float) -> None:
    """The first row of the table that fits, else the state remains; labels of running by the previous outcome."""
    for a in range(values.shape[1]):
        state, conditions = past_codes[r.STATE, a], codes[r.CONDITIONS, a]
        to, by = state, R_REMAINS
        for t in range(table.shape[0]):
            fits = table[t, 0] >> state & 1 != 0
            if fits and conditions & table[t, 1] == table[t, 1] and conditions & table[t, 2] == 0:
                to, by = table[t, 3], table[t, 4]
                break
        if to == LABEL:
            power = past[r.COMMAND_KW, a]
            if past_codes[r.LIMITED_BY, a] != 0 and past_codes[r.AUTHORITY, a] == ARMED:
                to = S_LIMITED
            else:
                to = S_DISCHARGING if power > 0.0 else (S_CHARGING if power < 0.0 else S_IDLE)
        codes[r.STATE, a], codes[r.STATE_BY, a] = to, by
        missing = (NEEDED & ~conditions) | (STANDING & conditions)
        if conditions & C_LATCHED != 0 or conditions & C_STEADY == 0:
            missing |= C_CLEAR & ~conditions
        if S_READY <= to <= S_LIMITED and (conditions & C_ACTIVATED == 0 or conditions & C_LOCKED != 0):
            missing |= C_QUIET & ~conditions
        missing |= C_RESTS & ~conditions
        codes[r.MISSING, a] = missing
        held = past[r.STATE_S, a]
        values[r.STATE_S, a] = held + dt if to == state and held == held else 0.0


@kernel(F2, I2, RF2, RI2, RF2, RI2, RF2, RI2, F, F)
def advance(
    values: F8,
    codes: I8,
    past: F8,
    past_codes: I8,
    ratings: F8,
    masks: I8,
    steps: F8,
    table: I8,
    armed: float,
    dt: float,
) -> None:
    """One step of every asset. `steps` [2 · MOST_STEPS, assets] s; `table` [transitions, 5]; `armed` 2.0 when the
    process may write, else 1.0.
    """
    observe(values, codes, past, past_codes, ratings, masks)
    sequence.ready(values, codes, past, past_codes, ratings, steps, dt)
    hold(codes, past_codes)
    differ(values, codes, past, past_codes, ratings, dt)
    keep(values, codes, past, past_codes, ratings, masks, steps, dt)
    reenter(values, codes, past, past_codes, ratings, dt)
    by_hand(values, codes, past, past_codes, dt)
    sequence.proceed(values, codes, past, past_codes, steps, armed, dt)
    walk(values, codes, past, past_codes, table, dt)
    for a in range(values.shape[1]):
        to, by, conditions = codes[r.STATE, a], codes[r.STATE_BY, a], codes[r.CONDITIONS, a]
        permitted = by == R_RUNNING or by == R_HAND
        settled = past_codes[r.SETTLED, a] == YES or conditions & C_FRESH != 0
        heard = codes[r.ACTS, a] & A_STOP != 0 or (to == S_STOP and past_codes[r.AUTHORITY, a] == ARMED)
        silent = armed < 1.5 or to == S_INIT or conditions & C_REMOTE == 0
        silent = silent or (to == S_STANDBY and codes[r.SEQUENCE, a] == 0)  # a sequence goes along with 0 kW
        silent = silent or (to == S_MAINTENANCE and conditions & C_MANUAL == 0)
        # the tick that activates only listens: in the next one power starts from what is measured, not from 0
        silent = silent or by == R_ACTIVATED or not (settled or heard)
        forbidden = codes[r.INTERLOCK, a]
        codes[r.MAY_CHARGE, a] = YES if permitted and forbidden & F_CHARGE == 0 else NO
        codes[r.MAY_DISCHARGE, a] = YES if permitted and forbidden & F_DISCHARGE == 0 else NO
        codes[r.AUTHORITY, a] = SILENT if silent else ARMED
        codes[r.SETTLED, a] = YES if settled else NO
        waits = past_codes[r.REENTRY, a] == YES
        if waits and permitted:
            waits, values[r.RETURNED_S, a] = False, 0.0
        meant = by == R_DEACTIVATED or by == R_LOCKED or by == R_LOCAL or by == R_ENDED or by == R_INTERLOCKED
        if ran(past_codes, a) and not permitted and not meant:
            waits = True
        codes[r.REENTRY, a] = YES if waits else NO
        if not waits:
            values[r.REENTRY_S, a] = 0.0
