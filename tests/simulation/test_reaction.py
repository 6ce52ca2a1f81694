"""How soon it is safe and how soon it is back, measured on the wire, at both cycles."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.simulation.site import definition, storage
from pipeline.simulation.storm import Strike, endure
from pipeline.simulation.world import World
from simulator.battery import Battery
from simulator.faults import Fault
from sources.act import ActKind

pytestmark = pytest.mark.safety
cycles = pytest.mark.parametrize("cycle", ["1 s", "100 ms"])

SAFE_S, BACK_S = 2.0, 10.0
BIG = {
    "rated": {"charge": "10 MW", "discharge": "10 MW", "energy": "20 MWh"},
    "ramp": {"up": "0.5 MW/s", "down": "0.5 MW/s"},
}


def last_power_s(world: World, asset: str = "b1") -> float:
    """When the newest set-point other than 0 left."""
    return max((write.sent_s for write in world.trace.writes(asset) if write.power_kw != 0), default=0.0)


@pytest.mark.hazard("row 1", "S2", "S7")
@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
def test_a_limit_that_falls_from_10_mw_to_0_is_exceeded_in_no_tick(cycle: str, tmp_path: Path) -> None:
    """10 MW at a ramp of 0.5 MW/s: from the first tick that can know it, no set-point is above the limit."""
    cells = Battery(charge_kw=1e4, discharge_kw=1e4, energy_kwh=2e4, slew_kw_per_s=1e5)
    with World(definition(1, cycle=cycle, asset=BIG), tmp_path, battery=cells) as world:
        world.schedule(10_000.0)
        world.run(30.0)
        assert world.trace.powers("b1")[-1][1] == 10_000.0
        world.fault("b1", Fault.BMS_LIMIT, limit_kw=0.0)
        world.run(5.0)
        known_s = next(said.at_s for said in world.stations["b1"].said if said.values.get("discharge_limit") == 0.0)
        first_tick_s = next(tick for tick in world.trace.ticks if tick > known_s + 0.01)
        assert last_power_s(world) < first_tick_s
        world.verify()


def silence(world: World) -> None:
    world.line("b1").silent = True


def cut(world: World) -> None:
    world.line("b1").cut = True
    world.line("b1").break_()


def freeze(world: World) -> None:
    world.lies("b1").frozen = True


def refuse(world: World) -> None:
    world.lies("b1").busy = True


def without(point: str) -> Callable[[World], None]:
    def lose(world: World) -> None:
        world.lies("b1").sentinel = {point}

    lose.__name__ = f"without_{point}"
    return lose


def heal(world: World) -> None:
    world.line("b1").silent = world.line("b1").cut = False
    world.lies("b1").frozen = world.lies("b1").busy = False
    world.lies("b1").sentinel = set()


LOSSES = [silence, cut, freeze, refuse, *(without(p) for p in ("soc", "power", "available", "remote", "alarms"))]


@pytest.mark.hazard("row 4", "row 5", "F1", "F2", "L1", "L2", "peer 2")
@pytest.mark.parametrize(
    ("lose", "cycle"),
    [*((lose, "1 s") for lose in LOSSES), *((lose, "100 ms") for lose in (silence, freeze, LOSSES[-1]))],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_required_signal_that_is_lost_is_0_kw_in_2_s_beyond_its_age(
    lose: Callable[[World], None], cycle: str, tmp_path: Path
) -> None:
    """No set-point other than 0 later than the maximum age and 2 s; power again within 10 s of its return."""
    with World(definition(cycle=cycle), tmp_path) as world:
        world.schedule(80.0)
        world.run(12.0)
        lost_s, age_s = world.loop.time(), world.site.assets["b1"].stale_after
        lose(world)
        world.run(age_s + SAFE_S + 3.0)
        assert last_power_s(world) <= lost_s + age_s + SAFE_S
        reaches = world.trace.powers("b1")
        if lose not in (silence, cut, refuse):
            assert reaches[-1][1] == 0.0  # and it is written, not only kept back
        heal(world)
        world.trace.healed_s = world.loop.time()
        world.run(BACK_S + 2.0)
        assert world.trace.in_force("b1", world.trace.healed_s + BACK_S) != 0.0
        world.verify()


@pytest.mark.hazard("row 4", "F2", "peer 14")
def test_a_weak_device_that_answers_and_stands_still_is_0_kw_in_2_s_beyond_frozen_after(tmp_path: Path) -> None:
    """No proof of freshness in the profile: `frozen_after` counts instead of the maximum age."""
    frozen_s = 10.0
    site = definition(chain={"snapshot": {"frozen_after": f"{frozen_s} s"}})
    with World(site, tmp_path, profile=storage(0.5, fresh_by=None)) as world:
        world.schedule(80.0)
        world.run(15.0)
        lost_s = world.loop.time()
        freeze(world)
        world.run(frozen_s + SAFE_S + 5.0)
        assert 0.0 < last_power_s(world) <= lost_s + frozen_s + SAFE_S


@pytest.mark.hazard("row 8", "S9", "H5i")
def test_a_device_that_begins_to_read_the_words_the_other_way_round_ends_at_0_kw(tmp_path: Path) -> None:
    """It refuses or misreads what it is told and shows other values: no write feeds it, and it is at 0 kW in time."""
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(15.0)
        world.lies("b1").swapped = True
        world.run(16.0)
        assert world.trace.moments[-1].power_kw["b1"] == 0.0
        assert all(abs(moment.power_kw["b1"]) <= 80.0 for moment in world.trace.moments)


@pytest.mark.hazard("S9")
def test_a_set_point_that_cannot_be_read_back_is_unknown_and_latches_nothing(tmp_path: Path) -> None:
    """Found by the campaign (seed 3): a register that is "not implemented" for 7 s counted as another set-point."""
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(12.0).lies("b1").sentinel = {"setpoint"}
        world.run(10.0).lies("b1").sentinel = set()
        world.run(3.0)
        assert world.trace.in_force("b1", world.loop.time()) == 80.0
        world.verify()


@pytest.mark.hazard("S9", "row 4")
@cycles
def test_a_page_that_freezes_while_the_set_point_moves_latches_nothing(cycle: str, tmp_path: Path) -> None:
    """Found by the campaign (seeds 30, 38, 53): until it was known to be frozen, the old page was another set-point."""
    with World(definition(cycle=cycle), tmp_path) as world:
        for power in (240.0, -240.0):
            world.schedule(power)
            world.run(1.6)
            world.lies("b1").frozen = True
            world.run(8.0)
            world.lies("b1").frozen = False
            world.run(75.0)
        assert world.trace.in_force("b1", world.loop.time()) == -240.0
        world.verify()


@pytest.mark.hazard("S10", "L1")
def test_a_state_machine_that_failed_while_remote_was_unknown_has_seen_no_local_control(tmp_path: Path) -> None:
    """Found by the campaign (seed 12): it forgot that the device was remote, and waited for somebody to activate."""
    strikes = [Strike("sentinel", "b1", 0.0, 4.0, {"point": "remote"}),
               Strike("raising", "b1", 1.5, 2.5, {"stage": "state_machine"})]  # fmt: skip
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        endure(world.run(12.0), strikes, quiet_s=75.0)
        assert world.trace.in_force("b1", world.loop.time()) == 80.0
        world.verify()


@pytest.mark.hazard("row 10", "F4")
@cycles
def test_a_device_that_restarts_is_armed_again_before_power(cycle: str, tmp_path: Path) -> None:
    with World(definition(cycle=cycle), tmp_path) as world:
        world.schedule(80.0)
        world.run(12.0).fault("b1", Fault.RESET)
        world.trace.healed_s = world.loop.time()
        world.run(BACK_S + 2.0)
        assert world.trace.moments[-1].power_kw["b1"] == pytest.approx(80.0)
        world.verify()


@pytest.mark.hazard("row 26", "S4", "L2")
@cycles
def test_a_meter_that_is_required_is_missed_in_time(cycle: str, tmp_path: Path) -> None:
    site = definition(cycle=cycle, chain={"snapshot": {"require": ["site.poc"]}})
    with World(site, tmp_path) as world:
        world.schedule(80.0)
        world.run(12.0)
        lost_s, age_s = world.loop.time(), site.site.meters["poc"].stale_after
        world.line("poc").silent = True
        world.run(age_s + SAFE_S + 2.0)
        assert 0.0 < last_power_s(world) <= lost_s + age_s + SAFE_S
        world.line("poc").silent = False
        back_s = world.loop.time()
        world.run(BACK_S)
        assert last_power_s(world) > back_s


@pytest.mark.hazard("row 26", "S4", "S21", "peer 6")
def test_without_the_meter_declared_load_and_pv_stand_in(tmp_path: Path) -> None:
    """400 kW may be fed in, 150 kW of PV may be there: 250 kW are left for the batteries once the meter is old."""
    limits = {"export_limit": "400 kW", "max_pv": "150 kW"}
    with World(definition(2, site=limits), tmp_path) as world:
        world.schedule(480.0)
        world.run(20.0)
        assert sum(world.trace.in_force(asset, world.loop.time()) for asset in ("b1", "b2")) > 390.0
        world.line("poc").silent = True
        world.run(8.0)
        assert sum(world.trace.in_force(asset, world.loop.time()) for asset in ("b1", "b2")) <= 250.0
        world.verify()


@pytest.mark.hazard("peer 6", "S4", "S21")
def test_one_of_three_that_is_unreachable_counts_at_its_last_power(tmp_path: Path) -> None:
    """Three batteries at an export limit: what the lost one was told is kept free until it must have reverted."""
    with World(definition(3, site={"export_limit": "300 kW"}), tmp_path) as world:
        world.schedule(600.0)
        world.run(20.0)
        kept = world.trace.in_force("b1", world.loop.time())
        world.line("b1").silent = True
        for _ in range(5):
            world.run(1.0)
            others = sum(world.trace.in_force(asset, world.loop.time()) for asset in ("b2", "b3"))
            assert others + kept <= 300.5
        world.verify()


@pytest.mark.hazard("row 11", "H5i")
@cycles
def test_a_dead_process_leaves_the_device_at_its_reversion_value(cycle: str, tmp_path: Path) -> None:
    with World(definition(cycle=cycle), tmp_path) as world:
        world.schedule(80.0)
        world.run(15.0).kill()
        world.run(9.0)
        assert world.trace.moments[-1].power_kw["b1"] == 80.0  # the device's own time has not passed
        world.run(6.0)
        assert world.trace.moments[-1].power_kw["b1"] == 0.0
        world.verify()


@pytest.mark.hazard("row 12", "row 39", "H4", "peer 8")
def test_a_stop_stands_after_a_kill_and_no_old_command_comes_back(tmp_path: Path) -> None:
    """Killed the moment after the stop is on disk: the next process is silent, then writes 0 kW."""
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(15.0).act(ActKind.STOP)
        world.run(0.1).kill()
        world.run(2.0).boot()
        again_s = world.loop.time()
        world.run(20.0)
        later = [write for write in world.trace.writes("b1") if write.sent_s > again_s]
        assert {write.power_kw for write in later} == {0.0}
        world.verify()


@pytest.mark.hazard("row 12", "H4", "peer 9")
def test_a_restarted_process_begins_at_measured_power(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.schedule(200.0)
        world.run(15.0).kill()
        world.run(0.5).boot()
        world.run(15.0)
        assert world.trace.in_force("b1", world.loop.time()) == 200.0
        world.verify()


@pytest.mark.hazard("row 34", "F7")
@pytest.mark.parametrize("step_s", [-86_400, -1.5, 1.5, 86_400])
def test_a_step_of_the_wall_clock_changes_nothing_on_the_wire(step_s: float, tmp_path: Path) -> None:
    """The same seed with and without the step: the same set-points, while the step has not lasted."""

    def powers(folder: str, step_s: float) -> list[tuple[float, float]]:
        with World(definition(), tmp_path / folder) as world:
            world.schedule(180.0, seconds=30.0)
            world.run(9.0)
            world.wall_offset_ns = int(step_s * 1e9)
            world.run(15.0)
            return [(round(at, 3), power) for at, power in world.trace.powers("b1")]

    assert powers("steady", 0.0) == powers("stepped", step_s)


@pytest.mark.hazard("H6i", "peer 12")
@cycles
def test_an_end_on_request_writes_0_kw_and_says_when_it_could_not(cycle: str, tmp_path: Path) -> None:
    with World(definition(2, cycle=cycle), tmp_path) as world:
        world.schedule(160.0)
        world.run(12.0)
        assert world.terminate()
        assert [world.trace.powers(asset)[-1][1] for asset in ("b1", "b2")] == [0.0, 0.0]
        world.verify()
        world.boot()
        world.run(12.0).line("b2").silent = True
        assert not world.terminate()


@pytest.mark.hazard("row 17", "S9")
@cycles
def test_a_device_that_discards_and_agrees_at_0_kw_latches_the_second_time(cycle: str, tmp_path: Path) -> None:
    """It acknowledges every write and stays at 0 kW: power is asked of it twice, then no more until somebody looks."""
    with World(definition(cycle=cycle), tmp_path) as world:
        world.run(8.0)
        world.lies("b1").discards = True
        world.schedule(80.0)
        world.run(120.0)
        asked = [power for _, power in world.trace.powers("b1")]
        tries = sum(1 for before, now in pairwise(asked) if before == 0.0 != now)
        assert 1 <= tries <= 2
        last_s, world.lies("b1").discards = last_power_s(world), False
        world.run(100.0)
        assert last_power_s(world) == last_s
        world.verify(without=("L1",))  # somebody has to lift what latched
