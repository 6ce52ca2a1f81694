"""A named MQTT connection: one client, shared by all sources and writers of that connection.

    Telemetry ──┐ subscribe                       ┌─ publish: queued, bounded, may be retained
    Schedules ──┼──────────► Broker ◄─────────────┤
    Writer  ────┘ (acks)     run()                └─ send: now or not at all, never retained, reserved topics only

Guarantees:
- `run()` connects (MQTT 5, else 3.1.1), reconnects with capped back-off for ever, and subscribes anew each time. It
  ends only by `close()` or by cancellation. Nothing else here waits, and nothing raises what the network did.
- Every connection starts clean, with the same client id: the broker keeps no old messages for us, and a second process
  with this id throws us out and is thrown out. When the broker says so, or three sessions in a row end within
  `steady_s`, it is counted in `taken_over` and we step back for 10 s instead of fighting.
- A commanded topic is `reserve`d by its writer; from then on `publish` refuses it, so no command can be retained or
  queued. `send` puts bytes on the socket in that very call or says why not; at most one command per topic is
  unacknowledged by the broker, and none is added while the socket does not take bytes.
- Fewer messages are in flight than the broker accepts; of what has to wait, the oldest is dropped and counted.

Limits: payloads up to `max_bytes` (larger ones are counted, not delivered; MQTT 5 brokers do not send them). Times are
scheduler seconds of `clock`. With MQTT 3.1.1 there is no message expiry: receivers go by `valid_until` in the payload.
A broker that hangs is given up after two keep-alive times.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import floor, inf
from pathlib import Path

from loguru import logger

from config.address import AddressError, check_topic
from sources.mqtt import address
from sources.mqtt.outbox import Outbox, Outgoing
from sources.mqtt.session import MQTT_5, MQTT_311, NAMES, ConnectError, Identity, Session
from sources.pause import pause

_TAKEN_OVER = 0x8E
_STEP_BACK_S = 10.0
_KEPT_FOR_COMMANDS = 6
_SILENT_REFUSALS = 2
_SILENT_OUTAGE = 100
_BRIEF_SESSIONS = 3


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived on a topic. `retained`: it was stored by the broker and may be old. `arrived_s`: scheduler time."""

    topic: str
    payload: bytes
    retained: bool
    arrived_s: float


Receive = Callable[[Message], None]


@dataclass(slots=True)
class Counters:
    """What happened to a connection since the start, for metrics."""

    connects: int = 0
    failures: int = 0
    taken_over: int = 0
    received: int = 0
    too_large: int = 0
    callback_errors: int = 0


