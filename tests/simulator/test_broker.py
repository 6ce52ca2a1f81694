"""The broker, byte by byte: what it answers in both versions, and that what is no MQTT ends its connection alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulator.broker import Broker, Client, Message

CONNECT_4 = bytes.fromhex("100d00044d51545404020005000161")  # clean session, keep-alive 5 s, client id "a"
CONNECT_5 = bytes.fromhex("100e00044d5154540502000500000161")
SUBSCRIBE_4 = bytes.fromhex("8206000100017401")  # packet 1, topic "t", QoS 1
SUBSCRIBE_5 = bytes.fromhex("820700010000017401")


class Wire:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.ended = False

    def send(self, octets: bytes, arrived: Callable[[], None] | None = None) -> None:
        self.sent.append(octets)
        if arrived is not None:
            arrived()

    def reset(self) -> None:
        self.ended = True


def joined(broker: Broker, *packets: bytes) -> tuple[Wire, Client]:
    wire = Wire()
    client = broker.connected(wire)
    for packet in packets:
        broker.received(client, packet, 0.0)
    return wire, client


@pytest.mark.parametrize(
    ("packets", "answers"),
    [
        ((CONNECT_4, SUBSCRIBE_4), ["20020000", "9003000101", "3104000174" + "78"]),
        ((CONNECT_5, SUBSCRIBE_5), ["2003000000", "900400010001", "3105000174" + "0078"]),
    ],
)
def test_a_retained_message_comes_with_the_subscription(packets: tuple[bytes, ...], answers: list[str]) -> None:
    broker = Broker()
    broker.publish(Message("t", b"x", retain=True))
    wire, _ = joined(broker, *packets)
    assert [octets.hex() for octets in wire.sent] == answers


def test_bytes_may_come_one_by_one() -> None:
    wire, _ = joined(Broker(), *(bytes((octet,)) for octet in CONNECT_4 + b"\xc0\x00"))
    assert [octets.hex() for octets in wire.sent] == ["20020000", "d000"]


def test_quality_of_service_1_is_acknowledged_and_handed_on_once_per_subscriber() -> None:
    broker = Broker()
    heard: list[bytes] = []
    broker.listen("t", lambda payload, retained: heard.append(payload))
    wire, _ = joined(broker, CONNECT_4, SUBSCRIBE_4, bytes.fromhex("3206000174" + "0007" + "79"))
    assert [octets.hex() for octets in wire.sent[2:]] == ["40020007", "3206000174" + "0001" + "79"]
    assert heard == [b"y"]


def test_a_will_is_published_when_somebody_disappears_and_not_after_a_goodbye() -> None:
    will = bytes.fromhex("101400044d51545404060005" + "000161" + "000174" + "000177")
    will = will[:1] + bytes((len(will) - 2,)) + will[2:]
    for goodbye, expected in ((b"", [b"w"]), (b"\xe0\x00", [])):
        broker = Broker()
        heard: list[bytes] = []
        broker.listen("t", lambda payload, retained, heard=heard: heard.append(payload))  # type: ignore[misc]
        _, client = joined(broker, will, *([goodbye] if goodbye else []))
        broker.ended(client)
        assert heard == expected


@pytest.mark.parametrize("octets", [b"\x10\x03GET", b"\xff\xff\xff\xff\xff\xff", b"\x30\x02\x00\x09", b"\x00\x00"])
def test_what_is_no_mqtt_ends_its_connection_and_no_other(octets: bytes) -> None:
    broker = Broker()
    good, _ = joined(broker, CONNECT_4)
    bad, _ = joined(broker, octets)
    assert bad.ended
    assert not good.ended
    assert set(broker.clients) == {"a"}
