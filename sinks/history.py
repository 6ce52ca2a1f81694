"""History: everything that happened, kept on disk until the database has it.

    sealed frame ─offer─┐
    schedule, alarm ────┼─► spool (disk, 72 h) ─► forwarder (own task) ─► PostgreSQL
    operator journal ───┘

Guarantees (LH-PERSIST-001..006): every command with value and reason, telemetry with quality and source, state changes
with reasons, schedules by version, operator acts, alarms and boots reach PostgreSQL once, however often the database or
the process goes away, as long as the outage fits the buffer. `offer` costs some µs and never waits or raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from loguru import logger

from jit.frame import Frame
from operators.cut import Command, cut
from sinks.journal import Entry, Journal
from sinks.postgres.connection import Database
from sinks.postgres.forwarder import BATCH, Forwarder, Pace
from sinks.records import AlarmEvent, Piece, RecordClass, of_alarm, of_entry, of_schedule, of_withdrawal
from sinks.sample import Cutter, of_closing
from sinks.spool import Spool, quota_bytes
from sinks.spool_file import Connect, connect
from sources.schedule import Schedule, Withdrawal

NEARLY_FULL = 0.8
PUBLISH = ("snapshot", "decision", "command", "alarms")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What metrics and the page show. Bytes and rows of the buffer, drops by class, and how the database does.

    `last_success_s` is the age of the last commit in s, None before the first. Errors are "" when all is well.
    """

    waiting: int
    rows: int
    used_bytes: int
    quota_bytes: int
    dropped: Mapping[str, int]
    unreadable: int
    connected: bool
    forwarded: int
    rejected: int
    failures: int
    last_success_s: float | None
    disk_error: str
    database_error: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Something about history that an operator should know. `priority` 1 (high) to 3."""

    id: str
    priority: int
    text: str
    response: str


class History:
    """One per output of type postgres. `offer`, `schedule`, `alarm`, `entry` may be called from `start` to `close`."""

    def __init__(self, *, database: Database, site: str, sources: Mapping[str, str], directory: Path, boot_id: str,
                 cycle_s: float, buffer_s: float, clock: Callable[[], float],
                 command: Callable[[Frame, int], Command | None] = cut, publish: Iterable[str] = PUBLISH,
                 keep_s: Mapping[str, float] | None = None, pace: Pace | None = None, batch: int = BATCH,
                 opener: Connect = connect,
                 quota: int | None = None) -> None:
        wanted = frozenset(publish)
        self.boot_id = boot_id
        quota = quota or quota_bytes(len(sources), cycle_s, buffer_s)
        self.database = database
        self.spool = Spool(directory / "history.db", quota, opener=opener)
        self.forwarder = Forwarder(self.spool, database, site, clock=clock, pace=pace, batch=batch, keep_s=keep_s)
        self._clock = clock
        self._alarms, self._commands = "alarms" in wanted, "command" in wanted
        self._cutter = Cutter(boot_id, sources, command, telemetry="snapshot" in wanted, commands="command" in wanted,
                              decisions="decision" in wanted)
        self._faults = count(1)
        self._seen: dict[tuple[str, str | None], str] = {}

    def start(self, journal: Journal | None = None) -> None:
        """Start the spool's thread, and hand over what the journal holds: what is stored already is stored once."""
        self.spool.start()
        for entry in journal.entries if journal else ():
            self.entry(entry)

    def offer(self, frame: Frame) -> None:
        """Take the rows of a sealed frame. Never waits, never raises."""
        try:
            self.spool.put(self._cutter.pieces(frame))
        except Exception:  # a recorder that fails must not end the stream of frames
            if (failed := next(self._faults)) & (failed - 1) == 0:  # the 1st, 2nd, 4th, 8th … time
                logger.exception("history: a frame could not be recorded ({} so far)", failed)

    def schedule(self, document: Schedule | Withdrawal, received_ns: int) -> None:
        """Take a schedule as it was received, or its withdrawal. The same document again is not news."""
        key = (str(document.type), document.asset)
        digest = document.digest if isinstance(document, Schedule) else ""
        if self._seen.get(key) == digest:
            return
        self._seen[key] = digest
        seq = self._cutter.next_seq()
        if isinstance(document, Schedule):
            make = lambda: (of_schedule(document, received_ns, self.boot_id, seq),)  # noqa: E731
        else:
            make = lambda: (of_withdrawal(document, received_ns, self.boot_id, seq),)  # noqa: E731
        self.spool.put((Piece(RecordClass.COMMAND, 1, make),))

    def closed(self, command: Command) -> None:
        """Take the 0 kW with which the process ends."""
        if self._commands:
            seq = self._cutter.next_seq()
            self.spool.put((Piece(RecordClass.COMMAND, 1, lambda: (of_closing(command, self.boot_id, seq),)),))

    def alarm(self, event: AlarmEvent) -> None:
        """Take a change of an alarm."""
        if self._alarms:
            seq = self._cutter.next_seq()
            self.spool.put((Piece(RecordClass.AUDIT, 1, lambda: (of_alarm(event, self.boot_id, seq),)),))

    def entry(self, entry: Entry) -> None:
        """Take a record of the operator journal: give this to the journal as `noted`. Any thread."""
        self.spool.put((Piece(RecordClass.AUDIT, 1, lambda: (of_entry(entry),)),))

    async def run(self) -> None:
        """Forward to the database until cancelled."""
        await self.forwarder.run()

    async def close(self) -> None:
        """Put on disk what is in memory. The task of `run` must have ended."""
        await self.spool.close()

    def numbers(self) -> Numbers:
        filling, progress = self.spool.filling(), self.forwarder.progress
        age = None if progress.last_success_s is None else self._clock() - progress.last_success_s
        return Numbers(filling.waiting, filling.rows, filling.used_bytes, filling.quota_bytes, filling.dropped,
                       filling.unreadable, progress.connected, progress.forwarded, progress.rejected, progress.failures,
                       age, filling.error, progress.error)

    def conditions(self) -> list[Condition]:
        """What is wrong with history now; control is not touched by any of it."""
        numbers = self.numbers()
        found: list[Condition] = []
        if numbers.disk_error:
            found.append(Condition("history.disk", 2, f"records are not reaching the disk: {numbers.disk_error}",
                                   "free space or replace the disk of the state directory"))
        if lost := {klass: n for klass, n in numbers.dropped.items() if n}:
            said = ", ".join(f"{n} {klass}" for klass, n in lost.items())
            found.append(Condition("history.dropped", 2, f"records were lost: {said}", "bring the database back"))
        elif numbers.used_bytes > NEARLY_FULL * numbers.quota_bytes:
            share = numbers.used_bytes / numbers.quota_bytes
            found.append(Condition("history.nearly_full", 2, f"the buffer is {share:.0%} full",
                                   "bring the database back before records are lost"))
        if numbers.rejected:
            found.append(Condition("history.rejected", 3, f"the database refused {numbers.rejected} records",
                                   "see the table `rejected` in the buffer's file"))
        if numbers.database_error:
            found.append(Condition("history.database", 3, f"the database is not available: {numbers.database_error}",
                                   f"{numbers.rows} records wait on disk; check the database"))
        return found
