"""One session: what goes wrong while it is being opened is a fault with a place, and nothing that is lost counts."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from math import isfinite, nan
from types import SimpleNamespace
from typing import Any

import pytest
from asyncua import ua
from cryptography.exceptions import InvalidSignature

from sources.opcua.access import Access
from sources.opcua.connection import Connection
from sources.opcua.errors import BadReply, LinkDown, OpcuaFault, Untrusted
from sources.opcua.session import Session
from tests.real.opcua import CLIENT_URI, Served, issue, key_pem, pem
from tests.real.until import until

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-OPCUA-003", "LH-OPCUA-005")]


@asynccontextmanager
async def session(served: Served, **how: Any) -> AsyncIterator[Session]:
    made = Session(Access(served.url, **how), timeout=5.0, lost=lambda: None)
    try:
        yield made
    finally:
        made.abort()


async def test_a_line_that_is_lost_with_the_last_answer_of_opening_is_no_session(served: Served) -> None:
    async with session(served) as made:
        answered = made._session.read_attributes

        async def last(*what: Any) -> Any:
            found = await answered(*what)
            made._gone()  # the other side closes before the answer has reached us
            return found

        made._session.read_attributes = last  # type: ignore[method-assign, assignment]
        with pytest.raises(LinkDown, match="connection lost"):
            await made.open()


@pytest.mark.parametrize("error", [struct.error("unpack"), InvalidSignature(), RecursionError("too deep"), KeyError(7)])
async def test_whatever_the_library_raises_about_an_answer_is_a_fault_of_the_server(
    served: Served, error: Exception
) -> None:
    async with session(served) as made:

        async def bad() -> None:
            raise error

        made._client.create_session = bad  # type: ignore[method-assign, assignment]
        with pytest.raises(BadReply, match=made.place):
            await made.open()


@pytest.mark.parametrize("interval_ms", [nan, -1.0, 0.0, float("inf")])
async def test_an_interval_without_sense_makes_no_subscription_that_is_silent_at_once(
    served: Served, interval_ms: float
) -> None:
    async with session(served) as made:
        await made.open()

        async def created(*_: object) -> Any:
            return SimpleNamespace(SubscriptionId=1, RevisedPublishingInterval=interval_ms, RevisedMaxKeepAliveCount=1)

        made._session.create_subscription = created  # type: ignore[method-assign, assignment]
        subscribed = await made.subscribe([], 0.1, lambda _changes: None)
        assert isfinite(subscribed.silent_s)
        assert subscribed.silent_s > 1.0


async def test_a_password_does_not_leave_in_a_channel_that_is_only_signed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who listens reads what is only signed: a server that takes passwords in plain text is refused there."""
    plain = ua.UserTokenPolicy(TokenType=ua.UserTokenType.UserName, SecurityPolicyUri="")
    for security, refused in (("Basic256Sha256/Sign", True), (None, True), ("None", False),
                              ("Basic256Sha256/SignAndEncrypt", False)):  # fmt: skip
        async with session(served, security=security, user="ems", password="right") as made:
            monkeypatch.setattr(made._client, "server_policy", lambda _kind: plain)
            try:
                made._plain_password()
            except Untrusted:
                assert refused, security
            else:
                assert not refused, security


async def test_bytes_without_sense_end_the_question_for_endpoints_too() -> None:
    """Before anybody has shown a certificate, a header of 4 GB would be waited for, and copied with every segment."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"ACKF\xff\xff\xff\xff" + bytes(1000))
        with suppress(ConnectionError):
            while await reader.read(1000):
                pass
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    own, key = issue(CLIENT_URI)
    access = Access(f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", "Basic256Sha256/Sign",
                    certificate=pem(own) + key_pem(key))  # fmt: skip
    made = Session(access, timeout=5.0, lost=lambda: None)
    async with server:
        with pytest.raises(OpcuaFault, match="a chunk of 4294967295 bytes"):
            await made.open()
        made.abort()
        await until(ended.is_set)


async def test_a_connection_goes_on_after_a_server_that_answers_nonsense(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: Sequence[Exception] = [struct.error("unpack"), InvalidSignature()]
    left = list(attempts)
    opened = Session.open

    async def sometimes(self: Session) -> None:
        if left:
            self._client.create_session = lambda: _raise(left.pop(0))  # type: ignore[method-assign]
        await opened(self)

    monkeypatch.setattr(Session, "open", sometimes)
    connection = Connection(Access(served.url), clock=asyncio.get_running_loop().time, jitter=lambda: 0.0)
    keep = asyncio.create_task(connection.keep())
    await until(lambda: connection.connected)
    assert not left
    await connection.close()
    await asyncio.wait_for(keep, 10.0)


async def _raise(error: Exception) -> Any:
    raise error
