"""Batteries behind an OPC UA server in the world: values with status and time stamps, subscriptions, sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.simulation.kinds import KINDS
from pipeline.simulation.opcua_world import OpcuaWorld, opcua_definition, opcua_storage
from pipeline.simulation.storm import storm
from sources.act import ActKind
from sources.opcua.connection import Connection
from sources.opcua.session import Session

pytestmark = [pytest.mark.safety, pytest.mark.hazard("row 4", "F1", "F2", "S2", "S7", "H5i")]
SERVERS = sorted(name for name, kind in KINDS.items() if kind.needs == "opcua")


def world(folder: Path, assets: int = 1, seed: int = 0) -> OpcuaWorld:
    return OpcuaWorld(opcua_definition(assets), folder, seed=seed, profile=opcua_storage())


def running(it: OpcuaWorld) -> OpcuaWorld:
    """80 kW at each battery."""
    it.schedule(80.0 * len(it.plants))
    it.run(15.0)
    assert it.trace.in_force("b1", it.loop.time()) == 80.0
    return it


def test_a_schedule_becomes_power_over_opcua(tmp_path: Path) -> None:
    with world(tmp_path, 2) as it:
        it.schedule(160.0)
        it.run(20.0)
        assert it.trace.moments[-1].power_kw == pytest.approx({"b1": 80.0, "b2": 80.0})
        it.verify()
    assert Connection.opens is Session


@pytest.mark.parametrize("point", ["soc", "power", "available", "alarms", "discharge_limit"])
@pytest.mark.parametrize(
    "code", ["UncertainLastUsableValue", "UncertainSubstituteValue", "GoodLocalOverride", "BadNoCommunication"]
)
def test_only_good_is_good(point: str, code: str, tmp_path: Path) -> None:
    """The value goes on as before, and its status says that it is not what it was: 0 kW, and power again after it."""
    with world(tmp_path) as it:
        end = KINDS["uncertain"].begin(running(it), "b1", point=point, code=code)
        it.run(8.0)
        assert it.trace.in_force("b1", it.loop.time()) == 0.0
        end()
        it.trace.healed_s = it.loop.time()
        it.run(20.0)
        assert it.trace.in_force("b1", it.loop.time()) == 80.0
        it.verify()


@pytest.mark.parametrize("seconds", [-86_400.0, -3600.0, 3600.0])
def test_a_source_that_stamps_wrongly_is_not_believed(seconds: float, tmp_path: Path) -> None:
    with world(tmp_path) as it:
        KINDS["stamped"].begin(running(it), "b1", seconds=seconds)
        it.run(8.0)
        assert it.trace.in_force("b1", it.loop.time()) == 0.0
        it.verify()


@pytest.mark.parametrize("how", ["quiet", "deaf"])
def test_a_subscription_that_says_nothing_is_no_truth(how: str, tmp_path: Path) -> None:
    """The battery's limit falls while nothing is told: it is read, and kept."""
    with world(tmp_path) as it:
        KINDS["unheard"].begin(running(it), "b1", how=how)
        KINDS["limit"].begin(it, "b1", limit_kw=10.0)
        it.run(5.0)
        assert it.trace.in_force("b1", it.loop.time()) == 10.0
        it.verify()


@pytest.mark.parametrize("code", ["BadUserAccessDenied", "BadOutOfRange", "BadNotWritable"])
def test_who_may_not_write_leaves_the_battery_to_its_reversion(code: str, tmp_path: Path) -> None:
    with world(tmp_path) as it:
        end = KINDS["denied"].begin(running(it), "b1", code=code)
        it.run(20.0)
        assert it.trace.moments[-1].power_kw["b1"] == 0.0
        assert not any(heard.taken for heard in it.stations["b1"].heard if heard.at_s > it.loop.time() - 19.0)
        end()
        it.run(90.0).verify()
        assert it.trace.in_force("b1", it.loop.time()) == 80.0


@pytest.mark.hazard("L1")
@pytest.mark.parametrize("how", ["restart", "forget"])
def test_a_lost_session_is_opened_anew(how: str, tmp_path: Path) -> None:
    with world(tmp_path) as it:
        KINDS["sessions"].begin(running(it), "b1", how=how)
        it.trace.healed_s = it.loop.time()
        it.run(20.0)
        assert it.process.field.servers.connections["plc"].connects == 2
        assert it.trace.in_force("b1", it.loop.time()) == 80.0
        it.verify()


def test_a_command_that_waits_for_a_silent_line_never_arrives(tmp_path: Path) -> None:
    """The connection is dropped with what it holds: nothing old acts when the line speaks again."""
    with world(tmp_path) as it:
        running(it).line("b1").silent = True
        silent_s = it.loop.time()
        it.run(30.0).line("b1").silent = False
        it.run(2.0)
        late = [h for h in it.stations["b1"].heard if h.sent_s < silent_s + 29.0 and h.at_s > silent_s + 29.0]
        assert late == []
        it.run(10.0).verify(without=("L3",))


def test_a_termination_is_confirmed_over_opcua(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        assert running(it).terminate()
        assert it.trace.powers("b1")[-1][1] == 0.0


@pytest.mark.parametrize("seed", range(2))
def test_late_and_lost_messages_and_a_stop_breach_nothing(seed: int, tmp_path: Path) -> None:
    with world(tmp_path, 2, seed) as it:
        line = running(it).line("b1")
        line.drop, line.delay_s, line.late = 0.2, 0.05, 0.05
        it.run(30.0)
        line.drop = line.delay_s = line.late = 0.0
        it.run(10.0).act(ActKind.STOP)
        it.run(5.0)
        assert it.trace.in_force("b1", it.loop.time()) == 0.0
        it.verify(without=("L3",))


@pytest.mark.hazard("S1", "S14")
@pytest.mark.parametrize("kind", ["odd", "scaled", "refused", "rival", "half_open", *SERVERS])
def test_a_storm_over_opcua_breaches_nothing(kind: str, tmp_path: Path) -> None:
    with world(tmp_path, 2, 1) as it:
        it.schedule(-160.0)
        storm(it.run(15.0), {kind: KINDS[kind]}, seconds=40.0, quiet_s=10.0)
        it.verify(without=("L1", "L3"))


SAME = """
import sys, tempfile
from pathlib import Path
from pipeline.simulation.kinds import PASSING
from pipeline.simulation.storm import storm
from pipeline.simulation.ways import reached
with reached("opcua", Path(tempfile.mkdtemp()), assets=2, cycle="1 s", site={}, seed=5) as it:
    it.schedule(160.0)
    storm(it.run(15.0), PASSING, seconds=30.0, quiet_s=5.0)
    print(it.trace.digest())
"""


def test_a_seed_is_the_same_under_another_hash_seed() -> None:
    def digest(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "BESS_PIPELINE_PLAIN": "1"}
        told = subprocess.run([sys.executable, "-c", SAME], env=environment, capture_output=True, text=True, check=True)
        return told.stdout

    assert len(digest("1")) > 60
    assert digest("1") == digest("2")
