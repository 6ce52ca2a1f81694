"""Forwarder: moves records from the spool into PostgreSQL, for as long as the process runs.

    spool ─oldest(≤ batch)─► COPY, insert … on conflict do nothing, commit ─► spool.delete

Guarantees (LH-PERSIST-001..006, LH-NF-004):
- A row leaves the spool only after its commit has returned; a batch of unknown outcome is sent again, stored once.
- A database that is down, hung, slow or full costs time-outs in this task alone, with capped back-off.
- A row that the database will never take is found by halving the batch, and put aside; it holds back no other.
- Catching up uses at most half of the time, so that a backlog leaves room for whoever else uses the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from loguru import logger

from sinks.postgres.connection import UNREACHABLE, Database
from sinks.postgres.retention import PORTION, checked, retain
from sinks.postgres.schema import migrate
from sinks.postgres.tables import store
from sinks.spool import Spool, SpoolError
from sinks.spool_file import Stored

BATCH = 1000  # rows; COPY of more would hold the event loop for milliseconds
UNSTORABLE = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError, TypeError, KeyError,
              OverflowError)


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in s: between looks into an empty spool, first and longest pause after a failure, whole-batch limit,
    between looks for rows that are too old.
    """

    interval_s: float = 1.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    batch_s: float = 30.0
    retention_s: float = 3600.0


@dataclass(slots=True)
class Progress:
    """What the forwarder has done. `last_success_s` is scheduler time, None before the first; `error` "" when well."""

    connected: bool = False
    forwarded: int = 0
    rejected: int = 0
    retired: int = 0
    failures: int = 0
    last_success_s: float | None = None
    error: str = ""


class Forwarder:
    """Runs as one task. `clock` is scheduler time."""

    def __init__(self, spool: Spool, database: Database, site: str, *, clock: Callable[[], float],
                 batch: int = BATCH, pace: Pace | None = None, keep_s: Mapping[str, float] | None = None) -> None:
        if not 1 <= batch <= 5000:
            raise ValueError(f"batch of {batch} rows: allowed are 1 to 5000")
        self.progress = Progress()
        self._spool, self._database, self._site = spool, database, site
        self._clock, self._batch, self._pace = clock, batch, pace or Pace()
        self._connection: Any = None
        self._nudged = asyncio.Event()
        self._keep_s = checked(keep_s or {})
        self._retain_at_s = clock()

    async def run(self) -> None:
        """Forward until cancelled. Never raises anything but the cancellation."""
        pause = self._pace.first_pause_s
        try:
            while True:
                try:
                    await self._ready()
                    pause_s = await self._step()
                    await self._retire()
                    await self._wait(pause_s)
                    pause = self._pace.first_pause_s
                except (*UNREACHABLE, SpoolError) as error:
                    self._lost(error)
                    await self._wait(pause)
                    pause = min(pause * 2, self._pace.longest_pause_s)
                except Exception as error:  # whatever a driver may raise: history must never end for it
                    logger.exception("history: unexpected failure")
                    self._lost(error)
                    await self._wait(self._pace.longest_pause_s)
        finally:
            self._hang_up()

    def nudge(self) -> None:
        """Look, or try again, now."""
        self._nudged.set()

    async def _wait(self, seconds: float) -> None:
        """Wait for a nudge, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        self._nudged.clear()

    async def _ready(self) -> None:
        """Connect and bring the schema up to date, unless that is done."""
        if self._connection is not None and not self._connection.is_closed():
            return
        self._connection = await self._database.connect()
        async with asyncio.timeout(self._pace.batch_s):
            applied = await migrate(self._connection)
        for name in applied:
            logger.info("history: migration {} applied", name)
        self.progress.connected, self.progress.error = True, ""
        logger.info("history: connected, {} rows waiting", self._spool.filling().rows)

    async def _step(self) -> float:
        """Forward one batch. Returns how long to wait before the next."""
        rows = await self._spool.oldest(self._batch)
        if not rows:
            return self._pace.interval_s
        began = self._clock()
        async with asyncio.timeout(self._pace.batch_s):
            await self._forward(rows)
        await self._spool.delete(rows)
        took = self._clock() - began
        self.progress.last_success_s, self.progress.error = self._clock(), ""
        return took if len(rows) == self._batch else self._pace.interval_s

    async def _retire(self) -> None:
        """Delete what is older than its retention, a portion at a time; the age is judged by the server's clock."""
        if not self._keep_s or self._clock() < self._retain_at_s:
            return
        seconds = await self._connection.fetchval("select extract(epoch from now())::bigint")
        gone = await retain(self._connection, self._site, self._keep_s, seconds * 1_000_000_000)
        self.progress.retired += sum(gone.values())
        if max(gone.values()) < PORTION:
            self._retain_at_s = self._clock() + self._pace.retention_s

    async def _forward(self, rows: list[Stored]) -> None:
        """Store rows in one transaction; when the database refuses their content, find out which."""
        try:
            await self._commit(rows)
            self.progress.forwarded += len(rows)
        except UNSTORABLE as error:
            if len(rows) == 1:
                self.progress.rejected += 1
                said = self._database.said(error)
                logger.error("history: {} record {} is refused: {}", rows[0].record.kind, rows[0].record.seq, said)
                await self._spool.reject(rows[0], said)
            else:
                middle = len(rows) // 2
                await self._forward(rows[:middle])
                await self._forward(rows[middle:])

    async def _commit(self, rows: list[Stored]) -> None:
        await self._connection.execute("begin")
        try:
            await store(self._connection, self._site, [row.record for row in rows])
            await self._connection.execute("commit")
        except UNSTORABLE:
            await self._connection.execute("rollback")  # the server is there; after any other failure we hang up
            raise

    def _lost(self, error: BaseException) -> None:
        said = self._database.said(error)
        if said != self.progress.error:
            logger.warning("history: {}; {} rows waiting on disk", said, self._spool.filling().rows)
        self.progress.error = said
        self.progress.connected = False
        self.progress.failures += 1
        self._hang_up()

    def _hang_up(self) -> None:
        """Drop the connection at once: a polite close would wait for a server that does not answer."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
