"""Several units behind one gateway: one connection, and a silent unit that its neighbours do not notice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus.constants import ExcCodes

from jit.codes import Quality
from sources.modbus.connection import Connection
from sources.modbus.device import ModbusDevice
from sources.modbus.errors import LeftAlone, NoReply, Rejected
from sources.modbus.silent import FIRST_S, LONGEST_S, Silent
from sources.reading import Reading
from tests.real.modbus import Server, Wire, load
from tests.real.until import until

METER = load("grid-meter", poll=0.02, timeout=0.3)


@asynccontextmanager
async def gateway(answers: int = 1) -> AsyncIterator[tuple[Wire, Connection, dict[int, ModbusDevice]]]:
    """Units 1 and 3 behind one wire; requests to other units than `answers` are swallowed."""

    def swallow(octets: bytes) -> bytes:
        return octets if octets[6] == answers else b""

    async with Server(METER) as server, Wire(server.port) as wire:
        await server.put_sample()
        wire.forward = swallow
        clock = asyncio.get_running_loop().time
        first = ModbusDevice("site.poc", METER, wire.url(), clock, jitter=lambda: 0.0)
        third = ModbusDevice("site.pv", METER, wire.url().replace("/1", "/3"), clock, connection=first.connection)
        try:
            yield wire, first.connection, {1: first, 3: third}
        finally:
            first.close()


def test_a_unit_is_left_alone_longer_and_longer_until_it_answers() -> None:
    now = [0.0]
    silent = Silent(lambda: now[0])
    silent.units |= {1, 3}
    waits = []
    for _ in range(5):
        silent.missed(3)
        waits.append(silent.wait_s(3))
        now[0] += silent.wait_s(3)
    assert waits == [FIRST_S, 2.0, LONGEST_S, LONGEST_S, LONGEST_S]
    assert silent.wait_s(1) == 0.0
    silent.missed(3)
    silent.heard(3)
    assert silent.wait_s(3) == 0.0
    silent.missed(3)
    assert silent.wait_s(3) == FIRST_S


def test_a_unit_alone_on_its_connection_is_never_left_alone() -> None:
    silent = Silent(lambda: 0.0)
    silent.units.add(1)
    silent.missed(1)
    assert silent.wait_s(1) == 0.0


@pytest.mark.integration
@pytest.mark.req("LH-MODB-005", "LH-PROT-003")
@pytest.mark.hazard("row 4")
async def test_a_silent_unit_does_not_take_its_neighbours_along() -> None:
    async with gateway() as (wire, connection, devices):
        seen: dict[str, list[Reading]] = {"site.poc": [], "site.pv": []}
        tasks = [
            asyncio.create_task(device.source(lambda reading: seen[reading.device].append(reading)).run())
            for device in devices.values()
        ]
        await until(lambda: len(seen["site.poc"]) > 30 and len(seen["site.pv"]) > 3)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        after = seen["site.poc"][1:]
        assert all((reading.quality & Quality.PROTOCOL == 0).all() for reading in after)
        assert all((reading.quality == Quality.PROTOCOL).all() for reading in seen["site.pv"])
        assert (wire.connections, connection.connects) == (1, 1)


@pytest.mark.integration
async def test_a_unit_that_is_left_alone_costs_no_time_and_nothing_is_sent() -> None:
    async with gateway() as (wire, connection, _):
        assert await connection.connect()
        with pytest.raises(NoReply, match="unit 3"):
            await connection.read(3, "input", 0, 2)
        sent = len(wire.sent)
        with pytest.raises(LeftAlone, match="asked again in"):
            await connection.read(3, "input", 0, 2)
        with pytest.raises(LeftAlone):
            await connection.write(3, "holding", 0, [1], allowed=lambda: True)
        assert len(wire.sent) == sent
        assert await connection.read(1, "input", 10, 2) == [0, 1234]


@pytest.mark.integration
async def test_a_gateway_that_answers_nobody_is_closed() -> None:
    async with gateway(answers=9) as (_, connection, devices):
        assert await connection.connect()
        ModbusDevice("site.bess", METER, "modbus-tcp://127.0.0.1:1/5", devices[1].clock, connection=connection)
        for unit in (1, 3, 5):
            assert connection.connected
            with pytest.raises(NoReply):
                await connection.read(unit, "input", 0, 2)
        assert not connection.connected


@pytest.mark.integration
@pytest.mark.hazard("row 4")
async def test_a_late_reply_of_a_silent_unit_answers_nobody() -> None:
    """The socket stays for the neighbours: what comes late has another transaction and is thrown away."""
    async with gateway() as (wire, connection, _):
        late: list[bytes] = []

        def swallow(octets: bytes) -> bytes:
            if octets[6] == 3:
                late.append(octets[:2] + b"\0\0\0\7\3\4\4" + b"\xde\xad\xbe\xef")
                return b""
            return octets

        wire.forward = swallow
        assert await connection.connect()
        with pytest.raises(NoReply):
            await connection.read(3, "input", 0, 2)
        wire.change = lambda reply: late.pop() + reply if late else reply
        assert await connection.read(1, "input", 10, 2) == [0, 1234]
        assert not late
        assert connection.connects == 1


@pytest.mark.integration
async def test_a_gateway_that_knows_no_path_to_a_unit_leaves_it_alone_too() -> None:
    async with Server(METER) as server:
        clock = asyncio.get_running_loop().time
        first = ModbusDevice("site.poc", METER, server.url(), clock)
        ModbusDevice("site.pv", METER, server.url().replace("/1", "/3"), clock, connection=first.connection)
        assert await first.connection.connect()
        server.refuse[0] = ExcCodes.GATEWAY_NO_RESPONSE
        with pytest.raises(Rejected, match="target did not respond"):
            await first.connection.read(1, "input", 0, 2)
        with pytest.raises(LeftAlone):
            await first.connection.read(1, "input", 0, 2)
        first.close()
