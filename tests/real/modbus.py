"""Real Modbus parts for tests: a pymodbus server, a recording TCP proxy that can lie, and a port that swallows bytes.

    client ──► Wire (records, mutates, swallows) ──► Server (registers of a profile, nothing else is readable)

Every port is a free one. `async with` ends them, also when a test fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.catalogue import profile
from config.profile import Point, Profile, TextPoint


def load(name: str, **changes: Any) -> Profile:
    """A built-in profile, with some of its members replaced."""
    return Profile.model_validate(profile(name).model_dump() | changes)


class Server:
    """A pymodbus server with exactly the registers that `profile` declares, as unit 1, shared by all tables."""

    def __init__(self, profile: Profile, port: int = 0) -> None:
        self.port = port
        self.refuse: dict[int, ExcCodes] = {}  # address → exception for requests that start there
        self.discard = False  # acknowledge writes and keep the old values
        self.requests: list[tuple[int, int, int]] = []  # function, address, count
        self._profile = profile
        self._server: ModbusTcpServer | None = None

    async def __aenter__(self) -> Self:
        device = SimDevice(id=1, simdata=_registers(self._profile), action=self._action)
        self._server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
        await self._server.serve_forever(background=True)
        self.port = self._server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.shutdown()  # type: ignore[no-untyped-call]

    def url(self) -> str:
        return f"modbus-tcp://127.0.0.1:{self.port}/1"

    async def put(self, register: str, *words: int) -> None:
        """Set registers from outside, as the plant does: `put("holding 40296", 552)`."""
        assert self._server is not None
        await self._server.async_setValues(1, 16, int(register.split()[1]), list(words))

    async def get(self, register: str, count: int = 1) -> list[int]:
        assert self._server is not None
        values = await self._server.async_getValues(1, 3, int(register.split()[1]), count)
        assert isinstance(values, list)
        return [int(value) for value in values]

    async def put_sample(self) -> None:
        """The profile's recorded sample."""
        registers = self._profile.sample["registers"]
        assert isinstance(registers, dict)
        for register, words in registers.items():
            await self.put(register, *words)

    async def _action(
        self, function: int, start: int, address: int, count: int, registers: list[int], values: Any
    ) -> ExcCodes | None:
        self.requests.append((function, address, count))
        if address in self.refuse:
            return self.refuse[address]
        if self.discard and values is not None:
            values[:] = registers[address - start : address - start + count]
        return None


def _registers(profile: Profile) -> list[SimData]:
    points: list[Point | TextPoint] = [*profile.read.values(), *profile.write.values(),
                                       *profile.identity.values(), *profile.texts.values()]  # fmt: skip
    places = {profile.address(p)[1] + i for p in points for i in range(p.words)}
    places |= {profile.place(text)[1] + i for text, words in profile.expects.items() for i in range(len(words))}
    factors = [p.scale_register for p in points if isinstance(p, Point) and p.scale_register is not None]
    places |= {profile.place(text)[1] for text in factors}
    fixed = {profile.place(text)[1] + i: word
             for text, words in profile.expects.items() for i, word in enumerate(words)}  # fmt: skip
    return [SimData(address, values=fixed.get(address, 0), datatype=DataType.REGISTERS) for address in sorted(places)]


class Wire:
    """A TCP proxy to `target`: records what is sent, may change replies, may swallow or cut."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.sent = bytearray()  # what the client sent
        self.connections = 0
        self.swallow = False  # take bytes and pass on nothing, in both directions
        self.change: Callable[[bytes], bytes] = lambda reply: reply
        self.forward: Callable[[bytes], bytes] = lambda request: request
        self.target = target
        self._server: asyncio.Server | None = None
        self._streams: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks)  # aborted streams end them
        await self._server.wait_closed()

    def url(self) -> str:
        return f"modbus-tcp://127.0.0.1:{self.port}/1"

    def cut(self) -> None:
        """Reset every connection."""
        for stream in self._streams:
            stream.transport.abort()
        self._streams.clear()

    def cut_instead(self, _reply: bytes) -> bytes:
        """For `change`: reset every connection when a reply comes."""
        self.cut()
        return b""

    def writes(self) -> list[tuple[int, bytes]]:
        """Write requests (FC15, FC16) seen on the wire: address and the bytes of the values."""
        found, rest = [], bytes(self.sent)
        while len(rest) >= 8:
            end = 6 + int.from_bytes(rest[4:6], "big")
            if rest[7] in (15, 16):
                found.append((int.from_bytes(rest[8:10], "big"), rest[13:end]))
            rest = rest[end:]
        return found

    def opened(self, writer: asyncio.StreamWriter) -> None:
        """A client is there."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        current = asyncio.current_task()
        assert current is not None
        self._tasks.add(current)
        try:
            near, far = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        if self._server is None or not self._server.is_serving():  # closed while the far end was being reached
            writer.transport.abort()
            far.transport.abort()
            return
        self.opened(writer)
        self._streams += [writer, far]
        self.connections += 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far, reply=False))
                group.create_task(self._pass(near, writer, reply=True))
        except* OSError:
            pass
        finally:
            for stream in (writer, far):
                stream.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, reply: bool) -> None:
        while chunk := await reader.read(4096):
            if not reply:
                self.sent += chunk
            if not self.swallow:
                self.relay(writer, self.change(chunk) if reply else self.forward(chunk))
        self.ended(writer)

    def relay(self, writer: asyncio.StreamWriter, octets: bytes) -> None:
        """Pass bytes on."""
        writer.write(octets)

    def ended(self, writer: asyncio.StreamWriter) -> None:
        """One end has closed: so does the other."""
        writer.close()
