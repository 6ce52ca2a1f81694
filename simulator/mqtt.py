"""Real MQTT clients of the plant: its meter, its market, and a battery that is commanded over MQTT.

    grid link     <meter topic>/telemetry     each 500 ms
                  <schedule topic>            retained; on connect and when the UTC day turns
    battery link  <battery topic>/telemetry, <battery topic>/status (retained)     each 500 ms
                  <battery topic>/fault       when one comes
                  <battery topic>/command ──► plant ──► <battery topic>/command/ack

Guarantees: a missing or dying broker is retried for ever with capped back-off and stops nothing; a bad command is
answered, never raised; a command id that was just answered is answered again, not executed again.
Subscriptions and retained messages are renewed on every connect, since a broker may have forgotten both.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv50, MQTTv311
from loguru import logger

from config.profile import Profile
from simulator import telemetry
from simulator.plant import Plant
from simulator.schedule import day_ahead

logging.getLogger("gmqtt").setLevel(logging.CRITICAL)  # it warns at every attempt; `Link` says it once

KEEPALIVE_S = 10
CONNECT_S = 3.0
DAY_NS = 86_400_000_000_000
NEVER = -2  # gmqtt would try once at 0, and for ever at -1
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0
Pause = Callable[[float], Awaitable[None]]  # waits so many seconds: the shell's sleep
Message = Callable[[str, bytes, bool], None]  # topic, payload, retained


class BrokerUrlError(ValueError):
    """A broker URL that cannot be used."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is. User and password never appear in `repr`."""

    host: str
    port: int
    tls: bool
    credentials: tuple[str, str] | None

    def __repr__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"

    __str__ = __repr__


def broker(url: str) -> Broker:
    """`mqtt://[user:password@]host[:port]` or `mqtts://…`. Raises BrokerUrlError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BrokerUrlError(f"not a broker URL: {error}") from None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise BrokerUrlError("a broker URL looks like mqtt://127.0.0.1:1883")
    tls = parts.scheme == "mqtts"
    credentials = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Broker(parts.hostname, port or (8883 if tls else 1883), tls, credentials)


class Link:
    """One client connection that is kept up until it is closed. `welcome` is called after every connect."""

    def __init__(
        self, name: str, where: Broker, pause: Pause, welcome: Callable[[], None], message: Message | None = None
    ) -> None:
        self.where = where
        self._pause = pause
        self.connected = False
        self._name = name
        self._welcome = welcome
        self._message = message
        self._client: Client | None = None
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._version = MQTTv50

    def open(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep(), name=f"mqtt {self._name}")

    async def close(self) -> None:
        """Disconnect and stay so until `open`."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def publish(self, topic: str, document: dict[str, Any], qos: int = 0, retain: bool = False) -> bool:
        """Send now, or not at all: False while there is no connection."""
        if not self.connected or self._client is None:
            return False
        try:
            self._client.publish(topic, json.dumps(document), qos=qos, retain=retain)
        except (OverflowError, OSError, AttributeError) as error:  # too much in flight, or gone this very moment
            logger.debug("{}: not published: {}", self._name, error)
            return False
        return True

    def subscribe(self, topic: str) -> None:
        if self._client is not None:
            self._client.subscribe(topic, qos=1)

    async def _keep(self) -> None:
        pause, said = FIRST_PAUSE_S, False
        try:
            while True:
                try:
                    await self._connect()
                    pause, said = FIRST_PAUSE_S, False
                    await self._lost.wait()
                    logger.info("{}: connection to {} lost", self._name, self.where)
                except Exception as error:  # whatever a broker answers, it is asked again
                    if not said:
                        logger.info("{}: no broker at {} yet ({}), trying on", self._name, self.where, error)
                    said = True
                await self._disconnect()
                await self._pause(pause)
                pause = min(LONGEST_PAUSE_S, 2 * pause)
        finally:
            await self._disconnect()

    async def _connect(self) -> None:
        self._lost.clear()
        client = Client(f"simulator-{self._name}-{id(self):x}")
        client.set_config({"reconnect_retries": NEVER})  # a new client each time: nothing old is ever sent again
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        if self.where.credentials is not None:
            client.set_auth_credentials(*self.where.credentials)
        self._client = client
        tls = ssl.create_default_context() if self.where.tls else False
        try:
            async with asyncio.timeout(CONNECT_S):
                await client.connect(self.where.host, self.where.port, tls, KEEPALIVE_S, self._version)
        except TimeoutError:  # an old broker does not answer MQTT 5: the other version next time
            self._version = MQTTv311 if self._version == MQTTv50 else MQTTv50
            raise OSError("no answer in time") from None
        self.connected = True
        logger.info("{}: connected to {}", self._name, self.where)
        self._welcome()

    async def _disconnect(self) -> None:
        self.connected = False
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                async with asyncio.timeout(1.0):
                    await client.disconnect()

    def _on_disconnect(self, client: Client, _packet: object, _error: object = None) -> None:
        if client is self._client:
            self.connected = False
            self._lost.set()

    def _on_message(self, _client: Client, topic: str, payload: bytes, _qos: int, properties: dict[str, Any]) -> int:
        if self._message is not None:
            try:
                self._message(topic, payload, bool(properties.get("retain")))
            except Exception as error:  # gmqtt would swallow it; nothing from outside may end the plant
                logger.warning("{}: message on {} not understood: {}", self._name, topic, error)
        return 0


