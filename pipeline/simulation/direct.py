"""The product's Modbus connection without its client: real bytes, handed to the device in one call.

    source, writer ─► Direct.read, write ─► request bytes ─► Station.answer ─► reply bytes ─► words

Turns, time-outs, back-off, reconnecting and every fault of a line are those of `Connection`; what is left out is
pymodbus' framing, its transactions and its rounds through the loop. Where nothing is wrong with a line the answer is
there at once, without any latency; else the bytes go the way that those of the client go. Registers only, no coils.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence

from config.profile import Table
from pipeline.simulation.net import Transport
from sources.modbus.connection import Connection
from sources.modbus.errors import BadReply, LinkDown, ModbusFault, NoReply, Rejected, TooLate

READ = {"holding": 3, "input": 4}
WRITE = {"holding": 16}
HEAD = struct.Struct(">HHHB")  # transaction, protocol, length, unit
ASKS = struct.Struct(">BHH")  # function, address, count


class Ear(asyncio.BaseProtocol):
    """Gathers bytes until a whole reply is there. `lost` is called when the other side closes."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self.gathered = b""
        self.whole: asyncio.Future[bytes] | None = None
        self._lost = lost

    def hear(self, octets: bytes) -> None:
        self.gathered += octets
        length = int.from_bytes(self.gathered[4:6], "big")
        if len(self.gathered) >= 6 + length and len(self.gathered) > 7 and self.whole and not self.whole.done():
            self.whole.set_result(self.gathered[: 6 + length])
            self.gathered = b""

    def connection_lost(self, _error: Exception | None) -> None:
        self._lost()


class Direct(Connection):
    """Made in place of a `Connection` (`Options.link`); needs a loop whose connections are `net.Transport`s."""

    _wire: Transport | None = None
    _ear: Ear | None = None

    @property
    def connected(self) -> bool:
        return self._wire is not None and not self._wire.is_closing()

    async def read(self, unit: int, table: Table, address: int, count: int) -> list[int]:
        pdu = await self._exchange(unit, ASKS.pack(READ[table], address, count))
        if len(pdu) != 2 + 2 * count or pdu[1] != 2 * count:
            raise self._break(BadReply(self.place, f"{(len(pdu) - 2) // 2} values instead of {count}"))
        return list(struct.unpack_from(f">{count}H", pdu, 2))

    async def write(
        self, unit: int, table: Table, address: int, words: Sequence[int], *, allowed: Callable[[], bool],
        single: bool = False,
    ) -> None:  # fmt: skip
        if not self.connected or table not in WRITE or single:
            raise LinkDown(self.place, "not connected, or not to registers")
        if not allowed():
            raise TooLate(self.place, "the command's time has passed, nothing was sent")
        count = len(words)
        pdu = await self._exchange(unit, struct.pack(f">BHHB{count}H", WRITE[table], address, count, 2 * count, *words))
        if pdu[1:] != struct.pack(">HH", address, count):
            raise self._break(BadReply(self.place, "an acknowledgement of something else"))

    async def _open(self) -> bool:
        ear = Ear(lambda: self._gone() if ear is self._ear else None)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.timeout):
                self._wire, self._ear = await loop.create_connection(lambda: ear, self._host, self._port)  # type: ignore[assignment]
        except OSError:
            return False
        return True

    async def _exchange(self, unit: int, pdu: bytes) -> bytes:
        """The reply to one request, checked. Raises `ModbusFault`."""
        wire, ear = self._wire, self._ear
        if wire is None or ear is None or wire.is_closing():
            raise LinkDown(self.place, "not connected")
        self.requests += 1
        frame = HEAD.pack(self.requests % 65000 + 1, 0, len(pdu) + 1, unit) + pdu
        reply = wire.straight(frame)
        if not reply:
            reply = await self._wait(wire, ear, frame if reply is None else b"")
        if len(reply) < 9 or reply[:4] != frame[:4] or reply[6] != unit or reply[7] & 0x7F != pdu[0]:
            raise self._break(BadReply(self.place, "a reply to something else"))
        self._well()
        if reply[7] & 0x80:
            raise Rejected(self.place, reply[8])
        return reply[7:]

    async def _wait(self, wire: Transport, ear: Ear, frame: bytes) -> bytes:
        ear.whole = asyncio.get_running_loop().create_future()
        if frame:
            wire.write(frame)
        try:
            async with asyncio.timeout(self.timeout) as self._waiting:
                return await ear.whole
        except TimeoutError:
            raise self._break(self._silence()) from None
        except asyncio.CancelledError:
            self.close()  # its reply may still come
            raise
        finally:
            self._waiting = None

    def _silence(self) -> ModbusFault:
        if not self.connected:
            return LinkDown(self.place, "connection lost while waiting for the reply")
        return NoReply(self.place, f"no reply within {self.timeout:g} s")

    def _drop(self) -> None:
        wire, self._wire, self._ear = self._wire, None, None
        if wire is not None:
            wire.close()
