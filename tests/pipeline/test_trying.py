"""`profile try` against real servers: what is read is what the sample says, and nothing is ever written."""

from __future__ import annotations

import asyncio
import json
from math import isnan
from typing import Any

import pytest

from config.catalogue import profile
from pipeline.trying import Target, TryError, read_once
from tests.real.modbus import Server
from tests.real.mosquitto import Mosquitto, mosquitto
from tests.real.observer import Observer

__all__ = ["mosquitto"]
pytestmark = [pytest.mark.req("LH-CONF-002", "LH-MODB-003"), pytest.mark.integration]


def meant(name: str) -> dict[str, Any]:
    return profile(name).sample["decodes_to"]  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["sunspec-storage", "grid-meter"])
async def test_a_modbus_device_is_read_once_and_never_written(name: str) -> None:
    async with Server(profile(name)) as server:
        await server.put_sample()
        server.requests.clear()
        seen = {point.name: point for point in await read_once(profile(name), Target(server.url()), 5.0)}
        assert {function for function, _, _ in server.requests} <= {1, 2, 3, 4}
    for point, value in meant(name).items():
        assert isnan(seen[point].value) if value is None else seen[point].value == pytest.approx(value, rel=1e-6)
    assert seen["power"].shown in {"80 kW discharging", "80 kW feeding in"}


async def test_a_device_that_refuses_says_so() -> None:
    shipped = profile("sunspec-storage")
    with pytest.raises(TryError):
        await read_once(shipped, Target("modbus-tcp://127.0.0.1:1/1"), 1.0)


async def test_a_device_on_mqtt_is_read_from_its_next_message(mosquitto: Mosquitto) -> None:
    shipped = profile("mqtt-storage")
    target = Target(mosquitto.url, "plant/bess1")
    trying = asyncio.create_task(read_once(shipped, target, 20.0))
    async with Observer(mosquitto.url) as device:
        while not trying.done():
            device.publish("plant/bess1/telemetry", json.loads(str(shipped.sample["payload"])))
            await asyncio.wait({trying}, timeout=0.1)
    seen = {point.name: point for point in await trying}
    assert seen["discharge_limit"].shown == "37 kW"
    assert seen["available"].shown == "yes"


async def test_a_broker_needs_a_topic() -> None:
    with pytest.raises(TryError, match="--topic"):
        await read_once(profile("mqtt-meter"), Target("mqtt://127.0.0.1:1"), 1.0)
