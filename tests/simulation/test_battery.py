"""Whether it is the configured battery, whether its charge follows its energy, and whether it stands full for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from jit import constants as c
from jit.codes import Proved
from pipeline.simulation.checks import verify
from pipeline.simulation.faults import devices
from pipeline.simulation.site import definition
from pipeline.simulation.ways import reached
from pipeline.simulation.world import World
from sinks.modbus.proving import Proving
from sources.act import ActKind

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-TEST-001")]


def identified(folder: Path) -> World:
    return reached("registers", folder, assets=2, cycle="1 s", site={}, identified=True)


def broke(world: World) -> set[str]:
    return {breach.invariant for breach in verify(world.trace)}


@pytest.mark.hazard("row 49", "S20")
def test_another_device_at_the_address_is_never_written_to(tmp_path: Path) -> None:
    with identified(tmp_path) as world:
        world.schedule(160.0)
        world.run(20.0)
        assert world.trace.in_force("b1", world.loop.time()) == 80.0
        end = devices.exchanged(world, "b1")
        world.run(30.0)
        assert world.trace.moments[-1].power_kw["b1"] == 0.0
        end()
        world.run(20.0)
        for kind in (ActKind.ACKNOWLEDGE, ActKind.ACTIVATE):
            world.act(kind)
            world.run(2.0)
        assert world.run(20.0).trace.in_force("b1", world.loop.time()) == pytest.approx(80.0, abs=2.0)
        world.verify()


@pytest.mark.hazard("row 49", "S20")
def test_a_writer_that_asks_nobody_who_he_is_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Proving, "lacks", lambda _self: Proved.NONE)
    with identified(tmp_path) as world:
        world.schedule(160.0)
        world.run(20.0)
        devices.exchanged(world, "b1")
        world.run(10.0)
        assert "S20" in broke(world)


@pytest.mark.hazard("row 2", "S17")
def test_a_charge_that_no_energy_explains_is_not_acted_on(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(20.0)
        devices.scaled(world, "b1", "soc", 1.5)
        world.run(60.0)
        assert world.trace.powers("b1")[-1][1] == 0.0
        world.verify()


@pytest.mark.hazard("row 2", "S17")
def test_who_believes_any_charge_is_found(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        constants = world.process.compiled.constants
        constants.ratings.flags.writeable = True
        constants.ratings[c.PHYSICS_PCT] = 1e6
        world.schedule(80.0)
        world.run(20.0)
        devices.scaled(world, "b1", "soc", 1.5)
        world.run(60.0)
        assert broke(world) == {"S17"}


@pytest.mark.hazard("row 47", "S19")
def test_who_stands_full_for_too_long_is_in_the_list_of_alarms(tmp_path: Path) -> None:
    with World(definition(), tmp_path, soc_pct=60.0) as world:
        world.run(90.0)
        assert "b1.soc_dwell" in world.trace.used[-1].alarms
        world.verify()
        world.trace.used[-1] = world.trace.used[-1]._replace(alarms=frozenset())
        assert broke(world) == {"S19"}
