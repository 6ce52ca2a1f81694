"""Cable pulled, gateway evicting us, broker restarted, device rebooted: 0 kW in time, and power again by itself.

    lost ──► maximum age + 2 s ──► no power any more … healed ──► connected: 2 s, MQTT 12.5 s ──► 10 s ──► power again

Judged on the wire and by what the device does; `docs/devices.md` §5 lists the fault of every protocol with its test.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.simulation.mqtt_world import MqttWorld, mqtt_definition, mqtt_storage
from pipeline.simulation.site import definition
from pipeline.simulation.world import World
from simulator.faults import Fault

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-PROT-003", "LH-PROT-004", "LH-CTRL-007")]
SAFE_S, BACK_S, REVERTS_S = 2.0, 10.0, 12.0


def over_mqtt(folder: Path) -> MqttWorld:
    return MqttWorld(mqtt_definition(), folder, profile=mqtt_storage())


def over_modbus(folder: Path) -> World:
    return World(definition(), folder)


#: And how long it takes to connect again: the longest back-off; two keep-alive times of 5 s, looked at every 2.5 s.
RETRY = [(over_modbus, 2.0), (over_mqtt, 12.5)]


def pull(world: World) -> None:
    world.line("b1").silent = True


def plug(world: World) -> None:
    world.line("b1").silent = False


def switch_off(world: World) -> None:
    world.line("b1").cut = True
    world.line("b1").break_()


def switch_on(world: World) -> None:
    world.line("b1").cut = False


def power_kw(world: World) -> float:
    return world.trace.moments[-1].power_kw["b1"]


@pytest.mark.hazard("row 4", "row 10", "row 15", "L1", "L2")
@pytest.mark.parametrize(("make", "retry_s"), RETRY, ids=["modbus", "mqtt"])
@pytest.mark.parametrize(("lose", "heal"), [(pull, plug), (switch_off, switch_on)], ids=["cable", "server"])
@pytest.mark.parametrize("away_s", [1.0, 20.0, 300.0])
def test_who_was_away_is_at_0_kw_meanwhile_and_led_again_in_time(
    make: Callable[[Path], World], retry_s: float, lose: Callable[[World], None], heal: Callable[[World], None],
    away_s: float, tmp_path: Path,
) -> None:  # fmt: skip
    """Nothing reaches a device that is not heard; it reverts; then one new command, computed anew, within the time."""
    with make(tmp_path) as world:
        world.schedule(80.0)
        world.run(15.0)
        lost_s, age_s = world.loop.time(), world.site.assets["b1"].stale_after
        lose(world)
        world.run(away_s)
        late = [write.sent_s for write in world.trace.writes("b1") if write.power_kw != 0.0]
        assert max(late) <= lost_s + age_s + SAFE_S
        if away_s > REVERTS_S + age_s:
            assert power_kw(world) == 0.0
        heal(world)
        world.trace.healed_s = world.loop.time()
        world.run(retry_s + BACK_S + 2.0)
        assert world.trace.in_force("b1", world.trace.healed_s + retry_s + BACK_S) == 80.0
        assert power_kw(world) == pytest.approx(80.0)
        world.verify()


@pytest.mark.hazard("row 13", "S14", "L1")
def test_a_gateway_that_evicts_us_again_and_again_is_named_and_led_again_once_it_stops(tmp_path: Path) -> None:
    """A second master behind a gateway for one client: held at 0 kW while it lasts, no power by chance in between."""
    with over_modbus(tmp_path) as world:
        world.schedule(80.0)
        world.run(15.0)
        for _ in range(40):
            world.line("b1").break_()
            world.run(0.5)
        assert any("b1" in name for name in world.process.field.contested())
        world.trace.healed_s = world.loop.time()
        world.run(60.0 + BACK_S + 2.0)
        assert power_kw(world) == pytest.approx(80.0)
        world.verify(without=("L3",))


@pytest.mark.hazard("row 10", "F4", "L1")
def test_a_battery_on_mqtt_that_restarts_is_led_again(tmp_path: Path) -> None:
    """It forgets its set-point and is away for 5 s: what it gets afterwards is a new command."""
    with over_mqtt(tmp_path) as world:
        world.schedule(80.0)
        world.run(15.0).fault("b1", Fault.RESET, 5.0)
        world.run(5.0)
        world.trace.healed_s = world.loop.time()
        world.run(BACK_S + 2.0)
        assert power_kw(world) == pytest.approx(80.0)
        world.verify()