def below(prefix: str, part: str) -> str:
    """A topic of a device: `prefix/part`; an empty part is the prefix itself."""
    return f"{prefix}/{part}" if part else prefix


class Grid:
    """The meter's telemetry and the market's schedule."""

    def __init__(
        self, where: Broker, pause: Pause, plant: Plant, meter: Profile, topic: str, market: Market | None
    ) -> None:
        self._plant, self._meter, self._market = plant, meter, market
        self._topic = below(topic, meter.topics.telemetry) if meter.protocol == "mqtt" else None
        self.link = Link("grid", where, pause, self._welcome)
        self._day: int | None = None

    def publish(self, utc_ns: int) -> None:
        """One measurement; a new schedule when the UTC day has turned or the broker is new."""
        if self._topic is not None and not self._plant.meter_silent:
            self.link.publish(self._topic, telemetry.meter_telemetry(self._meter, self._plant, utc_ns))
        if self._market is None:
            return
        day = utc_ns // DAY_NS
        if day != self._day and self.link.publish(self._market.topic, self._market.document(utc_ns), 1, retain=True):
            self._day = day

    def _welcome(self) -> None:
        self._day = None


@dataclass(frozen=True, slots=True)
class Market:
    """Which schedule goes where; `power_kw` is its largest power."""

    topic: str
    seed: int
    power_kw: float
    energy_kwh: float
    asset: str | None = None

    def document(self, utc_ns: int) -> dict[str, Any]:
        return day_ahead(utc_ns / 1e9, self.seed, self.power_kw, self.energy_kwh, self.asset)


class MqttBattery:
    """A battery that is read and commanded over MQTT. `utc_ns` is the wall clock, handed in."""

    def __init__(
        self,
        where: Broker,
        pause: Pause,
        plant: Plant,
        profile: Profile,
        asset: str,
        topic: str,
        utc_ns: Callable[[], int],
    ) -> None:
        self._plant, self._profile, self._asset, self._utc_ns = plant, profile, asset, utc_ns
        prefix = topic.replace("{asset}", asset)
        topics = profile.topics
        self._telemetry, self._status = below(prefix, topics.telemetry), below(prefix, topics.status or "status")
        self._fault, self._faulty = below(prefix, topics.fault or "fault"), False
        self._command, self._acknowledge = below(prefix, topics.command), below(prefix, topics.acknowledge)
        self.link = Link("battery", where, pause, self._welcome, self._receive)
        self._page: dict[str, Any] | None = None
        self._told: int | None = None
        self._answered: tuple[str, dict[str, Any]] | None = None

    def publish(self, utc_ns: int) -> None:
        """Telemetry and status; a frozen device repeats its last page, a played one says each of its frames once."""
        told = self._plant.told
        if told is not None and told.number == self._told:
            return
        self._told = told.number if told is not None and self.link.connected else None
        if self._page is None or not self._plant.effects.frozen:
            self._page = telemetry.storage_telemetry(self._profile, self._plant, utc_ns)
        self.link.publish(self._telemetry, self._page)
        reported = self._plant.reported()
        status = {"state": reported.mode, "available": reported.available, "timestamp": telemetry.rfc3339(utc_ns)}
        self.link.publish(self._status, status, retain=True)
        fault = telemetry.storage_fault(self._profile, self._plant, utc_ns)
        said = self._faulty or fault is None or self.link.publish(self._fault, fault, qos=1)
        self._faulty = fault is not None and said

    def _welcome(self) -> None:
        self.link.subscribe(self._command)

    def _receive(self, _topic: str, payload: bytes, retained: bool) -> None:
        if self._plant.effects.frozen:
            return  # taken by the broker, lost by the device
        now = self._utc_ns()
        try:
            command = telemetry.read_command(payload, self._asset, now, retained)
        except telemetry.RefusedError as refused:
            self._plant.writes.refused += 1
            logger.info("battery: command refused: {}", refused)
            if refused.command_id is not None:
                self._answer(telemetry.acknowledgement(refused.command_id, str(refused), now))
            return
        command_id: str = command["command_id"]
        if self._answered is not None and self._answered[0] == command_id:
            self._answer(self._answered[1])
            return
        answer = telemetry.acknowledgement(command_id, telemetry.take(self._profile, self._plant, command), now)
        self._answered = (command_id, answer)
        self._answer(answer)

    def _answer(self, answer: dict[str, Any]) -> None:
        self.link.publish(self._acknowledge, answer, qos=1)
