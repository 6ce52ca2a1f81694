"""The table of transitions: every row can fire and gives its reason, and the whole of it against rules written anew.

The oracle knows nothing of the table: it is the rules of the design in `if`s, over every state and every combination of
conditions, where of the losses only the gravest one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from jit import rows as r
from jit.codes import Authority, Condition, Reason, State
from jit.states import LABEL, LOSSES, NEEDED, TABLE, TRANSITIONS, walk

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SM-001", "LH-SM-002", "LH-SM-003")]

C = Condition
RUN = (State.READY, State.IDLE, State.CHARGING, State.DISCHARGING, State.LIMITED)
SINGLE = (C.STOPPED, C.LATCHED, C.MANUAL, C.LOCKED, C.QUIET, C.FRESH, C.ACTIVATED, C.REMOTE, C.STEADY, C.REENTERED)
EVERY_LOSS = sum(int(lost) for lost, _ in LOSSES)
Cases = list[tuple[int, int]]


def walked(cases: Cases, power_kw: float = 0.0, limited_by: int = 0) -> list[tuple[int, int]]:
    """(to, reason) of every (state, conditions), by the kernel: one column each."""
    n = len(cases)
    values, codes = np.zeros((len(r.VALUE_ROWS), n)), np.zeros((len(r.CODE_ROWS), n), np.int64)
    past, past_codes = np.zeros_like(values), np.zeros_like(codes)
    past_codes[r.STATE] = [state for state, _ in cases]
    codes[r.CONDITIONS] = [conditions for _, conditions in cases]
    past[r.COMMAND_KW], past_codes[r.LIMITED_BY], past_codes[r.AUTHORITY] = power_kw, limited_by, Authority.ARMED
    past.flags.writeable = past_codes.flags.writeable = False
    walk(values, codes, past, past_codes, TRANSITIONS, 1.0)
    return list(zip(codes[r.STATE].tolist(), codes[r.STATE_BY].tolist(), strict=True))


# --- every row --------------------------------------------------------------------------------------------------------


def fits(row: tuple[int, int, int, int, int], state: int, conditions: int) -> bool:
    return bool(row[0] >> state & 1 and conditions & row[1] == row[1] and conditions & row[2] == 0)


def situations(index: int) -> Iterator[tuple[int, int]]:
    """States and conditions in which a row fits and none before it does."""
    source, needed, absent, _to, _by = TABLE[index]
    free = [bit for bit in C if not (int(bit) & (needed | absent)) and bit]
    good = sum(int(bit) for bit in free if int(bit) & (NEEDED | EVERY_LOSS))
    for state in State:
        for more in (good, good | int(C.QUIET) & ~absent, 0, good & ~int(C.ACTIVATED) & ~int(C.FRESH)):
            conditions = (needed | more) & ~absent
            earlier = any(fits(row, state, conditions) for row in TABLE[:index])
            if source >> int(state) & 1 and not earlier and fits(TABLE[index], state, conditions):
                yield int(state), conditions


NAMES = [f"{k}-{Reason(int(row[4])).name.lower()}" for k, row in enumerate(TABLE)]


@pytest.mark.parametrize("index", range(len(TABLE)), ids=NAMES)
def test_every_row_can_fire_and_gives_its_state_and_its_reason(index: int) -> None:
    cases = list(situations(index))
    assert cases, "no situation reaches this row"
    to, by = TABLE[index][3], TABLE[index][4]
    assert {reason for _, reason in walked(cases)} == {int(by)}
    assert {state for state, _ in walked(cases)} == {int(State.IDLE if to == LABEL else to)}


@pytest.mark.parametrize("state", list(State))
def test_fault_and_emergency_stop_are_reached_from_every_state(state: State) -> None:
    """LH-SM-002, whatever else is the case; the stop stands above the fault."""
    others = [sum(map(int, bits)) for bits in product(*((0, bit) for bit in SINGLE[2:]))]
    for losses in (0, EVERY_LOSS):
        stopped = walked([(state, more | losses | int(C.STOPPED) | int(C.LATCHED)) for more in others])
        faulty = walked([(state, more | losses | int(C.LATCHED)) for more in others])
        assert set(stopped) == {(State.EMERGENCY_STOP, Reason.OPERATOR_STOP)}
        assert set(faulty) == {(State.FAULT, Reason.FAULT_LATCHED)}


@pytest.mark.parametrize(("power_kw", "limited_by", "label"), [
    (0.0, 0, State.IDLE), (5.0, 0, State.DISCHARGING), (-5.0, 0, State.CHARGING), (5.0, 3, State.LIMITED),
])  # fmt: skip
def test_the_labels_of_running_say_what_happened(power_kw: float, limited_by: int, label: State) -> None:
    healthy = NEEDED | EVERY_LOSS
    assert set(walked([(state, healthy) for state in RUN], power_kw, limited_by)) == {(label, Reason.RUNNING)}


# --- the whole table --------------------------------------------------------------------------------------------------


def loss(conditions: int) -> Reason | None:
    order = (
        (C.GOOD, Reason.VALUES_LOST), (C.AGREES, Reason.READBACK_DIFFERS), (C.IDENTIFIED, Reason.NOT_IDENTIFIED),
        (C.REVERTS, Reason.REVERSION_NOT_ARMED), (C.OBEYS, Reason.DISOBEYS), (C.AVAILABLE, Reason.NOT_AVAILABLE),
        (C.FREE, Reason.INTERLOCKED),
    )  # fmt: skip
    return next((reason for bit, reason in order if not conditions & bit), None)


def in_maintenance(conditions: int) -> tuple[State, Reason]:
    if conditions & C.MANUAL:
        return State.MAINTENANCE, loss(conditions) or Reason.BY_HAND
    if conditions & C.LOCKED:
        return State.MAINTENANCE, Reason.LOCKED_OUT
    return State.STANDBY, Reason.MAINTENANCE_ENDED


def in_run(conditions: int) -> tuple[State, Reason]:
    if conditions & C.MANUAL:
        return State.MAINTENANCE, Reason.BY_HAND
    rests = conditions & C.QUIET and conditions & C.RESTS
    if conditions & C.LOCKED and rests:
        return State.MAINTENANCE, Reason.LOCKED_OUT
    if not conditions & C.REMOTE:
        return State.STANDBY, Reason.LOCAL_CONTROL
    if not conditions & C.ACTIVATED:
        return (State.STANDBY if rests else State.READY), Reason.DEACTIVATED
    if conditions & C.LOCKED:
        return State.READY, Reason.LOCKED_OUT
    lost = loss(conditions)
    if lost is not None:
        return State.READY, lost
    if not conditions & C.FRESH:
        return State.READY, Reason.WAITING_FOR_VALUES
    if not conditions & C.REENTERED:
        return State.READY, Reason.REENTRY
    return State.IDLE, Reason.RUNNING


def oracle(state: State, conditions: int) -> tuple[State, Reason]:
    """Where it goes and why, by the rules as people say them."""
    if conditions & C.STOPPED:
        return State.EMERGENCY_STOP, Reason.OPERATOR_STOP
    if conditions & C.LATCHED:
        return State.FAULT, Reason.FAULT_LATCHED
    if state is State.EMERGENCY_STOP:
        return State.STANDBY, Reason.STOP_RELEASED
    if state is State.FAULT:
        return State.STANDBY, Reason.FAULT_ACKNOWLEDGED
    if state is State.MAINTENANCE:
        return in_maintenance(conditions)
    if state in RUN:
        return in_run(conditions)
    if state is State.STANDBY and conditions & C.MANUAL:
        return State.MAINTENANCE, Reason.BY_HAND
    if conditions & C.LOCKED:
        return State.MAINTENANCE, Reason.LOCKED_OUT
    if state is State.UNKNOWN:
        return State.INIT, Reason.WAITING_FOR_VALUES
    if state is State.INIT:
        fresh = conditions & C.FRESH
        return (State.STANDBY, Reason.VALUES_FRESH) if fresh else (State.INIT, Reason.WAITING_FOR_VALUES)
    wanted = C.FRESH | C.ACTIVATED | C.REMOTE | C.AVAILABLE | C.STEADY | C.STARTED
    if conditions & wanted == wanted:
        return State.READY, Reason.ACTIVATED
    return State.STANDBY, Reason.REMAINS


@pytest.mark.parametrize("state", list(State))
def test_the_table_says_what_the_rules_say_in_every_situation(state: State) -> None:
    losses = [EVERY_LOSS, *(EVERY_LOSS & ~int(lost) for lost, _ in LOSSES), 0]
    of_sequences = {State.STANDBY: (C.STARTED,)} | dict.fromkeys(RUN, (C.RESTS,))
    bits = (*SINGLE, *of_sequences.get(state, ()))
    singles = [sum(map(int, chosen)) for chosen in product(*((0, bit) for bit in bits))]
    cases = [(int(state), one | lost) for one in singles for lost in losses]
    found = walked(cases)
    wrong = [
        (C(conditions), State(to).name, Reason(by).name)
        for (_, conditions), (to, by) in zip(cases, found, strict=True)
        if (to, by) != oracle(state, conditions)
    ]
    assert wrong == []


def test_no_state_is_permitted_while_anything_is_lost() -> None:
    """S3 in the table: RUNNING and BY_HAND need every condition that a loss takes away."""
    healthy, entered = NEEDED | EVERY_LOSS, {int(s) for s in RUN} | {int(State.STANDBY)}
    for (lost, _), more in product(LOSSES, (0, int(C.MANUAL))):
        cases = [(int(state), (healthy | more) & ~int(lost)) for state in State]
        for (state, conditions), (_, by) in zip(cases, walked(cases), strict=True):
            taken_over = more and state in entered  # `by_hand` never sets MANUAL while anything is lost
            assert taken_over or by not in (Reason.RUNNING, Reason.BY_HAND), (State(state), C(conditions))
