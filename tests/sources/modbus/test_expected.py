"""What a profile expects is proved in every connection, also in one that comes up in the middle of a poll."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import pytest

from config.profile import Profile
from jit.codes import Quality
from sources.modbus.source import ModbusSource

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-MODB-001", "LH-PROT-003")]

PROFILE = Profile.model_validate(
    {
        "name": "t", "version": 1, "protocol": "modbus", "kind": "meter", "sign": "positive_is_discharge",
        "addressing": "zero_based", "expects": {"holding 0": [701]},
        "read": {
            "frequency": {"register": "holding 10", "type": "uint16", "scale": 0.01, "unit": "Hz"},
            "power": {"register": "holding 50", "type": "int16", "unit": "kW"},
        },
    }
)  # fmt: skip


class Line:
    """A connection to `registers`; `after` happens once the answer to a read of that address is there."""

    place = "10.0.0.1:502"

    def __init__(self, registers: dict[int, int]) -> None:
        self.registers = registers
        self.renewed: list[Callable[[], None]] = []
        self.after: dict[int, Callable[[], None]] = {}
        self.asked: list[int] = []

    def turn(self, *, urgent: bool = False) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def read(self, _unit: int, _table: str, address: int, count: int) -> Sequence[int]:
        await asyncio.sleep(0)
        self.asked.append(address)
        words = [self.registers[address + k] for k in range(count)]
        self.after.pop(address, lambda: None)()
        return words


async def test_another_device_that_comes_up_between_two_blocks_is_not_believed() -> None:
    """The gateway drops the line and shows another device: its register 50 is no power."""
    line: Any = Line({0: 701, 10: 5001, 50: 80})
    source = ModbusSource("m", PROFILE, line, 1, lambda: 0.0, lambda _reading: None)
    assert list((await source.poll()).quality) == [Quality.VALID, Quality.VALID]

    def exchanged() -> None:
        line.registers |= {0: 702, 50: 30_000}
        for renewed in line.renewed:
            renewed()

    line.after[10] = exchanged
    reading = await source.poll()
    assert all(quality == Quality.PROTOCOL for quality in reading.quality), "nothing of this poll is believed"
    assert "another layout" in source.fault
    assert line.asked.count(50) == 1, "what is no power was not even read"


async def test_a_proof_holds_for_the_whole_poll_of_a_connection_that_stays() -> None:
    line: Any = Line({0: 701, 10: 5001, 50: 80})
    source = ModbusSource("m", PROFILE, line, 1, lambda: 0.0, lambda _reading: None)
    for _ in range(3):
        await source.poll()
    assert line.asked == [0, 10, 50, 10, 50, 10, 50]
