"""The hub between the chain and the websocket clients.

    tick ──offer()──► dirty ──► hub task: view ──► topics, encoded once ──► clients, a few at a time ──► sockets

Guarantees: `offer` sets a flag and returns; the chain never waits for a socket, an encoder or a client. The hub works
in its own task, in slices of at most `SLICE_S`, and wakes clients a few at a time, so that a tick that falls due in
between is not late because of them. Only topics that somebody subscribed are computed. A view that raises leaves its
topic as it was. Time (s) comes from `clock`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loguru import logger

from sinks.web.client import Client, Limits, Subscription
from sinks.web.ports import View
from sinks.web.topic import Topic, expand
from sources.pause import pause

SLICE_S = 0.002
CLIENTS_AT_ONCE = 8
SLOW_TOPICS = frozenset({"graph", "nodes"})


class Hub:
    """Owns the topics and knows the clients. `run` is its task; it ends only by being cancelled."""

    def __init__(self, view: View, clock: Callable[[], float], now: Callable[[], str],
                 limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.clients: set[Client] = set()
        self.evictions = 0
        self._view = view
        self._clock = clock
        self._now = now
        self._topics: dict[str, Topic] = {}
        self._ticks: dict[str, int] = {}
        self._assets: tuple[str, ...] = ()
        self._dirty = asyncio.Event()
        self._complained: set[str] = set()
        self._yielded_s = 0.0

    def offer(self) -> None:
        """Say that a new frame is there. Costs one flag; call it from the loop's own thread, after the tick."""
        self._dirty.set()

    def join(self) -> Client | None:
        """A new client, or None when there are as many as may be."""
        if len(self.clients) >= self.limits.clients:
            return None
        client = Client(self._topics, self._ticks, self.limits)
        self.clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        self.clients.discard(client)

    def subscribe(self, client: Client, number: int, pattern: str, max_hz: float) -> bool:
        """Add a subscription and make its topics current. False: the pattern names nothing here."""
        self._follow_assets()
        if expand(pattern, self._assets) is None or not self._tap_exists(pattern):
            return False
        subscription = Subscription(number, pattern, 1.0 / min(max_hz, self.limits.max_hz), self._clock())
        subscription.name(self._assets)
        client.subscriptions[number] = subscription
        for name in subscription.sent:
            if name not in self._topics:
                self._update(name)
        client.wake.set()
        return True

    async def run(self) -> None:
        """Refresh after every offer, at most every `refresh_s`; heartbeats and watching the lag in between."""
        chores = asyncio.ensure_future(self._housekeeping())
        try:
            while True:
                await self._dirty.wait()
                self._dirty.clear()
                started = self._clock()
                await self._refresh(everything=False)
                await self._wake()
                await pause(max(0.0, self.limits.refresh_s - (self._clock() - started)))
        finally:
            chores.cancel()

    async def _housekeeping(self) -> None:
        last_beat = self._clock()
        while True:
            await pause(self.limits.housekeeping_s)
            await self._refresh(everything=True)
            now = self._clock()
            if now - last_beat >= self.limits.heartbeat_s:
                last_beat = now
                self._beat()
            await self._wake()

    async def _refresh(self, *, everything: bool) -> None:
        self._follow_assets()
        wanted = {name for client in self.clients for subscription in client.subscriptions.values()
                  for name in subscription.sent}
        for name in self._topics.keys() - wanted:
            del self._topics[name]
            self._ticks.pop(name, None)
        self._yielded_s = self._clock()
        for name in sorted(wanted):
            if everything or name not in self._topics or name not in SLOW_TOPICS:
                self._update(name)
                await self._breathe()

    async def _wake(self) -> None:
        for number, client in enumerate(tuple(self.clients), start=1):
            client.offer(self._clock())
            if number % CLIENTS_AT_ONCE == 0:
                await pause(0)

    async def _breathe(self) -> None:
        """Let the loop do what is due, a tick above all, when this slice has lasted long enough."""
        if self._clock() - self._yielded_s > SLICE_S:
            await pause(0)
            self._yielded_s = self._clock()

    def _beat(self) -> None:
        at = self._now()
        for client in tuple(self.clients):
            client.say({"t": "hb", "at": at, "seqs": client.last_seqs()})

    def _follow_assets(self) -> None:
        try:
            assets = tuple(self._view.assets())
        except Exception as error:  # the assets stay as they were
            self._complain("assets", error)
            return
        if assets == self._assets:
            return
        self._assets = assets
        for client in self.clients:
            for subscription in client.subscriptions.values():
                for name in subscription.name(assets):
                    client.say({"t": "gone", "id": subscription.id, "topic": name})

    def _tap_exists(self, pattern: str) -> bool:
        if not pattern.startswith("tap."):
            return True
        self._update(pattern)
        return pattern in self._topics

    def _update(self, name: str) -> None:
        try:
            value = self._value(name)
            if value is None:
                return
            topic = self._topics.get(name) or Topic(name, sampled=name.startswith("tap."))
            topic.update(value)
            self._topics[name] = topic
            if topic.sampled and isinstance(value, Mapping):
                self._ticks[name] = int(value.get("tick") or 0)
            self._complained.discard(name)
        except Exception as error:  # one broken topic must not silence the others
            self._complain(name, error)

    def _complain(self, name: str, error: Exception) -> None:
        if name not in self._complained:
            self._complained.add(name)
            logger.bind(component="web", reason="view-failed").error("topic {} cannot be shown: {!r}", name, error)

    def _value(self, name: str) -> Mapping[str, Any] | Sequence[Any] | None:
        family, _, member = name.partition(".")
        view = self._view
        match family:
            case "assets":
                return view.asset(member)
            case "decisions":
                return view.decision(member)
            case "tap":
                return view.tap(member)
            case "site":
                return view.site()
            case "graph":
                return view.graph()
            case "nodes":
                return view.nodes()
            case _:
                return view.alarms()
