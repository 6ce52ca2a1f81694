"""The production endpoint in the world: page, REST and websocket, spoken to in ASGI messages instead of sockets.

    endpoint = Endpoint.of(world.process); status = await endpoint.post("/markets/schedules/import", octets)
    await endpoint.watch(reads_s=None)                    # a websocket client that never takes what is sent to it

What it guarantees is what `sinks.web` guarantees: the fence, the roles, the body limits and the parsers are in the way.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message

from pipeline.process import Process
from sinks.web.app import build
from sinks.web.auth import Credential, Keyring
from sinks.web.hub import Hub
from sinks.web.live import SUBPROTOCOL
from sinks.web.origin import Listener
from sinks.web.ports import Role
from sinks.web.shell import Shell
from sources.instant import format_utc
from sources.pause import pause

OPERATOR = "the operator of the simulated world"
HEADERS = [(b"host", b"127.0.0.1:8088"), (b"authorization", f"Bearer {OPERATOR}".encode())]
TOPICS = ("site", "assets.*", "decisions.*", "alarms", "nodes")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The application over one process, and its hub, whose task runs beside it."""

    app: ASGIApp
    hub: Hub

    @classmethod
    def of(cls, process: Process) -> Endpoint:
        ids = itertools.count()
        shell = Shell(
            view=process.view,
            door=process.door,
            listener=Listener("127.0.0.1", 8088),
            keyring=Keyring([Credential("operator", Role.OPERATOR, OPERATOR)]),
            clock=process.clock,
            utc_ns=process.options.utc_ns,
            new_id=lambda: f"id {next(ids)}",
            secret=lambda: f"secret {next(ids)}",
        )
        hub = Hub(process.view, process.clock, lambda: format_utc(process.options.utc_ns()))
        return cls(build(shell, hub), hub)

    async def post(self, path: str, body: bytes) -> int:
        """The status of the answer."""
        told: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        status = 0

        async def receive() -> Message:
            return told.pop() if told else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)

        headers = [*HEADERS, (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self.app(_scope("http", path, headers) | {"method": "POST"}, receive, send)
        return status

    async def watch(self, reads_s: float | None) -> int:
        """A websocket client that takes `reads_s` for each frame, for ever where it is None; the code of its end."""
        told: list[Message] = [{"type": "websocket.connect"}]
        told += [{"type": "websocket.receive", "text": f'{{"t":"sub","id":{number},"topic":"{topic}","max_hz":10}}'}
                 for number, topic in enumerate(TOPICS)]  # fmt: skip
        code = 0

        async def receive() -> Message:
            return told.pop(0) if told else await asyncio.get_running_loop().create_future()

        async def send(message: Message) -> None:
            nonlocal code
            if message["type"] == "websocket.close":
                code = message.get("code", 1000)
            elif message["type"] == "websocket.send":
                await _takes(reads_s)

        await self.app(_scope("websocket", "/ws", HEADERS) | {"subprotocols": [SUBPROTOCOL]}, receive, send)
        return code


async def _takes(seconds: float | None) -> None:
    if seconds is None:
        await asyncio.get_running_loop().create_future()
    else:
        await pause(seconds)


def _scope(kind: str, path: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    scheme = "http" if kind == "http" else "ws"
    return {"type": kind, "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": scheme, "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
            "client": ("127.0.0.1", 40_000), "server": ("127.0.0.1", 8088)}  # fmt: skip
