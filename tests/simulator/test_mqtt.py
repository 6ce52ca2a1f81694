"""The plant's MQTT clients against a real mosquitto, with a client of our own on the other side."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from gmqtt import Client

from simulator import mqtt, points, telemetry
from simulator.mqtt import Grid, Link, Market, MqttBattery
from simulator.plant import Plant, Told
from tests.real.mosquitto import Mosquitto
from tests.simulator.conftest import a_plant, until

pytestmark = pytest.mark.integration

STORAGE = points.load("mqtt-storage")
METER = points.load("mqtt-meter")
MARKET = Market("demo/day-ahead", seed=1, power_kw=200.0, energy_kwh=500.0)
DAY_NS = 86_400 * 1_000_000_000


async def pause(_seconds: float) -> None:
    await asyncio.sleep(0.02)


class Listener:
    """The other side: every message, newest last."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Any, bool]] = []
        self.client = Client(f"listener-{id(self):x}")
        self.client.on_message = self._take

    def _take(self, _client: Client, topic: str, payload: bytes, _qos: int, properties: dict[str, Any]) -> int:
        self.messages.append((topic, json.loads(payload), bool(properties["retain"])))
        return 0

    def on(self, topic: str) -> list[Any]:
        return [message for name, message, _ in self.messages if name == topic]


@asynccontextmanager
async def listening(broker: Mosquitto) -> AsyncIterator[Listener]:
    listener = Listener()
    await listener.client.connect("127.0.0.1", broker.port)
    listener.client.subscribe("#", qos=1)
    try:
        yield listener
    finally:
        await listener.client.disconnect()


@asynccontextmanager
async def opened(*links: Link) -> AsyncIterator[None]:
    for link in links:
        link.open()
    try:
        await until(lambda: all(link.connected for link in links))
        yield
    finally:
        for link in links:
            await link.close()


def a_grid(broker: Mosquitto, plant: Plant) -> Grid:
    return Grid(mqtt.broker(broker.url), pause, plant, METER, "demo/poc/meter", MARKET)


def a_battery(broker: Mosquitto, plant: Plant) -> MqttBattery:
    return MqttBattery(mqtt.broker(broker.url), pause, plant, STORAGE, "bess1", "battery/{asset}", time.time_ns)


def a_command(command_id: str, power_kw: float, seconds: float = 5.0) -> dict[str, Any]:
    return {
        "command_id": command_id,
        "asset_id": "bess1",
        "mode": "Discharge" if power_kw > 0 else "Charge" if power_kw < 0 else "Idle",
        "active_power_kw": power_kw,
        "valid_until": telemetry.rfc3339(time.time_ns() + int(seconds * 1e9)),
    }


@pytest.mark.req("LH-MQTT-001", "LH-TEST-003")
async def test_meter_and_schedule_reach_a_subscriber(mosquitto: Mosquitto, plant: Plant) -> None:
    grid = a_grid(mosquitto, plant)
    async with listening(mosquitto) as listener, opened(grid.link):
        now = time.time_ns()
        plant.advance(0.5)
        grid.publish(now)
        await until(lambda: listener.on("demo/poc/meter/telemetry") and listener.on("demo/day-ahead"))
        message = listener.on("demo/poc/meter/telemetry")[0]
        assert message["power_kw"] == pytest.approx(plant.state.grid.poc_kw, abs=1e-4)
        assert message["timestamp"] == telemetry.rfc3339(now)
        assert len(listener.on("demo/day-ahead")[0]["windows"]) == 192


@pytest.mark.req("LH-MKT-001")
async def test_the_schedule_is_retained_and_renewed_when_the_day_turns(mosquitto: Mosquitto, plant: Plant) -> None:
    grid = a_grid(mosquitto, plant)
    async with opened(grid.link):
        for moment in (0, 1, DAY_NS):
            grid.publish(1_790_000_000 * 1_000_000_000 + moment)
        async with listening(mosquitto) as late:
            await until(lambda: late.on("demo/day-ahead"))
            (retained,) = [kept for topic, _, kept in late.messages if topic == "demo/day-ahead"]
            assert retained
            assert late.on("demo/day-ahead")[0]["version"] == 1_790_000_000 + 86_400


async def test_a_silent_meter_says_nothing_while_the_schedule_stays(mosquitto: Mosquitto, plant: Plant) -> None:
    plant.board.switch("meter", True, 0.0)
    plant.advance(0.1)
    grid = a_grid(mosquitto, plant)
    async with listening(mosquitto) as listener, opened(grid.link):
        grid.publish(time.time_ns())
        await until(lambda: listener.on("demo/day-ahead"))
        assert listener.on("demo/poc/meter/telemetry") == []


