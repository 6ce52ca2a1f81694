"""What comes from a server that is none, or lies: the connection ends at once, the loop goes on, nothing is left."""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress

import pytest

from sources.opcua.access import Access
from sources.opcua.connection import Connection
from sources.opcua.guard import MAX_CHUNK, MAX_MESSAGE, Guard
from tests.real.opcua import Served

pytestmark = pytest.mark.req("LH-PROT-002", "LH-OPCUA-001")


def header(kind: bytes, size: int, chunk: bytes = b"F") -> bytes:
    return kind + chunk + struct.pack("<I", size)


ACK = header(b"ACK", 28) + struct.pack("<5I", 0, 65535, 65535, 0, 0)
FOUL = {
    "nothing at all": b"",
    "size 0": header(b"ACK", 0),
    "size 8": header(b"ACK", 8),
    "size of 4 GB": header(b"MSG", 0xFFFF_FFFF),
    "a chunk larger than agreed": header(b"MSG", MAX_CHUNK + 1),
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an unknown kind": header(b"XXX", 40) + b"\0" * 32,
    "an unknown chunk": header(b"ACK", 28, b"Z") + b"\0" * 20,
    "a hello": header(b"HEL", 40) + b"\0" * 32,
    "an error": header(b"ERR", 16) + struct.pack("<Ii", 0x807D_0000, -1),
    "half a header": b"ACK",
    "half an acknowledgement": ACK[:20],
    "an answer to nothing": header(b"MSG", 32) + b"\0" * 24,
    "noise behind the acknowledgement": ACK + bytes(range(256)),
    "a channel that is none": ACK + header(b"OPN", 24) + b"\0" * 16,
    "a channel with a policy of 2 GB": ACK + header(b"OPN", 40) + struct.pack("<Ii", 1, 0x7FFF_FFFF) + b"\0" * 24,
    "acknowledged twice": ACK + ACK,
    "zeros": b"\0" * 4096,
    "ones": b"\xff" * 4096,
}


@pytest.mark.integration
@pytest.mark.parametrize("foul", FOUL)
async def test_a_server_that_talks_nonsense_is_left_without_harm(foul: str) -> None:
    before = asyncio.all_tasks()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FOUL[foul])
        with suppress(ConnectionError):  # the reset is meant
            await reader.read(4096)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = Connection(Access(f"opc.tcp://127.0.0.1:{port}"), clock=asyncio.get_running_loop().time)
    assert await connection.connect() is False
    assert not connection.connected
    await connection.close()
    server.close()
    await server.wait_closed()
    for _ in range(20):
        await asyncio.sleep(0)
    assert {task for task in asyncio.all_tasks() - before if "opcua" in task.get_name()} == set()


class Line(asyncio.Transport):
    """A transport that notes whether it was dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.dropped = False

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...
    def get_write_buffer_size(self) -> int:
        return 0

    def abort(self) -> None:
        self.dropped = True


class Library(asyncio.Protocol):
    def __init__(self) -> None:
        self.came = b""

    def data_received(self, data: bytes) -> None:
        self.came += data


def fed(*parts: bytes) -> tuple[Guard, Line, Library]:
    line, library = Line(), Library()
    guard = Guard(line, library, lambda: None)
    for part in parts:
        guard.get_buffer(-1)[: len(part)] = part
        guard.buffer_updated(len(part))
    return guard, line, library


@pytest.mark.parametrize("at", range(1, 40))
def test_a_frame_may_come_in_any_two_parts(at: int) -> None:
    frame = ACK + header(b"MSG", 24) + b"\1" * 16
    guard, line, library = fed(frame[:at], frame[at:])
    assert (guard.foul, line.dropped, library.came) == ("", False, frame)


def test_a_message_in_more_chunks_than_a_loop_should_copy_is_dropped() -> None:
    chunk = header(b"MSG", MAX_CHUNK, b"C") + b"\0" * (MAX_CHUNK - 8)
    guard, line, library = fed(*[chunk] * (MAX_MESSAGE // MAX_CHUNK + 1))
    assert "a message of more than" in guard.foul
    assert line.dropped
    assert len(library.came) <= MAX_MESSAGE
    ended = header(b"MSG", 24) + b"\0" * 16
    assert fed(*[chunk] * 3, ended, *[chunk] * 3)[0].foul == ""


@pytest.mark.integration
async def test_one_byte_changed_on_the_way_ends_the_connection_or_the_request_and_nothing_else(served: Served) -> None:
    from simulator.proxy import Proxy

    loop = asyncio.get_running_loop()
    node = "i=2258"  # the server's clock
    proxy = await Proxy("127.0.0.1", served.port, clock=loop.time, pause=asyncio.sleep).start()
    connection = Connection(Access(f"opc.tcp://127.0.0.1:{proxy.port}"), clock=loop.time)
    for _ in range(12):
        assert await connection.connect()
        proxy.corrupt()
        try:
            await connection.read([connection.node(node)])
        except Exception as error:
            assert type(error).__module__ == "sources.opcua.errors"  # noqa: PT017
        proxy._corrupt = False
    assert await connection.connect()
    assert len(await connection.read([connection.node(node)])) == 1
    await connection.close()
    await proxy.stop()
