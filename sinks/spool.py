"""Spool: the on-disk buffer between the chain and the database.

    loop ─put─► Backlog (memory, bounded) ─► thread ─commit─► SpoolFile (disk, quota) ─oldest/delete─► forwarder

Guarantees (LH-PERSIST-006):
- `put` costs a lock and a list append: neither disk nor database can delay a tick.
- What was committed survives `kill -9` and a power cut; at most what one commit holds is lost (≤ 1 s of records).
- Inside the quota nothing is lost. Beyond it the oldest telemetry goes first, then status, then commands; audit never.
- A full disk acts like a smaller quota; a failed disk leaves the bounded memory, which drops in the same order.
- Every drop is counted by class in `Numbers`.

The quota is rate × size × hours, from measured sizes: `quota_bytes`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from loguru import logger

from sinks.backlog import Backlog
from sinks.records import Piece, Record, RecordClass
from sinks.spool_file import AT_ONCE, DAMAGED, Connect, SpoolFile, Stored, connect, is_full, set_aside

TELEMETRY_BYTES = 950  # on disk per asset and tick, measured with full-precision values
SITE_BYTES = 450  # per tick
COMMAND_BYTES = 1150  # per armed asset and tick
RESERVE = 0.1  # kept for status, schedules, audit
RETRY_S = 1.0
MEMORY_RECORDS = 20_000
T = TypeVar("T")


def quota_bytes(assets: int, cycle_s: float, buffer_s: float) -> int:
    """Room for `buffer_s` of a site's records at its rate: (telemetry + command) per asset and the site, per tick."""
    tick = assets * (TELEMETRY_BYTES + COMMAND_BYTES) + SITE_BYTES
    return int(buffer_s / cycle_s * tick / (1.0 - RESERVE)) + (1 << 20)


class SpoolError(RuntimeError):
    """The spool's file is not open, or an operation on it failed; the cause is chained."""


@dataclass(frozen=True, slots=True)
class Filling:
    """How full the spool is. `waiting` records are in memory, `rows` on disk; `error` is the last one, "" when well."""

    waiting: int
    rows: int
    used_bytes: int
    quota_bytes: int
    dropped: dict[str, int]
    unreadable: int
    error: str


