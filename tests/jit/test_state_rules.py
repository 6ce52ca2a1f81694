"""The conditions that the table of states walks on, and what follows from its outcome, against their rules in `if`s.

Drawn situations, one column each: every code a rule names, and every time just below, at and above its bound.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jit import constants as c
from jit import rows as r
from jit import sequence, states
from jit.codes import (
    Act,
    Authority,
    Condition,
    Deviation,
    Forbidden,
    Latch,
    Permit,
    Proved,
    Reaction,
    Reason,
    State,
    WriteStatus,
)
from jit.codes import Sequence as Steps
from jit.constants import MOST_STEPS

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SM-001", "LH-SM-002", "LH-SM-003")]

C, N, DT = Condition, 1500, 0.5
NAN = np.nan
RUN = (State.READY, State.IDLE, State.CHARGING, State.DISCHARGING, State.LIMITED)
LATCHING = 4  # the critical alarms
AT_5 = (0.0, 4.5, 4.9, 5.0, 5.1, 9.9, 10.0, 10.1, NAN)  # around 5 s and twice that
SOUND = C.GOOD | C.AGREES | C.OBEYS | C.AVAILABLE | C.FREE | C.IDENTIFIED | C.REVERTS
NEEDED = SOUND ^ C.GOOD | C.FRESH | C.ACTIVATED | C.REMOTE | C.STEADY | C.REENTERED | C.STARTED


class Drawn:
    """Inputs, past and ratings of N columns; `one(a)` reads a column by the names of the rows."""

    def __init__(self, seed: int, healthy: float = 0.97) -> None:
        rng = np.random.default_rng(seed)
        self.values, self.codes = np.full((len(r.VALUE_ROWS), N), NAN), np.zeros((len(r.CODE_ROWS), N), np.int64)
        self.past, self.past_codes = self.values.copy(), self.codes.copy()
        self.ratings, self.masks = np.zeros((len(c.RATING_NAMES), N)), np.zeros((c.MASKS, N), np.int64)
        self.steps = np.zeros((2 * MOST_STEPS, N))
        for name in ("fresh_for", "readback_s", "sign_for_s", "clear_for", "reentry_after_s", "calm_for_s"):
            self.ratings[c.RATING_NAMES.index(name)] = 5.0
        self.masks[c.CRITICAL_ALARMS] = LATCHING
        self.masks[c.MUST_PROVE] = rng.choice([0, 1, 2, 3], N)
        self._times(rng)
        self._codes(rng)
        conditions = np.full(N, int(NEEDED | C.GOOD | C.QUIET | C.RESTS), np.int64)
        for flag in C:
            turned = rng.random(N) > healthy
            conditions[turned] ^= int(flag)
        self.codes[r.CONDITIONS] = conditions
        self.before = self.codes.copy()

    def _times(self, rng: np.random.Generator) -> None:
        for row in (r.FRESH_S, r.DIFFERENT_S, r.WRONG_SIGN_S, r.BEYOND_S):
            self.values[row] = rng.choice(AT_5, N)
        self.past[r.DIFFERENT_S] = rng.choice(AT_5, N)
        for row in (r.CLEAR_S, r.FINE_S, r.RETURNED_S, r.STATE_S):
            self.past[row] = rng.choice(AT_5, N)
        self.past[r.AGREED_S] = rng.choice([0.0, 10.0, 3599.0, 3599.5, 3599.75, 3600.0, NAN], N)
        self.values[r.WRITTEN_KW] = rng.choice([0.0, 0.0, 5.0, NAN], N)
        self.past[r.COMMAND_KW] = rng.choice([0.0, 0.0, 0.5, -0.5, NAN], N)
        self.values[r.MANUAL_ASKED_KW] = rng.choice([20.0, -20.0, 0.0, NAN], N)
        self.values[r.MANUAL_FOR_S] = rng.choice([0.5, 10.0, 60.0, 60.5, 100.0, 0.0, NAN], N)
        self.past[r.MANUAL_KW] = rng.choice([NAN, NAN, 15.0, -15.0, 0.0], N)
        self.past[r.MANUAL_S] = rng.choice([0.0, 0.25, 0.5, 0.75, 1.4, 30.0, NAN], N)
        self.values[r.POWER_KW] = 0.0

    def _codes(self, rng: np.random.Generator) -> None:
        def some(row: int, *values: int, past: bool = False) -> None:
            (self.past_codes if past else self.codes)[row] = rng.choice(values, N)

        some(r.QUALITY, 1, 1, 1, 2, 0)
        some(r.AVAILABLE, *Permit)
        some(r.REMOTE, *Permit)
        some(r.WRITE_STATUS, *WriteStatus)
        some(r.PROVED, 0, 1, 2, 3, 3, 4, 7)
        some(r.REACTION, *Reaction)
        some(r.DEVIATION, *Deviation)
        some(r.INTERLOCK, *(Forbidden(bits) for bits in range(16)), 0, 0, 0, 0)
        some(r.ALARMS, 0, 0, 0, 0, 1, 2, 4, 5)
        some(r.ACTS, *(int(act) for act in Act), 0, 0, 0, Act.STOP | Act.RELEASE, Act.LOCK_OUT | Act.UNLOCK,
             Act.ACTIVATE | Act.DEACTIVATE, Act.RESTORED_STOP | Act.RELEASE, Act.MANUAL, Act.MANUAL | Act.LOCK_OUT)
        some(r.STATE, *State, *[State.MAINTENANCE, State.STANDBY] * 2, past=True)
        some(r.AUTHORITY, Authority.ARMED, Authority.ARMED, Authority.SILENT, 0, past=True)
        some(r.LATCH, 0, 0, Latch.ALARM, Latch.CRASH_LOOP, Latch.FORGOTTEN, past=True)
        some(r.CONDITIONS, 0, C.REMOTE, C.LOCAL, ~int(C.LOCAL), ~int(C.REMOTE), past=True)
        some(r.LIMITED_BY, 0, 0, 1, 5, past=True)
        some(r.DIFFERED, 0, 1, 2, past=True)
        for row in (r.STOPPED, r.LOCKED, r.ACTIVATED, r.MAY_CHARGE, r.MAY_DISCHARGE, r.REENTRY, r.SETTLED):
            some(row, *Permit, past=True)

    def one(self, a: int) -> dict[str, Any]:
        """This tick's rows by name, those of the tick before with `was_`, those before the kernel with `had_`."""
        values, codes = [row.name for row in r.VALUE_ROWS], [row.name for row in r.CODE_ROWS]
        facts: dict[str, Any] = {}
        for prefix, number, names in (("", self.values, values), ("was_", self.past, values), ("", self.codes, codes),
                                      ("was_", self.past_codes, codes), ("had_", self.before, codes)):  # fmt: skip
            facts |= {prefix + name: number[i, a].item() for i, name in enumerate(names)}
        return facts


