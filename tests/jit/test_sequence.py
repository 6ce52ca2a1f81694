"""Start and stop sequences against their rules, said once more in `if`s: thousands of situations, one column each.

What is drawn is what decides: the few conditions, states and steps that a rule names, and time-outs about to end.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from jit import constants as c
from jit import rows as r
from jit import sequence
from jit.codes import Act, Condition, Latch, Sequence, State
from jit.constants import MOST_STEPS
from jit.frame import F8, I8

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SM-001", "LH-SAFE-001")]

C, N = Condition, 3000
NAN = np.nan
RUN = (State.READY, State.IDLE, State.CHARGING, State.DISCHARGING, State.LIMITED)
FIT = (C.FRESH | C.ACTIVATED | C.REMOTE | C.STEADY | C.GOOD | C.QUIET | C.IDENTIFIED | C.REVERTS | C.AGREES | C.OBEYS
       | C.FREE)  # fmt: skip
FLAGS = (*FIT, C.STOPPED, C.LATCHED, C.LOCKED, C.MANUAL, C.STARTED, C.RESTS)

OPENS = Latch.ALARM | Latch.WRONG_SIGN | Latch.BEYOND | Latch.EFFECT | Latch.INTERLOCK | Latch.SEQUENCE


class Drawn:
    """Columns for the kernels, and one column as facts with names for the oracle."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.values, self.codes = np.full((len(r.VALUE_ROWS), N), NAN), np.zeros((len(r.CODE_ROWS), N), np.int64)
        self.past, self.past_codes = self.values.copy(), self.codes.copy()
        self.ratings, self.steps = np.zeros((len(c.RATING_NAMES), N)), np.zeros((2 * MOST_STEPS, N))
        self.ratings[c.CHARGE_KW], self.ratings[c.DISCHARGE_KW] = rng.choice([50.0, 100.0], (2, N))
        for first in (0, MOST_STEPS):
            for a, count in enumerate(rng.choice([0, 1, 2, 3, MOST_STEPS], N, p=[0.2, 0.2, 0.2, 0.2, 0.2])):
                self.steps[first : first + count, a] = rng.choice([0.5, 5.0], count)
        conditions = np.full(N, int(FIT), np.int64)
        for flag in FLAGS:
            turned = rng.random(N) < rng.choice([0.03, 0.15], N)
            conditions[turned] ^= int(flag)
        self.codes[r.CONDITIONS] = conditions
        bits = rng.choice([0, 1, 2, 3, 5, 6, 7, (1 << MOST_STEPS) - 1], (3, N))
        self.codes[r.STEPS] = bits[0] | bits[1] << MOST_STEPS | rng.choice([0, 3, 7, (1 << MOST_STEPS) - 1], N) << 40
        self.codes[r.ACTS] = rng.choice([0, 0, Act.DEACTIVATE, Act.LOCK_OUT, Act.ACTIVATE, Act.STOP], N)
        self.codes[r.LATCH] = rng.choice([0, Latch.ALARM, Latch.EFFECT, Latch.IDENTITY, Latch.SEQUENCE], N)
        self.past_codes[r.LATCH] = rng.choice([0, Latch.ALARM, Latch.IDENTITY], N)
        self.past_codes[r.STATE] = rng.choice([*State, *[State.STANDBY] * 10, State.READY, State.LIMITED], N)
        self.past_codes[r.SEQUENCE] = rng.choice(list(Sequence), N)
        self.past_codes[r.STEP] = rng.choice([0, 1, 1, 2, 3, 4, MOST_STEPS, MOST_STEPS + 1], N)
        self.past_codes[r.STEP_NOW] = rng.choice([0, 0, 1, 2, 20, 21, 22, 40, 41], N)
        self.past[r.STEP_S] = rng.choice([0.0, 0.4, 0.5, 4.5, 5.0, 5.5, NAN], N)
        self.values[r.IDLE_S] = rng.choice([NAN, 0.0, 2.5, 3.0, 100.0], N)
        self.past[r.IDLE_S] = rng.choice([NAN, 0.0, 2.5], N)
        self.values[r.POWER_KW] = rng.choice([0.0, 0.4, -0.4, 0.5, -0.5, 0.75, -0.75, 1.0, -1.0, 5.0, NAN], N)

    def facts(self, a: int) -> SimpleNamespace:
        bits, codes, before = int(self.codes[r.STEPS, a]), self.codes[:, a], self.past_codes[:, a]
        return SimpleNamespace(
            conditions=C(int(codes[r.CONDITIONS])), acts=Act(int(codes[r.ACTS])),
            new=Latch(int(codes[r.LATCH]) & ~int(before[r.LATCH])),
            state=State(int(before[r.STATE])), under_way=Sequence(int(before[r.SEQUENCE])), at=int(before[r.STEP]),
            acted=int(before[r.STEP_NOW]), spent=self.past[r.STEP_S, a], idle=self.values[r.IDLE_S, a],
            start=[t for t in self.steps[:MOST_STEPS, a] if t > 0],
            stop=[t for t in self.steps[MOST_STEPS:, a] if t > 0],
            up=[bool(bits >> i & 1) for i in range(MOST_STEPS)],
            down=[bool(bits >> i & 1) for i in range(MOST_STEPS, 2 * MOST_STEPS)],
            may=[bool(bits >> i & 1) for i in range(2 * MOST_STEPS, 3 * MOST_STEPS)],
        )  # fmt: skip


