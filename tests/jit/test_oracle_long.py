"""The long comparison on a few thousand batteries, and that it sees what a wrong kernel would send.

`make oracle` runs it on a million; `BESS_PIPELINE_ORACLE` sets another number here.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from jit import rows as r
from tests.jit.oracle_draws import Draws
from tests.jit.oracle_long import Chain, compare, judge

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-CTRL-003", "LH-SAFE-003", "LH-TEST-001")]

SHARED = ("power", "site", "transformer", "ceiling", "not proven", "circle", "ramp", "room not free yet")
CASES = int(os.environ.get("BESS_PIPELINE_ORACLE", "2000"))


@pytest.mark.timeout(0)
@pytest.mark.hazard("row 1", "row 25", "row 26", "S2", "S4", "S5")
def test_what_is_sent_keeps_every_limit_exactly() -> None:
    """Ratings, limits, bands of point of connection and transformers, ramp, rounding and P² + Q² ≤ S²."""
    said: list[str] = []
    seen: Counter[str] = Counter()
    judged, sites = compare(CASES, 1, said, seen)
    assert said == []
    assert judged >= CASES
    assert {what for what in SHARED if seen[what] < sites / 10} == set()


@pytest.mark.hazard("row 1", "row 26", "S4")
def test_a_rise_into_room_that_another_may_still_hold_is_seen() -> None:
    """One rises at a shared limit while the others may still hold all of it, from commands that are not confirmed."""
    seen = 0
    for case in ran():
        out = case.values[r.COMMAND_KW].sum() > 0.0
        sure = [column for column, proven in enumerate(case.proven) if proven]
        flows = [column for column in sure if case.values[r.COMMAND_KW, column] != 0.0]
        bound = float(case.joint[-2][1][1 if out else 0] or 0)
        for column, battery in enumerate(case.batteries):
            battery["unconfirmed"] = [0.0, 0.0] if column == flows[0] else [-abs(bound), abs(bound)]
        if len(sure) > 1:
            seen += any("may still hold" in said for said in judge(case))
    assert seen >= 3


def ran(seed: int = 11) -> list[Chain]:
    """Cases in which power flows, half of them jointly limited."""
    draws, found = Draws(seed), list[Chain]()
    with np.errstate(all="ignore"):
        while len(found) < 30:
            case = Chain(*draws.case())
            case.run()
            if (case.values[r.COMMAND_KW] != 0.0).any():
                found.append(case)
    return found



def one_step(case: Chain) -> None:
    steps = np.array([b["resolution_kw"] for b in case.batteries])
    case.values[r.COMMAND_KW] += np.sign(case.values[r.COMMAND_KW]) * steps


def a_million_times(case: Chain) -> None:
    case.values[r.COMMAND_KW] *= 1e6


def one_kvar_step(case: Chain) -> None:
    steps = np.array([b["resolution_kvar"] for b in case.batteries])
    case.values[r.COMMAND_KVAR] += np.sign(case.values[r.COMMAND_KVAR]) * steps


def half_a_step(case: Chain) -> None:
    steps = np.array([b["resolution_kw"] for b in case.batteries])
    case.values[r.COMMAND_KW] -= np.sign(case.values[r.COMMAND_KW]) * steps / 2


def a_wider_band(case: Chain) -> None:
    case.values[r.HIGH_KW] *= 1.0 + 1e-6
    case.values[r.HIGH_KW] += 1e-6


def against_the_others(case: Chain) -> None:
    column = int(np.argmax(np.abs(case.values[r.COMMAND_KW])))
    case.values[r.COMMAND_KW, column] *= -1.0


def a_longer_ramp(case: Chain) -> None:
    case.values[r.RAMPED_KW] += np.sign(case.values[r.RAMPED_KW]) * 1e10


@pytest.mark.parametrize(
    ("wrong", "seen", "least"),
    [
        (one_step, "is more than ramped", 20),
        (one_step, "is out of its band", 5),
        (one_step, "is beyond bms", 3),
        (one_step, "are out of the circle", 3),
        (a_million_times, "group", 3),
        (one_kvar_step, "are out of the circle", 5),
        (half_a_step, "is no multiple", 20),
        (a_wider_band, "band is", 20),
        (against_the_others, "one charges while another", 3),
        (a_longer_ramp, "ramped to", 20),
    ],
)
def test_a_wrong_command_is_seen(wrong: Callable[[Chain], None], seen: str, least: int) -> None:
    """Of thirty cases in which power flows."""
    cases = ran()
    for case in cases:
        assert list(judge(case)) == []
        wrong(case)
    assert sum(any(seen in said for said in judge(case)) for case in cases) >= least
