"""A session with an `OpcuaHost`, in the place of the one that the library makes.

    Connection, OpcuaSource, OpcuaWriter ─► OpcuaSession ─► Pushed (Line) ─► OpcuaHost

What reads, judges status codes and time stamps, proves and writes is the product's; so is what opens sessions, counts
time-outs and backs off. Left out are the library, its encoding and `sources.opcua.session`. Errors are as there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from config.address import parse_url
from config.profile import RegisterType
from pipeline.simulation.pushed import Pushed
from simulator.opcua_host import OpcuaHost, Reply, Request
from simulator.opcua_station import CODES, NAMES
from sources.opcua.access import Access
from sources.opcua.errors import LinkDown, NoReply, OpcuaFault, Rejected, TooLate
from sources.opcua.session import ALIVE_S, STEP_S, Heard, Subscribed


class Ear(asyncio.BaseProtocol):
    """Hears for one session."""

    def __init__(self, hear: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self.hear, self._lost = hear, lost

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._lost()


class OpcuaSession:
    """As `sources.opcua.session.Session`, of the server that `host` is."""

    def __init__(self, host: OpcuaHost, access: Access, *, timeout: float, lost: Callable[[], None]) -> None:
        self.place, self.ended = access.place, False
        self._host, self._url, self._timeout, self._lost = host, access.url, timeout, lost
        self._wire: Pushed | None = None
        self._gathered = b""
        self._asked: dict[int, asyncio.Future[Reply]] = {}
        self._heard: dict[int, Heard] = {}
        self._number = 0

    async def open(self) -> None:
        """Connect and open a session. Raises `OpcuaFault`."""
        address = parse_url(self._url)
        loop, ear = asyncio.get_running_loop(), Ear(self._hear, self._gone)
        try:
            async with asyncio.timeout(STEP_S):
                self._wire, _ = await loop.create_connection(lambda: ear, address.host, address.port)  # type: ignore[assignment]
        except (TimeoutError, OSError) as error:
            raise LinkDown(self.place, str(error) or "no answer") from error
        try:
            await self._ask("open", within_s=STEP_S)
        except NoReply as error:
            raise LinkDown(self.place, "no answer") from error

    async def goodbye(self, within_s: float) -> None:
        with suppress(OpcuaFault):
            await self._ask("close", within_s=within_s)
        self.abort()

    def abort(self) -> None:
        """Drop the connection, and what has not left with it."""
        self.ended = True
        self._heard.clear()
        if self._wire is not None:
            self._wire.drop()

    def node(self, text: str) -> Any:
        return text

    async def read(self, nodes: Sequence[Any]) -> list[Any]:
        found: list[Any] = (await self._ask("read", *nodes)).found
        return found

    async def write(self, node: Any, kind: RegisterType, raw: float, *, allowed: Callable[[], bool]) -> None:
        if not allowed():
            raise TooLate(self.place, "the command's time has passed, nothing was sent")
        await self._ask("write", node, kind, raw)

    async def subscribe(self, nodes: Sequence[Any], every_s: float, heard: Heard) -> Subscribed:
        number: int = (await self._ask("subscribe", tuple(nodes), every_s)).found
        self._heard[number] = heard
        return Subscribed(number, 1.5 * max(ALIVE_S, every_s) + self._timeout)

    async def unsubscribe(self, number: int) -> None:
        self._heard.pop(number, None)
        await self._ask("unsubscribe", number)

    async def _ask(self, what: str, *of: Any, within_s: float | None = None) -> Reply:
        """The reply to a request, sent before anything is awaited. Raises `OpcuaFault`."""
        if self._wire is None or self.ended:
            raise LinkDown(self.place, "connection lost")
        self._number += 1
        number, waiting = self._number, asyncio.get_running_loop().create_future()
        self._asked[number] = waiting
        self._wire.write(self._host.posted(Request(number, what, of)))
        try:
            async with asyncio.timeout(self._timeout if within_s is None else within_s):
                reply: Reply = await waiting
        except TimeoutError:
            raise NoReply(self.place, f"no reply within {self._timeout:g} s") from None
        finally:
            del self._asked[number]
        if reply.code == CODES["BadSessionIdInvalid"]:
            raise LinkDown(self.place, "the server ended the session")
        if reply.code:
            raise Rejected(self.place, reply.code, NAMES[reply.code])
        return reply

    def _hear(self, octets: bytes) -> None:
        replies, self._gathered = self._host.opened(self._gathered + octets)
        for reply in replies:
            waiting = self._asked.get(reply.number)
            heard = self._heard.get(reply.found[0]) if reply.number == 0 else None
            if reply.noted is not None and (heard is not None or (waiting is not None and not waiting.done())):
                reply.noted()
            if waiting is not None and not waiting.done():
                waiting.set_result(reply)
            elif heard is not None:
                heard(reply.found[1])

    def _gone(self) -> None:
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(LinkDown(self.place, "connection lost while waiting for the reply"))
        if not self.ended:
            self.ended = True
            self._lost()
