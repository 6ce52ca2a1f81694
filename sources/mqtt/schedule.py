"""Schedules and commitments from a topic of `requests:`.

    message ──► queue (bounded) ──► parsed off the loop ──► right type? known asset? ──► post(Schedule)
    empty message (the retained one was cleared) ──────────────────────────────────────► post(Withdrawal)

A retained schedule is welcome: it is how a broker keeps the current plan for a process that starts. A payload that is
not a schedule changes nothing: one log line says where it is wrong, and what was valid before stays. Documents of a
topic are posted in the order in which they came; versions are compared by `snapshot`, not here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection

from loguru import logger

from sources.market.schedule_json import ScheduleError, parse
from sources.mqtt.connection import Broker, Message
from sources.schedule import Schedule, ScheduleType, Withdrawal

Post = Callable[[Schedule | Withdrawal], None]

_PLACES = 16
_SMALL = 8 * 1024


class ScheduleTopic:
    """The source `name` (`requests.day_ahead`): documents of `kind` on `topic`, for `assets` or the site.

    `run()` must run for anything to be posted; `post` is called in the loop. `accepted`, `refused` and `dropped` count.
    """

    def __init__(
        self, name: str, kind: ScheduleType, topic: str, broker: Broker, post: Post, assets: Collection[str]
    ) -> None:
        self.name = name
        self.topic = topic
        self.accepted = 0
        self.refused = 0
        self.dropped = 0
        self._kind = kind
        self._post = post
        self._assets = frozenset(assets)
        self._waiting: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._spoken_for: set[str | None] = set()
        self._said = ""
        broker.subscribe(topic, self.receive)

    def receive(self, message: Message) -> None:
        """Take a message; what waits too long behind slow ones is dropped, oldest first, and counted."""
        if len(self._waiting) >= _PLACES:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(message)
        self._arrived.set()

    async def run(self) -> None:
        """Post what arrives, one document after the other, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._take(self._waiting.popleft())

    async def _take(self, message: Message) -> None:
        if not message.payload:
            self._withdraw()
            return
        try:
            schedule = await self._parsed(message.payload)
            self._check(schedule)
        except ScheduleError as error:
            self.refused += 1
            self._say(str(error))
            return
        self._said = ""
        self.accepted += 1
        self._spoken_for.add(schedule.asset)
        self._post(schedule)

    async def _parsed(self, payload: bytes) -> Schedule:
        """A large document takes tens of milliseconds to read: off the loop, so that no tick waits for it."""
        if len(payload) <= _SMALL:
            return parse(payload, self.name)
        return await asyncio.to_thread(parse, payload, self.name)

    def _check(self, schedule: Schedule) -> None:
        if schedule.type is not self._kind:
            raise ScheduleError("$.type", f"expected {self._kind.value} on this topic, got {schedule.type.value}")
        if schedule.asset is not None and schedule.asset not in self._assets:
            raise ScheduleError("$.asset_id", f"there is no asset {schedule.asset}")

    def _withdraw(self) -> None:
        """What this topic has said is no longer meant, for every asset it spoke for."""
        for asset in sorted(self._spoken_for or {None}, key=str):
            self._post(Withdrawal(self._kind, asset, self.name))
        self._spoken_for.clear()

    def _say(self, error: str) -> None:
        if error != self._said:
            self._said = error
            logger.warning("{}: not a schedule on {}: {}; nothing changes", self.name, self.topic, error)
