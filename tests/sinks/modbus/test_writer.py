"""The Modbus writer against a real server: what reaches the wire, what is read back, what is never sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import inf, isnan, nan
from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from config.definition import Rated
from config.profile import Profile
from jit.codes import Mode, WriteStatus
from operators.cut import Command
from sinks.modbus.values import clamp
from sinks.modbus.writer import ModbusWriter
from sources.modbus.device import ModbusDevice
from sources.modbus.errors import ModbusFault
from sources.receipt import Receipt
from tests.real.modbus import Server, Wire, load
from tests.real.until import until

pytestmark = pytest.mark.integration

RATED = Rated(charge=200.0, discharge=250.0, energy=500.0)


@dataclass
class Bench:
    """A device on a wire, its writer, and the receipts so far."""

    server: Server
    wire: Wire
    writer: ModbusWriter
    receipts: list[Receipt]
    clock: Callable[[], float]

    def offer(self, power_kw: float, *, tick: int = 1, valid_s: float = 3.0, **fields: Any) -> None:
        command = {"mode": Mode.DISCHARGE if power_kw > 0 else Mode.CHARGE, "reactive_kvar": 0.0, "heartbeat": tick}
        self.writer.offer(
            Command(
                id=f"c-{tick}",
                tick=tick,
                issued_ns=0,
                asset="bess1",
                power_kw=power_kw,
                valid_until_ns=0,
                deadline_s=self.clock() + valid_s,
                reason="test",
                source="Schedule",
                **{**command, **fields},
            )
        )

    async def receipt(self, count: int = 1) -> Receipt:
        await until(lambda: len(self.receipts) >= count)
        return self.receipts[-1]

    async def held_kw(self) -> float:
        high, low = await self.server.get("holding 40249", 2)
        return int.from_bytes(bytes([high >> 8, high & 255, low >> 8, low & 255]), "big", signed=True) / 10


@asynccontextmanager
async def bench(profile: Profile | None = None, *, armed: bool = True, **writer: Any) -> AsyncIterator[Bench]:
    """`armed`: the device's reversion is armed already, as after a reconnection."""
    profile = profile or load("sunspec-storage", timeout=0.3)
    async with Server(profile) as server, Wire(server.port) as wire:
        clock = asyncio.get_running_loop().time
        device = ModbusDevice("bess1", profile, wire.url(), clock, jitter=lambda: 0.0)
        receipts: list[Receipt] = []
        made = ModbusWriter(device, RATED, receipts.append, **{"pause": 0.01, **writer})
        if armed:
            await server.put("holding 40255", 1, 0, 10)
        tasks = [asyncio.create_task(device.connection.keep()), asyncio.create_task(made.run())]
        try:
            await until(lambda: device.connection.connected and not (armed and made.proving.lacks()))
            with suppress(ModbusFault):  # as the source does, which is not here
                async with device.connection.turn():
                    await device.expected.prove()
            yield Bench(server, wire, made, receipts, clock)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            device.close()


@pytest.mark.req("LH-MODB-002", "LH-PROT-001", "LH-KTX-002", "LH-OPS-001")
async def test_a_command_is_written_in_the_declared_order_and_confirmed() -> None:
    async with bench() as device:
        device.offer(-37.0, heartbeat=9)
        receipt = await device.receipt()
        assert (receipt.status, receipt.written_kw, receipt.readback_kw) == (WriteStatus.CONFIRMED, -37.0, -37.0)
        assert (receipt.asset, receipt.tick) == ("bess1", 1)
        assert receipt.latency_s > 0
        assert device.wire.writes() == [
            (40247, bytes([0, 1, 0, 1, 0xFF, 0xFF, 0xFE, 0x8E])),
            (40306, bytes([0, 0, 0, 9])),
        ]


@pytest.mark.req("LH-SAFE-007")
@pytest.mark.parametrize(("asked", "written"), [
    (1e9, 250.0), (-1e9, -200.0), (nan, 0.0), (inf, 0.0), (-inf, 0.0), (80.19, 80.1), (-80.19, -80.1),
])  # fmt: skip
async def test_the_last_clamp_stands_before_the_wire(asked: float, written: float) -> None:
    async with bench() as device:
        device.offer(asked)
        assert (await device.receipt()).written_kw == written
        assert await device.held_kw() == written


