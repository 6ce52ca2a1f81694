"""Our MQTT adapters against the simulated plant in a process of its own: two decoders that share no code."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from config import catalogue
from config.definition import Rated
from jit.codes import Mode, Quality, WriteStatus
from operators.cut import Command
from sinks.mqtt import MqttWriter
from sources.mqtt.schedule import ScheduleTopic
from sources.mqtt.telemetry import Telemetry
from sources.reading import Reading
from sources.receipt import Receipt
from sources.schedule import Schedule, ScheduleType, Withdrawal
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto
from tests.real.until import until

ROOT = Path(__file__).parents[2]
OPTIONS = ["--storage", "mqtt", "--meter-profile", "mqtt-meter", "--host", "127.0.0.1"]


class Newest(dict[str, Reading]):
    """The newest reading per device."""

    def emit(self, reading: Reading) -> None:
        self[reading.device] = reading


@pytest.mark.integration
@pytest.mark.req("LH-MQTT-001", "LH-MQTT-003", "LH-MQTT-005", "LH-MKT-001")
async def test_the_plant_follows_and_its_answers_are_understood(
    mosquitto: Mosquitto, connecting: Connecting, tmp_path: Path
) -> None:
    newest, receipts, schedules = Newest(), list[Receipt](), list[Schedule | Withdrawal]()
    storage, meter = catalogue.profile("mqtt-storage"), catalogue.profile("mqtt-meter")
    clock = asyncio.get_running_loop().time
    run = (sys.executable, "-m", "simulator", *OPTIONS, "--broker", mosquitto.url)
    with (tmp_path / "plant.log").open("wb") as log:
        plant = await asyncio.create_subprocess_exec(*run, cwd=ROOT, stdout=log, stderr=asyncio.subprocess.STDOUT)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_ended, plant)
        broker = await stack.enter_async_context(connecting(mosquitto))
        battery = Telemetry("bess1", storage, "battery/bess1/telemetry", broker, newest.emit)
        poc = Telemetry("site.poc", meter, "demo/poc/meter/telemetry", broker, newest.emit)
        market = ScheduleTopic(
            "requests.day_ahead", ScheduleType.DAY_AHEAD, "demo/day-ahead", broker, schedules.append, {"bess1"}
        )
        rated = Rated(charge=250.0, discharge=250.0, energy=500.0)
        where = ("battery/bess1/command", "battery/bess1/command/ack")
        writer = MqttWriter("bess1", storage, rated, broker, *where, receipts.append, clock)
        for part in (market.run(), writer.run()):
            stack.push_async_callback(_cancelled, asyncio.ensure_future(part))

        def value(source: Telemetry, device: str, point: str) -> float:
            return float(newest[device].values[source.points.index(point)])

        await until(lambda: len(newest) == 2 and schedules, 30.0)
        assert newest["bess1"].stamp_ns is not None
        assert all(code == Quality.VALID for code in newest["bess1"].quality)
        assert newest["site.poc"].quality[poc.points.index("frequency")] == Quality.VALID
        assert isinstance(schedules[0], Schedule)

        def follow(power_kw: float) -> bool:
            """Offer the command afresh, as the chain does each tick, and see whether the plant is there."""
            writer.offer(_command(power_kw, clock()))
            return abs(value(battery, "bess1", "power") - power_kw) < 15.0

        for power_kw in (60.0, -45.5):
            await until(lambda p=power_kw: follow(p), 30.0)  # type: ignore[misc]
        assert await writer.stop(5.0)
        await until(lambda: abs(value(battery, "bess1", "power")) < 15.0, 30.0)
    assert {receipt.status for receipt in receipts} == {WriteStatus.CONFIRMED}


def _command(power_kw: float, now_s: float) -> Command:
    now_ns = time.time_ns()
    mode = Mode.DISCHARGE if power_kw > 0 else Mode.CHARGE
    until_ns = now_ns + 3 * 10**9
    return Command(str(now_ns), 1, now_ns, "bess1", mode, power_kw, 0.0, until_ns, now_s + 3.0, 1, "test", "Schedule")


async def _ended(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def _cancelled(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
