"""What a step of a sequence writes, against a real Modbus server: behind 0 kW, in its own command and in no other."""

from __future__ import annotations

from typing import Any

import pytest

from config.profile import Profile
from jit.codes import Mode, WriteStatus
from tests.real.modbus import load
from tests.sinks.modbus.test_writer import bench

pytestmark = [pytest.mark.integration, pytest.mark.safety]
CLOSE, OPEN = 40320, 40321


def switched() -> Profile:
    """The built-in storage with two registers that move its contactor."""
    plain = load("sunspec-storage", timeout=0.3)
    write: dict[str, Any] = {name: point.model_dump(by_alias=True) for name, point in plain.write.items()}
    for name, address in (("close_contactor", CLOSE), ("open_contactor", OPEN)):
        write[name] = {"register": f"holding {address}", "type": "uint16", "constant": 1}
    return load("sunspec-storage", timeout=0.3, write=write, steps=["close_contactor", "open_contactor"])


@pytest.mark.hazard("row 21", "row 22", "S16")
async def test_a_step_goes_out_behind_zero_power_and_with_no_other_command() -> None:
    async with bench(switched()) as device:
        device.offer(0.0, mode=Mode.STOP, steps=("close_contactor",))
        assert (await device.receipt()).status is WriteStatus.CONFIRMED
        assert [address for address, _ in device.wire.writes()] == [40247, 40306, CLOSE]
        device.offer(50.0, tick=2)
        await device.receipt(2)
        device.offer(0.0, tick=3, mode=Mode.STOP, steps=("open_contactor",))
        await device.receipt(3)
        written = [address for address, _ in device.wire.writes()]
        assert (written.count(CLOSE), written.count(OPEN), written[-1]) == (1, 1, OPEN)


@pytest.mark.hazard("row 21", "S16")
async def test_a_step_that_comes_with_power_is_not_written() -> None:
    async with bench(switched()) as device:
        device.offer(50.0, steps=("open_contactor",))
        await device.receipt()
        assert await device.held_kw() == 50.0
        assert OPEN not in [address for address, _ in device.wire.writes()]


@pytest.mark.hazard("row 21", "S16")
async def test_the_last_command_of_a_process_moves_no_contactor() -> None:
    async with bench(switched()) as device:
        device.offer(0.0, mode=Mode.STOP, steps=("close_contactor",))
        await device.receipt()
        assert await device.writer.stop(2.0)
        assert [address for address, _ in device.wire.writes()].count(CLOSE) == 1
