"""Binding, TLS, signals and the end of the endpoint."""

from __future__ import annotations

import asyncio
import os
import signal
import socket as sockets
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from sinks.web.auth import Keyring
from sinks.web.client import Limits
from sinks.web.hub import Hub
from sinks.web.origin import Listener, ListenRefusedError, Seen, foreign_origin, seen
from sinks.web.ports import Role
from sinks.web.serve import BindError, CertificateError, bind, serve, tls_context, url
from tests.sinks.web.fakes import (
    ANONYMOUS,
    LOOPBACK,
    FakeDoor,
    FakeView,
    Hands,
    closed,
    receive,
    send,
    served,
    shell_for,
    until,
)


@pytest.mark.parametrize(("listen", "host", "port"), [
    ("127.0.0.1:8088", "127.0.0.1", 8088), ("[::1]:80", "::1", 80), ("localhost:1", "localhost", 1),
    ("0.0.0.0:0", "0.0.0.0", 0),
])
def test_a_listener_is_an_address_and_a_port(listen: str, host: str, port: int) -> None:
    assert Listener.parse(listen) == Listener(host, port)


@pytest.mark.req("LH-NF-009")
@pytest.mark.parametrize(
    "listen", ["", "8088", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:x", "127.0.0.1:70000", "a:-1"])
def test_a_listener_that_is_none(listen: str) -> None:
    with pytest.raises(ValueError, match="expected an address and a port"):
        Listener.parse(listen)


@pytest.mark.req("LH-API-008")
@pytest.mark.parametrize(("listener", "tokens", "refused"), [
    (LOOPBACK, False, None),
    (ANONYMOUS, False, None),
    (Listener("::1", 0), False, None),
    (Listener("0.0.0.0", 0), True, "needs TLS"),
    (Listener("0.0.0.0", 0, tls=True), True, None),
    (Listener("0.0.0.0", 0, tls=True), False, "needs at least one token"),
    (Listener("192.0.2.1", 0, behind_proxy=True), True, None),
    (Listener("192.0.2.1", 0, behind_proxy=True), False, "needs at least one token"),
    (Listener("0.0.0.0", 0, tls=True, anonymous_viewer=True), True, "anonymous viewing"),
    (replace(ANONYMOUS, behind_proxy=True), True, "anonymous viewing"),
    (replace(LOOPBACK, behind_proxy=True), False, "needs at least one token"),
])
def test_nothing_is_open_to_others_without_protection(listener: Listener, tokens: bool, refused: str | None) -> None:
    if refused is None:
        listener.verify(tokens=tokens)
    else:
        with pytest.raises(ListenRefusedError, match=refused):
            listener.verify(tokens=tokens)


async def test_serving_checks_the_listener_again() -> None:
    hands, view = Hands(), FakeView()
    shell = shell_for(view, FakeDoor(), hands, listener=Listener("0.0.0.0", 0, tls=True), keyring=Keyring())
    sock = bind(LOOPBACK)
    with pytest.raises(ListenRefusedError):
        await serve(shell, Hub(view, hands.clock, shell.now), sock, asyncio.Event())
    shell.keyring = shell_for(view, FakeDoor(), hands).keyring
    with pytest.raises(CertificateError):
        await serve(shell, Hub(view, hands.clock, shell.now), sock, asyncio.Event())
    sock.close()


@pytest.mark.req("LH-NF-009")
def test_an_address_that_is_taken_is_one_clear_line() -> None:
    first = bind(LOOPBACK)
    port = first.getsockname()[1]
    with pytest.raises(BindError) as error:
        bind(Listener("127.0.0.1", port))
    assert str(error.value) == f"cannot listen on 127.0.0.1:{port}: Address already in use"
    with pytest.raises(BindError, match=r"cannot listen on 192\.0\.2\.1:0: "):
        bind(Listener("192.0.2.1", 0))
    assert url(LOOPBACK, first) == f"http://127.0.0.1:{port}"
    first.close()


def test_how_the_client_sees_us() -> None:
    assert seen(LOOPBACK, {"host": "Localhost:80"}, ("127.0.0.1", 5)) == Seen("http://localhost:80", "127.0.0.1")
    proxied = replace(LOOPBACK, behind_proxy=True)
    assert seen(proxied, {"host": "h"}, None) == Seen("https://h", "unknown")
    assert not foreign_origin(Seen("https://h", ""), {})
    assert foreign_origin(Seen("https://h", ""), {"origin": "https://h:444"})


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


@pytest.mark.req("LH-API-008")
async def test_over_tls(certificate: tuple[Path, Path]) -> None:
    trust = ssl.create_default_context(cafile=certificate[0])
    listener = replace(LOOPBACK, tls=True)
    async with served(listener=listener, tls=tls_context(*certificate), trust=trust) as site:
        async with site.client(Role.VIEWER) as client:
            answer = await client.get("/assets")
            assert answer.status_code == 200
            assert "max-age" in answer.headers["strict-transport-security"]
            signed = await client.post("/session", json={"token": "viewer-0123456789abcdef"})
            assert "Secure" in signed.headers["set-cookie"]
        async with site.socket(token="viewer-0123456789abcdef", ssl=trust, origin=site.url) as client:
            assert (await receive(client))["auth"] == "ok"


@pytest.mark.req("LH-NF-009")
def test_a_certificate_that_cannot_be_used_is_one_clear_line(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="No such file"):
        tls_context(tmp_path / "none.pem", certificate[1])
    certificate[1].write_text("not a key")
    with pytest.raises(CertificateError, match="cannot use the certificate") as error:
        tls_context(*certificate)
    assert "not a key" not in str(error.value)


@pytest.mark.req("LH-API-007")
async def test_signals_stay_with_the_process() -> None:
    caught = 0

    def count(*_: object) -> None:
        nonlocal caught
        caught += 1

    before = signal.signal(signal.SIGTERM, count)
    try:
        async with served() as site:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            await until(lambda: caught == 2)
            async with site.client() as client:
                assert (await client.get("/health")).status_code == 200
        assert signal.getsignal(signal.SIGTERM) is count
        assert caught == 2
    finally:
        signal.signal(signal.SIGTERM, before)


async def test_the_end_says_goodbye_to_readers_and_does_not_wait_for_the_others() -> None:
    async with AsyncExitStack() as stack:
        async with served(listener=ANONYMOUS) as site:
            reading = await stack.enter_async_context(site.socket())
            stalled = await stack.enter_async_context(site.socket())
            await receive(reading)
            await receive(stalled)
            stalled.transport.pause_reading()
        assert await closed(reading) == 1012
        with pytest.raises(OSError):
            sockets.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2])), timeout=1)
        stalled.transport.abort()


async def test_cancelling_ends_it_too() -> None:
    hands, view = Hands(), FakeView()
    shell = shell_for(view, FakeDoor(), hands)
    task = asyncio.ensure_future(serve(shell, Hub(view, hands.clock, shell.now), bind(LOOPBACK), asyncio.Event()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.req("LH-NF-004")
async def test_two_hundred_clients_get_the_same_last_value() -> None:
    limits = Limits(housekeeping_s=0.1, heartbeat_s=0.5, refresh_s=0.05)
    async with served(listener=ANONYMOUS, limits=limits) as site, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(site.socket()) for _ in range(200)]
        for client in clients:
            await send(client, t="sub", id=1, topic="assets.*", max_hz=10)
        for _ in range(20):
            site.step()
            await asyncio.sleep(0.01)

        async def last(messages: AsyncIterator[str | bytes]) -> bool:
            async for text in messages:
                if b'"command_kw":21.0' in (text if isinstance(text, bytes) else text.encode()):
                    return True
            return False

        async with asyncio.timeout(30):
            assert all(await asyncio.gather(*(last(aiter(client)) for client in clients)))
