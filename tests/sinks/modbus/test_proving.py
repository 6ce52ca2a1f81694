"""Who a device is and whether it reverts, proved on the wire before anything else is written to it."""

from __future__ import annotations

from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from config.asset import Identity
from jit.codes import Proved, WriteStatus
from sinks.modbus import proving
from sources.proof import Proof
from tests.real.modbus import load
from tests.real.until import until
from tests.sinks.modbus.test_writer import Bench, bench

pytestmark = [pytest.mark.integration, pytest.mark.safety, pytest.mark.req("LH-SAFE-005", "LH-PROT-001", "LH-OPS-001")]

AFTER, POWER, ENABLE = (40256, bytes([0, 0, 0, 10])), (40251, bytes(4)), (40255, bytes([0, 1]))
ACME = Identity(serial="ACME-004711", manufacturer="Acme")


def words(text: str) -> list[int]:
    octets = text.encode().ljust(32, b"\0")
    return [int.from_bytes(octets[i : i + 2], "big") for i in range(0, 32, 2)]


async def introduce(device: Bench, serial: str) -> None:
    await device.server.put("holding 40004", *words("Acme"))
    await device.server.put("holding 40052", *words(serial))


def named(identity: Identity = ACME, **more: Any) -> Any:
    return bench(load("sunspec-storage", timeout=0.3), identity=identity, **more)


@pytest.mark.hazard("row 9", "F4")
async def test_row_9_the_reversion_is_armed_in_order_and_read_back_before_the_first_set_point() -> None:
    """Reliability §2 rows 9 and 10, F4: time, value, enable; then the set-point, in the same turn."""
    proofs: list[Proof] = []
    async with bench(armed=False, emit_proof=proofs.append) as device:
        device.offer(80.0, heartbeat=1)
        assert (await device.receipt()).status == WriteStatus.CONFIRMED
        assert device.wire.writes()[:3] == [AFTER, POWER, ENABLE]
        assert [address for address, _ in device.wire.writes()[3:]] == [40247, 40306]
        assert proofs[-1].proved == Proved.REVERSION
        device.offer(81.0, tick=2)
        await device.receipt(2)
        assert [address for address, _ in device.wire.writes()].count(40255) == 1  # once in a connection


@pytest.mark.parametrize("last", [40256, 40251, 40255])
@pytest.mark.hazard("row 9")
async def test_row_9_killed_between_any_two_writes_nothing_is_enabled_without_its_value(last: int) -> None:
    """The line is cut as the reply to one of the arming writes comes: no set-point has been written yet."""
    async with bench(armed=False) as device:
        def cut(reply: bytes) -> bytes:
            if device.wire.writes() and device.wire.writes()[-1][0] == last and reply[7] == 16:
                return device.wire.cut_instead(reply)
            return reply

        device.wire.change = cut
        device.offer(80.0)
        assert (await device.receipt()).status == WriteStatus.FAILED
        assert await device.held_kw() == 0.0
        after, enable = await device.server.get("holding 40257"), await device.server.get("holding 40255")
        assert enable == [0] or after == [10]


@pytest.mark.hazard("row 10")
async def test_row_10_a_reset_that_clears_the_reversion_is_found_at_the_reconnection_and_armed_before_power() -> None:
    async with bench() as device:
        device.offer(80.0)
        await device.receipt()
        await device.server.put("holding 40255", 0, 0, 0)
        await device.server.put("holding 40249", 0, 0)
        before = len(device.wire.writes())
        device.wire.cut()
        await until(lambda: device.wire.connections == 2 and device.writer._connection.connected)
        device.offer(80.0, tick=2)
        assert (await device.receipt(2)).status == WriteStatus.CONFIRMED
        assert device.wire.writes()[before : before + 3] == [AFTER, POWER, ENABLE]


