"""The websocket `/ws`, sub-protocol `bess-pipeline.v1`: hello, sub, snap, delta, heartbeat. Read-only.

    client                                server
      │ ── handshake, sub-protocol ──────►  │  no common sub-protocol: 4406; foreign Origin: HTTP 403
      │ ◄───────────────────────── hello ── │
      │ ── auth {token} (if required) ───►  │  within 5 s (4408); wrong: 4403; anything else: 4401
      │ ── sub {id, topic, max_hz} ──────►  │
      │ ◄────────── snap, delta, delta, … ─ │  `seq` without gaps per subscription and topic
      │ ◄──────────────────────────── hb ── │  every 5 s

Guarantees: nothing a client sends can change anything; one task receives and one sends, per client; a client that does
not read is closed with 4413 after `send_s`, others never notice. A message that is not understood closes with 4400.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sinks.web.auth import COOKIE
from sinks.web.client import Client
from sinks.web.guard import address, identify, prove
from sinks.web.hub import Hub
from sinks.web.patience import Patience
from sinks.web.ports import Principal
from sinks.web.shell import Shell
from sinks.web.wire import Failure, encode
from sources.pause import pause

SUBPROTOCOL = "bess-pipeline.v1"
MAX_ID = 2**31
MAX_TOPIC = 200
FRAMES_AT_ONCE = 16


class Closed(Exception):  # noqa: N818 - the end of a conversation, not a fault
    """End this connection with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Live:
    """The ASGI application at `/ws`."""

    def __init__(self, shell: Shell, hub: Hub) -> None:
        self._shell = shell
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection from handshake to close, as an ASGI application."""
        socket = WebSocket(scope, receive, send)
        client: Client | None = None
        try:
            await self._open(socket)
            client = self._hub.join()
            if client is None:
                raise Closed(4429, "too many clients")
            who = await self._greet(socket)
            await self._converse(socket, client, who)
        except Closed as end:
            await self._close(socket, end)
        except (WebSocketDisconnect, OSError):
            pass
        finally:
            if client is not None:
                self._hub.leave(client)

    async def _open(self, socket: WebSocket) -> None:
        known = SUBPROTOCOL in socket.scope.get("subprotocols", ())
        await socket.accept(subprotocol=SUBPROTOCOL if known else None)
        if not known:
            raise Closed(4406, f"the sub-protocol {SUBPROTOCOL} is needed")

    async def _greet(self, socket: WebSocket) -> Principal:
        """Say hello; whoever is not known yet must prove a token first and learns nothing before."""
        try:
            who = identify(socket, self._shell)
        except Failure as failure:
            raise Closed(4429 if failure.status == 429 else 4403, failure.error) from None
        hello: dict[str, Any] = {"t": "hello", "protocol": SUBPROTOCOL, "session": self._shell.new_id(),
                                 "hb_s": self._hub.limits.heartbeat_s, "caps": ["tap"]}
        if who is not None:
            await self._send(socket, {**self._shell.view.hello(), **hello, "auth": "ok", "role": who.role.word})
            return who
        await self._send(socket, {**hello, "auth": "required"})
        who = await self._prove(socket)
        await self._send(socket, {**self._shell.view.hello(), "t": "auth_ok", "role": who.role.word})
        return who

    async def _prove(self, socket: WebSocket) -> Principal:
        try:
            async with asyncio.timeout(self._hub.limits.auth_s):
                message = await self._receive(socket)
        except TimeoutError:
            raise Closed(4408, "no token within the time") from None
        token = message.get("token")
        if message.get("t") != "auth" or not isinstance(token, str):
            raise Closed(4401, "the first message must be auth")
        try:
            return prove(token.strip(), address(socket), self._shell)
        except Failure as failure:
            raise Closed(4429 if failure.status == 429 else 4403, failure.error) from None

    async def _converse(self, socket: WebSocket, client: Client, who: Principal) -> None:
        tasks = [asyncio.ensure_future(part) for part in (
            self._listen(socket, client), self._tell(socket, client), self._watch(socket, client, who))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _listen(self, socket: WebSocket, client: Client) -> None:
        """Take messages; after the first ones no faster than allowed, which holds back that client's own socket."""
        limits = self._hub.limits
        for number in count():
            self._obey(await self._receive(socket), client)
            if number >= limits.subscriptions:
                await pause(1.0 / limits.messages_per_s)

    def _obey(self, message: dict[str, Any], client: Client) -> None:
        number = message.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < MAX_ID:
            raise Closed(4400, "`id` must be a whole number")
        match message.get("t"):
            case "sub":
                self._subscribe(message, number, client)
            case "unsub":
                client.subscriptions.pop(number, None)
            case _:
                raise Closed(4400, "`t` must be sub or unsub")

    def _subscribe(self, message: dict[str, Any], number: int, client: Client) -> None:
        limits = self._hub.limits
        topic, max_hz = message.get("topic"), message.get("max_hz")
        max_hz = limits.default_hz if max_hz is None else max_hz
        if not isinstance(topic, str) or len(topic) > MAX_TOPIC:
            raise Closed(4400, "`topic` must be a text")
        if not isinstance(max_hz, int | float) or isinstance(max_hz, bool) or not 0.01 <= max_hz <= 1000.0:
            raise Closed(4400, "`max_hz` must be a number from 0.01 to 1000")
        if number in client.subscriptions:
            raise Closed(4400, f"the id {number} is in use")
        if len(client.subscriptions) >= limits.subscriptions:
            raise Closed(4429, "too many subscriptions")
        if not self._hub.subscribe(client, number, topic, float(max_hz)):
            client.say({"t": "err", "id": number, "error": "unknown-topic", "detail": "there is no such topic here"})

    async def _tell(self, socket: WebSocket, client: Client) -> None:
        """Send what is pending whenever the hub or an answer wakes us; whoever does not take it in time is evicted."""
        patience = Patience(self._hub.limits.send_s, client.evicted.set)
        try:
            while True:
                await client.wake.wait()
                client.wake.clear()
                for number, text in enumerate(client.frames(self._shell.clock()), start=1):
                    patience.begins()
                    await socket.send_text(text)
                    patience.ends()
                    if number % FRAMES_AT_ONCE == 0:
                        await pause(0)
                client.caught_up()
        finally:
            patience.close()

    async def _watch(self, socket: WebSocket, client: Client, who: Principal) -> None:
        """End the connection when the client is evicted or its session ends."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(client.evicted.wait(), self._hub.limits.heartbeat_s)
                self._hub.evictions += 1
                raise Closed(4413, "slow consumer")
            if who.via == "cookie" and self._shell.sessions.find(socket.cookies.get(COOKIE, "")) is None:
                raise Closed(4401, "the session has ended")

    async def _send(self, socket: WebSocket, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._hub.limits.send_s):
                await socket.send_text(encode(message).decode())
        except TimeoutError:
            self._hub.evictions += 1
            raise Closed(4413, "slow consumer") from None

    async def _receive(self, socket: WebSocket) -> dict[str, Any]:
        event = await socket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        try:
            message = orjson.loads(event.get("text") or "")
        except orjson.JSONDecodeError:
            raise Closed(4400, "expected one JSON object per text frame") from None
        if not isinstance(message, dict):
            raise Closed(4400, "expected one JSON object per text frame")
        return message

    async def _close(self, socket: WebSocket, end: Closed) -> None:
        """Say why. Whoever does not even read that is cut off by the server's protocol a little later."""
        with suppress(RuntimeError, OSError, TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(self._hub.limits.send_s):
                await socket.close(end.code, end.reason)