@pytest.mark.req("LH-SAFE-007")
def test_the_clamp() -> None:
    assert [clamp(value, -200.0, 250.0) for value in (nan, inf, -inf, 300.0, -300.0, 7.0)] == [0, 0, 0, 250, -200, 7]


@pytest.mark.req("LH-PROT-001")
async def test_a_device_that_counts_the_other_way_gets_the_other_sign() -> None:
    async with bench(load("sunspec-storage", sign="positive_is_charge")) as device:
        device.offer(37.0)
        receipt = await device.receipt()
        assert (receipt.status, receipt.written_kw, receipt.readback_kw) == (WriteStatus.CONFIRMED, 37.0, 37.0)
        assert await device.held_kw() == -37.0


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-005", "LH-OPS-003")
@pytest.mark.hazard("row 13", "F3")
async def test_an_expired_command_never_reaches_the_wire() -> None:
    async with bench() as device:
        device.offer(80.0, valid_s=-0.001)
        receipt = await device.receipt()
        assert receipt.status == WriteStatus.EXPIRED
        assert isnan(receipt.written_kw)
        device.offer(10.0, tick=2)
        assert (await device.receipt(2)).status == WriteStatus.CONFIRMED
        assert len(device.wire.writes()) == 2  # of the second command alone


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-005")
@pytest.mark.hazard("row 13", "F3")
async def test_a_command_that_expires_while_it_waits_for_its_turn_is_not_sent() -> None:
    async with bench() as device:
        connection = device.writer._connection
        async with connection.turn():
            device.offer(80.0, valid_s=0.05)
            deadline = device.clock() + 0.05
            await until(lambda: device.clock() > deadline)
        assert (await device.receipt()).status == WriteStatus.EXPIRED
        assert device.wire.writes() == []


@pytest.mark.req("LH-PROT-002")
async def test_a_write_that_is_acknowledged_and_discarded_is_different() -> None:
    async with bench() as device:
        device.server.discard = True
        device.offer(80.0)
        receipt = await device.receipt()
        assert (receipt.status, receipt.written_kw, receipt.readback_kw) == (WriteStatus.DIFFERENT, 80.0, 0.0)


async def test_a_device_that_shows_the_set_point_a_moment_later_is_confirmed() -> None:
    async with bench(attempts=100) as device:
        device.server.discard = True
        device.offer(80.0)
        await until(lambda: (3, 40249, 2) in device.server.requests)
        device.server.discard = False
        await device.server.put("holding 40249", 0, 800)
        assert (await device.receipt()).status == WriteStatus.CONFIRMED


@pytest.mark.req("LH-PROT-002")
async def test_an_exception_reply_is_refused_with_its_text() -> None:
    async with bench() as device:
        device.server.refuse[40247] = ExcCodes.ILLEGAL_VALUE
        device.offer(80.0)
        receipt = await device.receipt()
        assert receipt.status == WriteStatus.REFUSED
        assert "illegal value" in receipt.detail
        assert await device.held_kw() == 0.0


@pytest.mark.req("LH-PROT-002", "LH-PROT-003", "LH-OPS-003")
@pytest.mark.hazard("row 14")
async def test_a_black_hole_fails_once_and_is_not_repeated() -> None:
    async with bench() as device:
        device.wire.swallow = True
        device.offer(80.0)
        assert (await device.receipt()).status == WriteStatus.FAILED
        device.wire.swallow = False
        await until(lambda: device.writer._connection.connected)
        assert [address for address, _ in device.wire.writes()] == [40247]
        device.offer(10.0, tick=2)
        assert (await device.receipt(2)).status == WriteStatus.CONFIRMED


async def test_without_a_connection_a_write_fails_at_once() -> None:
    async with bench() as device:
        await device.server.stop()
        device.wire.cut()
        await until(lambda: not device.writer._connection.connected)
        device.offer(80.0)
        assert (await device.receipt()).status == WriteStatus.FAILED


