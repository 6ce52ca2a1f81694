"""Schedule documents of one request, from wherever they come: taken in order, judged, posted.

    payload ──► queue (bounded) ──► parsed off the loop ──► right type? known asset? ──► post(Schedule)
    empty payload ─────────────────────────────────────────────────────────────────────► post(Withdrawal)

A payload that is not a schedule changes nothing: one log line says where it is wrong, and what was valid before stays.
Documents are posted in the order in which they came; versions are compared by `snapshot`, not here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection

from loguru import logger

from sources.complaint import Complaints
from sources.market.schedule_json import ScheduleError, parse
from sources.schedule import Schedule, ScheduleType, Withdrawal

Post = Callable[[Schedule | Withdrawal], None]

_PLACES = 16
_SMALL = 8 * 1024


class Documents:
    """Documents of `kind` for the request `name` (`requests.day_ahead`), for `assets` or the site; `place` for the log.

    `run()` must run for anything to be posted; `post` is called in the loop. `accepted`, `refused` and `dropped` count.
    """

    def __init__(self, name: str, kind: ScheduleType, place: str, post: Post, assets: Collection[str]) -> None:
        self.name = name
        self.accepted = 0
        self.refused = 0
        self.dropped = 0
        self._kind = kind
        self._post = post
        self._assets = frozenset(assets)
        self._waiting: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._spoken_for: set[str | None] = set()
        self._complaints = Complaints(
            lambda wrong: logger.warning("{}: not a schedule on {}: {}; nothing changes", name, place, wrong)
        )

    def take(self, payload: bytes) -> None:
        """Take a document; what waits too long behind slow ones is dropped, oldest first, and counted."""
        if len(self._waiting) >= _PLACES:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(payload)
        self._arrived.set()

    async def run(self) -> None:
        """Post what arrives, one document after the other, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._judge(self._waiting.popleft())

    async def _judge(self, payload: bytes) -> None:
        if not payload:
            self._withdraw()
            return
        try:
            schedule = await self._parsed(payload)
            self._check(schedule)
        except ScheduleError as error:
            self.refused += 1
            self._complaints.wrong(str(error))
            return
        self._complaints.well()
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
            raise ScheduleError("$.type", f"expected {self._kind.value} here, got {schedule.type.value}")
        if schedule.asset is not None and schedule.asset not in self._assets:
            raise ScheduleError("$.asset_id", f"there is no asset {schedule.asset}")

    def _withdraw(self) -> None:
        """What was said here is no longer meant, for every asset it was said for."""
        for asset in sorted(self._spoken_for or {None}, key=str):
            self._post(Withdrawal(self._kind, asset, self.name))
        self._spoken_for.clear()