def late(f: SimpleNamespace) -> bool:
    """The step that acted has had its time, and is still not done."""
    if not 1 <= f.acted <= 2 * MOST_STEPS:
        return False
    limits = f.start + [0.0] * (MOST_STEPS - len(f.start)) + f.stop + [0.0] * (MOST_STEPS - len(f.stop))
    return bool(f.spent >= limits[f.acted - 1]) and not [*f.up, *f.down][f.acted - 1]


def wanted(f: SimpleNamespace) -> Sequence:
    """Stopping is asked for by a person or by a latch, and goes on; starting runs in STANDBY alone."""
    on = f.conditions
    if f.stop and not on & (C.STOPPED | C.MANUAL) and on & C.REMOTE and not late(f):
        opens = f.new & OPENS
        begins = f.acts & (Act.DEACTIVATE | Act.LOCK_OUT) or opens
        meant = not on & C.ACTIVATED or on & (C.LOCKED | C.LATCHED)
        between = f.state is State.STANDBY and f.under_way is not Sequence.NONE
        place = f.state in RUN or f.state is State.FAULT or between
        if (f.under_way is Sequence.STOP or begins) and meant and place:
            return Sequence.STOP
    wants = C.FRESH | C.ACTIVATED | C.REMOTE | C.STEADY
    hindered = on & (C.STOPPED | C.LATCHED | C.LOCKED | C.MANUAL)
    if f.start and f.state is State.STANDBY and not hindered and on & wants == wants:
        return Sequence.START
    return Sequence.NONE


def guarded(f: SimpleNamespace, which: Sequence, step: int) -> bool:
    """Nothing closes unless everything is in order, nothing opens before 3 s without power."""
    if which is Sequence.STOP:
        needs = C.GOOD | C.QUIET | C.REMOTE | C.IDENTIFIED
        return f.conditions & needs == needs and bool(f.idle >= 3.0)
    return f.conditions & FIT == FIT and f.may[step - 1] and bool(f.idle >= 0.0)


def due(f: SimpleNamespace, armed: bool, dt: float) -> tuple[Sequence, int, int, float]:
    """(sequence, step, place of what is written + 1, seconds that the step has acted)."""
    which = wanted(f) if armed else Sequence.NONE
    if which is Sequence.NONE:
        return which, 0, 0, 0.0
    limits, done, first = (f.stop, f.down, MOST_STEPS) if which is Sequence.STOP else (f.start, f.up, 0)
    same = which is f.under_way
    step = f.at if same and f.at > 0 else 1
    while step <= len(limits) and done[step - 1]:
        step += 1
    if step > len(limits) and which is Sequence.STOP:
        return Sequence.NONE, 0, 0, 0.0
    spent = f.spent if same and step == f.at else 0.0
    if step > len(limits) or not guarded(f, which, step):
        return which, step, 0, spent if spent == spent else 0.0
    spent += dt if f.acted == first + step else 0.0
    return which, step, first + step, spent if spent == spent else 0.0


@pytest.mark.parametrize("seed", range(2))
def test_what_is_under_way_is_what_the_rules_want_and_too_late_is_too_late(seed: int) -> None:
    drawn, seen = Drawn(seed), set()
    for a in range(N):
        f = drawn.facts(a)
        given = drawn.codes, drawn.past, drawn.past_codes, drawn.steps, a
        assert sequence.late(*given) == late(f), f
        assert sequence.wanted(*given) == wanted(f), f
        seen.add((wanted(f), late(f)))
    assert len(seen) == 5, "every sequence, in time and late; a stop sequence ends when it is late"


