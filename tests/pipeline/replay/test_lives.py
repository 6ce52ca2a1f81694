"""Recorded lives of the whole process, with faults: the same frames in any process, and from any tick on.

    BESS_PIPELINE_REPLAY_S=86400 pytest tests/pipeline/replay/test_lives.py        a whole simulated day
    BESS_PIPELINE_PYTHONS=/a/bin/python:/b/bin/python pytest …                     other interpreters with the packages

What the recording holds of a tick is a sample, documents and a frame; a process that knows nothing else computes the
same bytes: with other hash seeds, other code for the same kernels, no compiled code at all, another interpreter.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from jit.build import compiled
from pipeline.replay.chain import Replayer
from pipeline.replay.compared import bytes_of
from pipeline.replay.report import compiled_of, replay
from pipeline.simulation.kinds import LATCHING, PASSING
from pipeline.simulation.site import definition
from pipeline.simulation.storm import storm
from pipeline.simulation.trace import Trace
from pipeline.simulation.world import World
from sources.act import ActKind
from sources.recording.recording import Recording

#: Processes that have to compile first take their time on a busy machine.
SECONDS = float(os.environ.get("BESS_PIPELINE_REPLAY_S", "400"))
pytestmark = [pytest.mark.req("LH-TEST-004", "LH-NF-008"), pytest.mark.timeout(max(900.0, SECONDS / 4.0))]

ROOT = Path(__file__).parents[3]
MOST_STORM_S, MOST_QUIET_S = 600.0, 6000.0
PYTHONS = [python for python in os.environ.get("BESS_PIPELINE_PYTHONS", "").split(":") if python]
#: A stage that the world makes raise raises in no replay: that is a difference, and told as one.
FAULTS = {name: kind for name, kind in (PASSING | LATCHING).items() if name != "raising"}


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two batteries, storms of all kinds of faults; between them the process is killed and started again, somebody
    lifts what has latched, and it runs in peace for a while. What the checks would read of the wire is forgotten: a day
    of it is a gigabyte.
    """
    state = tmp_path_factory.mktemp("life")
    site = definition(2, outputs={"black_box": {"type": "recording"}})
    with World(site, state, seed=11) as world:
        world.schedule(120.0)
        while world.loop.time() < 1000.0 + SECONDS:
            for seed in (world.seed + 1, world.seed + 2):
                world.seed = seed
                storm(world, FAULTS, seconds=min(SECONDS / 6.0, MOST_STORM_S), quiet_s=10.0)
            if world.shell is not None:
                world.kill()
            world.boot()
            lift(world)
            world.run(min(SECONDS / 6.0, MOST_QUIET_S))
            forget(world.trace)
        world.run(10.0)
        (state / "lived").write_text(str(len(world.trace.ticks)))
    return state / "black_box"


def lift(world: World) -> None:
    world.run(15.0)
    for kind in (ActKind.RELEASE, ActKind.ACKNOWLEDGE, ActKind.ACTIVATE):
        world.act(kind)
        world.run(2.0)


def forget(trace: Trace) -> None:
    trace.moments.clear()
    for station in trace.stations.values():
        station.said.clear()
        station.heard.clear()


def test_a_recorded_life_comes_out_byte_for_byte(life: Path) -> None:
    recording = Recording.open(life)
    found = replay(recording)
    assert found.differences == []
    assert found.ticks > 0.95 * int((life.parent / "lived").read_text()) > 0.4 * SECONDS
    assert len({part.header.boot for part in recording.parts}) > 1


def test_twenty_ticks_in_the_middle_are_beginnings(life: Path) -> None:
    recording = Recording.open(life)
    rng = random.Random(3)
    compiled = compiled_of(recording.header)
    chunks = [chunk for chunk in recording.chunks() if len(chunk)]
    for _ in range(20):
        chunk = rng.choice(chunks)
        start = rng.randrange(len(chunk))
        frames = Replayer(compiled).frames(chunk, start)
        again = [bytes_of(frame) for _, frame in zip(range(50), frames, strict=False)]
        recorded = [row[chunk.form.frame].tobytes() for row in chunk.rows[start : start + 50]]
        assert again == recorded


def elsewhere(life: Path, python: str = sys.executable, **environment: str) -> dict[str, object]:
    """What a replay in a process of its own says."""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    arguments = [python, "-m", "pipeline", "replay", str(life), "--json"]
    done = subprocess.run(arguments, check=False, cwd=ROOT, env=surroundings, capture_output=True, text=True)
    assert done.stdout, done.stderr
    said: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_five_processes_with_five_hash_seeds_agree(life: Path) -> None:
    said = [elsewhere(life, PYTHONHASHSEED=seed) for seed in ("0", "1", "42", "4711", "random")]
    assert {one["identical"] for one in said} == {True}
    assert {one["digest"] for one in said} == {replay(Recording.open(life)).digest}


def test_the_plain_twins_compute_the_same_bytes(life: Path) -> None:
    said = elsewhere(life, BESS_PIPELINE_PLAIN="1")
    assert (said["identical"], said["digest"]) == (True, replay(Recording.open(life)).digest)


@pytest.mark.skipif(compiled() is not None, reason="nothing is compiled here")
def test_kernels_for_any_processor_compute_the_same_bytes(life: Path) -> None:
    said = elsewhere(life, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert (said["identical"], said["digest"]) == (True, replay(Recording.open(life)).digest)


@pytest.mark.skipif(not PYTHONS, reason="BESS_PIPELINE_PYTHONS names no other interpreter that has the packages")
def test_another_interpreter_computes_the_same_bytes(life: Path) -> None:
    """On the plain twins: whoever has no compiler for that version can still tell."""
    for python in PYTHONS:
        said = elsewhere(life, python, BESS_PIPELINE_PLAIN="1")
        assert (said["identical"], said["digest"]) == (True, replay(Recording.open(life)).digest)
