"""Seeded storms over the whole process on bytes: every invariant, at both cycles, with one and with several batteries.

    BESS_PIPELINE_SEEDS=200 pytest tests/simulation/test_storm.py        a longer campaign
    … World(…, seed=17)                                                   a failing seed is the reproduction
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from pipeline.simulation.kinds import KINDS, LATCHING, PASSING
from pipeline.simulation.site import definition
from pipeline.simulation.storm import Strike, draw, endure, storm
from pipeline.simulation.world import World

pytestmark = [
    pytest.mark.safety,
    pytest.mark.hazard("S1", "S2", "S3", "S4", "S5", "S6", "S7", "S9", "S10", "S12", "S15"),
    pytest.mark.hazard("F1", "F2", "F3", "F5", "L2", "L3", "L5", "R5"),
]

SEEDS = int(os.environ.get("BESS_PIPELINE_SEEDS", "2"))
LIMITS = {"export_limit": "400 kW", "import_limit": "300 kW"}


def world(seed: int, folder: Path, assets: int, cycle: str) -> World:
    return World(definition(assets, cycle=cycle, site=LIMITS), folder, seed=seed)


@pytest.mark.hazard("L1")
@pytest.mark.parametrize(("assets", "cycle", "seconds"), [(1, "1 s", 120.0), (3, "1 s", 120.0), (2, "100 ms", 8.0)])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_passes_leaves_no_trace(seed: int, assets: int, cycle: str, seconds: float, tmp_path: Path) -> None:
    """Lost and late bytes, frozen pages, missing points, no meter, wrong clocks, falling limits: then it is back."""
    with world(seed, tmp_path, assets, cycle) as it:
        it.schedule(180.0 * assets * (-1) ** seed)
        storm(it.run(15.0), PASSING, seconds=seconds, quiet_s=15.0)
        it.verify()


@pytest.mark.hazard("S8", "S11", "H4", "H5i")
@pytest.mark.parametrize(("assets", "cycle", "seconds"), [(1, "1 s", 120.0), (2, "1 s", 120.0), (1, "100 ms", 8.0)])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_latches_stays_safe(seed: int, assets: int, cycle: str, seconds: float, tmp_path: Path) -> None:
    """Wrong sign, discarded writes, a second master, alarms, LOCAL, stops, kills: at no time beyond an invariant."""
    with world(seed, tmp_path, assets, cycle) as it:
        it.schedule(180.0 * assets * (-1) ** seed)
        storm(it.run(15.0), LATCHING, seconds=seconds, quiet_s=10.0)
        it.verify(without=("L1", "L3"))  # somebody has to lift what latched; derated to 0 kW is no loss of permission


def test_a_storm_that_was_written_down_is_the_same_storm(tmp_path: Path) -> None:
    """Every setting of a fault is a JSON value: read back, it leaves the same bytes on the wire."""

    def powers(folder: str, strikes: tuple[Strike, ...] | None) -> tuple[tuple[Strike, ...], list[tuple[float, float]]]:
        with world(5, tmp_path / folder, 2, "1 s") as it:
            it.schedule(200.0)
            it.run(12.0)
            lived = strikes or draw(it, KINDS, 40.0)
            endure(it, lived, quiet_s=5.0)
            return lived, it.trace.powers("b1")

    drawn, first = powers("drawn", None)
    read = tuple(Strike(**strike) for strike in json.loads(json.dumps([asdict(strike) for strike in drawn])))
    assert read == drawn
    assert powers("read", read)[1] == first


def test_faults_may_overlap_and_all_end(tmp_path: Path) -> None:
    strikes = [
        Strike("sentinel", "b1", 0.0, 4.0, {"point": "soc"}),
        Strike("sentinel", "b1", 2.0, 9.0, {"point": "power"}),
        Strike("drop", "b1", 1.0, 9.0, {"share": 0.3}),
        Strike("drop", "b1", 2.0, 5.0, {"share": 0.5}),
    ]
    with world(0, tmp_path, 1, "1 s") as it:
        it.schedule(80.0)
        endure(it.run(12.0), strikes, quiet_s=15.0)
        assert (it.lies("b1").sentinel, it.line("b1").drop) == (set(), 0.0)
        assert it.trace.in_force("b1", it.loop.time()) == 80.0
        it.verify()
