"""The connection against a real mosquitto: sessions, versions, TLS, bounds, outages."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from config.address import AddressError
from sources.mqtt.address import parse
from sources.mqtt.connection import Broker, Message
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto
from tests.real.observer import Observer
from tests.real.until import until
from tests.sources.mqtt.gate import HUNG, REFUSED, Gate

pytestmark = pytest.mark.integration


@pytest.mark.req("LH-PROT-003", "LH-MQTT-001")
async def test_speaks_mqtt_5_and_delivers_both_ways(mosquitto: Mosquitto, connecting: Connecting) -> None:
    got: list[Message] = []
    async with Observer(mosquitto.url) as seen, connecting(mosquitto) as broker:
        broker.subscribe("in", got.append)
        await until(lambda: broker.connected)
        assert broker.version == "MQTT 5"
        assert broker.publish("out", b"hello", qos=1, expiry_s=60.0)
        await until(lambda: seen.on("out"))
        assert seen.on("out")[0].expiry_s in {59, 60}
        await until(lambda: mosquitto.log.count("in (QoS 1)"))
        seen.publish("in", b"there")
        await until(lambda: got)
    assert got[0].payload == b"there"
    assert not got[0].retained


@pytest.mark.req("LH-PROT-003")
@pytest.mark.parametrize(
    "refusal", [REFUSED, b"", b"\x20\x03\x00\x84\x00", HUNG], ids=["old code", "closed", "new code", "hung"]
)
async def test_falls_back_to_mqtt_3_1_1(mosquitto: Mosquitto, connecting: Connecting, refusal: bytes) -> None:
    """The ways in which an old broker refuses version 5: with a code, by closing the connection, by silence."""
    got: list[Message] = []
    async with (
        Gate(mosquitto.port, refusal) as gate,
        Observer(mosquitto.url) as seen,
        connecting(mosquitto, url=gate.url, connect_timeout_s=0.5) as broker,
    ):
        broker.subscribe("in", got.append)
        await until(lambda: broker.connected)
        assert broker.version == "MQTT 3.1.1"
        assert gate.levels[0] == 5
        broker.publish("out", b"x", qos=1, expiry_s=60.0)
        await until(lambda: seen.on("out"))
        assert seen.on("out")[0].expiry_s is None
        seen.publish("in", b"y", retain=True)
        await until(lambda: got)


async def test_names_beyond_ascii(mosquitto: Mosquitto, connecting: Connecting) -> None:
    got: list[Message] = []
    async with connecting(mosquitto, client_id="südkreuz-steuerung") as broker, Observer(mosquitto.url) as seen:
        broker.subscribe("südkreuz/zähler", got.append)
        await until(lambda: broker.connected)
        assert broker.publish("südkreuz/état", "läuft".encode(), qos=1, retain=True)
        seen.publish("südkreuz/zähler", b"1", retain=True)
        await until(lambda: got and seen.on("südkreuz/état"))


async def test_a_host_that_cannot_exist_is_retried(connecting: Connecting) -> None:
    async with connecting(None, url=f"mqtt://{'x' * 70}.invalid") as broker:
        await until(lambda: broker.counters.failures >= 2)


@pytest.mark.req("LH-PROT-003")
async def test_first_connect_is_retried(mosquitto: Mosquitto, connecting: Connecting) -> None:
    mosquitto.stop()
    async with connecting(mosquitto) as broker:
        await until(lambda: broker.counters.failures >= 2)
        mosquitto.start()
        await until(lambda: broker.connected)
    assert broker.counters.connects == 1


@pytest.mark.req("LH-PROT-003")
@pytest.mark.parametrize("end", ["restart", "kill"])
async def test_subscribes_anew_after_a_broker_restart(mosquitto: Mosquitto, connecting: Connecting, end: str) -> None:
    got: list[Message] = []
    async with connecting(mosquitto) as broker:
        broker.subscribe("in", got.append)
        await until(lambda: broker.connected)
        for round_ in range(3):
            if end == "kill":
                mosquitto.kill()
                mosquitto.start()
            else:
                mosquitto.restart()
            await until(partial(_connects, broker, round_ + 2))
            async with Observer(mosquitto.url) as seen:
                got.clear()
                seen.publish("in", b"again", retain=True)  # retained: also delivered if SUBSCRIBE comes second
                await until(lambda: got)


@pytest.mark.req("LH-PROT-004", "LH-SAFE-005")
@pytest.mark.parametrize("refusal", [None, REFUSED], ids=["MQTT 5", "MQTT 3.1.1"])
async def test_a_session_has_no_past(mosquitto: Mosquitto, connecting: Connecting, refusal: bytes | None) -> None:
    """What was published while we were away is not delivered when we come back."""
    got: list[Message] = []
    async with Gate(mosquitto.port, refusal) as gate, Observer(mosquitto.url) as seen:
        async with connecting(mosquitto, url=gate.url) as broker:
            broker.subscribe("in", got.append)
            await until(lambda: "in (QoS 1)" in mosquitto.log)
        seen.publish("in", b"old")
        await seen.settled()
        got.clear()
        async with connecting(mosquitto, url=gate.url) as broker:
            broker.subscribe("in", got.append)
            await until(lambda: broker.connected)
            seen.publish("in", b"new", retain=True)
            await until(lambda: got)
    assert [message.payload for message in got] == [b"new"]


def _connects(broker: Broker, times: int) -> bool:
    return broker.connected and broker.counters.connects == times


async def test_hundreds_of_messages_stay_below_the_brokers_window(mosquitto: Mosquitto, connecting: Connecting) -> None:
    """The library raises at the 20th unacknowledged message; here all arrive, in order, once."""
    async with Observer(mosquitto.url) as seen, connecting(mosquitto) as broker:
        await until(lambda: broker.connected)
        sent = [b"%d" % number for number in range(300)]
        assert all(broker.publish("out", payload, qos=1) for payload in sent)
        await until(lambda: len(seen.on("out")) == 300)
        await until(lambda: broker.waiting == 0)
    assert [message.payload for message in seen.on("out")] == sent
    assert broker.dropped == 0


async def test_many_reconnections_use_up_nothing(mosquitto: Mosquitto, connecting: Connecting) -> None:
    """Unacknowledged messages of lost connections must not take places for ever (packet ids leak in the library)."""
    async with connecting(mosquitto) as broker:
        for round_ in range(8):
            await until(partial(_connects, broker, round_ + 1))
            mosquitto.freeze()
            for number in range(30):
                broker.publish("out", b"%d" % number, qos=1)
            mosquitto.kill()
            mosquitto.start()
        await until(lambda: broker.connected and broker.waiting == 0)


@pytest.mark.req("LH-PROT-003")
async def test_a_hanging_broker_is_given_up(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with connecting(mosquitto, keepalive_s=1, connect_timeout_s=0.5) as broker:
        await until(lambda: broker.connected)
        mosquitto.freeze()
        await until(lambda: not broker.connected and broker.counters.failures)
        mosquitto.resume()
        await until(lambda: broker.connected)


async def test_the_outbox_is_bounded_and_drops_the_oldest(mosquitto: Mosquitto, connecting: Connecting) -> None:
    mosquitto.stop()
    async with connecting(mosquitto, outbox=10) as broker:
        for number in range(50):
            assert broker.publish("out", b"%d" % number, qos=1)
        broker.publish("late", b"worthless by then", expiry_s=-1.0)
        assert broker.dropped == 41
        broker.publish("level", b"1", retain=True)
        broker.publish("level", b"2", retain=True)
        mosquitto.start()
        async with Observer(mosquitto.url) as seen:
            await until(lambda: broker.connected and broker.waiting == 0)
            await seen.settled()
    assert [m.payload for m in seen.on("level")] == [b"2"]
    assert not seen.on("late")


@pytest.mark.req("LH-PROT-004", "LH-SAFE-005")
async def test_send_is_now_or_never(mosquitto: Mosquitto, connecting: Connecting) -> None:
    loop = asyncio.get_running_loop()
    async with Observer(mosquitto.url) as seen, connecting(mosquitto) as broker:
        broker.reserve("cmd")
        assert broker.send("cmd", b"early", loop.time() + 5.0) == "not connected"
        await until(lambda: broker.connected)
        assert broker.send("other", b"x", loop.time() + 5.0) == "not a command topic"
        assert not broker.publish("cmd", b"queued", retain=True)
        assert broker.send("cmd", b"expired", loop.time()) == "its deadline has passed"
        assert broker.send("cmd", b"nan", float("nan")) == "its deadline has passed"
        assert broker.send("cmd", b"good", loop.time() + 5.0) is None
        assert "not acknowledged" in (broker.send("cmd", b"second", loop.time() + 5.0) or "")
        await until(lambda: broker.waiting == 0)
        assert broker.send("cmd", b"third", loop.time() + 5.0) is None
        await until(lambda: len(seen.on("cmd")) == 2)
        await seen.settled()
    assert [m.payload for m in seen.on("cmd")] == [b"good", b"third"]
    assert not any(m.retain for m in seen.on("cmd"))
    assert all(m.expiry_s in {4, 5} and m.qos == 1 for m in seen.on("cmd"))


@pytest.mark.req("LH-SAFE-005")
async def test_a_frozen_broker_collects_one_command_at_most(mosquitto: Mosquitto, connecting: Connecting) -> None:
    loop = asyncio.get_running_loop()
    async with connecting(mosquitto) as broker:
        broker.reserve("cmd")
        await until(lambda: broker.connected)
        mosquitto.freeze()
        outcomes = [broker.send("cmd", b"%d" % number, loop.time() + 60.0) for number in range(20)]
        assert outcomes.count(None) == 1
        mosquitto.resume()
        await until(lambda: broker.waiting == 0)


async def test_last_will_speaks_for_a_client_that_vanishes(mosquitto: Mosquitto, connecting: Connecting) -> None:
    def will(broker: Broker) -> None:
        broker.last_will("site/state", b"offline")

    async with Observer(mosquitto.url) as seen:
        async with connecting(mosquitto, prepare=will) as broker:
            await until(lambda: broker.connected)
            with pytest.raises(ValueError, match="one last will"):
                broker.last_will("other", b"")
        await seen.settled()
        assert not seen.on("site/state"), "an orderly end is no reason for a will"
        async with connecting(mosquitto, prepare=will) as broker:
            await until(lambda: broker.connected)
            assert broker._session is not None
            broker._session.drop()  # the process dies: the socket is gone without DISCONNECT
            await until(lambda: seen.on("site/state"))
    assert seen.on("site/state")[0].payload == b"offline"
    assert seen.on("site/state")[0].retain


async def test_a_second_client_with_our_id_is_counted_not_fought(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with connecting(mosquitto, steady_s=60.0) as broker:
        await until(lambda: broker.connected)
        async with connecting(mosquitto) as second:
            await until(lambda: broker.counters.taken_over == 1)
            await until(lambda: second.connected)  # and stays so: the first one has stepped back
            assert not broker.connected
            assert broker.counters.connects + second.counters.connects <= 7


async def test_a_receiver_that_raises_harms_only_itself(mosquitto: Mosquitto, connecting: Connecting) -> None:
    got: list[Message] = []

    def broken(_message: Message) -> None:
        raise RuntimeError("a defect {of} ours")

    async with Observer(mosquitto.url) as seen, connecting(mosquitto) as broker:
        broker.subscribe("in", broken)
        broker.subscribe("in", got.append)
        await until(lambda: broker.connected)
        seen.publish("in", b"x", retain=True)
        await until(lambda: got)
        assert broker.counters.callback_errors == 1
        assert broker.connected


async def test_too_large_payloads_are_not_delivered(mosquitto: Mosquitto, connecting: Connecting) -> None:
    got: list[Message] = []
    async with (
        Gate(mosquitto.port, REFUSED) as gate,
        Observer(mosquitto.url) as seen,
        connecting(mosquitto, url=gate.url, max_bytes=1000) as broker,
    ):
        broker.subscribe("in", got.append)
        await until(lambda: broker.connected)
        seen.publish("in", b"x" * 1001, retain=True)
        await until(lambda: broker.counters.too_large)
        seen.publish("in", b"x" * 1000)
        await until(lambda: got)
    assert len(got[0].payload) == 1000


async def test_more_than_twenty_topics_are_subscribed(mosquitto: Mosquitto, connecting: Connecting) -> None:
    got: list[Message] = []
    async with Observer(mosquitto.url) as seen, connecting(mosquitto) as broker:
        for number in range(60):
            broker.subscribe(f"in/{number}", got.append)
        await until(lambda: broker.connected)
        for number in range(60, 90):
            broker.subscribe(f"in/{number}", got.append)
        for number in range(90):
            seen.publish(f"in/{number}", b"x", qos=0, retain=True)
        await until(lambda: {message.topic for message in got} == {f"in/{number}" for number in range(90)})


@pytest.mark.req("LH-MQTT-004")
async def test_each_subscription_has_its_quality_of_service(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with connecting(mosquitto) as broker:
        broker.subscribe("zero", lambda _message: None, 0)
        broker.subscribe("one", lambda _message: None, 0)
        broker.subscribe("one", lambda _message: None, 1)
        await until(lambda: "zero (QoS 0)" in mosquitto.log and "one (QoS 1)" in mosquitto.log)
    assert "one (QoS 0)" not in mosquitto.log


async def test_what_a_strict_broker_says_is_said(connecting: Connecting, logged: list[str]) -> None:
    """A refused subscription and "session taken over", by bytes: mosquitto 2.0 does neither."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x20\x03\x00\x00\x00")  # CONNACK
        await reader.read(4096)
        subscribe = await reader.read(4096)
        assert subscribe[0] == 0x82
        writer.write(b"\x90\x04" + subscribe[2:4] + b"\x00\x87")  # SUBACK: not authorised
        await writer.drain()
        writer.write(b"\xe0\x02\x8e\x00")  # DISCONNECT: session taken over
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, connecting(None, url=f"mqtt://127.0.0.1:{port}") as broker:
        broker.subscribe("denied", lambda _message: None)
        await until(lambda: broker.counters.taken_over)
        assert not broker.connected
    assert any("refuses the subscription to denied" in line for line in logged)
    assert any("second master" in line for line in logged)