class Broker:
    """One client of the broker at `url`. `client_id` is fixed per role, e.g. `nordhafen-broker-control`."""

    def __init__(
        self,
        name: str,
        url: str,
        *,
        client_id: str,
        clock: Callable[[], float],
        user: str | None = None,
        password: str | None = None,
        ca: str | Path | None = None,
        client: address.Client | None = None,
        keepalive_s: int = 5,
        connect_timeout_s: float = 5.0,
        retry_s: tuple[float, float] = (0.25, 5.0),
        steady_s: float = 10.0,
        outbox: int = 1000,
        max_bytes: int = 2 * 1024 * 1024,
    ) -> None:
        if not client_id or not 1 <= keepalive_s <= 10:
            raise ValueError("a client id and a keep-alive of 1 to 10 s are needed")
        self.name = name
        self.address = address.parse(url, ca, client)
        self.counters = Counters()
        self.renewed: list[Callable[[], None]] = []  # told before a session is used: no proof counts on
        self._clock = clock
        self._identity = Identity(client_id, user, password, keepalive_s, max_bytes)
        self._connect_timeout_s = connect_timeout_s
        self._retry_s = retry_s
        self._steady_s = steady_s
        self._brief = 0
        self._outbox = Outbox(outbox)
        self._receivers: dict[str, list[Receive]] = {}
        self._unsubscribed: set[str] = set()
        self._qos: dict[str, int] = {}
        self._reserved: set[str] = set()
        self._commands: dict[str, int] = {}
        self._acknowledged = asyncio.Event()
        self._session: Session | None = None
        self._closing = asyncio.Event()
        self._version = MQTT_5
        self._unanswered = 0
        self._spoke_5 = False
        self._said = ""
        self._taken_s = -inf

    # --- what sources and writers use -------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._session is not None and self._session.alive

    def second_master(self) -> bool:
        """Whether another client with our id has thrown us out within the last 60 s."""
        return self._clock() - self._taken_s <= 60.0

    @property
    def version(self) -> str | None:
        """`MQTT 5` or `MQTT 3.1.1` while connected, else None."""
        return NAMES[self._session.version] if self._session is not None and self._session.alive else None

    @property
    def waiting(self) -> int:
        """Messages that have not left yet, and those that the broker has not acknowledged."""
        return len(self._outbox) + (self._session.unacknowledged if self._session is not None else 0)

    @property
    def dropped(self) -> int:
        return self._outbox.dropped

    def last_will(self, topic: str, payload: bytes) -> None:
        """What the broker publishes, retained, when this client disappears. Once, and before `run()`."""
        if self._identity.will is not None or self._session is not None:
            raise ValueError(f"connection {self.name}: a client has one last will, set before it connects")
        check_topic(topic)
        self._identity = replace(self._identity, will=Outgoing(topic, payload, qos=1, retain=True))

    def subscribe(self, topic: str, receive: Receive, qos: int = 1) -> None:
        """Call `receive` in the loop for every message on `topic` (no wildcards), now and after every reconnection.

        The highest `qos` that anybody asks for counts.
        """
        check_topic(topic)
        self._qos[topic] = max(qos, self._qos.get(topic, 0))
        self._receivers.setdefault(topic, []).append(receive)
        self._unsubscribed.add(topic)
        if self.connected:
            asyncio.get_running_loop().call_soon(self._subscribe)

    def reserve(self, topic: str) -> None:
        """Make `topic` a command topic: from now on only `send` may use it."""
        check_topic(topic)
        self._reserved.add(topic)

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False, expiry_s: float = inf) -> bool:
        """Queue a message; False if it can never be sent. After `expiry_s` it is worthless and is dropped."""
        if topic in self._reserved or not _is_topic(topic) or qos not in {0, 1}:
            return False
        self._outbox.put(Outgoing(topic, payload, qos, retain, self._clock() + expiry_s))
        self._pump()
        return True

    def send(self, topic: str, payload: bytes, deadline_s: float) -> str | None:
        """Put a command on the socket in this very call, QoS 1, never retained; None, or why it was not sent.

        Not sent after `deadline_s` (scheduler time). MQTT 5: the broker drops it when the rest of that time is over.
        """
        session = self._session
        if topic not in self._reserved:
            return "not a command topic"
        if session is None or not session.alive:
            return "not connected"
        if topic in self._commands:
            return "the broker has not acknowledged the previous command"
        if not session.has_room() or session.unsent_bytes:
            return "the broker does not take more"
        left_s = deadline_s - self._clock()
        if not left_s > 0.0:
            return "its deadline has passed"
        try:
            mid = session.put(Outgoing(topic, payload, qos=1), max(1, floor(left_s)))
        except Exception as error:  # the library's own errors are a failed write, never the end of the caller
            return f"{type(error).__name__}: {error}"
        if mid is not None:
            self._commands[topic] = mid
        return None

    async def settled(self, topic: str, timeout_s: float) -> None:
        """Wait until the broker has acknowledged the last command on `topic`, or `timeout_s` is over."""
        until_s = self._clock() + timeout_s
        while topic in self._commands and (left_s := until_s - self._clock()) > 0.0:
            self._acknowledged.clear()
            await _wait(self._acknowledged, left_s)

    # --- the connection itself --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected until `close()`. Whatever ends a session, the next one is tried after a capped back-off."""
        logging.getLogger("gmqtt").setLevel(logging.ERROR)  # its warnings are our own one line per change, with traces
        delay = self._retry_s[0]
        while not self._closing.is_set():
            began = self._clock()
            session = self._new_session()
            taken = False
            try:
                await session.connect(self.address, self._connect_timeout_s)
                await self._serve(session)
                taken = self._count_loss(session.end_code, self._clock() - began)
            except ConnectError as error:
                self._count_failure(error)
            finally:
                self._session = None
                self._commands.clear()
                self._acknowledged.set()
                session.drop()
            steady = self._clock() - began >= self._steady_s
            delay = self._retry_s[0] if steady else min(delay * 2.0, self._retry_s[1])
            await _wait(self._closing, max(delay, _STEP_BACK_S) if taken else delay)

    async def close(self, timeout_s: float = 1.0) -> None:
        """Publish what is waiting, say goodbye (no last will) and end `run()`, all within about `timeout_s`."""
        deadline = self._clock() + timeout_s
        while self.connected and self.waiting and self._clock() < deadline:
            self._pump()
            await pause(0.01)
        session = self._session
        self._closing.set()
        if session is not None:
            await session.goodbye(max(0.1, deadline - self._clock()))

    def _new_session(self) -> Session:
        """What it hears counts only while it is the one in use: nothing late is about what is connected now."""

        def received(topic: str, payload: bytes, retained: bool) -> None:
            if session is self._session:
                self._received(topic, payload, retained)

        def freed(mid: int) -> None:
            if session is self._session:
                self._freed(mid)

        session = Session(self._identity, self._version, received, freed, self._refused)
        return session

    async def _serve(self, session: Session) -> None:
        """Until the session is lost. The tick of this loop also finds a connection that closed without a word."""
        for renewed in self.renewed:
            renewed()
        self._session = session
        self._spoke_5 |= session.version == MQTT_5
        self._version, self._unanswered = MQTT_5, 0  # after a loss the newer version is tried first again
        self.counters.connects += 1
        self._say("INFO", f"connected to {self.address} ({NAMES[session.version]})")
        self._unsubscribed = set(self._receivers)
        while session.alive and not self._closing.is_set():
            self._subscribe()
            self._pump()
            await _wait(session.lost, 0.5)

    def _count_failure(self, error: ConnectError) -> None:
        """A broker that refuses MQTT 5, or twice in a row does not answer, is tried with 3.1.1 next.

        One that has spoken MQTT 5 is only away, and what stands in front of it does not answer for it.
        """
        self.counters.failures += 1
        self._unanswered = self._unanswered + 1 if error.silent else 0
        older = error.refused_version or self._unanswered >= (_SILENT_OUTAGE if self._spoke_5 else _SILENT_REFUSALS)
        self._version = MQTT_311 if older and self._version == MQTT_5 else MQTT_5
        self._say("WARNING", f"cannot connect to {self.address}: {error}")

    def _count_loss(self, end_code: int, lived_s: float) -> bool:
        """Whether it looks as if another client had taken our id. mosquitto closes without saying so."""
        if self._closing.is_set():
            return False
        self._brief = self._brief + 1 if lived_s < self._steady_s else 0
        if end_code != _TAKEN_OVER and self._brief < _BRIEF_SESSIONS:
            self._say("WARNING", f"connection to {self.address} lost")
            return False
        self._brief = 0
        self.counters.taken_over += 1
        self._taken_s = self._clock()
        self._say("ERROR", "thrown out again and again: another client with our client id, a second master?")
        return True

    def _subscribe(self) -> None:
        if self._session is None or not self._session.alive:
            return
        try:
            self._session.subscribe([(topic, self._qos[topic]) for topic in sorted(self._unsubscribed)])
            self._unsubscribed.clear()
        except Exception as error:  # no packet id free: the next turn of `_serve` tries again
            logger.debug("mqtt {}: subscribing waits: {}", self.name, error)

    def _pump(self) -> None:
        """Move messages from the outbox to the socket while it takes them; commands keep some places to themselves."""
        session = self._session
        while session is not None and session.alive and not session.unsent_bytes:
            if not session.has_room(_KEPT_FOR_COMMANDS):
                return
            message = self._outbox.take(self._clock())
            if message is None:
                return
            left_s = message.until_s - self._clock()
            try:
                session.put(message, None if left_s == inf else max(1, floor(left_s)))
            except Exception as error:  # kept for the next session; a session that cannot publish is of no use
                logger.debug("mqtt {}: publishing waits: {}", self.name, error)
                self._outbox.put_back(message)
                return

    def _freed(self, mid: int) -> None:
        left = {topic: open_mid for topic, open_mid in self._commands.items() if open_mid != mid}
        if len(left) < len(self._commands):
            self._commands = left
            self._acknowledged.set()
        if len(self._outbox):
            asyncio.get_running_loop().call_soon(self._pump)

    def _refused(self, topic: str) -> None:
        self._say("ERROR", f"the broker refuses the subscription to {topic}")

    def _received(self, topic: str, payload: bytes, retained: bool) -> None:
        self.counters.received += 1
        if len(payload) > self._identity.max_bytes:
            self.counters.too_large += 1
            return
        message = Message(topic, payload, retained, self._clock())
        for receive in self._receivers.get(topic, ()):
            try:
                receive(message)
            except Exception as error:  # one receiver's fault is not its neighbour's
                self.counters.callback_errors += 1
                logger.error("mqtt {}: receiver of {} failed: {}: {}", self.name, topic, type(error).__name__, error)

    def _say(self, level: str, text: str) -> None:
        """One line per change, not one per attempt."""
        if text != self._said:
            self._said = text
            logger.log(level, "mqtt {}: {}", self.name, text)


def _is_topic(topic: str) -> bool:
    try:
        return check_topic(topic) == topic
    except AddressError:
        return False


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with suppress(TimeoutError):  # not `wait_for`: in Python 3.11 it loses a cancellation that comes with the event
        async with asyncio.timeout(timeout_s):
            await event.wait()
