"""Batteries on MQTT in the world: the production client against a broker on bytes, and what goes wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.simulation.kinds import FAULTS, KINDS
from pipeline.simulation.mqtt_world import MqttWorld, mqtt_definition, mqtt_storage
from pipeline.simulation.storm import storm
from simulator.broker import Delivered, Message
from sources.act import ActKind

pytestmark = [pytest.mark.safety, pytest.mark.hazard("row 4", "F1", "F2", "S2", "S7", "H5i")]


def world(folder: Path, assets: int = 1, seed: int = 0) -> MqttWorld:
    return MqttWorld(mqtt_definition(assets), folder, seed=seed, profile=mqtt_storage())


def test_a_schedule_becomes_power_over_mqtt(tmp_path: Path) -> None:
    with world(tmp_path, 2) as it:
        it.schedule(160.0)
        it.run(20.0)
        assert it.trace.moments[-1].power_kw == pytest.approx({"b1": 80.0, "b2": 80.0})
        it.verify()


@pytest.mark.parametrize("forget", [False, True])
def test_a_broker_that_restarts_is_0_kw_or_served_and_then_power_again(forget: bool, tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.schedule(80.0)
        it.run(15.0)
        it.trace.healthy = False
        for _ in range(3):
            it.broker.restart(forget=forget)
            it.run(2.0)
        it.trace.healed_s = it.loop.time()
        it.run(20.0)
        assert it.trace.in_force("b1", it.loop.time()) == 80.0
        it.verify(without=("L3",))


def test_a_broker_that_falls_silent_leaves_the_battery_at_its_reversion(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.schedule(80.0)
        it.run(15.0).line_of_broker.silent = True
        it.run(16.0)
        assert it.trace.moments[-1].power_kw["b1"] == 0.0
        it.verify()


def test_who_is_thrown_out_by_its_own_id_steps_back(tmp_path: Path) -> None:
    """DISCONNECT with "session taken over", again and again: counted as a second master, and no breach."""
    with world(tmp_path) as it:
        it.schedule(80.0)
        it.run(15.0)
        it.trace.healthy = False
        for _ in range(5):
            it.broker.evict()
            it.run(1.0)
        assert any("broker" in name for name in it.process.field.contested())
        it.run(30.0)
        it.verify(without=("L3",))


def test_retained_junk_is_neither_fresh_nor_a_command(tmp_path: Path) -> None:
    """Old telemetry, an old acknowledgement and noise lie at the broker: nothing runs on them."""
    with world(tmp_path) as it:
        it.run(10.0)
        said = it.broker.retained
        it.stations["b1"].lies.frozen = True
        it.junk("battery/b1/telemetry", b'{"soc": 50, "power": 0, "heartbeat": 1, "available": true, "remote": true}')
        it.junk("battery/b1/command/ack", b'{"command_id": "x", "accepted": true}')
        it.schedule(80.0)
        it.trace.healthy = False
        it.broker.restart(forget=False)
        it.run(20.0)
        assert set(said) >= {"battery/b1/telemetry"}
        assert it.trace.in_force("b1", it.loop.time()) == 0.0
        it.verify()


@pytest.mark.parametrize("seed", range(3))
def test_late_lost_and_reordered_bytes_breach_nothing(seed: int, tmp_path: Path) -> None:
    with world(tmp_path, 2, seed) as it:
        it.schedule(160.0)
        line = it.run(15.0).line_of_broker
        line.drop, line.delay_s, line.late = 0.2, 0.05, 0.05
        it.run(30.0)
        it.lies("b1").sentinel = {"soc"}
        it.run(5.0)
        it.lies("b1").sentinel = set()
        line.drop = line.delay_s = line.late = 0.0
        it.run(10.0).act(ActKind.STOP)
        it.run(5.0)
        assert it.trace.in_force("b1", it.loop.time()) == 0.0
        it.verify(without=("L3",))


def test_a_termination_is_confirmed_over_mqtt(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        it.schedule(80.0)
        assert it.run(15.0).terminate()
        assert it.trace.powers("b1")[-1][1] == 0.0


@pytest.mark.hazard("L1")
def test_a_connection_that_the_broker_forgot_is_given_up_by_the_keep_alive(tmp_path: Path) -> None:
    """Nothing comes back, not even the answer to a ping: after two keep-alive times there is a new connection."""
    with world(tmp_path) as it:
        it.schedule(80.0)
        it.run(15.0).line_of_broker.forget()
        it.trace.healed_s = it.loop.time()
        it.run(25.0)
        assert it.process.field.brokers["broker"].counters.connects == 2
        assert it.trace.in_force("b1", it.loop.time()) == 80.0
        it.verify()


@pytest.mark.hazard("S1", "S14")
@pytest.mark.parametrize("kind", ["odd", "scaled", "refused", "rival", *FAULTS["F19"]])
@pytest.mark.parametrize("seed", range(2))
def test_a_storm_over_mqtt_breaches_nothing(kind: str, seed: int, tmp_path: Path) -> None:
    """No number, an infinity, a denormal number and text in the documents; a broker that restarts, evicts, keeps."""
    with world(tmp_path, 2, seed) as it:
        it.schedule(160.0 * (-1) ** seed)
        storm(it.run(15.0), {kind: KINDS[kind]}, seconds=40.0, quiet_s=10.0)
        it.verify(without=("L1", "L3"))


@pytest.mark.hazard("S4")
def test_a_battery_that_moves_between_two_readings_is_no_infeed(tmp_path: Path) -> None:
    """Meter and telemetry half a second apart, 100 kW/s: 28 kW seemed to be fed in, and were charged beyond 300 kW."""
    site = mqtt_definition(2, site={"import_limit": "300 kW"})
    with MqttWorld(site, tmp_path, profile=mqtt_storage()) as it:
        it.schedule(-360.0)
        it.run(40.0).verify()
        assert it.trace.moments[-1].power_kw == pytest.approx({"b1": -150.0, "b2": -150.0}, abs=1.0)


@pytest.mark.hazard("S4")
def test_a_clock_that_is_half_a_second_off_is_no_load(tmp_path: Path) -> None:
    """Stamped 0.47 s before they arrive: 37 kW of load seemed to be there, 138 kW were fed in (seed 0)."""
    with MqttWorld(mqtt_definition(1, site={"export_limit": "103 kW"}), tmp_path, profile=mqtt_storage()) as it:
        it.wall_offset_ns = 470_000_000
        it.schedule(-100.0)
        it.run(20.0).schedule(175.0)
        it.run(40.0).verify()
        assert it.trace.moments[-1].power_kw["b1"] == pytest.approx(103.0, abs=1.0)


@pytest.mark.hazard("S4")
def test_power_that_turns_between_two_readings_is_no_infeed(tmp_path: Path) -> None:
    """Forth and back every second: readings show half of how far it goes; 180 of 173 kW were drawn (seed 41)."""
    with MqttWorld(mqtt_definition(1, site={"import_limit": "173 kW"}), tmp_path, profile=mqtt_storage()) as it:
        turns = [(3.0 + k, 4.0 + k, -250.0 if k % 2 else 250.0) for k in range(30)]
        it.run(12.0).plan([(0.0, 3.0, -250.0), *turns, (33.0, 90.0, -300.0)])
        it.run(60.0).verify()
        assert it.trace.moments[-1].power_kw["b1"] == pytest.approx(-173.0, abs=1.0)


@pytest.mark.hazard("S1")
def test_odd_numbers_are_on_the_wire(tmp_path: Path) -> None:
    with world(tmp_path) as it:
        heard: list[bytes] = []
        broker, publish = it.broker, it.broker.publish

        def overheard(message: Message, delivered: Delivered | None = None) -> None:
            heard.append(message.payload)
            publish(message, delivered)

        broker.publish = overheard  # type: ignore[method-assign]
        it.run(5.0).lies("b1").odd = 0.5
        it.run(15.0)
        said = b"".join(heard)
        assert all(word in said for word in (b"NaN", b" Infinity", b"-Infinity", b"5e-324", b"1e+308", b'"n/a"'))
        it.verify()
