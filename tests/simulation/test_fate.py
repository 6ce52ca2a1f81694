"""The process is killed, stopped, frozen and loses its disk at every point where that could hurt."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pipeline.simulation.fate import Fate
from pipeline.simulation.site import definition
from pipeline.simulation.ways import reached
from pipeline.simulation.world import World
from sources.act import ActKind

pytestmark = pytest.mark.safety


@pytest.mark.hazard("row 12", "H4", "H5i", "F3")
@pytest.mark.parametrize("callbacks", [*range(1, 24), 40, 77, 150])
def test_a_kill_at_any_await_leaves_a_world_that_recovers(callbacks: int, tmp_path: Path) -> None:
    with World(definition(), tmp_path, seed=callbacks) as world:
        world.schedule(80.0)
        world.run(15.98)
        assert Fate(world).kill(callbacks=callbacks)
        world.run(14.0)
        assert world.trace.moments[-1].power_kw["b1"] == 0.0  # by its own reversion
        world.boot()
        world.trace.healed_s = world.loop.time()
        world.run(20.0)
        assert world.trace.moments[-1].power_kw["b1"] == pytest.approx(80.0)
        world.verify()


@pytest.mark.hazard("row 12", "F3", "F4", "S1")
@pytest.mark.parametrize("octets", [1, 7, 12, 13, 20, 25, 30, 31, 32, 40, 60, 100])
def test_a_kill_inside_a_message_writes_no_half_of_it(octets: int, tmp_path: Path) -> None:
    """The last bytes are the beginning of a request: the device takes whole ones and nothing else."""
    with World(definition(), tmp_path, seed=octets) as world:
        world.schedule(80.0)
        world.run(15.98)
        heard = len(world.stations["b1"].heard)
        assert Fate(world).kill(octets=octets)
        world.run(0.5)
        assert len(world.stations["b1"].heard) - heard <= octets // 25 + 1
        assert all(h.values["power"] == 80.0 for h in world.stations["b1"].heard[heard:])
        world.boot()
        world.run(20.0)
        world.verify()


@pytest.mark.hazard("row 4", "S10", "L1")
def test_a_failed_tick_before_lost_data_is_not_taken_for_local_control(tmp_path: Path) -> None:
    """The state machine raises, then the device is busy: remote is unknown, and nobody judged the tick before."""

    def broken(_frame: object) -> None:
        raise ArithmeticError("on purpose")

    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(15.3)
        stage = next(stage for stage in world.process.stages if stage.id == "state_machine")
        whole, stage.step = stage.step, broken
        world.lies("b1").busy = True
        began_s = world.loop.time()
        world.run(2.4)
        stage.step = whole
        world.trace.raised.append((began_s, world.loop.time()))
        world.run(2.0)
        world.lies("b1").busy = False
        world.trace.healed_s = world.loop.time()
        world.run(14.0)
        assert world.trace.powers("b1")[-1][1] == 80.0
        world.verify(without=("L1",))


@pytest.mark.hazard("H6i", "row 12")
@pytest.mark.parametrize("callbacks", range(1, 30, 3))
def test_an_end_that_is_asked_for_at_any_await_ends_in_0_kw(callbacks: int, tmp_path: Path) -> None:
    with World(definition(2), tmp_path) as world:
        world.schedule(160.0)
        world.run(15.98)
        assert Fate(world).terminate(callbacks=callbacks)
        assert [world.trace.powers(asset)[-1][1] for asset in ("b1", "b2")] == [0.0, 0.0]
        world.run(1.0)
        world.verify()


@pytest.mark.hazard("L5", "F3", "H5i", "row 34")
@pytest.mark.parametrize("link", ["well", "late"])
@pytest.mark.parametrize("seconds", [0.1, 0.7, 2.5, 9.0, 60.0, 300.0])
def test_a_process_that_stood_still_sends_nothing_old(seconds: float, link: str, tmp_path: Path) -> None:
    """SIGSTOP: what was under way arrives, the device reverts, missed ticks are counted and none is caught up."""
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(15.98)
        if link == "late":
            world.line("b1").delay_s = 0.05
            world.run(3.021)
        ticks = len(world.trace.ticks)
        Fate(world).freeze(seconds)
        assert len(world.trace.ticks) == ticks
        assert seconds < 12.0 or world.trace.moments[-1].power_kw["b1"] == 0.0
        world.line("b1").delay_s = 0.0
        world.run(1.5)
        assert len(world.trace.ticks) <= ticks + 3  # the late one, and those on their deadlines
        assert world.trace.missed >= int(seconds) - 1
        world.trace.healed_s = world.loop.time()
        world.run(20.0)
        assert world.trace.moments[-1].power_kw["b1"] == pytest.approx(80.0)
        world.verify()


@pytest.mark.hazard("row 12", "row 39", "S3")
@pytest.mark.parametrize("seed", range(6))
def test_a_stop_that_was_acknowledged_survives_the_loss_of_power(seed: int, tmp_path: Path) -> None:
    """Only what was forced to the disk is kept, and a random beginning of the rest: a torn last record included."""
    with World(definition(), tmp_path, seed=seed) as world:
        world.schedule(80.0)
        world.run(15.3).act(ActKind.STOP)
        world.run(0.05)
        assert len(world.trace.acknowledged) == 1
        with (tmp_path / "journal.jsonl").open("ab") as journal:
            journal.write(b'{"n": 99, "what": "rel')
        Fate(world).cut_power()
        world.boot()
        again_s = world.loop.time()
        world.run(20.0)
        assert {write.power_kw for write in world.trace.writes("b1") if write.sent_s > again_s} == {0.0}
        world.verify()


@pytest.mark.hazard("row 39", "D7")
def test_a_stop_that_the_slow_disk_had_not_taken_was_not_acknowledged(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(15.3)
        world.loop.disk_s = 5.0
        world.act(ActKind.STOP)
        world.run(2.0)
        assert world.trace.acknowledged == []
        assert world.trace.powers("b1")[-1][1] == 0.0  # it acts on the next tick, regardless
        Fate(world).cut_power()
        world.loop.disk_s = 0.0
        world.boot()
        assert "act 0" not in world.trace.boots[-1].kept
        world.run(5.0)
        world.verify("D7")


@pytest.mark.hazard("row 39")
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_takes_nothing_delays_no_tick_and_loses_no_stop(error: int, tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(15.3)
        world.disk.error = error
        world.run(1.0).act(ActKind.STOP)
        ticks = len(world.trace.ticks)
        world.run(5.0)
        assert len(world.trace.ticks) == ticks + 5
        assert world.trace.powers("b1")[-1][1] == 0.0
        assert world.trace.acknowledged == []
        world.disk.error = None
        world.verify()


@pytest.mark.hazard("F1", "F2", "F3", "F7", "S7")
@pytest.mark.parametrize("left", ["standing", "forgotten", "reset"])
@pytest.mark.parametrize("way", ["registers", "mqtt"])
def test_a_machine_that_slept_wakes_in_0_kw(way: str, left: str, tmp_path: Path) -> None:
    """In the middle of a tick's messages, for five minutes that its clocks count: nothing older than the sleep acts."""
    with reached(way, tmp_path, assets=1, cycle="1 s", site={}) as world:
        world.schedule(80.0)
        world.run(20.001)
        slept_s = world.loop.time()
        Fate(world).suspend(300.0, left=left)
        woke_s = world.loop.time()
        assert woke_s - slept_s == pytest.approx(300.0)
        world.trace.healed_s = woke_s
        world.run(30.0)
        sent = [write for write in world.trace.writes("b1") if write.sent_s >= woke_s]
        assert sent[0].power_kw == 0.0
        assert min(write.sent_s for write in sent if write.power_kw != 0.0) >= woke_s + 3.0
        assert world.trace.in_force("b1", world.loop.time()) == 80.0
        world.verify()


@pytest.mark.hazard("row 12", "H5i", "S9")
@pytest.mark.parametrize("left", ["standing", "forgotten", "reset"])
@pytest.mark.parametrize("way", ["registers", "mqtt"])
def test_a_paused_guest_is_covered_by_the_reversion(way: str, left: str, tmp_path: Path) -> None:
    """None of its clocks counted the pause: the battery is at 0 kW by itself, and what follows breaches nothing."""
    with reached(way, tmp_path, assets=1, cycle="1 s", site={}) as world:
        world.schedule(80.0)
        paused_s = world.run(20.001).loop.time()
        late_ns = world.true_ns() - world.utc_ns()
        Fate(world).suspend(300.0, counted=False, left=left)
        assert world.loop.time() == paused_s
        assert (late_ns, world.true_ns() - world.utc_ns()) == (0, 300 * 10**9)
        assert world.plants["b1"].state.battery.power_kw == 0.0
        world.run(5.0).late_ns = 0
        world.trace.healed_s = world.loop.time()
        world.run(95.0)
        assert world.trace.in_force("b1", world.loop.time()) == 80.0
        world.verify()
