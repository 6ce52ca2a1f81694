"""The command line's conversation with a running process: the real endpoint, and servers that misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_socket
from websockets.typing import Subprotocol

from pipeline.exits import Exit
from pipeline.remote import Remote, RemoteError, health, socket_url
from sinks.web.ports import Role
from tests.browser.plant import Plant
from tests.browser.served import TOKENS, serve

pytestmark = pytest.mark.integration

HELLO = {"t": "hello", "auth": "ok"}


@contextmanager
def answering(talk: Callable[[ServerConnection], None]) -> Iterator[str]:
    """A websocket server that says what a test wants; its URL as of a page."""
    with serve_socket(talk, "127.0.0.1", 0, subprotocols=[Subprotocol("bess-pipeline.v1")]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def saying(*messages: Any) -> Callable[[ServerConnection], None]:
    def talk(socket: ServerConnection) -> None:
        for message in messages:
            socket.send(message if isinstance(message, str) else json.dumps(message))
        for _ in socket:  # until the other side ends it
            pass

    return talk


def test_values_are_whole_though_changes_are_sent() -> None:
    with serve(Plant()) as site, Remote(site.url, TOKENS[Role.VIEWER]) as remote:
        seen = []
        for topic, value in remote.follow(["site"]):
            assert topic == "site"
            seen.append(value)
            if len(seen) == 3:
                break
        assert all(value["name"] == seen[0]["name"] for value in seen)
        assert seen[0]["tick"] < seen[1]["tick"] < seen[2]["tick"]
        assert {node["id"] for node in remote.once("graph")["nodes"]} >= {"ramp", "command"}


def test_a_token_is_asked_for_and_proven() -> None:
    plant = Plant(anonymous=False)
    with serve(plant) as site:
        with pytest.raises(RemoteError, match="token is needed") as needed, Remote(site.url):
            pass
        assert needed.value.code == Exit.REFUSED
        with pytest.raises(RemoteError, match="refused the token") as refused, Remote(site.url, "x" * 30):
            pass
        assert refused.value.code == Exit.REFUSED
        with Remote(site.url, TOKENS[Role.VIEWER]) as remote:
            assert remote.hello["role"] == "viewer"


def test_an_unknown_topic_is_an_error_with_its_name() -> None:
    with serve(Plant()) as site, Remote(site.url) as remote, pytest.raises(RemoteError, match=r"tap\.nothing") as error:
        remote.once("tap.nothing")
    assert error.value.code == Exit.FAILED


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ftp://127.0.0.1", "nonsense"])
def test_an_address_where_nothing_answers(url: str) -> None:
    with pytest.raises(RemoteError) as error, Remote(url, timeout_s=1.0):
        pass
    assert error.value.code == Exit.UNREACHABLE
    with pytest.raises(RemoteError):
        health(url, timeout_s=1.0)


SNAP = {"t": "snap", "id": 1, "topic": "site", "seq": 1, "value": {"tick": 1}}
GAP = {"t": "delta", "id": 1, "topic": "site", "seq": 3, "value": {"tick": 2}}


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ((HELLO, SNAP, GAP), "message 3 came, 2 was expected"),
        ((HELLO, "not json"), "not JSON"),
        ((HELLO, "[1]"), "not a message"),
        ((HELLO,), "silent for"),
    ],
)
def test_a_server_that_misbehaves_is_named(messages: tuple[Any, ...], complaint: str) -> None:
    complains = pytest.raises(RemoteError, match=complaint)
    with answering(saying(*messages)) as url, Remote(url, timeout_s=0.5) as remote, complains:
        list(remote.follow(["site"]))


def test_a_server_that_goes_away() -> None:
    def talk(socket: ServerConnection) -> None:
        socket.send(json.dumps(HELLO))
        socket.recv()
        socket.close(1001, "going away")

    with answering(talk) as url, Remote(url) as remote, pytest.raises(RemoteError, match="going away"):
        remote.once("site")


@contextmanager
def http(status: int, body: bytes) -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "body", "well", "answer"),
    [(200, b'{"status":"ok"}', True, {"status": "ok"}), (503, b'{"status":"starting"}', False, {"status": "starting"}),
     (200, b"<html>", True, {}), (200, b"[]", True, {})],
)  # fmt: skip
def test_health_is_the_status(status: int, body: bytes, well: bool, answer: dict[str, str]) -> None:
    with http(status, body) as url:
        assert health(url) == (well, answer)


def test_a_page_that_is_no_endpoint() -> None:
    with http(200, b"hello") as url, pytest.raises(RemoteError, match="not the endpoint"), Remote(url):
        pass


def test_addresses() -> None:
    assert socket_url("http://127.0.0.1:8088/") == "ws://127.0.0.1:8088/ws"
    assert socket_url("https://ems.example/plant") == "wss://ems.example/plant/ws"
    with pytest.raises(ValueError, match="expected an address"):
        socket_url("127.0.0.1:8088")
