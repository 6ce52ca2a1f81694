"""Set-points to a device that says its own scale, and to one that is laid out in another way than its profile says."""

from __future__ import annotations

from typing import Any

import pytest

from config.profile import Profile
from jit.codes import WriteStatus
from tests.real.modbus import load
from tests.real.until import until
from tests.sinks.modbus.test_writer import bench

pytestmark = [pytest.mark.integration, pytest.mark.safety]
FACTOR = 40330


def scaled(**profile: Any) -> Profile:
    """The built-in storage whose set-point counts 10^(holding 40330) W, written and read."""
    plain = load("sunspec-storage", timeout=0.3).model_dump(by_alias=True)
    own = {"scale": 1.0, "scale_register": f"holding {FACTOR}"}
    write = {**plain["write"], "power": {**plain["write"]["power"], **own}}
    write["revert_power"] = {**write["revert_power"], **own}
    read = {**plain["read"], "setpoint": {**plain["read"]["setpoint"], **own}}
    read["factor"] = {"register": f"holding {FACTOR}", "type": "int16"}
    return load("sunspec-storage", timeout=0.3, write=write, read=read, **profile)


@pytest.mark.req("LH-MODB-003")
@pytest.mark.hazard("row 7")
@pytest.mark.parametrize(("exponent", "raw"), [(0, 37500), (1, 3750), (2, 375), (3, 37), (-1, 375000)])
async def test_the_scale_that_stands_in_the_device_is_the_scale_of_the_write(exponent: int, raw: int) -> None:
    async with bench(scaled()) as device:
        await device.server.put(f"holding {FACTOR}", exponent & 0xFFFF)
        device.offer(37.5)
        receipt = await device.receipt()
        assert receipt.status is WriteStatus.CONFIRMED
        high, low = await device.server.get("holding 40249", 2)
        assert high << 16 | low == raw  # toward zero where 37.5 kW cannot be said
        assert receipt.written_kw == pytest.approx(raw * 10.0**exponent / 1000)


@pytest.mark.hazard("row 7")
async def test_a_scale_that_changes_is_taken_with_the_next_command() -> None:
    async with bench(scaled()) as device:
        for tick, exponent in ((1, 2), (2, 0), (3, 1)):
            await device.server.put(f"holding {FACTOR}", exponent)
            device.offer(50.0, tick=tick)
            assert (await device.receipt(tick)).status is WriteStatus.CONFIRMED
            high, low = await device.server.get("holding 40249", 2)
            assert (high << 16 | low) * 10**exponent == 50_000


@pytest.mark.parametrize("said", [0x8000, 11, 0xFFF5, 0x7FFF])
async def test_without_a_scale_nothing_is_written(said: int) -> None:
    async with bench(scaled()) as device:
        await device.server.put(f"holding {FACTOR}", said)
        device.offer(50.0)
        receipt = await device.receipt()
        assert receipt.status is WriteStatus.WITHHELD
        assert "does not say its scale" in receipt.detail
        assert device.wire.writes() == []


@pytest.mark.hazard("row 8")
async def test_a_device_with_another_layout_is_not_written_to() -> None:
    """After an update a model of another length stands there: the neighbour's register is no set-point."""
    profile = scaled(expects={"holding 40004": [0x4142, 0x4344]})
    async with bench(profile) as device:
        await device.server.put("holding 40004", 0, 0)
        device.wire.cut()
        await until(lambda: device.wire.connections == 2 and not device.writer.proving.lacks())
        device.offer(50.0)
        receipt = await device.receipt()
        assert receipt.status is WriteStatus.WITHHELD
        assert "another layout" in receipt.detail
        await device.server.put("holding 40004", 0x4142, 0x4344)
        device.offer(50.0, tick=2)
        assert (await device.receipt(2)).status is WriteStatus.CONFIRMED
        written = {address for address, _ in device.wire.writes()}
        assert written <= {40247, 40306, 40251, 40255, 40256}


@pytest.mark.hazard("row 7")
@pytest.mark.parametrize(("register", "words"), [("holding 40280", 3), ("holding 40186", 1), ("holding 40225", 705)])
async def test_the_shipped_storage_profile_is_not_used_on_a_device_that_counts_otherwise(
    register: str, words: int
) -> None:
    """Its scales are fixed: with another one of the device's, 50 kW would be 500 kW."""
    async with bench() as device:
        await device.server.put(register, words)
        device.wire.cut()
        await until(lambda: device.wire.connections == 2 and not device.writer.proving.lacks())
        device.offer(50.0)
        receipt = await device.receipt()
        assert receipt.status is WriteStatus.WITHHELD
        assert f"{register} holds" in receipt.detail
        assert device.wire.writes() == []
