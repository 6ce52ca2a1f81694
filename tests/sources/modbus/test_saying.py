"""Texts of a device, against a real server: read between polls, shown, and nothing of them ever in a reading."""

from __future__ import annotations

import asyncio

import pytest
from pymodbus.constants import ExcCodes

from config.profile import Profile
from jit.codes import Quality
from sources.modbus.device import ModbusDevice
from sources.points import point_names
from sources.reading import Reading
from sources.said import MOST, Said
from tests.real.modbus import Server, Wire, load
from tests.real.until import until

pytestmark = [pytest.mark.req("LH-MODB-001", "LH-OPS-004", "LH-TEST-003")]

TEXTS = {
    "firmware": {"register": "holding 41000", "length": 4, "label": "Firmware"},
    "status": {"register": "holding 41010", "length": 8},
}
PROFILE: Profile = load("sunspec-storage", poll=0.02, timeout=0.2, texts=TEXTS)


def words(text: str, count: int) -> list[int]:
    octets = text.encode().ljust(2 * count, b"\0")
    return [int.from_bytes(octets[2 * k : 2 * k + 2], "big") for k in range(count)]


@pytest.mark.integration
async def test_texts_are_read_once_in_each_connection_and_never_in_a_reading() -> None:
    readings: list[Reading] = []
    async with Server(PROFILE) as server, Wire(server.port) as wire:
        await server.put_sample()
        await server.put("holding 41000", *words("2.17-b", 4))
        await server.put("holding 41010", *words("grid \x1b[2J fine", 8))
        device = ModbusDevice("bess1", PROFILE, wire.url(), asyncio.get_running_loop().time, jitter=lambda: 0.0)
        running = asyncio.create_task(device.source(readings.append).run())
        try:
            await until(lambda: len(device.said.listed()) == 2 and len(readings) > 8)
            assert device.said.listed() == [
                {"name": "firmware", "label": "Firmware", "text": "2.17-b"},
                {"name": "status", "label": "status", "text": "grid \N{REPLACEMENT CHARACTER}[2J fine"},
            ]
            asked = [address for function, address, _ in server.requests if function == 3]
            assert (asked.count(41000), asked.count(41010)) == (1, 1)
            assert "firmware" not in point_names(PROFILE)
            assert (readings[-1].quality & int(Quality.VALID)).any()
            server.refuse[41010] = ExcCodes.ILLEGAL_ADDRESS  # another firmware does not say it
            await server.put("holding 41000", *words("2.18", 4))
            wire.cut()
            await until(lambda: device.said.listed() == [{"name": "firmware", "label": "Firmware", "text": "2.18"}])
            before = len(readings)
            await until(lambda: len(readings) > before + 3)
            assert (readings[-1].quality & int(Quality.VALID)).any()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            device.close()


@pytest.mark.integration
@pytest.mark.safety
@pytest.mark.hazard("row 3")
async def test_a_text_that_costs_the_connection_twice_is_not_asked_for_again() -> None:
    """What is measured and commanded never waits for words: a device that falls silent when asked is left in peace."""
    readings: list[Reading] = []
    async with Server(PROFILE) as server, Wire(server.port) as wire:
        await server.put_sample()
        asked: list[int] = []

        def deaf(octets: bytes) -> bytes:
            address = int.from_bytes(octets[8:10], "big")
            asked.append(address)
            return b"" if address == 41000 else octets

        wire.forward = deaf
        device = ModbusDevice("bess1", PROFILE, wire.url(), asyncio.get_running_loop().time, jitter=lambda: 0.0)
        running = asyncio.create_task(device.source(readings.append).run())
        try:
            await until(lambda: wire.connections == 3 and [text["name"] for text in device.said.listed()] == ["status"])
            before = len(readings)
            await until(lambda: len(readings) > before + 10)
            assert asked.count(41000) == 2
            assert wire.connections == 3
            assert all((reading.quality & int(Quality.VALID)).any() for reading in readings[-5:])
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            device.close()


def test_a_text_is_printable_and_never_long() -> None:
    said = Said(Profile.model_validate(PROFILE.model_dump() | {"texts": {"a": {"register": "holding 1"}}}))
    said.take("a", "x" * 1000)
    assert said.listed()[0]["text"] == "x" * MOST
    said.take("a", "\u202eevil\n")
    assert said.listed()[0]["text"] == "\N{REPLACEMENT CHARACTER}evil\N{REPLACEMENT CHARACTER}"
    said.take("a", None)
    assert said.listed() == []


@pytest.mark.parametrize(("name", "texts", "said"), [
    ("sunspec-storage", {"soc": {"register": "holding 41000"}}, "is a read point already"),
    ("sunspec-storage", {"a": {"path": "a.b"}}, "needs `register`"),
    ("sunspec-storage", {"a": {"register": "coil 1"}}, "is not `holding"),
    ("mqtt-storage", {"a": {"register": "holding 1"}}, "needs `path`"),
    ("opcua-ess", {"a": {"node": "Firmware"}}, "is not read over OPC UA"),
])  # fmt: skip
def test_a_text_that_would_not_be_read_is_refused(name: str, texts: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load(name, texts=texts)
