"""Reactive power is read back where a profile says which reactive set-point the device holds."""

from __future__ import annotations

from typing import Any

import pytest

from config.profile import Profile
from jit.codes import WriteStatus
from tests.real.modbus import load
from tests.sinks.modbus.test_writer import bench

pytestmark = [
    pytest.mark.integration, pytest.mark.safety,
    pytest.mark.req("LH-PROT-002", "LH-MODB-002", "LH-CTRL-007"), pytest.mark.hazard("row 15"),
]  # fmt: skip
WRITTEN, HELD = 40330, 40332


def quadrants(**held: Any) -> Profile:
    """The storage that ships, with a register for reactive power and one that says what it holds."""
    plain = load("sunspec-storage").model_dump(by_alias=True)
    point = {"type": "int16", "unit": "kvar", "scale": 0.1}
    write = {**plain["write"], "reactive_power": {"register": f"holding {WRITTEN}", **point}}
    read = {**plain["read"], "reactive_setpoint": {"register": f"holding {HELD}", **point, **held}}
    ratings = {"charge": "250 kW", "discharge": "250 kW", "apparent": "275 kVA"}
    order = [*plain["write_order"], "reactive_power"]
    return load("sunspec-storage", timeout=0.3, read=read, write=write, write_order=order, ratings=ratings)


async def test_a_device_that_holds_another_reactive_set_point_is_different() -> None:
    """Reliability §1.4: the same reaction as to another set-point of power."""
    async with bench(quadrants()) as device:
        device.offer(50.0, reactive_kvar=20.0)
        receipt = await device.receipt()
        assert (receipt.status, receipt.written_kw) == (WriteStatus.DIFFERENT, 50.0)
        assert receipt.detail == "the device holds 0 kvar, not 20 kvar"
        await device.server.put(f"holding {HELD}", 200)
        device.offer(50.0, tick=2, reactive_kvar=20.0)
        assert (await device.receipt(2)).status is WriteStatus.CONFIRMED


@pytest.mark.parametrize(("held", "status"), [
    (201, WriteStatus.CONFIRMED), (202, WriteStatus.DIFFERENT), (0x8000, WriteStatus.CONFIRMED),
])  # fmt: skip
async def test_one_step_is_the_same_and_unknown_is_not_different(held: int, status: WriteStatus) -> None:
    async with bench(quadrants(sentinels=[-32768])) as device:
        await device.server.put(f"holding {HELD}", held)
        device.offer(50.0, reactive_kvar=20.0)
        assert (await device.receipt()).status is status


async def test_a_register_that_is_the_one_written_confirms_itself() -> None:
    async with bench(quadrants(register=f"holding {WRITTEN}")) as device:
        device.offer(50.0, reactive_kvar=-12.3)
        assert (await device.receipt()).status is WriteStatus.CONFIRMED