def same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


def on(*flags: tuple[Condition, Any]) -> Condition:
    return C(sum(int(flag) for flag, holds in flags if holds))


@pytest.mark.parametrize("seed", range(2))
def test_what_is_observed_of_a_device_is_a_condition_when_it_is_known_and_good(seed: int) -> None:
    d = Drawn(seed)
    states.observe(d.values, d.codes, d.past, d.past_codes, d.ratings, d.masks)
    for a in range(N):
        f, good = d.one(a), d.codes[r.QUALITY, a] == 1
        told_zero = f["write_status"] in (WriteStatus.WRITTEN, WriteStatus.CONFIRMED) and f["written_kw"] == 0.0
        owed = int(d.masks[c.MUST_PROVE, a]) & ~f["proved"]
        expected = on(
            (C.GOOD, good),
            (C.FRESH, good and f["fresh_s"] >= 5.0),
            (C.AVAILABLE, f["available"] == Permit.YES),
            (C.QUIET, f["was_command_kw"] == 0.0 and (told_zero or f["was_authority"] != Authority.ARMED)),
            (C.AGREES, f["different_s"] < 5.0),
            (C.FOLLOWS, f["write_status"] < WriteStatus.REFUSED and f["beyond_s"] < 5.0),
            (C.IDENTIFIED, not owed & Proved.IDENTITY),
            (C.REVERTS, not owed & Proved.REVERSION),
            (C.OBEYS, f["reaction"] in (Reaction.NONE, Reaction.DERATE)),
            (C.FREE, not (f["interlock"] & Forbidden.CHARGE and f["interlock"] & Forbidden.DISCHARGE)),
        )
        assert C(f["conditions"]) == expected, f