NONSENSE = {
    "cut off": b"\x20",
    "accepted, then garbage": b"\x20\x02\x00\x00\xff\xff\xff\xff\xff",
    "another protocol": b"HTTP/1.1 400\r\n\r\n",
    "long packets": b"\x20\x7f" * 500,
}


@pytest.mark.parametrize("garbage", NONSENSE.values(), ids=NONSENSE.keys())
async def test_a_server_that_talks_nonsense_is_retried(connecting: Connecting, garbage: bytes) -> None:
    talked: list[bytes] = []

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talked.append(garbage)
        writer.write(garbage)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, connecting(None, url=f"mqtt://127.0.0.1:{port}", connect_timeout_s=0.3) as broker:
        await until(lambda: len(talked) >= 3 and not broker.connected, 30.0)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mqtt://", "names no host"),
        ("tcp://broker", "not known"),
        ("broker:1883", "not known"),
        ("modbus-tcp://broker/1", "not reached by"),
        ("mqtt://ems:secret@broker", "credentials"),
        ("mqtt://broker:99999", "not a URL"),
        ("mqtt://broker/topic", "ends with its port"),
    ],
)
def test_bad_addresses_are_refused(url: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason) as caught:
        parse(url)
    assert "secret" not in str(caught.value)


def test_addresses() -> None:
    assert (parse("mqtt://broker").port, parse("mqtts://broker").port) == (1883, 8883)
    assert str(parse("mqtt://[::1]:1884")) == "mqtt://[::1]:1884"


@pytest.mark.parametrize("topic", ["", "a/+", "a/#", "a\0b", "x" * 70000])
async def test_bad_topics_are_refused(topic: str) -> None:
    broker = Broker("broker", "mqtt://localhost", client_id="x", clock=lambda: 0.0)
    with pytest.raises(ValueError, match="not a topic"):
        broker.subscribe(topic, lambda _message: None)
    assert not broker.publish(topic, b"")
    with pytest.raises(ValueError, match="not a topic"):
        broker.reserve(topic)
