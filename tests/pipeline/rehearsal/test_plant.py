"""The healthy plant: it follows what `cut` would send, measures what it does, and fails as it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from jit.codes import WriteStatus
from operators.cut import cut
from pipeline.compile import Compiled, compile_definition
from pipeline.rehearsal.world import ChainError, World
from tests.pipeline.rehearsal.site import suite

pytestmark = pytest.mark.req("LH-CONF-001")

ANY = "- { name: it, expect: [ { at: 1 s, bess1.command: 0 kW } ] }"


@pytest.fixture
def compiled(tmp_path: Path) -> Compiled:
    made = suite(tmp_path, ANY)
    assert made.definition is not None
    return compile_definition(made.definition, made.profiles)


def running(compiled: Compiled) -> World:
    world = World(compiled)
    for _ in range(8):
        world.step()
    assert world.permitted("bess1")
    return world


def test_it_follows_what_would_be_written(compiled: Compiled) -> None:
    world = World(compiled)
    battery = world.plant.batteries["bess1"]
    for tick in range(60):
        match tick:
            case 10:
                world.request("day_ahead", 120.0, None)
            case 20:
                world.act("stop", None)
            case 30:
                world.act("release", None)
            case 40:
                world.act("deactivate", "bess1")
        before = battery.power
        command = cut(world.step(), 0)
        assert battery.power == (before if command is None else command.power_kw), tick
        assert (battery.written == battery.written) is (command is not None), tick


def test_meters_see_batteries_load_and_pv(compiled: Compiled) -> None:
    world = running(compiled)
    world.plant.load_kw, world.plant.pv_kw = 70.0, 20.0
    world.request("day_ahead", 30.0, None)
    for _ in range(3):
        frame = world.step()
    assert frame.at_site("poc_kw") == 30.0 + 20.0 - 70.0
    assert frame.at_site("other_kw") == -50.0
    assert frame.points[frame.layout.point_index["site.pv.power"]] == 20.0


@pytest.mark.parametrize(
    ("word", "status"),
    [("refused", WriteStatus.REFUSED), ("failed", WriteStatus.FAILED), ("different", WriteStatus.DIFFERENT)],
)
def test_a_write_can_go_wrong(compiled: Compiled, word: str, status: WriteStatus) -> None:
    world = running(compiled)
    world.plant.write_status("bess1", word)
    world.request("day_ahead", 50.0, None)
    world.step()
    assert world.step()["write_status"][0] == status
    assert world.plant.batteries["bess1"].power == 0.0  # not done, or done and then held back by the chain


def test_a_pinned_power_does_not_follow(compiled: Compiled) -> None:
    world = running(compiled)
    world.plant.devices["bess1"].pin("power", -20.0)
    world.request("day_ahead", 50.0, None)
    for _ in range(2):
        frame = world.step()
    assert frame["command_kw"][0] == 50.0
    assert frame["power_kw"][0] == -20.0
    assert world.plant.flow_kw == -20.0


def test_a_stale_device_ages_and_recovers(compiled: Compiled) -> None:
    world = running(compiled)
    device = world.plant.devices["bess1"]
    device.condition = "stale"
    ages = [float(world.step()["age_s"][0]) for _ in range(3)]
    assert ages == pytest.approx([6.0, 7.0, 8.0])
    device.condition = "healthy"
    assert float(world.step()["age_s"][0]) == 0.0


def test_a_defect_of_the_chain_is_no_failed_test(compiled: Compiled) -> None:
    world = running(compiled)

    world.entry.snapshot.offers = None  # type: ignore[assignment]
    with pytest.raises(ChainError, match="snapshot: AttributeError"):
        world.step()