@pytest.mark.parametrize("seed", range(2))
def test_what_a_person_sets_stands_until_a_person_lifts_it_and_local_control_ends_the_activation(seed: int) -> None:
    d = Drawn(seed)
    states.hold(d.codes, d.past_codes)
    for a in range(N):
        f = d.one(a)
        acts = Act(f["acts"])

        def stands(name: str, sets: Act, lifts: Act, held: Permit = Permit.YES, f: Any = f, acts: Act = acts) -> bool:
            return bool(acts & sets) or (f[f"was_{name}"] == held and not acts & lifts)

        stopped = stands("stopped", Act.STOP | Act.RESTORED_STOP, Act.RELEASE)
        locked = stands("locked", Act.LOCK_OUT, Act.UNLOCK)
        local = f["remote"] == Permit.NO
        if f["remote"] == Permit.UNKNOWN:
            local = bool(f["was_conditions"] & C.LOCAL)
        idle = stands("activated", Act.DEACTIVATE, Act.ACTIVATE, Permit.NO) or local or stopped or locked
        told = [Permit(f[name]) == Permit.YES for name in ("stopped", "locked", "activated")]
        assert told == [stopped, locked, not idle], f
        more = on((C.STOPPED, stopped), (C.LOCKED, locked), (C.ACTIVATED, not idle), (C.REMOTE, not local),
                  (C.LOCAL, local))  # fmt: skip
        assert C(f["conditions"]) == C(f["had_conditions"]) | more


@pytest.mark.parametrize("seed", range(2))
def test_the_second_difference_of_the_read_back_within_an_hour_counts(seed: int) -> None:
    d = Drawn(seed)
    states.differ(d.values, d.codes, d.past, d.past_codes, d.ratings, DT)
    for a in range(N):
        f = d.one(a)
        differs, agreed = f["different_s"] >= 5.0, f["was_agreed_s"]
        count = min(2, f["was_differed"] + (differs and not f["was_different_s"] >= 5.0))
        if differs or agreed != agreed:
            agreed = 0.0
        elif f["was_authority"] == Authority.ARMED and f["quality"] == 1:
            agreed += DT
        assert (f["differed"], f["agreed_s"]) == (count if agreed < 3600.0 else 0, agreed), f


def causes(f: dict[str, Any]) -> Latch:
    """What latches, present in this tick."""
    why = f["deviation"] if f["reaction"] == Reaction.STOP else Deviation.NONE
    may = Permit.YES in (f["was_may_charge"], f["was_may_discharge"])
    table = {
        Latch.ALARM: f["alarms"] & LATCHING,
        Latch.WRONG_SIGN: f["wrong_sign_s"] >= 5.0,
        Latch.READBACK: f["different_s"] >= 10.0 or (f["had_differed"] == 2 and f["different_s"] >= 5.0),
        Latch.BEYOND: why == Deviation.BEYOND,
        Latch.EFFECT: why == Deviation.SHORT,
        Latch.SECOND_MASTER: why == Deviation.FOREIGN,
        Latch.IDENTITY: f["proved"] & Proved.FOREIGN,
        Latch.INTERLOCK: f["interlock"] & Forbidden.STOP or (f["interlock"] & Forbidden.UNSURE and may),
    }
    return Latch(sum(int(latch) for latch, present in table.items() if present))


@pytest.mark.parametrize("seed", range(3))
def test_a_cause_latches_at_once_and_an_acknowledgement_takes_it_once_all_is_clear_for_long_enough(seed: int) -> None:
    """LH-SM-003; unknown is not clear."""
    d = Drawn(seed)
    d.codes[r.DIFFERED] = d.before[r.DIFFERED] = d.past_codes[r.DIFFERED]
    if seed == 2:  # nothing is wrong: only then does the time run
        d.codes[[r.ALARMS, r.REACTION, r.INTERLOCK, r.PROVED]] = 0
        d.values[[r.WRONG_SIGN_S, r.DIFFERENT_S]] = 0.0
    states.keep(d.values, d.codes, d.past, d.past_codes, d.ratings, d.masks, d.steps, DT)
    for a in range(N):
        f = d.one(a)
        present, was = causes(f), f["was_clear_s"]
        sure = f["quality"] == 1 and not f["interlock"] & Forbidden.UNSURE
        clear = (was + DT if was == was else 0.0) if sure and not present else NAN
        assert same(f["clear_s"], clear), f
        taken = f["acts"] & Act.ACKNOWLEDGE and clear >= 5.0
        latch = Latch(0) if taken else Latch(f["was_latch"]) | present
        assert (f["latch"], f["differed"]) == (latch, 0 if taken else f["had_differed"]), f
        crashes = latch & Latch.CRASH_LOOP
        more = on((C.LATCHED, latch & ~Latch.CRASH_LOOP), (C.STEADY, not crashes), (C.CLEAR, clear >= 5.0))
        assert C(f["conditions"]) == C(f["had_conditions"]) | more


