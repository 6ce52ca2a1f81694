"""The Modbus server for SCADA: a real client finds its way through the blocks, and can change nothing (LH-CONF-004)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from math import isnan, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client import AsyncModbusTcpClient

from jit.codes import State
from sinks.scada.blocks import ALARMS, BATTERY, METER, NAME_WORDS, SITE, pages
from sinks.scada.server import RegisterServer
from tests.real.until import until

pytestmark = pytest.mark.req("LH-CONF-004")

TOLD = {"state": "discharging", "authority": "armed", "latched": [], "quality": {"flag": "Valid"}, "age_s": 0.4,
        "telemetry": {"soc_percent": 55.25, "active_power_kw": 80.5, "temperature_celsius": None},
        "band": {"low_kw": -250.0, "high_kw": 250.0}, "asked_kw": 81.0, "command_kw": 80.5}  # fmt: skip


class Shown:
    """What a process shows of a site with two batteries, of which one has said nothing yet."""

    tick: float = 4711

    def site(self) -> Mapping[str, Any]:
        return {"name": "nordhafen", "tick": self.tick, "mode": "armed", "poc_kw": -12.5, "frequency_hz": nan}

    def assets(self) -> Sequence[str]:
        return ("bess1", "bess2")

    def asset(self, asset: str) -> Mapping[str, Any] | None:
        return TOLD if asset == "bess1" else None

    def alarms(self) -> Sequence[Mapping[str, Any]]:
        return [{"active": True, "acknowledged": False}, {"active": False, "acknowledged": False}]

    def measured(self) -> Sequence[str]:
        return ("site.poc", "site.hall")

    def points_of(self, device: str) -> Sequence[Mapping[str, Any]]:
        poc = [("power", -12.5, True), ("frequency", 49.98, False)]
        told = {"site.poc": poc, "site.hall": [("frequency", 50.0, True)]}
        return [{"point": n, "value": v, "valid": valid, "age_s": 0.4} for n, v, valid in told[device]]


def walk(octets: bytes) -> dict[tuple[int, str], bytes]:
    """The blocks by id and name, found as a client finds them: by their lengths alone."""
    assert octets[:4] == b"BESS"
    found, place = {}, 8
    while (kind := struct.unpack_from(">H", octets, place)[0]) != 0xFFFF:
        words = struct.unpack_from(">H", octets, place + 2)[0]
        body = octets[place + 4 : place + 4 + 2 * words]
        found[kind, body[: 2 * NAME_WORDS].rstrip(b"\0").decode()] = body[2 * NAME_WORDS :]
        place += 4 + 2 * words
    assert place + 4 == len(octets)
    assert struct.unpack_from(">H", octets, 6)[0] == len(found)
    return found


def value(body: bytes, points: Any, name: str) -> float:
    place = [point for point, _ in points].index(name)
    form = ">f" if points[place][1] == "float32" else ">I"
    return float(struct.unpack_from(form, body, 4 * place)[0])


@asynccontextmanager
async def serving(clients: Sequence[str] = (), view: Any = None) -> AsyncIterator[RegisterServer]:
    shown = view or Shown()
    server = RegisterServer("scada", "127.0.0.1", 0, clients, pages=lambda: pages(shown), every_s=0.02)
    server.offer(None)
    running = asyncio.create_task(server.run())
    try:
        await until(lambda: (server.listening and server._page) or running.done())
        yield server
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def client(server: RegisterServer) -> AsyncIterator[AsyncModbusTcpClient]:
    made = AsyncModbusTcpClient("127.0.0.1", port=server.port, retries=0, timeout=5)
    assert await made.connect()
    try:
        yield made
    finally:
        made.close()


async def read(scada: AsyncModbusTcpClient, *, table: str = "holding") -> bytes:
    """All of it, in requests of 50 registers, as far as there is something."""
    octets = b""
    ask = scada.read_holding_registers if table == "holding" else scada.read_input_registers
    while not octets.endswith(b"\xff\xff\0\0"):
        reply = await ask(len(octets) // 2, count=2)
        assert not reply.isError()
        octets += struct.pack(">HH", *reply.registers)
    return octets


@pytest.mark.parametrize("table", ["holding", "input"])
async def test_a_client_finds_every_point_by_the_blocks(table: str) -> None:
    async with serving() as server, client(server) as scada:
        blocks = walk(await read(scada, table=table))
    assert [*blocks] == [(1, "nordhafen"), (2, "bess1"), (2, "bess2"), (3, "alarms"),
                         (4, "site.poc"), (4, "site.hall")]  # fmt: skip
    site, first, second = blocks[1, "nordhafen"], blocks[2, "bess1"], blocks[2, "bess2"]
    assert (value(site, SITE, "tick"), value(site, SITE, "poc_kw"), value(site, SITE, "armed")) == (4711, -12.5, 1)
    assert (value(first, BATTERY, "state"), value(first, BATTERY, "command_kw")) == (State.DISCHARGING, 80.5)
    assert (value(first, BATTERY, "telemetry.soc_percent"), value(first, BATTERY, "valid")) == (55.25, 1)
    for body, points, name in ((site, SITE, "frequency_hz"), (first, BATTERY, "telemetry.temperature_celsius"),
                               (second, BATTERY, "command_kw")):  # fmt: skip
        assert isnan(value(body, points, name)), "unknown is never 0"
    assert value(second, BATTERY, "state") == 0xFFFFFFFF
    assert [value(blocks[3, "alarms"], ALARMS, name) for name, _ in ALARMS] == [1, 2]
    meters = [blocks[4, meter] for meter in ("site.poc", "site.hall")]
    poc, hall = ({name: value(body, METER, name) for name, _ in METER} for body in meters)
    assert (poc["valid"], poc["power"], round(poc["age_s"], 3)) == (1, -12.5, 0.4)
    assert isnan(poc["frequency"]), "what is not valid is not known"
    assert isnan(poc["voltage"]), "nor what it does not measure"
    assert (hall["valid"], hall["frequency"]) == (1, 50.0)


async def test_the_page_is_renewed_with_what_is_shown() -> None:
    shown = Shown()
    async with serving(view=shown) as server, client(server) as scada:
        before = walk(await read(scada))[1, "nordhafen"]
        shown.tick = 4712
        server.offer(None)
        await until(lambda: value(walk(server._page)[1, "nordhafen"], SITE, "tick") == 4712, 10.0)
        assert value(before, SITE, "tick") == 4711


@pytest.mark.safety
async def test_every_write_is_refused_and_changes_nothing() -> None:
    """Rule: outputs reach no device. There is nothing behind a register that a write could change."""
    async with serving() as server, client(server) as scada:
        before = await read(scada)
        both = scada.readwrite_registers(read_address=0, read_count=1, write_address=9, values=[1])
        for reply in (await scada.write_register(10, 1), await scada.write_registers(10, [1, 2]), await both,
                      await scada.write_coil(1, value=True), await scada.mask_write_register(address=10)):  # fmt: skip
            assert reply.exception_code == 1
        assert await read(scada) == before
        assert server.refused == 5


@pytest.mark.parametrize(("first", "count", "code"), [(0, 126, None), (9999, 1, 2), (65535, 2, 2)])
async def test_what_is_not_there_is_an_exception(first: int, count: int, code: int | None) -> None:
    async with serving() as server:
        reply = server.answer(bytes((3,)) + struct.pack(">HH", first, count))
    assert reply == bytes((0x83, code or 3))


async def test_before_the_first_tick_the_server_is_busy() -> None:
    server = RegisterServer("scada", "127.0.0.1", 0, (), pages=lambda: iter(()))
    assert server.answer(bytes((3, 0, 0, 0, 1))) == bytes((0x83, 6))


@given(st.binary(min_size=1, max_size=253))
def test_no_request_raises_or_is_answered_with_more_than_it_asked(request: bytes) -> None:
    server = RegisterServer("scada", "127.0.0.1", 0, (), pages=lambda: iter(()))
    server._page = bytes(1000)
    reply = server.answer(request)
    assert len(reply) == 2 or (request[0] in (3, 4) and len(reply) == 2 + reply[1])


async def test_a_stranger_is_closed_before_a_byte_is_read() -> None:
    async with serving(["10.20.0.0/24"]) as server:
        known, strangers = ("10.20.0.7", "::ffff:10.20.0.9", "127.0.0.1"), ("10.20.1.7", "fe80::1%eth0")
        assert all(server._may(peer) for peer in known)
        assert not any(server._may(peer) for peer in strangers)


async def test_noise_ends_the_conversation_and_not_the_server() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        async with client(server) as scada:
            assert (await read(scada))[:4] == b"BESS"
        await until(lambda: server.connected == 0, 10.0)


async def test_its_end_closes_who_is_still_connected() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await until(lambda: server.connected == 1, 10.0)
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    await until(lambda: server.connected == 0, 10.0)
    assert not server.listening
    writer.close()


def _pieces() -> Iterator[bytes]:
    yield from pages(Shown())


def test_the_page_comes_in_pieces_between_which_a_tick_may_run() -> None:
    assert len([*_pieces()]) == 8
