"""Modbus/TCP Security against pymodbus' TLS server: the device is verified, we show who we are, bytes are the same."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.address import AddressError
from sources.modbus.connection import Connection
from sources.modbus.device import ModbusDevice
from sources.mqtt.address import context
from tests.real.modbus import load
from tests.real.mosquitto import _signed, certificates

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-MODB-001", "LH-API-008", "LH-TEST-003")]

METER = load("grid-meter", timeout=0.4)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    certificates(folder)
    _signed(folder, "ems", "/CN=ems")
    return folder


@asynccontextmanager
async def served(folder: Path, *, asks: bool = False) -> AsyncIterator[int]:
    """A device behind TLS with register 4 at 4711; `asks`: only for those whom its authority knows."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "server.crt", folder / "server.key")
    if asks:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(folder / "ca.crt")
    device = SimDevice(id=1, simdata=[SimData(4, values=4711, datatype=DataType.REGISTERS)])
    server = ModbusTlsServer(device, framer=FramerType.SOCKET, sslctx=made, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


async def said(port: int, tls: ssl.SSLContext, attempts: int = 20) -> list[int] | None:
    """What register 4 holds, once a connection stands and answers; None when none ever does."""
    connection = Connection("localhost", port, clock=asyncio.get_running_loop().time)
    connection.tls = tls
    try:
        for _ in range(attempts):
            if await connection.connect():
                async with connection.turn():
                    return await connection.read(1, "holding", 4, 1)
        return None
    finally:
        connection.close()


async def test_a_device_behind_tls_is_read_when_its_certificate_is_known(authority: Path) -> None:
    async with served(authority) as port:
        assert await said(port, context(authority / "ca.crt", None)) == [4711]
        assert await said(port, context(None, None), attempts=2) is None  # nobody vouches for it


async def test_a_device_of_another_name_is_not_talked_to(authority: Path, tmp_path: Path) -> None:
    certificates(tmp_path, "DNS:elsewhere.example")
    async with served(tmp_path) as port:
        assert await said(port, context(tmp_path / "ca.crt", None), attempts=2) is None


async def test_a_device_that_asks_who_we_are_is_shown_our_certificate(authority: Path) -> None:
    async with served(authority, asks=True) as port:
        known = context(authority / "ca.crt", (authority / "ems.crt", authority / "ems.key"))
        assert await said(port, known) == [4711]


def test_a_device_is_never_talked_to_in_plain_text_by_mistake() -> None:
    with pytest.raises(AddressError):
        ModbusDevice("site.poc", METER, "modbus-tls://10.0.0.1/1", lambda: 0.0)
    with pytest.raises(AddressError):
        ModbusDevice("site.poc", METER, "modbus-tcp://10.0.0.1/1", lambda: 0.0, tls=context(None, None))
