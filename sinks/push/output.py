"""The output of type http: every so often one document, on disk until the server has it.

    documents, cut between ticks ──► spool (disk, quota) ──oldest──► POST in a thread ──2xx──► forgotten

    {"site": "north", "boot": "ab12…", "seq": 17, "state": {…}, "snapshot": {"bess1": {…}}, "alarms": […],
     "points": {"bess1.soc": {…}}}                                    header  Idempotency-Key: "north/ab12…/17"

* Neither the server nor the disk can delay a tick: what was asked for in a tick is cut after it, in pieces.
* In order, each at least once, and under one key for ever: whoever looks at the key stores it once.
* Not answered, 5xx, 429, a redirect, no permission: tried again, 1 s later, then 2, 4 … 120 s, with jitter, and never
  before the server's `Retry-After`. What a server refuses as a document (`NEVER`) is dropped and counted.
* Over the quota the oldest document is dropped and counted. A backlog is sent in at most half of the time.

NaN is null. What is not chosen is not there, nor is a point whose interval is not over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import orjson
from loguru import logger

from sinks.due import Due, Shown
from sinks.push.target import Answer
from sinks.records import Kind as Table
from sinks.records import Piece, Record, RecordClass
from sinks.spool import Spool, SpoolError
from sinks.spool_file import Stored
from sinks.state import Document, Kind
from sources.pause import pause
from sources.thread import OwnThread

FIRST_S, MOST_S, WITHIN_S, SOON_S = 1.0, 120.0, 60.0, 0.2
WAITING = 100  # documents in memory, while the disk is slow
NEVER = frozenset({400, 413, 422})  # a body that is no better the next time
_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


class Server(Protocol):
    """What `sinks.push.target.Target` is."""

    place: str

    def post(self, body: bytes, key: str) -> Answer: ...
    def abort(self) -> None: ...


class PushOutput:
    """The output `name` of `site`. It is offered what a `StateOutput` is offered. `run()` must run, once at a time.

    `jitter` returns a number in [0, 1); `utc_ns` is the instant of a document in the spool.
    """

    def __init__(
        self, name: str, target: Server, path: Path, *, site: str, boot_id: str, quota: int,
        publish: Collection[Kind], points: Mapping[str, float] | None = None, every_s: float = 10.0,
        clock: Callable[[], float], utc_ns: Callable[[], int], jitter: Callable[[], float], within_s: float = WITHIN_S,
    ) -> None:  # fmt: skip
        self.name = name
        self.pushed = self.rejected = self.failures = 0
        self.problem = ""
        self._away_since_s: float | None = None
        self.spool = Spool(path, quota, memory_records=WAITING, at_once=1)
        self._target, self._site, self._boot_id = target, site, boot_id
        self._publish, self._every_s, self._due = frozenset(publish), every_s, Due(points or {}, clock)
        self._clock, self._utc_ns, self._jitter, self._within_s = clock, utc_ns, jitter, within_s
        self._thread = OwnThread(f"outputs.{name}")
        self._more = asyncio.Event()
        self._asked: Callable[[], Iterator[object]] | None = None
        self._document: dict[str, Any] = {}
        self._seq = 0
        self._started = False

    def ask(self, offers: Callable[[], Iterator[object]]) -> None:
        """Run through `offers` when the next document is due: it is not cut in every tick."""
        self._asked = offers

    def offer(self, kind: Kind, asset: str | None, document: Document) -> None:
        """Put it into the document that is being cut."""
        if kind in self._publish:
            self._put(kind, asset, document)

    def offer_state(self, site: Mapping[str, object]) -> None:
        """The site's state."""
        self._put("state", None, site)

    def offer_points(self, points_of: Shown, at: object) -> None:
        """The points whose interval is over."""
        for asset, point, entry in self._due.cut(points_of, at):
            self._put("points", f"{asset}.{point}", entry)

    @property
    def status(self) -> dict[str, object]:
        """How this target is doing, for `/health`."""
        filling = self.spool.filling()
        waiting = filling.rows + filling.waiting
        word = "ok" if not self.problem else "buffering" if waiting else "lost"
        return {"status": word, "pushed": self.pushed, "waiting": waiting, "dropped": self.dropped,
                "rejected": self.rejected, "problem": self.problem or filling.error}  # fmt: skip

    @property
    def dropped(self) -> int:
        """Documents that found no room, or could not be written down."""
        filling = self.spool.filling()
        return sum(filling.dropped.values()) + filling.unreadable

    @property
    def away_s(self) -> float:
        """For how long the server has taken nothing of what was pushed."""
        return 0.0 if self._away_since_s is None else self._clock() - self._away_since_s

    async def run(self) -> None:
        """Cut documents and push them, until cancelled."""
        if not self._started:
            self._started = True
            self.spool.start()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._cutting())
            both.create_task(self._pushing())

    async def close(self) -> None:
        """What waits stays on disk, for the next start."""
        self._asked = None
        if self._started:
            await self.spool.close()
        self._thread.shutdown()

    async def _cutting(self) -> None:
        while True:
            await self._cut()
            await pause(self._every_s)

    async def _cut(self) -> None:
        offers, self._asked = self._asked, None
        if offers is None:
            return
        self._document = {}
        for _ in offers():
            await pause(0.0)
        self._seq += 1
        head = {"site": self._site, "boot": self._boot_id, "seq": self._seq}
        record = Record(
            Table.TELEMETRY, self._utc_ns(), self._boot_id, self._seq, orjson.dumps(head | self._document)
        )
        self.spool.put((Piece(RecordClass.TELEMETRY, 1, lambda: (record,)),))
        self._more.set()

    def _put(self, kind: str, part: str | None, document: Document) -> None:
        """Encoded at once, piece by piece: the whole costs no long moment of the loop."""
        encoded = orjson.Fragment(orjson.dumps(document, option=_JSON))
        if part is None:
            self._document[kind] = encoded
        else:
            self._document.setdefault(kind, {})[part] = encoded

    async def _pushing(self) -> None:
        delay_s = FIRST_S
        while True:
            try:
                self._more.clear()
                rows = await self.spool.oldest(1)
                if not rows:
                    await self._any()
                    continue
                began_s = self._clock()
                answer = await self._push(rows[0])
                if await self._settled(rows[0], answer):
                    delay_s = FIRST_S
                    await pause(self._clock() - began_s)
                    continue
                wait_s = max(answer.retry_after_s or 0.0, delay_s * (0.5 + 0.5 * self._jitter()))
            except SpoolError as error:
                self._failed(str(error))
                wait_s = delay_s
            await pause(wait_s)
            delay_s = min(2.0 * delay_s, MOST_S)

    async def _any(self) -> None:
        """Wait for a document; soon again while one is on its way to the disk: it was put before this was asked."""
        filling = self.spool.filling()
        with suppress(TimeoutError):
            async with asyncio.timeout(SOON_S if filling.rows + filling.waiting else None):
                await self._more.wait()

    async def _push(self, row: Stored) -> Answer:
        """One POST. One that outlives all time-outs is ended; the thread takes the next when it is free."""
        record = row.record
        key = f"{quote(self._site, safe='')}/{record.boot_id}/{record.seq}"
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._within_s):
                return await loop.run_in_executor(self._thread, self._target.post, record.payload, key)
        except TimeoutError:
            self._target.abort()
            return Answer(0, "no answer in time")

    async def _settled(self, row: Stored, answer: Answer) -> bool:
        """Whether the document need not be pushed again."""
        if 200 <= answer.status < 300:
            await self.spool.delete([row])
            self.pushed += 1
            if self.problem:
                logger.info("outputs.{}: {} takes documents again", self.name, self._target.place)
            self.problem, self._away_since_s = "", None
            return True
        self._failed(answer.why)
        if answer.status not in NEVER:
            return False
        self.rejected += 1
        await self.spool.delete([row])
        return True

    def _failed(self, why: str) -> None:
        self.failures += 1
        if self._away_since_s is None:
            self._away_since_s = self._clock()
        if why != self.problem:
            logger.warning("outputs.{}: {}: {}", self.name, self._target.place, why)
        self.problem = why
