"""An OPC UA server for SCADA in a process of its own, fed once a second: nothing that happens there can delay a tick.

    run() ──starts──► `python -m sinks.scada.opcua_server` ──opc.tcp──► clients, to read and to subscribe
       └── one JSON line per `every_s` with the values of all blocks ──► its standard input

The child ends when the pipe closes: it never outlives this process. A child that ends is an error here, and the output
is started again by whoever keeps it running. What it shows and how: `sinks.scada.opcua_server`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sources.pause import pause

#: The address space of the standard is built in this time, on a slow machine too (s).
READY_S = 120.0
Values = Iterator[tuple[str, Mapping[str, Any]]]


class OpcuaServerError(RuntimeError):
    """The server's process ended, or did not begin to serve; the message says why."""


class OpcuaServer:
    """The output `name` on `host`:`port`. `values` gives every block's values in pieces. `run()` must run."""

    def __init__(
        self, name: str, host: str, port: int, *, values: Callable[[], Values], every_s: float = 1.0
    ) -> None:
        self.name, self.host, self.port = name, host, port
        self.listening = False
        self._values, self._every_s = values, every_s
        self._new = False

    def offer(self, _frame: object) -> None:
        """There is something newer to show."""
        self._new = True

    async def run(self) -> None:
        """Serve until cancelled. Raises OpcuaServerError."""
        blocks = await self._cut()
        while not blocks:
            await pause(self._every_s)
            blocks = await self._cut()
        child = await self._begin(blocks)
        try:
            while child.returncode is None:
                await self._feed(child)
                await pause(self._every_s)
            raise OpcuaServerError(f"the OPC UA server of outputs.{self.name} ended with {child.returncode}")
        finally:
            self.listening = False
            if child.returncode is None:
                child.kill()
            await child.wait()

    async def _begin(self, blocks: Mapping[str, Any]) -> Process:
        """The child, serving; its first line tells it what there is, and its own first line its port."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "sinks.scada.opcua_server", stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            await _send(child, {"host": self.host, "port": self.port, "blocks": blocks})
            async with asyncio.timeout(READY_S):
                said = await child.stdout.readline() if child.stdout is not None else b""
            told = json.loads(said) if said else {"error": "it ended"}
            if "port" not in told:
                raise OpcuaServerError(f"outputs.{self.name} cannot listen on {self.host}:{self.port}: {told['error']}")
        except BaseException:
            child.kill()
            await child.wait()
            raise
        self.port, self.listening = int(told["port"]), True
        return child

    async def _feed(self, child: Process) -> None:
        blocks = await self._cut()
        if blocks:
            await _send(child, blocks)

    async def _cut(self) -> dict[str, Any]:
        """The newest values of all blocks; between two of them the loop is free. Empty when there is nothing newer."""
        if not self._new:
            return {}
        self._new = False
        blocks: dict[str, Any] = {}
        for name, values in self._values():
            blocks[name] = values
            await pause(0)
        return blocks


async def _send(child: Process, what: Mapping[str, Any]) -> None:
    if child.stdin is None:
        raise OpcuaServerError("the server's process has no input")
    child.stdin.write(json.dumps(what, allow_nan=False).encode() + b"\n")
    try:
        await child.stdin.drain()
    except ConnectionError as error:
        raise OpcuaServerError(f"the server's process is gone: {error}") from None
