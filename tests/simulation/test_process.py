"""What a life of the process does to itself is seen: a blocked loop, ticks that stop, jobs that end, what it uses."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pipeline.simulation.checks import verify
from pipeline.simulation.faults import lives, people
from pipeline.simulation.site import definition
from pipeline.simulation.use import EVERY_S
from pipeline.simulation.world import World

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-TEST-001", "LH-NF-004")]


def broke(world: World) -> set[str]:
    return {breach.invariant for breach in verify(world.trace)}


@pytest.mark.hazard("row 35", "D6")
def test_a_disk_that_is_waited_for_in_the_loop_makes_a_tick_late(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.run(10.0).loop.disk_s = 0.5
        file = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)
        due_s = world.trace.ticks[-1] + 1.0
        world.loop.call_at(due_s - 0.01, os.fsync, file)
        world.run(5.0)
        os.close(file)
        assert broke(world) == {"D6"}


@pytest.mark.hazard("row 35", "D6")
@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
def test_a_slow_disk_delays_no_tick(cycle: str, tmp_path: Path) -> None:
    with World(definition(cycle=cycle), tmp_path) as world:
        world.schedule(80.0)
        world.run(10.0).loop.disk_s = 30.0
        lives.stop(world, "b1", 1)
        world.run(40.0)
        assert world.trace.powers("b1")[-1][1] == 0.0
        world.verify()


@pytest.mark.hazard("row 35", "row 36", "L6", "H5i")
@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
@pytest.mark.parametrize("stream", [0, 1])
def test_a_process_without_ticks_is_ended_within_5_s_and_started_again(
    stream: int, cycle: str, tmp_path: Path
) -> None:
    with World(definition(cycle=cycle), tmp_path) as world:
        world.schedule(80.0)
        world.run(20.0)
        hung_s = world.loop.time()
        end = lives.hung(world, "b1", stream)
        assert world.shell is None
        assert world.trace.boots[-1].ended_s - hung_s <= 5.0
        world.run(2.0)
        end()
        world.run(20.0)
        assert world.trace.moments[-1].power_kw["b1"] == pytest.approx(80.0)
        world.verify()


@pytest.mark.hazard("row 38", "L6")
def test_a_watchdog_that_nobody_feeds_or_asks_is_found(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.run(10.0).process.ticker.stop()
        world.run(10.0)
        assert "L6" in broke(world)


@pytest.mark.hazard("row 38", "L6")
def test_a_job_that_is_not_kept_running_is_found(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.run(10.0)
        assert world.shell is not None
        world.shell.tasks.running[-1].cancel()
        world.run(2 * EVERY_S)
        assert "L6" in broke(world)


@pytest.mark.hazard("row 40", "R3", "R1")
def test_clients_that_do_not_read_are_cut_off_and_cost_nothing(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.run(10.0)
        end = people.watchers(world, "b1", 20, None)
        world.run(15.0)
        assert all(watcher.ended_s < world.loop.time() for watcher in world.trace.watchers)
        end()
        world.run(20.0).verify()


@pytest.mark.hazard("R4")
def test_tasks_and_files_that_stay_are_found(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.run(10.0)
        tasks = [world.loop.create_task(asyncio.sleep(1e6)) for _ in range(3)]
        world.run(2 * EVERY_S)
        assert broke(world) == {"R4"}
        for task in tasks:
            task.cancel()
        files = [os.open(os.devnull, os.O_RDONLY) for _ in range(3)]
        world.run(2 * EVERY_S)
        assert broke(world) == {"R4"}
        for file in files:
            os.close(file)
        world.run(2 * EVERY_S).verify()


@pytest.mark.hazard("row 40", "R1")
def test_what_piles_up_in_the_loop_is_found(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.run(10.0)
        for place in range(200):
            world.loop.call_later(100.0 + place, str)
        world.run(2 * EVERY_S)
        assert broke(world) == {"R1"}
