"""What a slow link may still carry: only the newest command, and nothing once its asset is silent."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from config import catalogue
from jit.codes import Mode, WriteStatus
from sinks.mqtt import MqttWriter
from tests.real.connection import Connecting, connecting
from tests.real.mosquitto import Mosquitto, mosquitto
from tests.real.observer import Observer
from tests.real.until import until
from tests.sinks.modbus.test_writer import bench
from tests.sinks.test_mqtt import ACK, COMMAND, RATED, command

__all__ = ["connecting", "mosquitto"]
pytestmark = pytest.mark.integration


@pytest.mark.req("LH-SAFE-005", "LH-KTX-002")
async def test_a_command_that_waits_when_its_asset_falls_silent_is_not_sent() -> None:
    """The device was switched to LOCAL while a read held the line: the command of the tick before stays here."""
    async with bench() as device:
        async with device.writer._connection.turn():
            device.offer(80.0)
            await until(lambda: not device.writer.conflating._waiting)  # taken, waiting for its turn
            device.writer.silence()
        receipt = await device.receipt()
        assert receipt.status == WriteStatus.EXPIRED
        assert device.wire.writes() == []
        device.offer(10.0, tick=2)  # armed again
        assert (await device.receipt(2)).status == WriteStatus.CONFIRMED


@pytest.mark.req("LH-SAFE-001", "LH-PROT-001")
async def test_a_stop_does_not_queue_behind_the_power_that_waits_for_its_turn() -> None:
    async with bench() as device:
        async with device.writer._connection.turn():
            device.offer(200.0)
            await until(lambda: not device.writer.conflating._waiting)
            device.offer(0.0, tick=2, mode=Mode.STOP)
        receipt = await device.receipt()
        assert (receipt.tick, receipt.written_kw, receipt.status) == (2, 0.0, WriteStatus.CONFIRMED)
        assert len(device.wire.writes()) == 2  # of the stop alone


@pytest.mark.req("LH-SAFE-005", "LH-MQTT-003")
async def test_over_mqtt_a_waiting_command_dies_with_the_authority(
    mosquitto: Mosquitto, connecting: Connecting
) -> None:
    async with Observer(mosquitto.url) as battery, connecting(mosquitto) as broker:
        writer = MqttWriter(
            "bess1", catalogue.profile("mqtt-storage"), RATED, broker, COMMAND, ACK,
            lambda _receipt: None, asyncio.get_running_loop().time,
        )  # fmt: skip
        await until(lambda: f"{ACK} (QoS 1)" in mosquitto.log)
        writer.offer(command(1))
        writer.silence()
        task = asyncio.ensure_future(writer.run())
        writer.offer(command(2, 10.0))
        await until(lambda: battery.on(COMMAND))
        assert [seen.document["command_id"] for seen in battery.on(COMMAND)] == ["c2"]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
