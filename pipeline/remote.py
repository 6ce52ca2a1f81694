"""A running process seen from the command line: one websocket, read-only, topics as plain values.

    with Remote(url, token) as remote:
        remote.once("graph")                     the value of a topic now
        for topic, value in remote.follow(["nodes", "tap.ramp"]): ...

Guarantees: deltas are merged, so each value is whole; a gap in the sequence is an error, never a silent mix. Errors are
`RemoteError` with an exit code and one sentence that says what to do.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from pipeline.exits import Exit

SUBPROTOCOL = Subprotocol("bess-pipeline.v1")
LARGEST = 16 * 1024 * 1024  # bytes of one message
REFUSALS = {4401, 4403, 4408}


class RemoteError(Exception):
    """The conversation cannot go on. `code` is the exit code."""

    def __init__(self, message: str, code: Exit = Exit.UNREACHABLE) -> None:
        super().__init__(message)
        self.code = code


class Remote:
    """One conversation with a process. `url` is that of its page; `token` may be None on an anonymous listener."""

    def __init__(self, url: str, token: str | None = None, timeout_s: float = 10.0) -> None:
        self.url = url.rstrip("/")
        self.hello: dict[str, Any] = {}
        self._token = token
        self._timeout_s = timeout_s
        self._values: dict[str, Any] = {}
        self._seqs: dict[tuple[int, str], int] = {}
        self._next_id = 1
        self._open = ExitStack()
        self._socket: ClientConnection

    def __enter__(self) -> Self:
        try:
            self._socket = self._open.enter_context(
                connect(
                    socket_url(self.url),
                    subprotocols=[SUBPROTOCOL],
                    open_timeout=self._timeout_s,
                    close_timeout=1.0,
                    max_size=LARGEST,
                )
            )
        except (OSError, TimeoutError) as error:
            raise RemoteError(f"nothing answers at {self.url} ({reason(error)}); is the process running?") from error
        except (InvalidHandshake, InvalidURI, ValueError) as error:
            raise RemoteError(f"{self.url} is not the endpoint of a bess-pipeline process: {error}") from error
        with self._open.pop_all() as opened:
            self._greet()
            self._open = opened.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def once(self, topic: str) -> Any:
        """The whole value of one topic, now."""
        for _, value in self.follow([topic]):
            return value
        raise RemoteError(f"{self.url} sent nothing for {topic}")

    def follow(
        self, topics: Sequence[str], max_hz: float | None = None, within_s: float | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Each new value of the topics as it comes; ends when nothing, not even a heartbeat, came for `within_s`."""
        ids = [self._subscribe(topic, max_hz) for topic in topics]
        try:
            while True:
                message = self._receive(within_s or self._timeout_s)
                if message.get("t") == "err" and message.get("id") in ids:
                    raise RemoteError(f"{topics[ids.index(message['id'])]}: {message.get('detail')}", Exit.FAILED)
                if message.get("t") in {"snap", "delta"} and message.get("id") in ids:
                    yield message["topic"], self._merge(message)
        finally:
            self._unsubscribe(ids)

    def _greet(self) -> None:
        self.hello = self._receive(self._timeout_s)
        if self.hello.get("auth") != "required":
            return
        if not self._token:
            raise RemoteError("a token is needed: --token-file FILE, or BESS_PIPELINE_TOKEN", Exit.REFUSED)
        self._send({"t": "auth", "token": self._token})
        self.hello = self._receive(self._timeout_s)

    def _subscribe(self, topic: str, max_hz: float | None) -> int:
        number, self._next_id = self._next_id, self._next_id + 1
        self._send({"t": "sub", "id": number, "topic": topic, **({"max_hz": max_hz} if max_hz else {})})
        return number

    def _unsubscribe(self, ids: list[int]) -> None:
        try:
            for number in ids:
                self._send({"t": "unsub", "id": number})
        except RemoteError:
            pass  # the conversation is over, and whoever asked has been told already

    def _merge(self, message: dict[str, Any]) -> Any:
        key = (message["id"], message["topic"])
        expected = self._seqs.get(key, 0) + 1
        if message["seq"] != expected:
            raise RemoteError(f"{message['topic']}: message {message['seq']} came, {expected} was expected")
        self._seqs[key] = expected
        value = message["value"]
        if message["t"] == "delta" and isinstance(value, dict):
            value = {**self._values[message["topic"]], **value}
        self._values[message["topic"]] = value
        return value

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._socket.send(json.dumps(message))
        except (ConnectionClosed, OSError) as error:
            raise self._ended(error) from error

    def _receive(self, within_s: float) -> dict[str, Any]:
        try:
            message = json.loads(self._socket.recv(timeout=within_s))
        except TimeoutError as error:
            raise RemoteError(f"{self.url} has been silent for {within_s:g} s") from error
        except (ConnectionClosed, OSError) as error:
            raise self._ended(error) from error
        except ValueError as error:
            raise RemoteError(f"{self.url} sent something that is not JSON") from error
        if not isinstance(message, dict):
            raise RemoteError(f"{self.url} sent something that is not a message")
        return message

    def _ended(self, error: Exception) -> RemoteError:
        close = error.rcvd if isinstance(error, ConnectionClosed) else None
        if close is not None and close.code in REFUSALS:
            return RemoteError(f"{self.url} refused the token", Exit.REFUSED)
        return RemoteError(f"{self.url} ended the connection{f': {close.reason}' if close and close.reason else ''}")


def socket_url(url: str) -> str:
    """`http://host:port` → `ws://host:port/ws`. Raises ValueError for anything but http and https."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise ValueError("expected an address such as http://127.0.0.1:8088")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}/ws"


def health(url: str, timeout_s: float = 3.0) -> tuple[bool, dict[str, Any]]:
    """Whether `/health` answers 200, and what it says. Raises RemoteError when nothing answers."""
    if urlsplit(url).scheme not in {"http", "https"}:
        raise RemoteError(f"{url}: expected an address such as http://127.0.0.1:8088")
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=timeout_s) as answer:  # noqa: S310
            return True, _object(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return False, _object(error.read())
    except (OSError, ValueError) as error:
        raise RemoteError(f"nothing answers at {url} ({reason(error)})") from error


def reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
