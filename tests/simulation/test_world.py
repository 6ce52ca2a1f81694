"""The world itself: it is the production process on bytes, it is deterministic, and its faults do what they say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.simulation.columns import said_text
from pipeline.simulation.direct import Direct
from pipeline.simulation.loop import DeadlockError, VirtualLoop
from pipeline.simulation.net import MemoryNet
from pipeline.simulation.site import definition
from pipeline.simulation.world import World
from sources.act import ActKind


@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
def test_a_schedule_becomes_power_at_the_device(cycle: str, tmp_path: Path) -> None:
    with World(definition(3, cycle=cycle), tmp_path) as world:
        world.schedule(240.0)
        world.run(20.0)
        assert world.trace.moments[-1].power_kw == pytest.approx({"b1": 80.0, "b2": 80.0, "b3": 80.0})
        world.verify()


def test_one_seed_is_one_run(tmp_path: Path) -> None:
    """Lost and late bytes, drawn from the seed: the same bytes again, and others with another seed."""

    def run(seed: int, folder: str) -> str:
        with World(definition(2), tmp_path / folder, seed=seed) as world:
            world.schedule(-100.0)
            world.line("b1").drop, world.line("b2").delay_s = 0.2, 0.1
            return world.run(30.0).trace.digest()

    assert run(1, "a") == run(1, "b")
    assert run(1, "c") != run(2, "d")


def test_replies_that_are_spelled_together_are_spelled_as_each_by_itself(tmp_path: Path) -> None:
    """A digest is over every value that every device said, "not implemented" included."""
    with World(definition(), tmp_path) as world:
        world.schedule(-100.0)
        world.run(10.0)
        world.lies("b1").sentinel = {"soc", "power"}
        world.run(3.0)
        for station in world.stations.values():
            assert said_text(station.said) == repr(station.said)
        assert "None" in said_text(world.stations["b1"].said)


def test_a_killed_process_says_nothing_more_and_the_next_one_starts_over(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(20.5).kill()
        heard = len(world.stations["b1"].heard)
        world.run(20.0)
        assert len(world.stations["b1"].heard) == heard
        assert world.trace.moments[-1].power_kw["b1"] == 0.0  # the device's own reversion
        world.boot()
        assert world.run(20.0).trace.moments[-1].power_kw["b1"] == pytest.approx(80.0)
        world.verify()


def test_a_stop_is_written_and_a_termination_confirmed(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(20.0).act(ActKind.STOP)
        world.run(3.0)
        assert world.trace.powers("b1")[-1][1] == 0.0
        assert world.terminate()
        world.verify()


@pytest.mark.hazard("R4", "R1")
def test_a_thousand_reconnections_use_up_nothing(tmp_path: Path) -> None:
    """As many tasks and connections after 1,000 evictions as before, and no signal waits."""

    def used(world: World) -> tuple[int, int]:
        return len(asyncio.all_tasks(world.loop)), sum(len(line.open_) for line in world.net.lines.values())

    with World(definition(), tmp_path) as world:
        before = used(world.run(10.3))
        for _ in range(1000):
            world.line("b1").break_()
            world.run(0.4)
        assert used(world.run(10.3)) == before


def test_who_waits_for_nothing_is_told() -> None:
    loop = VirtualLoop(MemoryNet(0))
    with pytest.raises(DeadlockError):
        loop.run_until_complete(loop.create_future())
    loop.close()


@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
def test_without_the_library_s_client_the_same_bytes_make_the_same_power(cycle: str, tmp_path: Path) -> None:
    """The codec alone: requests and replies of the product's own making, over lines that are well and over bad ones."""
    with World(definition(3, cycle=cycle), tmp_path, link=Direct) as world:
        world.schedule(240.0)
        world.run(20.0)
        assert world.trace.moments[-1].power_kw == pytest.approx({"b1": 80.0, "b2": 80.0, "b3": 80.0})
        world.line("b1").drop, world.line("b2").delay_s, world.line("b3").pieces = 0.2, 0.05, 0.5
        world.run(10.0)
        world.line("b1").cut = True
        world.line("b1").break_()
        world.run(3.0)
        assert not world.process.field.devices["b1"].connection.connected
        world.line("b1").cut, world.line("b1").drop, world.line("b2").delay_s = False, 0.0, 0.0
        world.trace.healed_s = world.loop.time()
        world.run(20.0)
        world.verify()
