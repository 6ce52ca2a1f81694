"""Finding the unit of a device behind a real server with several: by what it holds and says, once a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.asset import Identity
from config.profile import Point, Profile, TextPoint
from jit.codes import Quality, WriteStatus
from sinks.modbus.writer import ModbusWriter
from sources.modbus.device import ModbusDevice
from sources.modbus.errors import LinkDown, NotFound
from sources.modbus.source import ModbusSource
from sources.reading import Reading
from sources.receipt import Receipt
from tests.certification.modbus import RATED
from tests.real.modbus import Wire, load
from tests.real.until import until
from tests.sinks.opcua.test_writer import command

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-MODB-001", "LH-PROT-001", "LH-TEST-003")]

STORAGE = load("sunspec-storage", timeout=0.1)
SERIAL = STORAGE.address(STORAGE.identity["serial"])[1]
LAYOUT = STORAGE.place("holding 40070")[1]


def registers(serial: str, **changed: int) -> dict[int, int]:
    """A device of `STORAGE` with this serial number, some registers of it changed (`_40070=702`)."""
    points: list[Point | TextPoint] = [*STORAGE.read.values(), *STORAGE.write.values(), *STORAGE.identity.values()]
    held = {STORAGE.address(p)[1] + k: 0 for p in points for k in range(p.words)}
    for text, words in STORAGE.expects.items():
        held |= {STORAGE.place(text)[1] + k: word for k, word in enumerate(words)}
    octets = serial.encode().ljust(32, b"\0")
    held |= {SERIAL + k: int.from_bytes(octets[2 * k : 2 * k + 2], "big") for k in range(16)}
    return held | {int(name[1:]): word for name, word in changed.items()}


@dataclass
class Stand:
    wire: Wire
    device: ModbusDevice
    source: ModbusSource

    def asked(self) -> list[tuple[int, int]]:
        """Unit and function of every request on the wire."""
        found, rest = [], bytes(self.wire.sent)
        while len(rest) >= 8:
            found.append((rest[6], rest[7]))
            rest = rest[6 + int.from_bytes(rest[4:6], "big") :]
        return found

    async def poll(self) -> Reading:
        return await self.source.poll()


@asynccontextmanager
async def behind(
    units: Mapping[int, Mapping[int, int]], candidates: str, *, serial: str | None = None, profile: Profile = STORAGE,
    silent: frozenset[int] = frozenset(),
) -> AsyncIterator[Stand]:  # fmt: skip
    devices = [
        SimDevice(id=unit, simdata=[SimData(a, values=w, datatype=DataType.REGISTERS) for a, w in sorted(held.items())])
        for unit, held in units.items()
    ]
    server = ModbusTcpServer(devices, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    async with Wire(port) as wire:
        wire.forward = lambda octets: b"" if octets[6] in silent else octets
        identity = None if serial is None else Identity(serial=serial)
        url = f"modbus-tcp://127.0.0.1:{wire.port}/{candidates}"
        clock = asyncio.get_running_loop().time
        device = ModbusDevice("bess1", profile, url, clock, jitter=lambda: 0.0, identity=identity)
        keeping = asyncio.create_task(device.connection.keep())
        try:
            await until(lambda: device.connection.connected)
            yield Stand(wire, device, device.source(lambda _reading: None))
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            device.close()
            await server.shutdown()  # type: ignore[no-untyped-call]


TWO = {3: registers("A-1"), 7: registers("A-2"), 9: registers("B-1", _40070=702)}


async def test_the_unit_is_the_one_whose_identity_is_asked_for() -> None:
    async with behind(TWO, "1-9", serial="A-2") as stand:
        reading = await stand.poll()
        assert (reading.quality & int(Quality.VALID)).any()
        assert stand.device.connection.unit(stand.device.unit) == 7
        before = len(stand.asked())
        await stand.poll()
        assert {unit for unit, _ in stand.asked()[before:]} == {7}  # the others are left in peace from then on


async def test_the_unit_is_the_one_that_holds_what_its_profile_expects() -> None:
    async with behind({2: registers("A-1", _40070=702), 5: registers("A-1")}, "2,5") as stand:
        await stand.poll()
        assert stand.device.connection.unit(stand.device.unit) == 5


@pytest.mark.safety
@pytest.mark.hazard("row 3", "S20")
@pytest.mark.parametrize(("candidates", "serial", "said"), [
    ("3,7", None, "units 3 and 7 are all what is asked for"),
    ("1-9", "C-1", "none of its 9 units from 1 to 9"),
    ("1,9", None, "none of its 2 units from 1 to 9"),
])  # fmt: skip
async def test_when_two_units_fit_or_none_nothing_is_believed_and_nothing_written(
    candidates: str, serial: str | None, said: str
) -> None:
    """S20: which device it is is never guessed."""
    async with behind(TWO, candidates, serial=serial) as stand:
        receipts: list[Receipt] = []
        writer = ModbusWriter(stand.device, RATED, receipts.append)
        writing = asyncio.create_task(writer.run())
        reading = await stand.poll()
        assert set(reading.quality) == {int(Quality.PROTOCOL)}
        assert said in stand.source.fault
        before = len(stand.asked())
        await stand.poll()  # at once: it is asked again after a while, not at every poll
        assert len(stand.asked()) == before
        writer.offer(command(50.0, stand.device.clock() + 30.0, 1))
        await until(lambda: receipts)
        assert receipts[0].status is WriteStatus.WITHHELD
        assert {function for _, function in stand.asked()} == {3}
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


async def test_silent_units_cost_a_time_out_each_and_not_the_connection() -> None:
    async with behind(TWO, "1-9", serial="A-2", silent=frozenset({1, 2, 4, 5, 6, 8})) as stand:
        await stand.poll()
        assert stand.device.connection.unit(stand.device.unit) == 7
        assert stand.device.connection.connects == 1


@pytest.mark.safety
async def test_another_connection_is_another_search_and_until_then_nothing_is_asked_of_the_unit_before() -> None:
    """S20: after a gateway comes back the units may be others."""
    async with behind(TWO, "1-9", serial="A-2") as stand:
        await stand.poll()
        stand.wire.cut()
        await until(lambda: stand.device.connection.connects == 2 and stand.device.connection.connected)
        assert stand.device.connection.unit(stand.device.unit) is None
        with pytest.raises(NotFound):
            async with stand.device.connection.turn():
                await stand.device.connection.read(stand.device.unit, "holding", LAYOUT, 2)
        await stand.poll()
        assert stand.device.connection.unit(stand.device.unit) == 7


async def test_a_connection_that_is_lost_while_it_looks_finds_nothing() -> None:
    async with behind(TWO, "3,7", serial="A-2") as stand:
        stand.wire.change = stand.wire.cut_instead
        with pytest.raises(LinkDown):
            await stand.device.seeking.find()
        stand.wire.change = lambda reply: reply
        await until(lambda: stand.device.connection.connects > 1 and stand.device.connection.connected)
        with suppress(NotFound):
            await stand.device.seeking.find()
        assert stand.device.connection.unit(stand.device.unit) == 7
