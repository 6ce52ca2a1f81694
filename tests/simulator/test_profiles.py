"""Every shipped Modbus profile can be simulated, and what the simulator's codec says the product's codec reads.

    Plant ─► simulator/registers.py ─► wire ─► sources/modbus ─► the plant's values again

Two codecs that share no code: a mistake in either one is found by the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import isnan
from typing import Any

import pytest

from config import catalogue
from config.definition import Rated
from config.profile import Profile
from jit.codes import Mode, Quality, WriteStatus
from operators.cut import Command
from simulator.modbus import ModbusDevice as Simulated
from simulator.modbus import Unit
from simulator.page import Layout
from simulator.registers import cell, decode, encode
from sinks.modbus.writer import ModbusWriter
from sources.modbus.device import ModbusDevice
from sources.points import point_names
from sources.receipt import Receipt
from tests.golden import words as golden
from tests.real.until import until
from tests.simulator.conftest import a_plant

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-TEST-003", "LH-MODB-001", "LH-MODB-003", "LH-MODB-004")]

MODBUS = [name for name in catalogue.names() if catalogue.profile(name).protocol == "modbus"]
STORAGE = [name for name in MODBUS if catalogue.profile(name).kind == "storage"]
RATED = Rated(charge=250.0, discharge=250.0, energy=500.0)
WITHIN = {"charge_limit": 1.0, "discharge_limit": 1.0, "frequency": 0.05, "voltage": 1.0, "current": 1.0}

#: Parts of a register, swapped bytes, and scales that the device says, read and written.
HABITS = Profile.model_validate({
    "name": "habits", "version": 1, "protocol": "modbus", "kind": "storage", "sign": "positive_is_charge",
    "addressing": "one_based",
    "read": {
        "soc": {"register": "holding 101", "type": "uint16", "byte_order": "little", "scale": 0.1, "unit": "%"},
        "power": {"register": "holding 102", "type": "int32", "word_order": "little", "byte_order": "little",
                  "scale_register": "holding 120", "unit": "W"},
        "dc_voltage": {"register": "holding 104", "type": "uint16", "scale_register": "holding 121", "unit": "V"},
        "available": {"register": "holding 105", "type": "uint16", "bits": [4, 2], "yes": [2], "values": {1: "open"}},
        "remote": {"register": "holding 105", "type": "uint16", "bits": [0, 1], "yes": [1]},
        "heartbeat": {"register": "holding 105", "type": "uint16", "bits": [8, 8]},
        "temperature": {"register": "holding 106", "type": "float32", "word_order": "big", "byte_order": "little",
                        "unit": "°C"},
        "setpoint": {"register": "holding 110", "type": "int16", "scale_register": "holding 120", "unit": "W"},
    },
    "write": {"power": {"register": "holding 110", "type": "int16", "scale_register": "holding 120", "unit": "W"}},
    "watchdog": {"point": "power", "reverts_after": "10 s"},
    "readable": ["holding 101-125"],
    "texts": {"state": {"register": "holding 201", "length": 8}, "firmware": {"register": "holding 209"}},
})  # fmt: skip


@asynccontextmanager
async def simulated(profile: Profile, power_kw: float = 20.0) -> AsyncIterator[tuple[Simulated, ModbusDevice]]:
    plant = a_plant(feeds="power", arms=bool(profile.arm))
    plant.write("power", power_kw)
    for _ in range(30):
        plant.advance(0.1)
    server = Simulated([(plant, profile)], "127.0.0.1", 0)
    await server.start()
    url = f"modbus-tcp://127.0.0.1:{server.port}/1"
    device = ModbusDevice("bess1", profile, url, asyncio.get_running_loop().time)
    try:
        assert await device.connection.connect()
        yield server, device
    finally:
        device.close()
        await server.cut()


async def read(device: ModbusDevice) -> dict[str, tuple[float, int]]:
    source = device.source(lambda _reading: None)
    reading = await source.poll()
    assert source.fault == ""
    return {name: (float(value), int(quality)) for name, value, quality
            in zip(point_names(device.profile), reading.values, reading.quality, strict=True)}  # fmt: skip


@pytest.mark.parametrize("name", MODBUS)
async def test_every_shipped_profile_is_served_and_read_as_the_plant_says(name: str) -> None:
    profile = catalogue.profile(name)
    async with simulated(profile) as (server, device):
        plant: Any = server.units[0].plant
        said = plant.reported().values if profile.kind == "storage" else plant.metered()
        found = await read(device)
        assert any(quality == Quality.VALID for _, quality in found.values()) or name == "sma-edmm"
        for point, (value, quality) in found.items():
            expected = said.get(point)
            if expected is None or quality != Quality.VALID or profile.read[point].yes:
                assert quality in (Quality.VALID, Quality.MISSING), point
                continue
            limit = 655.35 if (name, point) == ("victron-gx", "dc_voltage") else expected  # all that it can say
            assert min(value, limit) == pytest.approx(min(expected, limit), abs=WITHIN.get(point, 0.11)), point


@pytest.mark.parametrize("name", [*STORAGE, "habits"])
async def test_every_shipped_storage_profile_is_commanded(name: str) -> None:
    profile = HABITS if name == "habits" else catalogue.profile(name)
    async with simulated(profile, 0.0) as (server, device):
        receipts: list[Receipt] = []
        writer = ModbusWriter(device, RATED, receipts.append)
        task = asyncio.create_task(writer.run())
        try:
            for tick, power_kw in enumerate((-12.0, 12.0), 1):
                writer.offer(
                    Command(
                        id=f"c-{tick}", tick=tick, issued_ns=0, asset="bess1", power_kw=power_kw, reactive_kvar=0.0,
                        mode=Mode.DISCHARGE if power_kw > 0 else Mode.CHARGE, valid_until_ns=0, heartbeat=tick,
                        deadline_s=device.clock() + 30.0, reason="test", source="Schedule",
                    )
                )  # fmt: skip
                await until(lambda: bool(receipts) and receipts[-1].tick == tick)  # noqa: B023 - waited for in the loop
                assert receipts[-1].status in (WriteStatus.CONFIRMED, WriteStatus.WRITTEN), receipts[-1]
                plant = server.units[0].plant
                assert plant.value("setpoint") == pytest.approx(power_kw, abs=0.1)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_bits_bytes_and_scales_of_its_own_are_served_and_read() -> None:
    async with simulated(HABITS) as (server, device):
        plant = server.units[0].plant
        found = await read(device)
        assert {quality for _, quality in found.values()} == {Quality.VALID}
        assert found["power"][0] == pytest.approx(20.0, abs=0.01)
        assert found["setpoint"][0] == pytest.approx(20.0, abs=0.1)
        assert (found["available"][0], found["remote"][0]) == (1.0, 1.0)
        assert found["heartbeat"][0] == plant.heartbeat % 255
        for name in ("soc", "dc_voltage", "temperature"):
            assert found[name][0] == pytest.approx(plant.value(name), abs=0.06), name
        async with device.connection.turn():
            words = await device.connection.read(1, "holding", 100, 25)
        source = device.source(lambda _reading: None)
        for _ in range(2):
            assert source._saying is not None
            await source._saying.read_one()
        assert [text["text"] for text in device.said.listed()] == ["discharging", "simulated"]
        assert golden.number("uint16", words[:1], "big", "little") == round(10 * (plant.value("soc") or 0.0))
        assert words[4] == 0x0021 | plant.heartbeat % 255 << 8
        scale = 10.0 ** float(golden.number("int16", words[19:20]))
        power_w = golden.number("int32", words[1:3], "little", "little")
        assert float(power_w) * scale == pytest.approx(-20_000.0, abs=scale)


@pytest.mark.parametrize("byte_order", ["big", "little"])
@pytest.mark.parametrize("word_order", ["big", "little"])
@pytest.mark.parametrize(("kind", "number"), [
    ("uint16", 4660), ("int16", -1234), ("uint32", 0x12345678), ("int32", -305419896), ("uint64", 2**40 + 7),
    ("int64", -(2**33) - 5), ("float32", -12.5), ("float64", 1234.0625),
])  # fmt: skip
def test_the_words_are_those_of_the_second_codec(kind: str, number: float, word_order: str, byte_order: str) -> None:
    point = HABITS.read["soc"].model_copy(
        update={"type": kind, "word_order": word_order, "byte_order": byte_order, "scale": 1.0}
    )
    assert encode(point, number) == golden.words(kind, number, word_order, byte_order)
    assert decode(point, encode(point, number)) == number


def test_thousands_of_replies_at_once_say_what_each_of_them_says() -> None:
    unit = Unit(1, HABITS, a_plant())
    place = cell(HABITS, "soc", HABITS.read["soc"])
    layout = Layout(unit, 3, place.table, place.address, 10)
    image = unit.blank()
    page = b"".join(image[spot].to_bytes(2, "big") for spot in layout.cells)
    pages = [page, b"\xff" * 20, bytes(range(20))]
    for name in layout.offsets:
        each = [layout.value(one, name) for one in pages]
        together = [None if isnan(number) else number for number in layout.column(pages, name)]
        assert together == each, name
    assert not layout.plain