@pytest.mark.req("LH-MQTT-002", "LH-MQTT-005", "LH-TEST-003")
async def test_a_command_moves_the_battery_and_is_acknowledged(mosquitto: Mosquitto) -> None:
    plant = a_plant(feeds="power")
    battery = a_battery(mosquitto, plant)
    async with listening(mosquitto) as listener, opened(battery.link):
        await until(lambda: _subscribed(mosquitto))
        listener.client.publish("battery/bess1/command", a_command("c1", -120.0), qos=1)
        await until(lambda: listener.on("battery/bess1/command/ack"))
        assert listener.on("battery/bess1/command/ack")[0] | {"dispatched_at": ""} == {
            "command_id": "c1",
            "accepted": True,
            "dispatched_at": "",
        }
        plant.advance(3.0)
        battery.publish(time.time_ns())
        await until(lambda: listener.on("battery/bess1/telemetry") and listener.on("battery/bess1/status"))
        assert listener.on("battery/bess1/telemetry")[0]["active_power_kw"] == -120.0
        assert listener.on("battery/bess1/status")[0]["state"] == "charging"


@pytest.mark.req("LH-MQTT-003", "LH-TEST-003")
async def test_a_fault_is_said_once_when_it_comes(mosquitto: Mosquitto, plant: Plant) -> None:
    battery = a_battery(mosquitto, plant)
    async with listening(mosquitto) as listener, opened(battery.link):
        for on in (False, True, True, False, True):
            plant.board.switch("alarm", on, plant.state.uptime_s)
            plant.advance(0.1)
            battery.publish(time.time_ns())
        await until(lambda: len(listener.on("battery/bess1/telemetry")) == 5 and listener.on("battery/bess1/fault")[1:])
        assert [message["fault_status"] for message in listener.on("battery/bess1/fault")] == ["isolation-fault"] * 2


@pytest.mark.req("LH-TEST-003")
async def test_a_battery_that_is_played_says_each_frame_once_and_nothing_between(
    mosquitto: Mosquitto, plant: Plant
) -> None:
    battery = a_battery(mosquitto, plant)
    plant.told = Told(1, {"soc": 110.0, "power": -25.5}, fault="thermal-runaway")
    battery.publish(time.time_ns())  # while there is no connection: it is said once there is one
    async with listening(mosquitto) as listener, opened(battery.link):
        for number in (1, 1, 2, 2):
            plant.told = Told(number, {"soc": 110.0, "power": -25.5}, fault="thermal-runaway")
            plant.advance(0.1)
            battery.publish(time.time_ns())
        await until(lambda: len(listener.on("battery/bess1/telemetry")) == 2)
        said = listener.on("battery/bess1/telemetry")
        assert [message["heartbeat"] for message in said] == [1, 2]
        assert [message["fault_status"] for message in said] == ["thermal-runaway"] * 2
        assert {message["soc_percent"] for message in said} == {110.0}


def _subscribed(broker: Mosquitto) -> bool:
    return "battery/bess1/command (QoS 1)" in broker.log


@pytest.mark.safety
@pytest.mark.req("LH-MQTT-005", "LH-SAFE-007")
async def test_unsound_commands_are_answered_and_move_nothing(mosquitto: Mosquitto) -> None:
    plant = a_plant(feeds="power")
    battery = a_battery(mosquitto, plant)
    async with listening(mosquitto) as listener:
        listener.client.publish("battery/bess1/command", a_command("kept", 50.0), qos=1, retain=True)
        await until(lambda: "'battery/bess1/command'" in mosquitto.log)
        async with opened(battery.link):
            await until(lambda: _subscribed(mosquitto))
            listener.client.publish("battery/bess1/command", b"{no json", qos=0)
            listener.client.publish("battery/bess1/command", a_command("late", 50.0, seconds=-1.0), qos=1)
            listener.client.publish("battery/bess1/command", a_command("big", 900.0), qos=1)
            await until(lambda: len(listener.on("battery/bess1/command/ack")) == 3)
        answers = {answer["command_id"]: answer for answer in listener.on("battery/bess1/command/ack")}
        assert [answers[name]["accepted"] for name in ("kept", "late", "big")] == [False, False, False]
        assert "retained" in answers["kept"]["reason"]
        assert (plant.state.battery.setpoint_kw, plant.writes.accepted, plant.writes.refused) == (0.0, 0, 4)