class Spool:
    """Runs a thread from `start` to `close`. All other methods may be called from the loop."""

    def __init__(self, path: Path, quota: int, *, opener: Connect = connect, memory_records: int = MEMORY_RECORDS,
                 retry_s: float = RETRY_S, at_once: int = AT_ONCE) -> None:
        self.path = path
        self.quota_bytes = quota
        self.stored = 0
        self._backlog = Backlog(memory_records)
        self._opener, self._retry_s, self._at_once = opener, retry_s, at_once
        self._file: SpoolFile | None = None
        self._jobs: deque[tuple[Callable[[SpoolFile], Any], Future[Any]]] = deque()
        self._closing = False
        self._rows = 0
        self._used = 0
        self._dropped: Counter[RecordClass] = Counter()
        self._error = ""
        self._unreadable = 0
        self._dropped_before: Counter[RecordClass] = Counter()
        self._thread = threading.Thread(target=self._run, name="spool", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, pieces: Iterable[Piece]) -> None:
        """Hand over records. Never waits, never raises."""
        self._backlog.put(pieces)

    async def oldest(self, limit: int) -> list[Stored]:
        """Rows to forward, audit first, oldest first within a class."""
        return await self._call(lambda file: file.oldest(limit))

    async def delete(self, rows: Sequence[Stored]) -> None:
        """Forget forwarded rows."""
        await self._call(lambda file: file.delete(rows))

    async def reject(self, row: Stored, error: str) -> None:
        """Put a row aside that no database will take."""
        await self._call(lambda file: file.reject(row, error))

    def filling(self) -> Filling:
        dropped = self._dropped_before + self._backlog.dropped + self._dropped
        return Filling(waiting=len(self._backlog), rows=self._rows, used_bytes=self._used,
                       quota_bytes=self.quota_bytes, unreadable=self._unreadable, error=self._error,
                       dropped={klass.name.lower(): dropped[klass] for klass in RecordClass})

    async def close(self, within_s: float = 5.0) -> None:
        """Store what is waiting and end the thread; a disk that hangs is left behind after `within_s`."""
        self._closing = True
        self._backlog.wake()
        await asyncio.to_thread(self._thread.join, within_s)

    async def _call(self, job: Callable[[SpoolFile], T]) -> T:
        future: Future[T] = Future()
        self._jobs.append((job, future))
        self._backlog.wake()
        if self._closing and not self._thread.is_alive():
            raise SpoolError(f"spool {self.path} is closed")
        return await asyncio.wrap_future(future)

    # everything below runs in the thread

    def _run(self) -> None:
        while not self._closing or len(self._backlog):
            if not self._opened():
                self._fail_jobs()
                if self._closing:
                    break
                self._backlog.pause(self._retry_s)
                continue
            stored = self._store(self._backlog.take(None if not self._closing else 0.0))
            self._backlog.settle()
            self._do_jobs()
            if not stored:
                if self._closing:
                    break
                self._backlog.pause(self._retry_s)
        self._fail_jobs()
        if self._file is not None:
            self._file.close()

    def _opened(self) -> bool:
        if self._file is None:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = SpoolFile(self.path, self.quota_bytes, self._opener, self._at_once)
                self._count(self._file)
                self._error = ""
            except (sqlite3.Error, OSError) as error:
                self._failed(error)
        return self._file is not None

    def _failed(self, error: Exception) -> None:
        """Remember and say once what is wrong; a damaged file is moved away."""
        said = f"{type(error).__name__}: {error}"
        if said != self._error:
            logger.error("spool {}: {}", self.path, said)
        self._error = said
        if getattr(error, "sqlite_errorcode", None) in DAMAGED:
            if self._file is not None:
                self._dropped_before += self._file.dropped
                self._dropped = Counter()
                with suppress(sqlite3.Error):
                    self._file.close()
            self._file = None
            set_aside(self.path)
            logger.error("spool {}: the damaged file was moved aside, a new one is begun", self.path)

    def _store(self, pieces: list[Piece]) -> bool:
        """Commit pieces at once; when that fails, class by class from the top. False: some went back to memory."""
        file = self._file
        if not pieces or file is None:
            return not pieces
        records = {klass: self._encoded(pieces, klass) for klass in RecordClass}
        try:
            with file.transaction():
                for klass, rows in records.items():
                    file.insert(klass, rows)
                file.keep_quota()
        except sqlite3.Error as error:
            self._failed(error)
            return self._store_by_class(pieces, make_room=is_full(error))
        self._well(file, len(pieces))
        return True

    def _store_by_class(self, pieces: list[Piece], *, make_room: bool) -> bool:
        back: list[Piece] = []
        for klass in sorted(RecordClass, reverse=True):
            mine = [piece for piece in pieces if piece.klass is klass]
            if not mine:
                continue
            try:
                if self._file is None:
                    raise sqlite3.OperationalError("no file")
                with self._file.transaction():
                    if make_room:
                        self._file.drop_oldest()
                    self._file.insert(klass, self._encoded(mine, klass))
                self._well(self._file, len(mine))
            except sqlite3.Error as error:
                self._failed(error)
                back += mine
        self._backlog.put_back(back)
        return not back

    def _well(self, file: SpoolFile, pieces: int) -> None:
        self._error = ""
        self._count(file)
        self.stored += pieces

    def _count(self, file: SpoolFile) -> None:
        """Publish the file's numbers; those of a transaction under way are nobody's business."""
        self._rows, self._used, self._dropped = sum(file.rows.values()), file.used_bytes, file.dropped.copy()

    def _encoded(self, pieces: list[Piece], klass: RecordClass) -> list[Record]:
        found: list[Record] = []
        for piece in pieces:
            if piece.klass is klass:
                try:
                    found += piece.cut()
                except Exception as error:  # one record that cannot be encoded must not hold back the others
                    self._unreadable += piece.count
                    logger.error("spool: {} records cannot be encoded: {!r}", piece.count, error)
        return found

    def _do_jobs(self) -> None:
        while self._jobs:
            job, future = self._jobs.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if self._file is None:
                    raise SpoolError(f"spool {self.path} is not open: {self._error}")
                done = job(self._file)
                self._count(self._file)
                future.set_result(done)
            except sqlite3.Error as error:
                self._failed(error)
                future.set_exception(SpoolError(f"spool {self.path}: {error}"))
            except Exception as error:  # the caller gets it: this thread must live on
                future.set_exception(error)

    def _fail_jobs(self) -> None:
        while self._jobs:
            _, future = self._jobs.popleft()
            if future.set_running_or_notify_cancel():
                future.set_exception(SpoolError(f"spool {self.path} is not open: {self._error}"))
