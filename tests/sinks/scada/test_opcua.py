"""The OPC UA server for SCADA, read by a real client: named values, unknown ones bad, nothing to write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaStatusCodeError

from jit.codes import State
from sinks.scada.blocks import values
from sinks.scada.opcua import OpcuaServer, OpcuaServerError
from tests.real.until import until
from tests.sinks.scada.test_server import Shown

pytestmark = [pytest.mark.req("LH-CONF-004", "LH-OPCUA-001"), pytest.mark.integration, pytest.mark.timeout(180)]
EVERYTHING = ("snapshot", "command", "alarms")


@asynccontextmanager
async def serving(shown: Shown, publish: tuple[str, ...] = EVERYTHING) -> AsyncIterator[tuple[OpcuaServer, Client]]:
    server = OpcuaServer("scada", "127.0.0.1", 0, values=lambda: values(shown, publish), every_s=0.05)
    server.offer(None)
    running = asyncio.create_task(server.run())
    try:
        await until(lambda: server.listening or running.done(), 120.0)
        async with Client(f"opc.tcp://127.0.0.1:{server.port}/") as client:
            yield server, client
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def read(client: Client, name: str) -> ua.DataValue:
    return await client.get_node(f"ns=2;s={name}").read_data_value(raise_on_bad_status=False)


async def number(client: Client, name: str) -> Any:
    said = (await read(client, name)).Value
    return None if said is None else said.Value


async def test_a_client_reads_what_people_are_shown_and_writes_nothing() -> None:
    shown = Shown()
    async with serving(shown) as (server, client):
        told: dict[str, Any] = {name: await number(client, name) for name in (
            "site.poc_kw", "site.tick", "assets.bess1.state", "assets.bess1.soc_percent", "assets.bess1.command_kw",
            "alarms.standing", "meters.poc.power", "meters.poc.valid")}  # fmt: skip
        assert list(told.values()) == [-12.5, 4711.0, float(State.DISCHARGING), 55.25, 80.5, 1.0, -12.5, 1.0]
        for unknown in ("site.frequency_hz", "assets.bess1.temperature_celsius", "assets.bess2.command_kw",
                        "meters.poc.frequency"):  # fmt: skip
            said = await read(client, unknown)
            assert said.StatusCode is not None
            assert said.StatusCode.value == ua.StatusCodes.BadNoData, "unknown is never 0"
        with pytest.raises(UaStatusCodeError):
            await client.get_node("ns=2;s=site.tick").write_value(1.0)
        shown.tick = 4712
        server.offer(None)
        for _ in range(200):
            if await number(client, "site.tick") == 4712.0:
                break
            await asyncio.wait({asyncio.ensure_future(asyncio.Event().wait())}, timeout=0.05)
        else:
            pytest.fail("the newest tick is never shown")


@pytest.mark.parametrize("name", ["admin", "Admin"])
async def test_nobody_becomes_one_who_may_write_by_calling_himself_so(name: str) -> None:
    """The library lets a client of that name write and delete, whatever its password."""
    async with serving(Shown()) as (server, _):
        client = Client(f"opc.tcp://127.0.0.1:{server.port}/")
        client.set_user(name)
        client.set_password("anything")
        async with client:
            with pytest.raises(UaStatusCodeError):
                await client.get_node("ns=2;s=site.poc_kw").write_value(1.0)
            with pytest.raises(UaStatusCodeError):
                await client.delete_nodes([client.get_node("ns=2;s=site.poc_kw")])
            assert await number(client, "site.poc_kw") == -12.5


async def test_only_what_is_chosen_is_there() -> None:
    async with serving(Shown(), ("snapshot",)) as (_, client):
        assert await number(client, "assets.bess1.soc_percent") == 55.25
        for absent in ("assets.bess1.command_kw", "alarms.standing"):
            said = await read(client, absent)
            assert said.StatusCode is not None
            assert said.StatusCode.value == ua.StatusCodes.BadNodeIdUnknown


async def test_a_port_that_is_taken_is_said(unused_tcp_port: int) -> None:
    taken = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", unused_tcp_port)
    async with taken:
        server = OpcuaServer("scada", "127.0.0.1", unused_tcp_port, values=lambda: values(Shown(), EVERYTHING))
        server.offer(None)
        with pytest.raises(OpcuaServerError, match="cannot listen"):
            await server.run()
    assert not server.listening
