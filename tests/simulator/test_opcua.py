"""The simulator's OPC UA server, through the library's own client and through `profile try`."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncua import Client, ua

from pipeline.trying import Target, TryError, read_once
from simulator.opcua import Face, OpcuaDevice
from simulator.plant import Plant
from simulator.points import load
from tests.simulator.conftest import a_plant

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-TEST-003", "LH-OPCUA-001", "LH-OPCUA-002")]

UTC_NS = 1_790_000_000 * 10**9


@pytest.fixture
async def device() -> AsyncIterator[OpcuaDevice]:
    faces = (Face(load("opcua-ess"), "ns=2;s=ESS"), Face(load("opcua-simulator"), "ns=2;s=Battery"))
    made = OpcuaDevice(a_plant(soc=55.0), faces, "127.0.0.1", 0, lambda: UTC_NS)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
        gc.unfreeze()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:  # the library's own, of subscriptions and sessions that it does not end
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def write(client: Client, node: str, value: Any, kind: ua.VariantType) -> None:
    await client.get_node(node).write_value(ua.DataValue(ua.Variant(value, kind)))


async def test_one_plant_has_two_faces_is_commanded_through_both_and_goes_and_comes_back(device: OpcuaDevice) -> None:
    plant: Plant = device.plant
    url = f"opc.tcp://127.0.0.1:{device.port}"
    async with Client(url) as client:
        await write(client, "ns=2;s=ESS.SetpointRequest", 80.0, ua.VariantType.Double)
        await write(client, "ns=2;s=ESS.ControllerCounter", 7, ua.VariantType.UInt32)
        plant.advance(5.0)
        await device.refresh()
        assert plant.state.battery.power_kw == 80.0
        told = await client.get_node("ns=2;s=ESS.ActivePower").read_data_value()
        assert told.Value is not None
        assert told.SourceTimestamp is not None
        assert (told.Value.Value, told.Value.VariantType) == (80.0, ua.VariantType.Double)
        assert told.SourceTimestamp.timestamp() * 1e9 == UTC_NS
        assert await client.get_node("ns=2;s=Battery.ActivePower").read_value() == 80.0
        await write(client, "ns=2;s=Battery.Setpoint.ActivePower", -40.0, ua.VariantType.Double)
        await device.refresh()
        assert await client.get_node("ns=2;s=ESS.Setpoint").read_value() == -40.0
        assert await client.get_node("ns=2;s=ESS.SerialNumber").read_value() == "SIM-000001"
        for node, value, kind in (
            ("ns=2;s=ESS.SetpointRequest", 1e6, ua.VariantType.Double),
            ("ns=2;s=ESS.SetpointRequest", float("nan"), ua.VariantType.Double),
            ("ns=2;s=ESS.SetpointRequest", 5, ua.VariantType.Int32),
            ("ns=2;s=ESS.SoC", 5.0, ua.VariantType.Double),
        ):
            with pytest.raises(ua.UaStatusCodeError):
                await write(client, node, value, kind)
        assert plant.state.battery.setpoint_kw == -40.0
        plant.board.switch("nan", True, plant.state.uptime_s)
        plant.advance(0.2)
        await device.refresh()
        said = await client.get_node("ns=2;s=ESS.SoC").read_data_value(raise_on_bad_status=False)
        assert said.StatusCode is not None
        assert said.StatusCode.value == ua.StatusCodes.BadSensorFailure

    seen = {point.name: point for point in await read_once(load("opcua-ess"), Target(url, node="ns=2;s=ESS"), 5.0)}
    assert (seen["soc"].quality, seen["setpoint"].shown) == ("protocol", "40 kW charging")
    earlier = {p.name: p for p in await read_once(load("opcua-simulator"), Target(url, node="ns=2;s=Battery"), 5.0)}
    assert earlier["alarms"].value == 0.0
    with pytest.raises(TryError, match="--node"):
        await read_once(load("opcua-ess"), Target(url), 1.0)
    with pytest.raises(TryError, match="not a node id"):
        await read_once(load("opcua-ess"), Target(url, node="ESS"), 1.0)

    serving = [device.serving]
    await device.cut()
    serving.append(device.serving)
    with pytest.raises(TryError, match="no session"):
        await read_once(load("opcua-ess"), Target(url, node="ns=2;s=ESS"), 1.0)
    await device.restore()
    assert [*serving, device.serving] == [True, False, True]
    assert len(await read_once(load("opcua-ess"), Target(url, node="ns=2;s=ESS"), 5.0)) == len(seen)
