"""The connection against a real server: time-outs, bad replies, loss and return, turns."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from pymodbus.constants import ExcCodes

from config.address import AddressError
from sources.modbus.connection import MAX_BACK_OFF, Connection
from sources.modbus.device import ModbusDevice
from sources.modbus.errors import BadReply, LinkDown, ModbusFault, NoReply, Rejected, TooLate
from sources.modbus.turn import Turns
from tests.real.modbus import Server, Wire, load
from tests.real.until import until

pytestmark = pytest.mark.integration


@asynccontextmanager
async def line(*, reply_s: float = 0.2) -> AsyncIterator[tuple[Server, Wire, Connection]]:
    """A server with the storage sample, a proxy before it, and a connection that is kept."""
    async with Server(load("sunspec-storage")) as server, Wire(server.port) as wire:
        await server.put_sample()
        loop = asyncio.get_running_loop()
        connection = Connection("127.0.0.1", wire.port, clock=loop.time, timeout=reply_s, jitter=lambda: 0.0)
        keeper = asyncio.create_task(connection.keep())
        try:
            await until(lambda: connection.connected)
            yield server, wire, connection
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            connection.close()


async def read(connection: Connection) -> list[int]:
    async with connection.turn():
        return await connection.read(1, "holding", 40296, 2)


@pytest.mark.req("LH-MODB-001")
async def test_registers_are_read_and_written() -> None:
    async with line() as (server, _, connection):
        assert await read(connection) == [552, 987]
        async with connection.turn(urgent=True):
            await connection.write(1, "holding", 40249, [0xFFFF, 0xFE8E], allowed=lambda: True)
        assert await server.get("holding 40249", 2) == [0xFFFF, 0xFE8E]


@pytest.mark.req("LH-PROT-002")
async def test_an_exception_reply_is_an_answer_and_the_connection_stays() -> None:
    async with line() as (server, wire, connection):
        server.refuse[40296] = ExcCodes.DEVICE_BUSY
        with pytest.raises(Rejected, match="device busy") as caught:
            await read(connection)
        assert caught.value.code == 6
        server.refuse.clear()
        assert await read(connection) == [552, 987]
        assert wire.connections == 1


async def test_a_register_that_is_not_there_is_refused_by_the_device() -> None:
    async with line() as (_, _, connection), connection.turn():
        with pytest.raises(Rejected, match="illegal address"):
            await connection.read(1, "holding", 50000, 1)


@pytest.mark.req("LH-MODB-005", "LH-PROT-003")
async def test_a_time_out_closes_the_socket_and_a_new_one_follows() -> None:
    async with line(reply_s=0.1) as (_, wire, connection):
        wire.swallow = True
        with pytest.raises(NoReply):
            await read(connection)
        assert not connection.connected
        wire.swallow = False
        await until(lambda: connection.connected)
        assert await read(connection) == [552, 987]
        assert wire.connections == 2


@pytest.mark.req("LH-MODB-005")
def test_time_outs_are_never_longer_than_the_cycle_can_bear() -> None:
    async def made() -> float:
        return Connection("127.0.0.1", 1, clock=lambda: 0.0, timeout=60.0).timeout

    assert asyncio.run(made()) == 0.4


def other(position: int, value: int) -> Callable[[bytes], bytes]:
    """A reply in which one byte was replaced."""
    return lambda reply: reply[:position] + bytes([value]) + reply[position + 1 :]


@pytest.mark.req("LH-PROT-002", "LH-MODB-005")
@pytest.mark.parametrize(("change", "fault"), [
    (other(1, 99), NoReply),  # transaction of another request: not ours, and ours never comes
    (lambda reply: b"\0\0" + reply[2:], BadReply),  # transaction 0
    (other(6, 7), NoReply),  # another unit
    (other(6, 0), (NoReply, BadReply)),  # unit 0
    (other(7, 4), BadReply),  # another function
    (other(7, 0x55), BadReply),  # a function that does not exist
    (other(8, 2), BadReply),  # byte count of one register
    (lambda reply: reply[:4] + b"\0\5" + reply[6:8] + b"\2" + reply[9:11], BadReply),  # one register, consistently
    (other(2, 1), BadReply),  # another protocol
    (lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n", BadReply),
    (lambda reply: reply[:7], NoReply),  # half a reply
    (lambda _: b"", NoReply),
])  # fmt: skip
@pytest.mark.hazard("F6")
async def test_a_reply_that_is_not_the_answer_is_refused(
    change: Callable[[bytes], bytes], fault: type[ModbusFault]
) -> None:
    async with line(reply_s=0.1) as (_, wire, connection):
        wire.change = change
        with pytest.raises(fault):
            await read(connection)
        assert not connection.connected
        wire.change = lambda reply: reply
        await until(lambda: connection.connected)
        assert await read(connection) == [552, 987]


@pytest.mark.hazard("F6")
async def test_a_late_reply_never_answers_the_next_request() -> None:
    async with line(reply_s=0.1) as (server, wire, connection):
        held: list[bytes] = []

        def keep(reply: bytes) -> bytes:
            held.append(reply)
            return b""

        wire.change = keep
        with pytest.raises(NoReply):
            await read(connection)
        await server.put("holding 40296", 111)
        wire.change = lambda reply: held.pop() + reply if held else reply  # the old reply first, on the new socket
        await until(lambda: connection.connected)
        assert await read(connection) == [111, 987]


@pytest.mark.hazard("F6")
async def test_nobody_asks_on_a_connection_before_what_was_proved_before_is_forgotten() -> None:
    async with line() as (_, wire, connection):
        before = await read(connection), connection.connects, connection.requests
        wire.cut()
        await until(lambda: not connection.connected)
        told: list[int] = []
        connection.renewed.append(lambda: told.append(connection.connects))
        await until(lambda: connection.connected, every_s=0.0)  # it is up and told in the same round
        assert told == [before[1] + 1]
        wire.change = lambda reply: before[2].to_bytes(2, "big") + reply[2:]  # the last request's transaction
        with pytest.raises(NoReply):
            await read(connection)


@pytest.mark.req("LH-PROT-003", "LH-KTX-002")
async def test_a_lost_connection_ends_the_wait_at_once_and_comes_back() -> None:
    async with line() as (_, wire, connection):
        wire.change = wire.cut_instead
        with pytest.raises(LinkDown):
            await read(connection)
        wire.change = lambda reply: reply
        await until(lambda: connection.connected)
        assert await read(connection) == [552, 987]


async def test_without_a_connection_requests_fail_at_once() -> None:
    connection = Connection("127.0.0.1", 1, clock=asyncio.get_running_loop().time)
    with pytest.raises(LinkDown, match="not connected"):
        await read(connection)
    assert not await connection.connect()


@pytest.mark.req("LH-PROT-003")
async def test_a_device_that_is_not_there_at_first_is_found_later() -> None:
    profile = load("sunspec-storage")
    with socket.socket() as held:  # bound and not listening: refused, and nobody else's
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        connection = Connection("127.0.0.1", port, clock=asyncio.get_running_loop().time, jitter=lambda: 0.0)
        keeper = asyncio.create_task(connection.keep())
        await until(lambda: connection._back_off > 0.1)
        assert not connection.connected
    async with Server(profile, port):
        await until(lambda: connection.connected)
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        connection.close()


def test_back_off_doubles_to_two_seconds_with_jitter_from_outside() -> None:
    connection = Connection("127.0.0.1", 1, clock=lambda: 0.0, jitter=lambda: 1.0)
    delays = [connection._next_delay() for _ in range(8)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]
    connection._jitter = lambda: 0.0
    assert connection._next_delay() == MAX_BACK_OFF / 2


async def test_a_device_that_talks_nonsense_does_not_fill_the_log(logged: list[str]) -> None:
    async def nonsense(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        connection = Connection("127.0.0.1", port, clock=asyncio.get_running_loop().time, jitter=lambda: 0.0)
        for n in range(6):
            await connection.connect()
            with pytest.raises(ModbusFault):
                await read(connection)
            assert connection.connects <= n + 1
    said = [line for line in logged if f"modbus 127.0.0.1:{port}" in line]
    assert said
    assert len(said) == len(set(said)) <= 4
    assert not any("INFO" in line for line in said)


async def test_a_connection_is_said_to_be_up_by_its_first_good_reply(logged: list[str]) -> None:
    async with line() as (_, wire, connection):
        for _ in range(2):
            await read(connection)
        wire.cut()
        await until(lambda: wire.connections == 2 and connection.connected)
        await read(connection)
        place = connection.place
    assert [line.split()[0] for line in logged if f"modbus {place}" in line] == ["INFO", "WARNING", "INFO"]


async def test_three_losses_within_a_minute_look_like_a_second_master() -> None:
    async with line() as (_, wire, connection):
        for n in range(3):
            assert not connection.second_master()
            await until(lambda n=n: wire.connections == n + 1 and connection.connected)  # type: ignore[misc]
            wire.cut()
            await until(lambda: not connection.connected)
        assert connection.second_master()


@pytest.mark.hazard("F6")
@pytest.mark.parametrize("place", [8, 9, 10, 11], ids=["address", "address", "count", "count"])
async def test_an_acknowledgement_of_another_write_is_none(place: int) -> None:
    async with line() as (_, wire, connection):
        wire.change = lambda reply: reply[:place] + bytes([reply[place] ^ 1]) + reply[place + 1 :]
        async with connection.turn(urgent=True):
            with pytest.raises(BadReply, match="something else"):
                await connection.write(1, "holding", 40249, [0, 100], allowed=lambda: True)
        assert not connection.connected


@pytest.mark.req("LH-SAFE-005")
async def test_a_write_that_is_no_longer_allowed_never_reaches_the_wire() -> None:
    async with line() as (_, wire, connection):
        async with connection.turn(urgent=True):
            with pytest.raises(TooLate):
                await connection.write(1, "holding", 40249, [0, 100], allowed=lambda: False)
        assert await read(connection) == [552, 987]
        assert wire.writes() == []


async def test_nothing_is_ever_sent_twice() -> None:
    async with line(reply_s=0.1) as (_, wire, connection):
        wire.swallow = True
        async with connection.turn(urgent=True):
            with pytest.raises(NoReply):
                await connection.write(1, "holding", 40249, [0, 100], allowed=lambda: True)
        wire.swallow = False
        await until(lambda: connection.connected)
        assert await read(connection) == [552, 987]
        assert len(wire.writes()) == 1


async def test_cancelling_a_request_closes_the_socket() -> None:
    async with line() as (_, wire, connection):
        wire.swallow = True
        task = asyncio.create_task(read(connection))
        await until(lambda: len(wire.sent) > 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not connection.connected


@pytest.mark.req("LH-RT-004")
async def test_writes_go_before_reads_that_wait() -> None:
    turns, order = Turns(), []

    async def take(name: str, urgent: bool) -> None:
        async with turns.take(urgent=urgent):
            order.append(name)
            await asyncio.sleep(0)

    async with turns.take():
        tasks = [asyncio.create_task(take(f"read {i}", False)) for i in range(3)]
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(take("write", True))]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == ["write", "read 0", "read 1", "read 2"]


async def test_a_cancelled_waiter_gives_its_turn_away() -> None:
    turns = Turns()

    async def take() -> None:
        async with turns.take():
            pass

    async with turns.take():
        first, second, third = (asyncio.create_task(take()) for _ in range(3))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
    second.cancel()  # the turn was handed to it in this very moment
    await asyncio.gather(first, second, third, return_exceptions=True)
    async with asyncio.timeout(1):
        await take()
    assert third.done()
    assert not third.cancelled()


@pytest.mark.req("LH-MODB-003", "LH-CONF-003")
def test_a_device_has_a_modbus_address() -> None:
    device = ModbusDevice("bess1", load("sunspec-storage"), "modbus-tcp://10.20.0.11:1502/7", lambda: 0.0)
    assert (device.connection.place, device.unit) == ("10.20.0.11:1502", 7)


@pytest.mark.parametrize("url", ["mqtt://h:1883", "modbus-tcp://h:99999/1", "modbus-tcp://h/0", "h:502", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(AddressError):
        ModbusDevice("bess1", load("sunspec-storage"), url, lambda: 0.0)