@pytest.mark.parametrize("armed", [1.0, 2.0])
@pytest.mark.parametrize("seed", range(2))
def test_a_step_acts_with_every_guard_in_place_and_its_time_runs_only_then(armed: float, seed: int) -> None:
    """Reliability S16: no contactor opens under load; nothing acts in shadow."""
    drawn = Drawn(seed)
    before = drawn.codes.copy()
    sequence.proceed(drawn.values, drawn.codes, drawn.past, drawn.past_codes, drawn.steps, armed, 0.5)
    written = 0
    for a in range(N):
        f = SimpleNamespace(**vars(drawn.facts(a)) | {"conditions": C(int(before[r.CONDITIONS, a]))})
        expected = due(f, armed > 1.0, 0.5)
        found = (*(drawn.codes[row, a] for row in (r.SEQUENCE, r.STEP, r.STEP_NOW)), drawn.values[r.STEP_S, a])
        assert found == expected, (a, f)
        rests = f.conditions | (C.RESTS if expected[0] is not Sequence.STOP else C.NONE)
        assert drawn.codes[r.CONDITIONS, a] == rests
        written += expected[2] > 0
    assert (written > 0) == (armed > 1.0)


@pytest.mark.parametrize("seed", range(2))
def test_it_is_started_when_every_step_is_done_and_calm_while_no_power_is_measured(seed: int) -> None:
    drawn = Drawn(seed)
    before = drawn.codes.copy()
    sequence.ready(drawn.values, drawn.codes, drawn.past, drawn.past_codes, drawn.ratings, drawn.steps, 0.5)
    for a in range(N):
        f, on = drawn.facts(a), C(int(before[r.CONDITIONS, a]))
        near = 0.01 * max(drawn.ratings[c.CHARGE_KW, a], drawn.ratings[c.DISCHARGE_KW, a])
        calm = abs(drawn.values[r.POWER_KW, a]) < near and on & C.GOOD and on & C.QUIET
        was = drawn.past[r.IDLE_S, a]
        idle = (was + 0.5 if was == was else 0.0) if calm else NAN
        assert drawn.values[r.IDLE_S, a] == pytest.approx(idle, nan_ok=True)
        n = len(f.start)
        over = f.under_way is Sequence.START and f.at > n and f.up[n - 1] if n else False
        done = all(f.up[:n]) or over or f.state is not State.STANDBY
        assert drawn.codes[r.CONDITIONS, a] == (on | C.STARTED if done else on), f


def points(cases: list[tuple[float, int]]) -> tuple[F8, I8]:
    return np.array([value for value, _ in cases]), np.array([code for _, code in cases], np.int64)


@pytest.mark.parametrize("quality", [0, 1, 2, 16])
def test_unknown_is_neither_yes_nor_no_and_what_has_no_point_needs_none(quality: int) -> None:
    """Each place of a step in turn: no point, yes, no, neither, and a value that says it is not good."""
    cases = [(1.0, 1), (0.0, 1), (0.5, 1), (0.6, 1), (NAN, 1), (1.0, 2), (0.0, 0), (1.0, 256 | 1)]
    values, qualities = points(cases)
    n = 3 * MOST_STEPS
    place = np.full((n, 2 * n * (len(cases) + 1)), -1, np.int64)
    for a in range(place.shape[1]):
        place[a % n, a] = a // n % (len(cases) + 1) - 1
    codes = np.full((len(r.CODE_ROWS), place.shape[1]), quality, np.int64)
    for array in (place,):
        array.flags.writeable = False
    sequence.look(values, qualities, place, codes)
    unneeded = sum(1 << i for i in range(2 * MOST_STEPS, n))
    for a in range(place.shape[1]):
        i, index = a % n, place[a % n, a]
        asks_yes = not MOST_STEPS <= i < 2 * MOST_STEPS
        known = index >= 0 and cases[index][1] & 1 and cases[index][0] == cases[index][0]
        bits = unneeded & ~(1 << i) if index >= 0 else unneeded
        if known and (cases[index][0] > 0.5) == asks_yes:
            bits |= 1 << i
        assert codes[r.STEPS, a] == (bits if quality == 1 else 0), (i, index)
