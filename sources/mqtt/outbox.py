"""What waits to be published and what waits to be acknowledged, both bounded.

    publish ──► Outbox (oldest dropped, counted) ──► InFlight (< broker's receive maximum) ──► PUBACK frees the place

The client library raises once as many messages are unacknowledged as the broker allows (mosquitto: 20), and says
nothing about deliveries; `InFlight` is the store it offers for them, so it counts and reports what was acknowledged.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from gmqtt.storage import PersistentStorage


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish. `until_s` is scheduler time (s): after it the message is dropped, not sent."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    until_s: float = inf


class Outbox:
    """At most `places` messages; a new one pushes out the oldest. A retained one replaces its predecessor."""

    def __init__(self, places: int) -> None:
        self._waiting: deque[Outgoing] = deque()
        self._places = places
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Outgoing) -> None:
        if message.retain:  # only the newest level counts
            self._waiting = deque(m for m in self._waiting if not (m.retain and m.topic == message.topic))
        if len(self._waiting) >= self._places:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)

    def put_back(self, message: Outgoing) -> None:
        """Return a message that could not be sent to the front."""
        self._waiting.appendleft(message)

    def take(self, now_s: float) -> Outgoing | None:
        """The oldest message still wanted at `now_s`, or None."""
        while self._waiting:
            message = self._waiting.popleft()
            if now_s <= message.until_s:
                return message
            self.dropped += 1
        return None


class InFlight(PersistentStorage):  # type: ignore[misc]
    """Packets of QoS 1 that the broker has not acknowledged, of one connection; `freed(mid)` is called for each."""

    def __init__(self, freed: Callable[[int], None]) -> None:
        super().__init__()
        self._freed = freed
        self._open: set[int] = set()
        self.newest: int | None = None

    @property
    def count(self) -> int:
        """Not `__len__`: the library would take an empty store for none at all."""
        return len(self._open)

    def push_message(self, mid: int, raw_package: bytes) -> None:
        super().push_message(mid, raw_package)
        self._open.add(mid)
        self.newest = mid

    def remove_message_by_mid(self, mid: int) -> None:
        super().remove_message_by_mid(mid)
        if mid in self._open:
            self._open.discard(mid)
            self._freed(mid)

    def clear(self) -> None:
        super().clear()
        self._open.clear()