def test_a_step_that_is_too_late_latches() -> None:
    d = Drawn(0)
    d.steps[0] = 5.0
    d.past_codes[r.STEP_NOW], d.past[r.STEP_S] = 1, 5.0
    states.keep(d.values, d.codes, d.past, d.past_codes, d.ratings, d.masks, d.steps, DT)
    assert all(sequence.late(d.codes, d.past, d.past_codes, d.steps, a) for a in range(N))
    kept = d.codes[r.ACTS] & Act.ACKNOWLEDGE == 0
    assert (d.codes[r.LATCH, kept] & Latch.SEQUENCE != 0).all()
    assert np.isnan(d.values[r.CLEAR_S]).all()


@pytest.mark.parametrize("seed", range(2))
def test_permission_returns_after_the_delay_and_not_again_too_soon(seed: int) -> None:
    """Reliability L3."""
    d = Drawn(seed, healthy=0.99)
    states.reenter(d.values, d.codes, d.past, d.past_codes, d.ratings, DT)
    for a in range(N):
        f = d.one(a)
        conditions, was = C(f["had_conditions"]), f["was_fine_s"]
        fine = conditions & (SOUND | C.REMOTE) == SOUND | C.REMOTE and not conditions & (C.STOPPED | C.LATCHED)
        lasted = (was + DT if was == was else 0.0) if fine else NAN
        returned = f["was_returned_s"] + DT
        left = max(0.0, 5.0 - lasted if lasted == lasted else 5.0, 5.0 - returned if returned == returned else 0.0)
        assert same(f["fine_s"], lasted), f
        assert same(f["returned_s"], returned)
        assert f["reentry_s"] == left, f
        through = f["was_reentry"] != Permit.YES or left == 0.0
        assert C(f["conditions"]) == conditions | on((C.REENTERED, through))


@pytest.mark.parametrize("seed", range(4))
def test_power_by_hand_ends_with_its_time_and_with_whatever_takes_the_permission(seed: int) -> None:
    d = Drawn(seed, healthy=0.98)
    d.codes[r.CONDITIONS] &= ~int(C.ACTIVATED) if seed % 2 else -1
    d.before = d.codes.copy()
    states.by_hand(d.values, d.codes, d.past, d.past_codes, DT)
    taken_over = 0
    for a in range(N):
        f = d.one(a)
        now, acts = C(f["had_conditions"]), Act(f["acts"])
        power, left = f["was_manual_kw"], f["was_manual_s"] - DT
        asked, span = f["manual_asked_kw"], f["manual_for_s"]
        free = (NEEDED ^ C.ACTIVATED | C.GOOD) & ~now == 0 and not now & (C.STOPPED | C.LATCHED | C.LOCKED)
        place = power == power or f["was_state"] in (State.STANDBY, *RUN)
        if acts & Act.MANUAL and asked == asked and span > 0.0 and free and place:
            power, left, taken_over = asked, min(span, 60.0), taken_over + 1
        if not left > 0.0 or acts & (Act.DEACTIVATE | Act.LOCK_OUT) or SOUND & ~now:
            power, left = (0.0 if power == power and not now & C.QUIET else NAN), 0.0
        if now & (C.STOPPED | C.LATCHED) or not now & C.REMOTE:
            power, left = NAN, 0.0
        assert same(f["manual_kw"], power), f
        assert f["manual_s"] == left
        held = power == power
        assert C(f["conditions"]) == (((now | C.MANUAL) & ~C.ACTIVATED) if held else now)
        assert f["activated"] == (Permit.NO if held else f["had_activated"])
    assert taken_over > 20


