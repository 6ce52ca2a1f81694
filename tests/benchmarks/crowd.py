"""`python -m tests.benchmarks.crowd URL READERS STALLED REPORT`: websocket clients as the page is one, until SIGTERM.

Readers take everything. Stalled ones subscribe and never read again; each is thrown out by the endpoint sooner or later
and comes back, so that there are always as many. The report, rewritten every second, counts those that stand.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

TOPICS = (("site", 2), ("assets.*", 2), ("alarms", 2), ("decisions.bess1", 2), ("nodes", 2))
STALLS_S = 12.0


class Crowd:
    """`reading` and `stalled` clients stand now; `frames` were received in all."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.reading = self.stalled = self.frames = self.returns = 0

    async def served(self) -> None:
        """Wait until the endpoint answers."""
        while True:
            with suppress(OSError, WebSocketException, EOFError):
                async with self._opened():
                    return
            await asyncio.sleep(0.1)

    async def reader(self) -> None:
        async with self._opened() as client:
            await self._subscribe(client)
            self.reading += 1
            try:
                async for _ in client:
                    self.frames += 1
            finally:
                self.reading -= 1

    async def stall(self) -> None:
        """A socket with a small buffer that is never emptied."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, _, port = self.url.removeprefix("ws://").partition("/")[0].partition(":")
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
        async with self._opened(sock=sock, max_queue=1) as client:
            await self._subscribe(client)
            client.transport.pause_reading()
            self.stalled += 1
            try:
                await asyncio.sleep(STALLS_S)
            finally:
                self.stalled -= 1
                client.transport.abort()

    async def again(self, act: Callable[[], Awaitable[None]], after_s: float) -> None:
        await asyncio.sleep(after_s)
        while True:
            with suppress(OSError, WebSocketException, EOFError, TimeoutError):
                await act()
            self.returns += 1
            await asyncio.sleep(0.5)

    def _opened(self, **options: object) -> connect:
        given: dict[str, object] = {"subprotocols": [Subprotocol("bess-pipeline.v1")], "compression": None, **options}
        return connect(self.url, **given)  # type: ignore[arg-type]

    async def _subscribe(self, client: ClientConnection) -> None:
        for number, (topic, max_hz) in enumerate(TOPICS):
            await client.send(json.dumps({"t": "sub", "id": number, "topic": topic, "max_hz": max_hz}))


async def main(url: str, readers: int, stalled: int, report: Path) -> None:
    crowd, stop = Crowd(url), asyncio.Event()
    await crowd.served()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    acts = [crowd.reader] * readers + [crowd.stall] * stalled
    tasks = [asyncio.ensure_future(crowd.again(act, 0.02 * place)) for place, act in enumerate(acts)]
    while not stop.is_set():
        report.write_text(json.dumps({name: value for name, value in vars(crowd).items() if name != "url"}))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
