"""Certification of the Modbus driver, the line: what is lost, late, damaged, taken away or forgotten between the two.

Reliability §3.8, §1.4. In every case: no wrong value is ever valid, no command is sent twice or stands unconfirmed as
confirmed, the driver is back by itself, and nothing else than the declared registers is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from jit.codes import Quality, WriteStatus
from tests.certification.modbus import TIMEOUT_S, Stand, meter, stand, storage
from tests.real.until import until

pytestmark = [pytest.mark.integration, pytest.mark.safety, pytest.mark.req("LH-TEST-003", "LH-PROT-003")]
POWER = {"register": "holding 40", "type": "int32", "word_order": "big", "scale": 0.1, "unit": "kW"}
TRUE = [0x0001, 0x0005]  # 65541: every wrong half shows


def drop_request(device: Stand) -> None:
    device.proxy.drop_requests = 1


def drop_reply(device: Stand) -> None:
    device.proxy.drop_replies = 1


def late(device: Stand) -> None:
    device.proxy.delay_s = 2.5 * TIMEOUT_S


def black_hole(device: Stand) -> None:
    device.proxy.swallow = True


def half_open(device: Stand) -> None:
    device.proxy.half_open()


def reset(device: Stand) -> None:
    device.proxy.cut()


def corrupted(position: int, bits: int) -> Callable[[Stand], None]:
    def corrupt(device: Stand) -> None:
        device.proxy.corrupt = {position: bits}

    corrupt.__name__ = f"byte {position} ^ {bits:#04x}"
    return corrupt


LINE = [drop_request, drop_reply, late, black_hole, half_open, reset]
#: Every byte of the header, the function and the byte count, a low and a high bit of each.
HEADER = [corrupted(position, bits) for position in range(9) for bits in (0x01, 0x80)]


def mend(device: Stand) -> None:
    device.proxy.swallow = False
    device.proxy.delay_s = 0.0


@pytest.mark.hazard("row 4", "row 14")
@pytest.mark.parametrize("fault", [*LINE, *HEADER], ids=lambda fault: fault.__name__)
async def test_read(fault: Callable[[Stand], None]) -> None:
    async with stand(meter({"power": POWER})) as device:
        await device.server.put("holding 40", *TRUE)
        assert await device.value("power") == (6554.1, Quality.VALID)
        fault(device)
        value, quality = await device.value("power")
        assert (value, quality) == (6554.1, Quality.VALID) or quality == Quality.PROTOCOL
        mend(device)
        await device.server.put("holding 40", 0, 10)
        await device.connected()
        seen = [await device.value("power") for _ in range(3)]
        assert seen[-1] == (1.0, Quality.VALID)
        assert all(value == 1.0 or quality == Quality.PROTOCOL for value, quality in seen)


@pytest.mark.hazard("row 4", "row 14", "row 3")
@pytest.mark.parametrize("fault", [*LINE, *HEADER], ids=lambda fault: fault.__name__)
async def test_write(fault: Callable[[Stand], None]) -> None:
    async with stand(storage(POWER), writer=True) as device:
        assert (await device.command(11.0)).status is WriteStatus.CONFIRMED
        fault(device)
        receipt = await device.command(22.0, 2)
        if receipt.status is WriteStatus.CONFIRMED:
            assert await device.server.get("holding 40", 2) == [0, 220]
        mend(device)
        await device.connected()
        await until(lambda: device.device.connection.connected)
        assert (await device.command(33.0, 3)).status is WriteStatus.CONFIRMED
        assert await device.server.get("holding 40", 2) == [0, 330]
        sent = [int.from_bytes(values, "big") for _, values in device.proxy.writes()]
        assert [sent.count(raw) for raw in (110, 220, 330)] in ([1, 1, 1], [1, 0, 1]), "nothing is sent twice"
        assert device.undeclared() == set()


@pytest.mark.hazard("row 4")
@pytest.mark.parametrize("fault", [drop_reply, late, corrupted(1, 1), corrupted(6, 2)], ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", [40, 42, 44])
async def test_the_answer_to_the_last_question_is_never_taken_for_this_one(
    fault: Callable[[Stand], None], other: int
) -> None:
    read = {f"p{at}": {"register": f"holding {at}", "type": "uint16"} for at in (40, 42, 44)}
    async with stand(meter(read)) as device:
        for at in (40, 42, 44):
            await device.server.put(f"holding {at}", at)
        fault(device)
        await device.poll()
        mend(device)
        for _ in range(3):
            await device.connected()
            value, quality = await device.value(f"p{other}")
            assert value == other or quality == Quality.PROTOCOL
        assert (value, quality) == (other, Quality.VALID)


@pytest.mark.hazard("row 13")
async def test_a_gateway_that_takes_one_client_evicts_us_and_we_say_so_instead_of_fighting() -> None:
    async with stand(meter({"power": POWER})) as device:
        device.proxy.one_client = True
        connection = device.device.connection
        for _ in range(3):
            reader, rival = await asyncio.open_connection("127.0.0.1", device.proxy.port)
            await until(lambda: not connection.connected or connection.second_master())
            await device.connected()
            rival.transport.abort()
            reader.feed_eof()
        assert connection.second_master()
        assert device.proxy.evicted >= 3
        assert (await device.value("power"))[1] == Quality.VALID
        attempts = device.proxy.connections
        for _ in range(3):
            assert (await device.value("power"))[1] == Quality.VALID
        assert device.proxy.connections == attempts


@pytest.mark.hazard("row 9")
async def test_what_is_acknowledged_and_discarded_is_different() -> None:
    async with stand(storage(POWER), writer=True) as device:
        device.server.discard = True
        receipt = await device.command(22.0)
        assert receipt.status is WriteStatus.DIFFERENT
        device.server.discard = False
        assert (await device.command(22.0, 2)).status is WriteStatus.CONFIRMED


@pytest.mark.hazard("row 6")
@pytest.mark.parametrize("kind", ["uint32", "int32", "float32", "uint64", "int64", "float64"])
@pytest.mark.parametrize("most", [4, 5, 7])
async def test_a_wide_value_is_never_torn_over_two_requests(kind: str, most: int) -> None:
    wide = 4 if kind.endswith("64") else 2
    read = {f"p{i}": {"register": f"holding {40 + i * wide}", "type": kind, "word_order": "big"} for i in range(5)}
    async with stand(meter(read, max_block=most)) as device:
        await device.poll()
        starts = {40 + i * wide for i in range(5)}
        for _, address, count in device.server.requests:
            assert address in starts
            assert count % wide == 0
            assert count <= most
