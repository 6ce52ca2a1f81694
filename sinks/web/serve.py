"""Serves the endpoint inside the control loop's own event loop, and never takes the process down with it.

    bind ──fails──► BindError: one line          serve(shell, hub, sockets, stop) ──stop.set()──► closed within seconds

Guarantees: signals belong to the process, not to the web server, so a second SIGTERM changes nothing; a socket that
cannot be bound and a certificate that cannot be read are one clear line each; a client that does not read cannot keep
more than a bounded number of bytes or hold up the end. Forwarding headers are interpreted by `sinks.web.origin` only.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sinks.web.app import build
from sinks.web.hub import Hub
from sinks.web.origin import Listener
from sinks.web.shell import Shell

SEND_BUFFER = 256 * 1024
USER_TIMEOUT_MS = 10_000
FLUSH_S = 3.0
MAX_MESSAGE = 64 * 1024
MAX_HEADER = 16 * 1024
GRACE_S = 2


class BindError(OSError):
    """The address cannot be listened on; the message names it and why."""


class CertificateError(ValueError):
    """The certificate or its key cannot be used; the message names the file and why, never its content."""


class _Connection(WebSocketsSansIOProtocol):
    """uvicorn's websocket, except that an end is an end even when the reader never reads.

    A close frame goes behind what is buffered instead of waiting for the reader, and what is not flushed `FLUSH_S`
    after the endpoint has ended is cut off.
    """

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()
        await super().send(message)

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self.loop.call_later(FLUSH_S, self.transport.abort)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def bind(listener: Listener) -> socket.socket:
    """A listening socket, before anything else starts. `BindError` is one line for a person."""
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        with suppress(OSError, AttributeError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        sock.bind((listener.host, listener.port))
        sock.listen(2048)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        raise BindError(f"cannot listen on {listener.host}:{listener.port}: {reason}") from error
    return sock


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server context from PEM files, TLS 1.2 and newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(f"cannot use the certificate {certificate} with the key {key}: "
                               f"{error.strerror or error}") from error
    return context


def url(listener: Listener, sock: socket.socket) -> str:
    """What to type into a browser."""
    port = sock.getsockname()[1]
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    return f"{'https' if listener.tls else 'http'}://{host}:{port}"


async def serve(shell: Shell, hub: Hub, sock: socket.socket, stop: asyncio.Event, *,
                tls: ssl.SSLContext | None = None, started: Callable[[], None] | None = None) -> None:
    """Serve until `stop` is set or the task is cancelled; then say goodbye to every client.

    Raises `ListenRefusedError` before anything is answered when the listener would be open without protection.
    """
    shell.listener.verify(tokens=bool(shell.keyring))
    if shell.listener.tls is not (tls is not None):
        raise CertificateError("the listener and its certificate disagree about TLS")
    server = _Server(_config(shell, hub, tls))
    work = asyncio.ensure_future(server.serve([sock]))
    fan_out = asyncio.ensure_future(hub.run())
    ending = asyncio.ensure_future(stop.wait())
    if started is not None:
        started()
    try:
        await asyncio.wait({work, fan_out, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        for task in (fan_out, ending):
            task.cancel()
        await asyncio.shield(asyncio.gather(work, fan_out, ending, return_exceptions=True))
        sock.close()
    for task in (work, fan_out):
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def _config(shell: Shell, hub: Hub, tls: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        build(shell, hub),
        http="h11",
        ws=_Connection,
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=MAX_HEADER,
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=None if tls is None else (lambda *_: tls),
    )
