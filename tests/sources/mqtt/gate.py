"""A door in front of a broker that lets MQTT 3.1.1 through and refuses MQTT 5, as brokers before 2018 do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

REFUSED = b"\x20\x02\x00\x01"  # CONNACK of a broker that knows 3.1.1 only


HUNG = b"never sent"


class Gate:
    """`refusal`: the bytes sent before closing on a CONNECT of version 5 (b"": none); None lets every version in.

    `HUNG` neither answers nor closes.
    """

    def __init__(self, port: int, refusal: bytes | None) -> None:
        self.levels: list[int] = []
        self._port = port
        self._refusal = refusal
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.read(4096)
            level = first[first.index(b"MQTT") + 4]
            self.levels.append(level)
            if level == 5 and self._refusal is not None:
                if self._refusal == HUNG:
                    await reader.read()  # until the client gives up
                else:
                    writer.write(self._refusal)
                    await writer.drain()
                writer.close()
                return
            below, above = await asyncio.open_connection("127.0.0.1", self._port)
            self._writers.append(above)
            above.write(first)
            await asyncio.gather(_pump(reader, above), _pump(below, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(4096):
            writer.write(chunk)
            await writer.drain()
    writer.close()
