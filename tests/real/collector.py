"""A real HTTP server of the test, in a thread: keeps what is posted, and answers as it is told, the next time each.

    with Collector() as server:      or Collector(certificates=folder) for TLS
        server.script += [429, dripping]
        …  server.posted == [Posted("/north", {…}, b"{}")]
"""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from types import TracebackType
from typing import Any, Self

import orjson


@dataclass(frozen=True)
class Posted:
    path: str
    headers: Message
    body: bytes

    @property
    def document(self) -> Any:
        return orjson.loads(self.body)

    @property
    def key(self) -> str | None:
        return self.headers["Idempotency-Key"]


@dataclass(frozen=True)
class Says:
    """A status with headers of its own."""

    status: int
    headers: Mapping[str, str]


Behaviour = int | Says | Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One POST. `server` is the collector's."""

    collector: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.collector.posted.append(Posted(self.path, self.headers, body))
        behaviour = self.collector.script.popleft() if self.collector.script else 200
        if callable(behaviour):
            behaviour(self)
            return
        said = behaviour if isinstance(behaviour, Says) else Says(behaviour, {})
        self.send_response_only(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Silent."""


def reset(request: Request) -> None:
    """The connection ends with RST."""
    request.connection.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
    request.connection.close()


def silent(request: Request) -> None:
    """No answer until the collector ends."""
    request.collector.ending.wait()


def dripping(request: Request) -> None:
    """A letter now and then: no single read takes long, and there is no end."""
    try:
        while not request.collector.ending.wait(0.01):
            request.connection.sendall(b"H")
    except OSError:
        request.collector.left.set()


class Collector:
    def __init__(self, certificates: Path | None = None) -> None:
        self.posted: list[Posted] = []
        self.script: deque[Behaviour] = deque()
        self.ending, self.left = threading.Event(), threading.Event()
        mine = type("Mine", (Request,), {"collector": self})
        self._server = _Quiet(("127.0.0.1", 0), mine)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/north"
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
            self.url = f"https://localhost:{self.port}/north"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves, or a handshake that fails, is what is tested."""