@pytest.mark.req("LH-MQTT-005")
async def test_a_repeated_command_is_answered_again_but_not_executed_again(mosquitto: Mosquitto) -> None:
    plant = a_plant(feeds="power")
    battery = a_battery(mosquitto, plant)
    async with listening(mosquitto) as listener, opened(battery.link):
        await until(lambda: _subscribed(mosquitto))
        for _ in range(2):
            listener.client.publish("battery/bess1/command", a_command("twice", 50.0), qos=1)
        await until(lambda: len(listener.on("battery/bess1/command/ack")) == 2)
        first, second = listener.on("battery/bess1/command/ack")
        assert first == second
        assert plant.writes.accepted == 2  # mode and power, once


@pytest.mark.req("LH-TEST-003")
async def test_a_frozen_battery_repeats_itself_and_answers_nothing(mosquitto: Mosquitto) -> None:
    plant = a_plant(feeds="power")
    battery = a_battery(mosquitto, plant)
    async with listening(mosquitto) as listener, opened(battery.link):
        await until(lambda: _subscribed(mosquitto))
        battery.publish(time.time_ns())
        plant.board.switch("freeze", True, plant.state.uptime_s)
        plant.advance(1.0)
        battery.publish(time.time_ns())
        listener.client.publish("battery/bess1/command", a_command("lost", 50.0), qos=1)
        await until(lambda: len(listener.on("battery/bess1/telemetry")) == 2 and listener.on("battery/bess1/command"))
        plant.board.switch("freeze", False, plant.state.uptime_s)
        plant.advance(0.1)
        listener.client.publish("battery/bess1/command", a_command("heard", 50.0), qos=1)
        await until(lambda: listener.on("battery/bess1/command/ack"))
        first, second = listener.on("battery/bess1/telemetry")
        assert first == second
        assert [answer["command_id"] for answer in listener.on("battery/bess1/command/ack")] == ["heard"]


@pytest.mark.req("LH-TEST-003")
async def test_a_broker_that_comes_goes_and_returns_is_followed(mosquitto: Mosquitto, plant: Plant) -> None:
    mosquitto.kill()
    grid = a_grid(mosquitto, plant)
    grid.link.open()
    grid.publish(time.time_ns())  # nobody there: not sent, not raised
    try:
        for _ in range(2):
            mosquitto.start()
            await until(lambda: grid.link.connected)
            async with listening(mosquitto) as listener:
                grid.publish(time.time_ns())  # a broker that lost everything gets the schedule anew
                await until(lambda: listener.on("demo/day-ahead") and listener.on("demo/poc/meter/telemetry"))
            mosquitto.kill()
            await until(lambda: not grid.link.connected)
    finally:
        await grid.link.close()


async def test_a_broker_with_users_takes_only_those(tmp_path: Any, plant: Plant) -> None:
    with Mosquitto(tmp_path, users={"plant": "se@cret"}) as broker:
        good, bad = (
            mqtt.broker(f"mqtt://plant:{password}@127.0.0.1:{broker.port}") for password in ("se%40cret", "wrong")
        )
        refused = Grid(bad, pause, plant, METER, "m", None)
        refused.link.open()
        async with opened(Grid(good, pause, plant, METER, "m", None).link):
            await until(lambda: "not authorised" in broker.log)
            assert not refused.link.connected
        await refused.link.close()
        assert "cret" not in f"{good!r} {good}"


async def test_a_broker_that_knows_only_the_old_version_is_spoken_to_in_it(plant: Plant) -> None:
    versions: list[int] = []

    async def old_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(2)
        packet = await reader.readexactly(head[1])
        versions.append(packet[6])
        writer.write(b"\x20\x02\x00\x01" if packet[6] != 4 else b"\x20\x02\x00\x00")
        await writer.drain()
        if packet[6] == 4:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(old_broker, "127.0.0.1", 0)
    link = Link("test", mqtt.broker(f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"), pause, lambda: None)
    link.open()
    try:
        await until(lambda: link.connected)
        assert versions == [5, 4]
    finally:
        await link.close()
        server.close()


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "127.0.0.1:1883", "mqtt://host:port", "mqtt://[::1"])
def test_a_url_that_is_no_broker_is_refused(url: str) -> None:
    with pytest.raises(mqtt.BrokerUrlError):
        mqtt.broker(url)


def test_broker_urls() -> None:
    assert (mqtt.broker("mqtt://a").port, mqtt.broker("mqtts://a").port, mqtt.broker("mqtts://a").tls) == (
        1883,
        8883,
        True,
    )
    assert mqtt.broker("mqtt://u:p%40x@a:5").credentials == ("u", "p@x")