async def test_a_read_back_that_fails_leaves_the_write_accepted() -> None:
    async with bench() as device:
        device.server.refuse[40249] = ExcCodes.DEVICE_BUSY
        device.offer(80.0)
        receipt = await device.receipt()
        assert (receipt.status, receipt.written_kw) == (WriteStatus.WRITTEN, 80.0)
        assert "device busy" in receipt.detail


@pytest.mark.req("LH-RT-004", "LH-CTRL-001")
@pytest.mark.hazard("R5")
async def test_a_thousand_offers_a_second_into_a_slow_device_end_with_the_newest() -> None:
    async with bench() as device:
        held: list[bytes] = []

        def later(reply: bytes) -> bytes:
            """Every reply comes one offer later."""
            held.append(reply)
            return b""

        device.wire.change = later
        device.offer(1.0)
        await until(lambda: bool(held))
        for n in range(2, 1002):
            device.offer(n / 10, tick=n)
        device.wire.change = lambda reply: reply
        await until(lambda: any(receipt.tick == 1001 for receipt in device.receipts))
        assert device.receipts[-1].status in (WriteStatus.CONFIRMED, WriteStatus.FAILED)  # FAILED: still reconnecting
        assert len(device.receipts) == 2
        assert device.writer.conflating.superseded == 999
        device.offer(100.1, tick=1002)
        await until(lambda: device.receipts[-1].tick == 1002)


@pytest.mark.safety
@pytest.mark.req("LH-OPS-002", "LH-SAFE-001")
@pytest.mark.hazard("peer 12", "H6i")
async def test_stop_ends_in_zero_confirmed_and_nothing_follows() -> None:
    async with bench() as device:
        device.offer(80.0)
        await device.receipt()
        assert await device.writer.stop(2.0)
        assert await device.held_kw() == 0.0
        assert device.receipts[-1].status == WriteStatus.CONFIRMED
        count = len(device.receipts)
        device.offer(80.0, tick=2)
        await asyncio.sleep(0)
        assert await device.held_kw() == 0.0
        assert len(device.receipts) == count


@pytest.mark.safety
@pytest.mark.req("LH-OPS-002")
async def test_stop_reaches_a_device_that_is_away_for_a_moment() -> None:
    async with bench() as device:
        device.offer(80.0)
        await device.receipt()
        device.wire.swallow = True
        stopping = asyncio.create_task(device.writer.stop(10.0))
        await until(lambda: device.receipts[-1].status == WriteStatus.FAILED)
        device.wire.swallow = False
        assert await stopping
        assert await device.held_kw() == 0.0


@pytest.mark.req("LH-OPS-002")
async def test_stop_says_when_it_could_not_be_confirmed() -> None:
    async with bench() as device:
        device.offer(80.0)
        await device.receipt()
        device.server.discard = True
        assert not await device.writer.stop(0.2)


@pytest.mark.req("LH-OPS-001")
async def test_a_writer_that_never_wrote_stays_silent_at_the_end() -> None:
    async with bench() as device:
        assert await device.writer.stop(1.0)
        assert device.wire.writes() == []


async def test_mode_and_reactive_power_are_written_where_the_profile_has_them() -> None:
    base = load("sunspec-storage").model_dump(by_alias=True)
    extra = {
        "mode": {"register": "holding 40400", "type": "uint16", "values": {7: "stop", 8: "discharge"}},
        "reactive_power": {"register": "holding 40401", "type": "int16", "unit": "kvar"},
    }
    read = {**base["read"], "mode_shown": extra["mode"], "reactive_shown": extra["reactive_power"]}
    order = [*base["write_order"], *extra]
    profile = load("sunspec-storage", read=read, write={**base["write"], **extra}, write_order=order)
    async with bench(profile) as device:
        device.offer(80.0, reactive_kvar=50.0)
        assert (await device.receipt()).status == WriteStatus.CONFIRMED
        assert await device.server.get("holding 40400", 2) == [8, 0]  # no apparent power is rated: no reactive power
        await device.writer.stop(2.0)
        assert await device.server.get("holding 40400", 1) == [7]
