"""A login that is a secret, against a real Modbus server: it goes out once in a connection, and nothing says it."""

from __future__ import annotations

import pytest
from loguru import logger
from pymodbus.constants import ExcCodes

from jit.codes import WriteStatus
from tests.config.test_login import with_login
from tests.real.until import until
from tests.sinks.modbus.test_writer import bench

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-MODB-002", "LH-CONF-004", "LH-OPS-004")]

LOGIN, NUMBER = 40320, 48_879


async def test_the_secret_goes_first_once_in_each_connection_and_is_said_nowhere() -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level=0, format="{message} {extra}")
    try:
        async with bench(with_login(), password=float(NUMBER)) as device:
            for tick in (1, 2):
                device.offer(50.0, tick=tick)
                assert (await device.receipt(tick)).status is WriteStatus.CONFIRMED
            assert device.wire.writes()[0] == (LOGIN, NUMBER.to_bytes(2, "big"))
            assert [address for address, _ in device.wire.writes()].count(LOGIN) == 1
            device.server.refuse[LOGIN] = ExcCodes.ILLEGAL_VALUE
            device.wire.cut()
            await until(lambda: device.wire.connections == 2 and not device.writer.proving.lacks())
            device.offer(50.0, tick=3)
            assert (await device.receipt(3)).status is WriteStatus.REFUSED
            said = [*lines, *(receipt.detail for receipt in device.receipts), repr(device.writer._values)]
            assert not [text for text in said if str(NUMBER) in text or "beef" in text.lower()]
    finally:
        logger.remove(sink)


@pytest.mark.safety
@pytest.mark.hazard("row 3")
async def test_without_its_number_a_device_is_not_written_to_at_all() -> None:
    """Nothing else than what is declared is written: an unknown login is not guessed, and no power goes before it."""
    async with bench(with_login()) as device:
        device.offer(50.0)
        receipt = await device.receipt()
        assert receipt.status is WriteStatus.FAILED
        assert device.wire.writes() == []
