"""One websocket client on our side: what it asked for, how far it has got, and what waits for it.

State is pulled, not queued: the client remembers the version it has of each topic, and when its socket is free it takes
what changed since then. So a slow client skips steps without losing meaning, and costs no memory while it stalls.
Answers and heartbeats wait in a queue; what makes a client *too* slow is a hard cap on that queue or on its lag.

    topic versions ──► Subscription(id, seq, sent) ──┐
    answers, heartbeats ──► waiting (bounded) ───────┴──► frames() ──► socket
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sinks.web.topic import Topic, expand
from sinks.web.wire import encode

EARLY = 0.2  # a tick that comes up to this part of a period early counts as on time


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the websocket. Times in s, sizes in bytes."""

    clients: int = 256
    subscriptions: int = 64
    waiting_frames: int = 256
    waiting_bytes: int = 1024 * 1024
    behind_s: float = 10.0
    send_s: float = 2.0
    auth_s: float = 5.0
    heartbeat_s: float = 5.0
    housekeeping_s: float = 1.0
    refresh_s: float = 0.1
    max_hz: float = 10.0
    default_hz: float = 5.0
    messages_per_s: float = 20.0


@dataclass(slots=True, eq=False)
class Sent:
    """How far a client has got with one topic: `seq` of the last frame, the version and tick that it carried."""

    seq: int = 0
    version: int = 0
    tick: int | None = None


@dataclass(slots=True, eq=False)
class Subscription:
    """`id` is the client's. `sent` holds one entry per topic that the pattern names."""

    id: int
    pattern: str
    period_s: float
    due_s: float
    sent: dict[str, Sent] = field(default_factory=dict)

    def name(self, assets: Sequence[str]) -> list[str]:
        """Follow assets that appear or disappear; returns the topics that are gone."""
        named = expand(self.pattern, assets) or []
        gone = [name for name in self.sent if name not in named]
        self.sent = {name: self.sent.get(name) or Sent() for name in named}
        return gone


class Client:
    """`topics` and `ticks` are the hub's; `wake` is set when there may be something to send."""

    def __init__(self, topics: Mapping[str, Topic], ticks: Mapping[str, int], limits: Limits) -> None:
        self._topics = topics
        self._ticks = ticks
        self._limits = limits
        self.subscriptions: dict[int, Subscription] = {}
        self.wake = asyncio.Event()
        self.evicted = asyncio.Event()
        self.behind_since: float | None = None
        self._waiting: deque[str] = deque()
        self._waiting_bytes = 0

    def say(self, message: Mapping[str, Any]) -> None:
        """Queue an answer or a heartbeat; a client that lets too many of them wait is evicted."""
        text = encode(message).decode()
        self._waiting.append(text)
        self._waiting_bytes += len(text)
        if len(self._waiting) > self._limits.waiting_frames or self._waiting_bytes > self._limits.waiting_bytes:
            self.evicted.set()
        self.wake.set()

    def pending(self, now: float) -> bool:
        """Whether there is something to send at `now`."""
        return bool(self._waiting) or any(self._news(subscription) for subscription in self.subscriptions.values()
                                          if _is_due(subscription, now))

    def offer(self, now: float) -> None:
        """Called by the hub after each refresh: wake the sender when there is work, and watch the lag."""
        if not self.pending(now):
            return
        if self.behind_since is None:
            self.behind_since = now
        elif now - self.behind_since > self._limits.behind_s:
            self.evicted.set()
        self.wake.set()

    def caught_up(self) -> None:
        """Called by the sender when it has sent everything that was pending."""
        self.behind_since = None

    def frames(self, now: float) -> Iterator[str]:
        """What to send at `now`, oldest answers first; state is cut at the moment it is taken, not earlier."""
        while self._waiting:
            text = self._waiting.popleft()
            self._waiting_bytes -= len(text)
            yield text
        for subscription in list(self.subscriptions.values()):
            if not _is_due(subscription, now):
                continue
            took = False
            for name in list(subscription.sent):
                text_or_none = self._take(subscription, name)
                if text_or_none is not None:
                    took = True
                    yield text_or_none
            if took:
                subscription.due_s = max(subscription.due_s + subscription.period_s, now)

    def last_seqs(self) -> dict[str, dict[str, int]]:
        """For the heartbeat: last seq per subscription id and topic."""
        return {str(subscription.id): {name: sent.seq for name, sent in subscription.sent.items()}
                for subscription in self.subscriptions.values()}

    def _news(self, subscription: Subscription) -> bool:
        topics = self._topics
        return any(name in topics and topics[name].version > sent.version for name, sent in subscription.sent.items())

    def _take(self, subscription: Subscription, name: str) -> str | None:
        topic, sent = self._topics.get(name), subscription.sent.get(name)
        if topic is None or sent is None or topic.version <= sent.version:
            return None
        whole = sent.version == 0 or topic.sampled
        value = topic.snap() if whole else topic.delta(sent.version)
        sent.seq += 1
        sent.version = topic.version
        extra = f',"dropped":{self._dropped(name, sent)}' if topic.sampled else ""
        kind = "snap" if whole else "delta"
        return (f'{{"t":"{kind}","id":{subscription.id},"topic":{topic.quoted},"seq":{sent.seq}{extra},'
                f'"value":{value}}}')

    def _dropped(self, name: str, sent: Sent) -> int:
        tick = self._ticks.get(name, 0)
        before, sent.tick = sent.tick, tick
        return 0 if before is None else max(0, tick - before - 1)


def _is_due(subscription: Subscription, now: float) -> bool:
    return now >= subscription.due_s - EARLY * subscription.period_s
