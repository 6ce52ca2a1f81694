"""Points whose scale the device says itself, fixed registers, declared ranges, parts of a register, swapped bytes."""

from __future__ import annotations

import asyncio
from math import isnan
from typing import Any

import pytest

from config.profile import Point, Profile
from jit.codes import Quality
from sources.modbus.blocks import read_blocks
from sources.modbus.codec import codec
from sources.modbus.device import ModbusDevice
from sources.points import point_names
from tests.real.modbus import Server, load

BASE = load("grid-meter")


def meter(read: dict[str, Any], **profile: Any) -> Profile:
    return load("grid-meter", read=read, fresh_by=None, sample={}, **profile)


def of(**point: Any) -> Any:
    return codec(BASE, "power", Point.model_validate({"register": "holding 100", **point}))


SCALED = meter(
    {
        "power": {"register": "holding 10", "type": "int16", "scale_register": "holding 12", "unit": "W",
                  "sentinels": [-32768]},
        "frequency": {"register": "holding 20", "type": "uint16", "scale_register": "holding 21", "unit": "Hz"},
    }
)  # fmt: skip


@pytest.mark.integration
@pytest.mark.req("LH-MODB-003", "LH-MODB-004")
@pytest.mark.hazard("row 7", "row 5")
async def test_the_devices_own_exponent_scales_and_its_sentinel_is_missing() -> None:
    async with Server(SCALED) as server:
        device = ModbusDevice("site.poc", SCALED, server.url(), asyncio.get_running_loop().time)
        source = device.source(lambda _reading: None)
        await device.connection.connect()
        names = point_names(SCALED)

        async def said(power: int, exponent: int) -> tuple[float, int]:
            await server.put("holding 10", power & 0xFFFF)
            await server.put("holding 12", exponent & 0xFFFF)
            await server.put("holding 20", 5001)
            await server.put("holding 21", 0xFFFE)
            reading = await source.poll()
            assert reading.values[names.index("frequency")] == 50.01
            at = names.index("power")
            return float(reading.values[at]), int(reading.quality[at])

        assert await said(-800, 2) == (80.0, Quality.VALID)  # the meter counts drawing as +
        changed, quality = await said(-8000, 1)
        assert isnan(changed)
        assert quality == Quality.MISSING, "a scale that has just changed is believed from the second poll on"
        assert await said(-8000, 1) == (80.0, Quality.VALID)
        assert (await said(-32768, 1))[1] == Quality.MISSING
        for nonsense in (-32768, 11, -11):
            await said(5, nonsense)
            value, quality = await said(5, nonsense)
            assert isnan(value)
            assert quality == Quality.MISSING
        device.close()


@pytest.mark.integration
@pytest.mark.safety
@pytest.mark.hazard("row 8")
async def test_a_device_that_is_laid_out_in_another_way_is_not_believed() -> None:
    profile = load("grid-meter", expects={"input 10": [0, 7]})
    async with Server(profile) as server:
        device = ModbusDevice("site.poc", profile, server.url(), asyncio.get_running_loop().time)
        source = device.source(lambda _reading: None)
        await device.connection.connect()
        await server.put("input 10", 0, 6)
        assert (await source.poll()).quality.tolist() == [Quality.PROTOCOL] * len(point_names(profile))
        assert "input 10 holds [0, 6], not [0, 7]" in source.fault
        await server.put("input 10", 0, 7)
        assert not ((await source.poll()).quality & Quality.PROTOCOL).any()
        device.close()


def test_an_exponent_is_read_with_the_values_where_the_registers_between_may_be_read() -> None:
    assert [(block.address, block.count) for block in read_blocks(SCALED)] == [(10, 1), (12, 1), (20, 2)]
    declared = SCALED.model_copy(update={"readable": ["holding 9-20"]})
    assert [(block.address, block.count) for block in read_blocks(declared)] == [(10, 12)]
    beside = SCALED.model_copy(update={"readable": ["holding 9-11", "input 9-30"]})
    assert [(block.address, block.count) for block in read_blocks(beside)] == [(10, 3), (20, 2)]


@pytest.mark.req("LH-MODB-003")
def test_one_based_ranges_count_as_the_points_do() -> None:
    declared = SCALED.model_copy(update={"readable": ["holding 10-20"], "addressing": "one_based"})
    assert [(block.address, block.count) for block in read_blocks(declared)] == [(9, 12)]


@pytest.mark.req("LH-MODB-003", "LH-DOM-005")
def test_a_part_of_a_register_and_its_whole_as_sentinel() -> None:
    part = of(type="uint16", bits=(4, 3), sentinels=[0xFFFF, 5])
    assert part.decode([0b0101_0000])[0] == -5.0  # `power` of a meter that counts the other way
    assert part.decode([5])[1] == Quality.MISSING
    assert part.decode([0xFFFF])[1] == Quality.MISSING
    wide = codec(BASE, "flag", Point.model_validate(
        {"register": "holding 1", "type": "uint32", "word_order": "little", "bits": (31, 1), "yes": [1]}))  # fmt: skip
    assert [wide.decode(words)[0] for words in ([0, 0x8000], [0xFFFF, 0x7FFF])] == [1.0, 0.0]


@pytest.mark.req("LH-MODB-003")
@pytest.mark.parametrize(("words", "order", "value"), [
    ([0x3412, 0x7856], "big", 0x12345678), ([0x7856, 0x3412], "little", 0x12345678),
])  # fmt: skip
def test_bytes_may_be_swapped_in_every_word(words: list[int], order: str, value: int) -> None:
    point = codec(BASE, "count", Point.model_validate(
        {"register": "holding 1", "type": "uint32", "word_order": order, "byte_order": "little"}))  # fmt: skip
    assert point.decode(words)[0] == value
    assert list(point.encode(float(value))) == words
