"""An MQTT broker on bytes, for devices in the same process: 3.1.1 and 5, QoS 0 and 1, retained messages, last wills.

    client bytes ─► Broker.received ─► CONNACK, SUBACK, PUBACK, PINGRESP, PUBLISH ─► client
                        ▲   └── listen(topic) ── a device          publish(topic) ── a device

It shares no code with any client library. Topics are matched whole, without wildcards: the product uses none. A packet
that cannot be read ends its connection, as brokers do. `restart`, `evict` and `retained` are faults on demand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK = 1, 2, 3, 4, 8, 9
UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 10, 11, 12, 13, 14
MQTT_5, TAKEN_OVER = 5, 0x8E


class Wire(Protocol):
    """The way to a client. `arrived` is called when the bytes have reached it."""

    def send(self, octets: bytes, arrived: Callable[[], None] | None = None) -> None: ...

    def reset(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(eq=False)
class Client:
    """One connection. `will` is published when it ends without DISCONNECT."""

    wire: Wire
    version: int = 4
    name: str = ""
    topics: dict[str, int] = field(default_factory=dict)
    will: Message | None = None
    gathered: bytes = b""
    packet: int = 0


Heard = Callable[[bytes, bool], None]  # payload, retained
Delivered = Callable[[], None]


class Broker:
    """`clients` by name; `retained` by topic; `sent_s` is when the bytes that are being served left their client."""

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}
        self.retained: dict[str, Message] = {}
        self.sent_s = 0.0
        self._devices: dict[str, list[Heard]] = {}

    # --- devices in the same process ----------------------------------------------------------------------------------

    def listen(self, topic: str, heard: Heard) -> None:
        self._devices.setdefault(topic, []).append(heard)

    def publish(self, message: Message, delivered: Delivered | None = None) -> None:
        """To all who subscribed; `delivered` is called when it has reached one of them."""
        if message.retain:
            self.retained[message.topic] = message
        for heard in self._devices.get(message.topic, ()):
            heard(message.payload, False)
        for client in list(self.clients.values()):
            if message.topic in client.topics:
                self._tell(client, message, retained=False, delivered=delivered)

    # --- faults -------------------------------------------------------------------------------------------------------

    def restart(self, *, forget: bool) -> None:
        """Every connection ends, wills are published to nobody; retained messages may be gone."""
        clients, self.clients = list(self.clients.values()), {}
        for client in clients:
            client.wire.reset()
        if forget:
            self.retained.clear()

    def evict(self) -> None:
        """Somebody connects with the id of each client: DISCONNECT with "session taken over", where there is one."""
        for client in list(self.clients.values()):
            self._evict(client)

    def _evict(self, client: Client) -> None:
        if client.version == MQTT_5:
            client.wire.send(_packet(DISCONNECT, bytes((TAKEN_OVER, 0))))
        self.ended(client)
        client.wire.reset()

    # --- the wire -----------------------------------------------------------------------------------------------------

    def connected(self, wire: Wire) -> Client:
        return Client(wire)

    def ended(self, client: Client) -> None:
        """The connection is gone."""
        if self.clients.get(client.name) is client:
            del self.clients[client.name]
            if client.will is not None:
                self.publish(client.will)

    def received(self, client: Client, octets: bytes, sent_s: float) -> None:
        self.sent_s = sent_s
        client.gathered += octets
        try:
            for head, body in _packets(client):
                self._serve(client, head, body)
        except (IndexError, struct.error, UnicodeDecodeError, ValueError):
            self.ended(client)
            client.wire.reset()

    def _serve(self, client: Client, head: int, body: bytes) -> None:
        match head >> 4:
            case 1:
                self._connect(client, body)
            case 3:
                self._take(client, head, body)
            case 8:
                self._subscribe(client, body)
            case 10:
                client.wire.send(_packet(UNSUBACK, body[:2] + (b"\0\0" if client.version == MQTT_5 else b"")))
            case 12:
                client.wire.send(_packet(PINGRESP, b""))
            case 14:
                client.will = None
                self.ended(client)
            case 4:
                pass  # of what was delivered nothing is kept
            case _:
                raise ValueError(f"packet {head >> 4}")

    def _connect(self, client: Client, body: bytes) -> None:
        if body[:6] != b"\0\4MQTT" or body[6] not in (4, MQTT_5):
            raise ValueError("not MQTT")
        client.version, flags = body[6], body[7]
        rest = _without_properties(body[10:], client.version)
        name, rest = _text(rest)
        if flags & 4:
            rest = _without_properties(rest, client.version)
            topic, rest = _text(rest)
            payload, rest = _binary(rest)
            client.will = Message(topic, payload, flags >> 3 & 3, bool(flags & 32))
        client.name = name
        if name in self.clients:
            self._evict(self.clients[name])
        self.clients[name] = client
        client.wire.send(_packet(CONNACK, b"\0\0" + (b"\0" if client.version == MQTT_5 else b"")))

    def _subscribe(self, client: Client, body: bytes) -> None:
        rest, granted, new = _without_properties(body[2:], client.version), b"", []
        while rest:
            topic, rest = _text(rest)
            granted += bytes((min(1, rest[0] & 3),))
            client.topics[topic] = min(1, rest[0] & 3)
            new.append(topic)
            rest = rest[1:]
        client.wire.send(_packet(SUBACK, body[:2] + (b"\0" if client.version == MQTT_5 else b"") + granted))
        for topic in new:
            if topic in self.retained:
                self._tell(client, self.retained[topic], retained=True)

    def _take(self, client: Client, head: int, body: bytes) -> None:
        topic, rest = _text(body)
        qos = head >> 1 & 3
        if qos:
            packet, rest = rest[:2], rest[2:]
            client.wire.send(_packet(PUBACK, packet))
        self.publish(Message(topic, _without_properties(rest, client.version), qos, bool(head & 1)))

    def _tell(self, client: Client, message: Message, *, retained: bool, delivered: Delivered | None = None) -> None:
        qos = min(message.qos, client.topics[message.topic])
        topic = message.topic.encode()
        body = struct.pack(">H", len(topic)) + topic
        if qos:
            client.packet = client.packet % 65535 + 1
            body += struct.pack(">H", client.packet)
        body += b"\0" if client.version == MQTT_5 else b""
        client.wire.send(_packet(PUBLISH, body + message.payload, qos << 1 | retained), delivered)


def _packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    length, size = b"", len(body)
    while True:
        size, low = divmod(size, 128)
        length += bytes((low | (128 if size else 0),))
        if not size:
            return bytes((kind << 4 | flags,)) + length + body


def _packets(client: Client) -> Iterator[tuple[int, bytes]]:
    """Whole packets of what has arrived: first byte and body."""
    while len(client.gathered) >= 2:
        size = _length(client.gathered[1:])
        if size is None or len(client.gathered) < 1 + sum(size):
            return
        first = 1 + size[0]
        head, body = client.gathered[0], client.gathered[first : first + size[1]]
        client.gathered = client.gathered[first + size[1] :]
        yield head, body


def _length(octets: bytes) -> tuple[int, int] | None:
    """(bytes it takes, value) of a variable length; None: it goes on."""
    value = 0
    for place, octet in enumerate(octets[:4]):
        value |= (octet & 127) << (7 * place)
        if not octet & 128:
            return place + 1, value
    if len(octets) >= 4:
        raise ValueError("a length of more than four bytes")
    return None


def _without_properties(octets: bytes, version: int) -> bytes:
    size = _length(octets) if version == MQTT_5 else (0, 0)
    if size is None:
        raise ValueError("properties end early")
    return octets[sum(size) :]


def _binary(octets: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(octets[:2], "big")
    if len(octets) < 2 + size:
        raise ValueError("a field ends early")
    return octets[2 : 2 + size], octets[2 + size :]


def _text(octets: bytes) -> tuple[str, bytes]:
    found, rest = _binary(octets)
    return found.decode(), rest
