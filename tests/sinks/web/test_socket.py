"""The websocket `bess-pipeline.v1` with a real client: handshake, authentication, snapshot and delta, slow readers."""

from __future__ import annotations

import asyncio
import contextlib
import socket as sockets
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from sinks.web.auth import COOKIE
from sinks.web.client import Limits
from sinks.web.ports import Role
from tests.sinks.web.fakes import ANONYMOUS, TOKENS, Site, closed, receive, send, served, until

QUICK = Limits(auth_s=0.2, heartbeat_s=0.1, housekeeping_s=0.05, refresh_s=0.01, send_s=0.3, max_hz=1000.0)


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    async with served(listener=ANONYMOUS, limits=QUICK) as running:
        yield running


@pytest_asyncio.fixture
async def guarded() -> AsyncIterator[Site]:
    async with served(limits=QUICK) as running:
        yield running


@pytest.mark.req("LH-MON-002")
async def test_hello_comes_first(site: Site) -> None:
    async with site.socket() as client:
        hello = await receive(client)
        assert client.subprotocol == "bess-pipeline.v1"
    assert hello["t"] == "hello"
    assert (hello["auth"], hello["role"], hello["hb_s"], hello["epoch"]) == ("ok", "viewer", 0.1, "e1")


async def test_no_common_sub_protocol(site: Site) -> None:
    for names in ((), ("other.v1",)):
        async with site.socket(subprotocols=names) as client:
            assert await closed(client) == 4406


