"""One connection to a broker, from CONNECT to its end. It never reconnects: `Broker` makes a new session instead.

A new client for every connection, always with a clean start, is what makes sessions predictable: the library would
resume with `clean_session=False` (old commands and acknowledgements would come in), leak the packet ids of what was
unacknowledged, and forget subscriptions. A clean session has no past.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import gmqtt
import gmqtt.mqtt.connection
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from gmqtt.mqtt.protocol import MQTTProtocol

from sources.mqtt.address import BrokerAddress
from sources.mqtt.outbox import InFlight, Outgoing

MQTT_5: int = MQTTv50
MQTT_311: int = MQTTv311
NAMES = {MQTT_5: "MQTT 5", MQTT_311: "MQTT 3.1.1"}

_REFUSED_VERSION = {1, 132}
_MOST_IN_FLIGHT = 18
_LIBRARY = logging.getLogger("gmqtt")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who connects. `will` is published by the broker when this client disappears without saying goodbye."""

    client_id: str
    user: str | None = None
    password: str | None = None
    keepalive_s: int = 5
    max_bytes: int = 2 * 1024 * 1024
    will: Outgoing | None = None

    def __repr__(self) -> str:
        return f"Identity({self.client_id!r}, user={self.user!r})"


class ConnectError(Exception):
    """No session came about. `refused_version`: the broker said so; `silent`: perhaps so, it said nothing."""

    def __init__(self, reason: str, *, refused_version: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.refused_version = refused_version
        self.silent = silent


class _Client(gmqtt.Client):  # type: ignore[misc]
    """The library's client, for one connection only."""

    async def reconnect(self, delay: bool = False) -> None:
        """Nothing: a lost connection ends the session."""


class _Protocol(MQTTProtocol):  # type: ignore[misc]
    """The library's, which raises in the loop when a connection ends before it was told whose it is, and leaves behind
    how it ended where nobody asks.
    """

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is None:  # type: ignore[has-type]
            self._connection = SimpleNamespace(put_package=lambda _packet: None)
        super().connection_lost(exc)
        if self._closed.done() and not self._closed.cancelled():
            self._closed.exception()  # asked: else the loop complains when it is collected


gmqtt.mqtt.connection.MQTTProtocol = _Protocol


class Session:
    """`received(topic, payload, retained)` is called in the loop for every message, `freed(mid)` for every PUBACK,
    `refused(topic)` for every subscription that the broker does not grant.
    """

    def __init__(
        self,
        identity: Identity,
        version: int,
        received: Callable[[str, bytes, bool], None],
        freed: Callable[[int], None],
        refused: Callable[[str], None],
    ) -> None:
        self.version = version
        self.lost = asyncio.Event()
        self.end_code = 0
        self._identity = identity
        self._received = received
        self._refused = refused
        self._window = _MOST_IN_FLIGHT
        self._in_flight = InFlight(freed)
        self._client = self._make_client()

    def _make_client(self) -> _Client:
        who = self._identity
        will = who.will
        message = None if will is None else gmqtt.Message(will.topic, will.payload, qos=will.qos, retain=will.retain)
        client = _Client(
            who.client_id.encode(),  # the library counts characters, the protocol bytes
            clean_session=True,
            will_message=message,
            persistent_storage=self._in_flight,
            logger=_LIBRARY,
            maximum_packet_size=who.max_bytes,
        )
        if who.user is not None:
            client.set_auth_credentials(who.user, who.password)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        return client

    async def connect(self, address: BrokerAddress, timeout_s: float) -> None:
        """Return once the broker has accepted. Raises `ConnectError`."""
        tls: Any = address.tls or False
        who = self._identity
        attempt = asyncio.ensure_future(
            self._client.connect(address.host, address.port, ssl=tls, keepalive=who.keepalive_s, version=self.version)
        )
        closed = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({attempt, closed}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if not attempt.done():
                reason = "the broker closed the connection" if self.lost.is_set() else "no answer in time"
                raise ConnectError(reason, silent=True)
            attempt.result()
        except gmqtt.MQTTConnectError as error:
            raise ConnectError(str(error), refused_version=getattr(error, "_code", 0) in _REFUSED_VERSION) from error
        except ConnectError:
            raise
        except Exception as error:  # a host name that cannot be encoded, a certificate, a socket: all are tried again
            raise ConnectError(str(error) or type(error).__name__) from error
        finally:
            for task in (attempt, closed):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await attempt

    @property
    def alive(self) -> bool:
        return not self.lost.is_set() and bool(self._client._connection) and bool(self._client.is_connected)

    @property
    def unacknowledged(self) -> int:
        return self._in_flight.count

    def has_room(self, spare: int = 0) -> bool:
        """Whether one more QoS 1 message fits below the broker's receive maximum, leaving `spare` places free."""
        return self._in_flight.count < self._window - spare

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the socket has not taken yet: more than 0 means that the broker does not read."""
        transport = self._transport()
        return 0 if transport is None else transport.get_write_buffer_size()

    def put(self, message: Outgoing, expiry_s: int | None) -> int | None:
        """Hand one message to the socket; the packet id for QoS 1. Raises what the library raises."""
        properties = {} if expiry_s is None or self.version != MQTT_5 else {"message_expiry_interval": expiry_s}
        self._client.publish(message.topic, message.payload, qos=message.qos, retain=message.retain, **properties)
        return self._in_flight.newest if message.qos else None

    def subscribe(self, topics: Iterable[tuple[str, int]]) -> None:
        """One SUBSCRIBE for all `topics`, each with its QoS: each packet needs a place among those in flight."""
        subscriptions = [gmqtt.Subscription(topic, qos=qos) for topic, qos in topics]
        if subscriptions:
            self._client.subscribe(subscriptions)

    async def goodbye(self, timeout_s: float) -> None:
        """DISCONNECT in order: the broker does not publish the last will."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._client.disconnect(), timeout_s)
        self.drop()

    def drop(self) -> None:
        """Close at once. Bytes that the socket has not taken are thrown away, so that none arrives late."""
        self.lost.set()
        transport = self._transport()
        if transport is not None:
            transport.abort()

    def _transport(self) -> asyncio.WriteTransport | None:
        return getattr(self._client._connection, "_transport", None)  # the library offers no way to abort

    def _on_connect(self, _client: object, _flags: object, _code: int, properties: dict[str, Any]) -> None:
        maximum = (properties.get("receive_maximum") or [65535])[0]
        self._window = max(1, min(_MOST_IN_FLIGHT, maximum - 2))  # one place stays free for SUBSCRIBE

    def _on_message(self, _client: object, topic: object, payload: bytes, _qos: int, properties: dict[str, Any]) -> int:
        if isinstance(topic, str):
            self._received(topic, bytes(payload), bool(properties.get("retain")))
        return 0

    def _on_disconnect(self, _client: object, packet: object, _error: object = None) -> None:
        if isinstance(packet, bytes | bytearray) and packet:
            self.end_code = packet[0]
        self.lost.set()

    def _on_subscribe(self, client: Any, mid: int, granted: tuple[int, ...], _properties: object) -> None:
        asked = [subscription.topic for subscription in client.subscriptions if subscription.mid == mid]
        for topic, qos in zip(asked, granted, strict=False):
            if qos >= 128:
                self._refused(topic)