async def test_row_10_behind_a_gateway_it_is_found_when_it_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a reconnection: read back every `VERIFY_S`, here at once."""
    async with bench() as device:
        device.offer(80.0)
        await device.receipt()
        await device.server.put("holding 40255", 0)
        monkeypatch.setattr(proving, "VERIFY_S", 0.0)
        device.offer(80.0, tick=2)
        assert (await device.receipt(2)).status == WriteStatus.CONFIRMED
        assert device.wire.writes()[-3:-1][0][0] in (40255, 40247)
        assert await device.server.get("holding 40255") == [1]


async def test_a_device_that_takes_no_reversion_gets_0_kw_and_nothing_else() -> None:
    """Reliability F4: not proved, no power; but a stop always arrives."""
    async with bench(armed=False) as device:
        device.server.refuse[40255] = ExcCodes.ILLEGAL_VALUE
        device.offer(80.0)
        receipt = await device.receipt()
        assert receipt.status == WriteStatus.WITHHELD
        assert "cannot be armed" in receipt.detail
        assert await device.held_kw() == 0.0
        device.offer(0.0, tick=2)
        assert (await device.receipt(2)).status == WriteStatus.CONFIRMED


async def test_in_silence_the_reversion_is_read_and_never_written() -> None:
    proofs: list[Proof] = []
    async with bench(armed=False, emit_proof=proofs.append) as device:
        await until(lambda: (3, 40256, 2) in device.server.requests and proofs)
        assert proofs[-1].proved == Proved.NONE
        assert "revert_after holds 0, not 10" in proofs[-1].detail
        assert device.wire.writes() == []


@pytest.mark.hazard("row 49", "S20")
async def test_s20_a_device_with_another_serial_number_is_never_written_to() -> None:
    """Reliability S20, §2 row 49: not even 0 kW, not even the arming, not even at the end."""
    proofs: list[Proof] = []
    async with named(armed=False, emit_proof=proofs.append) as device:
        await introduce(device, "ACME-000001")
        for tick, power in enumerate((80.0, 0.0), start=1):
            device.offer(power, tick=tick)
            receipt = await device.receipt(tick)
            assert receipt.status == WriteStatus.WITHHELD
            assert "ACME-000001" in receipt.detail
        assert await device.writer.stop(0.2)  # nothing was ever written: there is nothing to stop
        assert device.writer.closed is None
        assert device.wire.writes() == []
        assert proofs[-1].proved == Proved.FOREIGN


async def test_s20_the_identity_is_read_before_the_first_write_of_every_connection() -> None:
    async with named(armed=False) as device:
        await introduce(device, "ACME-004711")
        device.offer(80.0)
        assert (await device.receipt()).status == WriteStatus.CONFIRMED
        await introduce(device, "ACME-000001")  # exchanged while the line was down
        before = len(device.wire.writes())
        device.wire.cut()
        await until(lambda: device.wire.connections == 2 and device.writer._connection.connected)
        device.offer(80.0, tick=2)
        assert (await device.receipt(2)).status == WriteStatus.WITHHELD
        assert len(device.wire.writes()) == before


async def test_an_identity_that_cannot_be_read_withholds_everything() -> None:
    async with named(Identity(serial="ACME-004711"), armed=False) as device:
        device.server.refuse[40052] = ExcCodes.ILLEGAL_ADDRESS
        device.offer(0.0)
        receipt = await device.receipt()
        assert receipt.status == WriteStatus.WITHHELD
        assert "does not say its serial" in receipt.detail
        assert device.wire.writes() == []


async def test_every_connection_begins_with_nothing_proved() -> None:
    proofs: list[Proof] = []
    async with named(armed=False, emit_proof=proofs.append) as device:
        await introduce(device, "ACME-004711")
        device.offer(80.0)
        await device.receipt()
        both = Proved.IDENTITY | Proved.REVERSION
        assert proofs[-1].proved == both
        before = len(proofs)
        device.wire.cut()
        await until(lambda: len(proofs) > before + 1 and proofs[-1].proved == both)
        assert proofs[before].proved == Proved.NONE