@pytest.mark.req("LH-API-007")
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
async def test_a_foreign_page_is_refused_before_the_handshake(site: Site, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with site.socket(origin=origin):
            pass
    assert refused.value.response.status_code == 403
    async with site.socket(origin=site.url) as client:
        assert (await receive(client))["t"] == "hello"


@pytest.mark.req("LH-API-007")
async def test_a_token_in_the_first_frame(guarded: Site) -> None:
    async with guarded.socket() as client:
        hello = await receive(client)
        assert hello["auth"] == "required"
        assert "epoch" not in hello
        await send(client, t="auth", token=TOKENS[Role.VIEWER])
        assert (await receive(client, "auth_ok"))["role"] == "viewer"
        await send(client, t="sub", id=1, topic="site")
        assert (await receive(client, "snap"))["value"]["name"] == "nordhafen"


@pytest.mark.req("LH-API-007")
@pytest.mark.parametrize(("first", "code"), [
    ({"t": "auth", "token": "x" * 40}, 4403), ({"t": "auth", "token": 7}, 4401), ({"t": "auth"}, 4401),
    ({"t": "sub", "id": 1, "topic": "site"}, 4401), (None, 4408),
])
async def test_who_is_not_known_gets_nothing(guarded: Site, first: dict[str, Any] | None, code: int) -> None:
    async with guarded.socket() as client:
        await receive(client, "hello")
        if first is not None:
            await send(client, **first)
        assert await closed(client) == code


@pytest.mark.req("LH-API-007")
async def test_a_token_in_the_handshake_and_a_wrong_one(guarded: Site) -> None:
    async with guarded.socket(token=TOKENS[Role.OPERATOR]) as client:
        assert (await receive(client))["role"] == "operator"
    async with guarded.socket(token="x" * 40) as client:
        assert await closed(client) == 4403
    for _ in range(12):
        guarded.shell.attempts.fail("127.0.0.1")
    async with guarded.socket(token="x" * 40) as client:
        assert await closed(client) == 4429
    async with guarded.socket() as client:
        await send(client, t="auth", token="x" * 40)
        assert await closed(client) == 4429


@pytest.mark.req("LH-API-007")
async def test_a_cookie_opens_it_and_signing_out_closes_it(guarded: Site) -> None:
    async with guarded.client() as http:
        await http.post("/session", json={"token": TOKENS[Role.VIEWER]})
        cookie = http.cookies[COOKIE]
        async with guarded.socket(cookie=f"{COOKIE}={cookie}", origin=guarded.url) as client:
            assert (await receive(client))["auth"] == "ok"
            await http.delete("/session", headers={"origin": guarded.url})
            assert await closed(client) == 4401


@pytest.mark.req("LH-NF-009")
@pytest.mark.parametrize("frame", [
    "{", "[]", "1", "", '{"t":"sub"}', '{"t":"sub","id":"1","topic":"site"}', '{"t":"sub","id":-1,"topic":"site"}',
    '{"t":"sub","id":true,"topic":"site"}', '{"t":"sub","id":1,"topic":7}',
    '{"t":"sub","id":1,"topic":"site","max_hz":0}',
    '{"t":"sub","id":1,"topic":"site","max_hz":"5"}', '{"t":"stop","id":1}',
    '{"t":"sub","id":99999999999,"topic":"site"}',
    '{"t":"sub","id":1,"topic":"' + "x" * 300 + '"}', b"\x00\x01",
], ids=range(15))
async def test_a_message_that_is_not_understood(site: Site, frame: str | bytes) -> None:
    async with site.socket() as client:
        await client.send(frame)
        assert await closed(client) == 4400
    async with site.socket() as other:
        assert (await receive(other))["t"] == "hello"


async def test_a_message_that_is_too_large(site: Site) -> None:
    async with site.socket() as client:
        await client.send("x" * 100_000)
        assert await closed(client) == 1009


@pytest.mark.parametrize("topic", ["assets.nobody", "tap.nothing", "tap.*", "everything", "*", "assets", "tap.", ""])
async def test_a_topic_that_is_not_there_is_an_answer_and_not_the_end(site: Site, topic: str) -> None:
    async with site.socket() as client:
        await send(client, t="sub", id=1, topic=topic)
        assert (await receive(client, "err"))["error"] == "unknown-topic"
        await send(client, t="sub", id=1, topic="site")
        assert (await receive(client, "snap"))["id"] == 1


async def test_an_id_is_used_once_and_subscriptions_are_bounded(site: Site) -> None:
    async with site.socket() as client:
        await send(client, t="sub", id=1, topic="site")
        await send(client, t="sub", id=1, topic="alarms")
        assert await closed(client) == 4400
    async with site.socket() as client:
        for number in range(QUICK.subscriptions + 1):
            await send(client, t="sub", id=number, topic="graph")
        assert await closed(client) == 4429


@pytest.mark.req("LH-MON-002")
async def test_snapshot_then_only_what_changed_without_gaps(site: Site) -> None:
    async with site.socket() as client:
        await send(client, t="sub", id=3, topic="assets.*", max_hz=1000)
        held: dict[str, tuple[int, dict[str, Any]]] = {}
        for _ in range(2):
            snap = await receive(client, "snap")
            assert (snap["id"], snap["seq"]) == (3, 1)
            held[snap["topic"]] = (1, snap["value"])
        assert set(held) == {"assets.bess1", "assets.bess2"}
        while site.view.tick < 40:
            site.step()
            await asyncio.sleep(0.002)
        while any(value["command_kw"] < 40.0 for _, value in held.values()):
            delta = await receive(client, "delta")
            seq, value = held[delta["topic"]]
            assert delta["seq"] == seq + 1
            assert set(delta["value"]) <= {"telemetry", "command_kw", "last_command"}
            held[delta["topic"]] = (delta["seq"], value | delta["value"])
        for name, (_, value) in held.items():
            assert value == orjson.loads(orjson.dumps(site.view.asset(name.partition(".")[2])))


async def test_all_topics(site: Site) -> None:
    names = ["site", "graph", "nodes", "alarms", "decisions.bess1", "assets.bess2", "tap.ramp"]
    async with site.socket() as client:
        for number, name in enumerate(names):
            await send(client, t="sub", id=number, topic=name)
        got: dict[str, Any] = {}
        while len(got) < len(names):
            frame = await receive(client, "snap")
            got[frame["topic"]] = frame["value"]
    assert got["decisions.bess1"]["steps"][0]["delta_kw"] is None
    assert isinstance(got["alarms"], list)
    assert got["tap.ramp"]["rows"]["ramped_kw"] == [1.0, 2.0]


async def test_heartbeats_tell_the_last_seq(site: Site) -> None:
    async with site.socket() as client:
        await send(client, t="sub", id=3, topic="site")
        snap = await receive(client, "snap")
        beat = await receive(client, "hb")
        while not beat["seqs"]:
            beat = await receive(client, "hb")
    assert beat["seqs"] == {"3": {"site": snap["seq"]}}
    assert beat["at"].endswith("Z")


async def test_unsubscribed_is_silent(site: Site) -> None:
    async with site.socket() as client:
        await send(client, t="sub", id=1, topic="site")
        await receive(client, "snap")
        await send(client, t="unsub", id=1)
        await send(client, t="unsub", id=77)
        await send(client, t="sub", id=2, topic="alarms")
        await receive(client, "snap")
        site.step()
        assert (await receive(client))["t"] == "hb"
        assert site.hub.clients.copy().pop().subscriptions.keys() == {2}


async def test_taps_count_what_was_not_sent(site: Site) -> None:
    async with site.socket() as client:
        await send(client, t="sub", id=1, topic="tap.ramp")
        assert (await receive(client, "snap"))["dropped"] == 0
        site.view.tick += 9
        site.step()
        frame = await receive(client, "snap")
    assert (frame["value"]["tick"], frame["dropped"], frame["seq"]) == (11, 9, 2)


async def test_assets_come_and_go(site: Site) -> None:
    async with site.socket() as client:
        await send(client, t="sub", id=1, topic="assets.*", max_hz=1000)
        await receive(client, "snap")
        await receive(client, "snap")
        site.view.names = ("bess1", "bess3")
        site.step()
        seen = [await receive(client) for _ in range(4)]
    assert {"t": "gone", "id": 1, "topic": "assets.bess2"} in seen
    assert any(frame["t"] == "snap" and frame["topic"] == "assets.bess3" for frame in seen)


async def test_a_broken_topic_keeps_its_value_and_the_others_go_on(site: Site) -> None:
    async with site.socket() as client:
        await send(client, t="sub", id=1, topic="assets.*", max_hz=1000)
        await receive(client, "snap")
        await receive(client, "snap")
        site.view.broken = {"assets.bess1"}
        site.step()
        assert (await receive(client, "delta"))["topic"] == "assets.bess2"
        site.view.broken = set()
        site.step()
        topics = {(await receive(client, "delta"))["topic"] for _ in range(2)}
    assert topics == {"assets.bess1", "assets.bess2"}


async def test_too_many_clients() -> None:
    async with served(listener=ANONYMOUS, limits=Limits(clients=2)) as site, site.socket() as one, site.socket() as two:
        await receive(one)
        await receive(two)
        async with site.socket() as three:
            assert await closed(three) == 4429
        await one.close()
        await until(lambda: len(site.hub.clients) == 1)
        async with site.socket() as four:
            assert (await receive(four))["t"] == "hello"


def _narrow(site: Site) -> sockets.socket:
    """A connection whose receive buffer is small, so that a reader that stops is noticed soon."""
    sock = sockets.socket()
    sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    host, port = site.url.removeprefix("http://").split(":")
    sock.connect((host, int(port)))
    sock.setblocking(False)
    return sock


@pytest.mark.req("LH-NF-004")
@pytest.mark.hazard("row 40", "R3")
async def test_a_reader_that_stops_is_cut_off_and_the_others_never_notice(site: Site) -> None:
    site.view.filler = "x" * 20_000

    async def stall(client: ClientConnection) -> None:
        await send(client, t="sub", id=1, topic="assets.*", max_hz=1000)
        await receive(client, "snap")
        client.transport.pause_reading()

    async with contextlib.AsyncExitStack() as stack:
        good = await stack.enter_async_context(site.socket())
        bad = await stack.enter_async_context(site.socket(sock=_narrow(site), max_queue=1))
        await stall(bad)
        await send(good, t="sub", id=1, topic="assets.bess1", max_hz=1000)
        seqs = [(await receive(good, "snap"))["seq"]]
        while site.hub.evictions == 0:
            site.view.filler = chr(ord("a") + site.view.tick % 26) * 20_000
            site.step()
            seqs.append((await receive(good, "delta"))["seq"])
        assert seqs == list(range(1, len(seqs) + 1))
        await until(lambda: len(site.hub.clients) == 1)
        site.step()
        assert (await receive(good, "delta"))["seq"] == seqs[-1] + 1
        bad.transport.resume_reading()
        assert await closed(bad) in {4413, 1006}


async def test_an_evicted_client_that_reads_again_is_told_why(site: Site) -> None:
    async with site.socket() as client:
        await receive(client)
        await until(lambda: len(site.hub.clients) == 1)
        ours = site.hub.clients.copy().pop()
        for _ in range(QUICK.waiting_frames + 1):
            ours.say({"t": "hb"})
        assert await closed(client) == 4413
    assert site.hub.evictions == 1