@pytest.mark.parametrize("seed", range(2))
def test_what_is_missing_for_running_is_said_and_a_state_counts_its_time(seed: int) -> None:
    d = Drawn(seed, healthy=0.9)
    states.walk(d.values, d.codes, d.past, d.past_codes, states.TRANSITIONS, DT)
    for a in range(N):
        f = d.one(a)
        now, to, was = C(f["conditions"]), f["state"], f["was_state_s"]
        missing = NEEDED & ~now | now & (C.STOPPED | C.LATCHED | C.LOCKED)
        if now & C.LATCHED or not now & C.STEADY:
            missing |= C.CLEAR & ~now
        if to in RUN and (not now & C.ACTIVATED or now & C.LOCKED):
            missing |= C.QUIET & ~now
        assert C(f["missing"]) == missing | C.RESTS & ~now, f
        assert f["state_s"] == (was + DT if to == f["was_state"] and was == was else 0.0)
        if f["state_by"] == Reason.RUNNING:
            power, armed = f["was_command_kw"], f["was_authority"] == Authority.ARMED
            label = State.DISCHARGING if power > 0.0 else State.CHARGING if power < 0.0 else State.IDLE
            assert to == (State.LIMITED if f["was_limited_by"] and armed else label)


MEANT = (Reason.DEACTIVATED, Reason.LOCKED_OUT, Reason.LOCAL_CONTROL, Reason.MAINTENANCE_ENDED, Reason.INTERLOCKED)


@pytest.mark.parametrize("armed", [1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_permission_and_authority_follow_from_the_state_and_its_reason(armed: float, seed: int) -> None:
    """LH-SM-001: silent in shadow, INIT, LOCAL, in STANDBY without a sequence, locked out, and when just activated."""
    d = Drawn(seed)
    if seed:  # most are healthy, so that they run, and each input alone is not
        rng = np.random.default_rng(seed)
        good = {r.QUALITY: 1, r.AVAILABLE: 2, r.REMOTE: 2, r.WRITE_STATUS: 2, r.PROVED: 3}
        good |= {r.REACTION: 0, r.INTERLOCK: 0, r.ALARMS: 0}
        before = {r.LATCH: 0, r.STOPPED: 1, r.LOCKED: 1, r.ACTIVATED: 2}
        for matrix, rows in ((d.codes, good), (d.past_codes, before)):
            for row, value in rows.items():
                matrix[row, rng.random(N) < 0.9] = value
        d.values[[[r.FRESH_S], [r.DIFFERENT_S], [r.WRONG_SIGN_S], [r.BEYOND_S]], rng.random(N) < 0.9] = [
            [9.0], [0.0], [0.0], [0.0]]  # fmt: skip
    d.past_codes[r.SEQUENCE], d.steps[0, ::7] = Steps.NONE, 5.0
    states.advance(d.values, d.codes, d.past, d.past_codes, d.ratings, d.masks, d.steps, states.TRANSITIONS, armed, DT)
    for a in range(N):
        f = d.one(a)
        now, to, by = C(f["conditions"]), State(f["state"]), Reason(f["state_by"])
        permitted = by in (Reason.RUNNING, Reason.BY_HAND)
        settled = f["was_settled"] == Permit.YES or bool(now & C.FRESH)
        heard = f["acts"] & Act.STOP or (to is State.EMERGENCY_STOP and f["was_authority"] == Authority.ARMED)
        silent = (
            armed < 2.0
            or to is State.INIT
            or not now & C.REMOTE
            or (to is State.STANDBY and f["sequence"] == Steps.NONE)
            or (to is State.MAINTENANCE and not now & C.MANUAL)
            or by is Reason.ACTIVATED
            or not (settled or heard)
        )
        assert f["authority"] == (Authority.SILENT if silent else Authority.ARMED), f
        assert f["settled"] == (Permit.YES if settled else Permit.NO)
        for side, bit in (("charge", Forbidden.CHARGE), ("discharge", Forbidden.DISCHARGE)):
            assert f[f"may_{side}"] == (Permit.YES if permitted and not f["interlock"] & bit else Permit.NO)
        ran = Permit.YES in (f["was_may_charge"], f["was_may_discharge"])
        waited = f["was_reentry"] == Permit.YES
        waits = not permitted and (waited or (ran and by not in MEANT))
        assert f["reentry"] == (Permit.YES if waits else Permit.NO), f
        assert same(f["returned_s"], 0.0 if waited and permitted else f["was_returned_s"] + DT)
        assert waits or f["reentry_s"] == 0.0
        fine = f["fine_s"]
        if waits:
            returned = f["returned_s"]
            rest = 5.0 - returned if returned == returned else 0.0
            assert f["reentry_s"] == max(0.0, 5.0 - fine if fine == fine else 5.0, rest)
