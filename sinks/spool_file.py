# ruff: noqa: S608 - the names in the SQL are those of `RecordClass`
"""The file under the spool: SQLite, one table per record class, oldest rows first.

WAL with `synchronous=FULL`: a commit that has returned survives `kill -9` and a power cut. One table per class, so
that dropping a class frees whole pages. Ids only grow and are never used again. Not thread-safe: one thread owns it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sinks.records import Kind, Record, RecordClass

COLUMNS = "kind, at_ns, boot_id, seq, payload"
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
DROPPED_AT_ONCE = 20  # a class that must shrink loses a twentieth of its rows at a time
AT_ONCE = 100  # or so many, if that is more
Connect = Callable[[Path], sqlite3.Connection]


@dataclass(frozen=True, slots=True)
class Stored:
    """A record in the spool: its class and its id there."""

    klass: RecordClass
    id: int
    record: Record


def connect(path: Path) -> sqlite3.Connection:
    """Open for the thread that will use it. sqlite3.Error says what is wrong."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma journal_size_limit = 16777216")
    return connection


def is_full(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


class SpoolFile:
    """An open file. `rows` counts what is in it by class, `dropped` what was taken out to stay inside `quota_bytes`."""

    def __init__(self, path: Path, quota_bytes: int, opener: Connect = connect, at_once: int = AT_ONCE) -> None:
        self.path = path
        self.quota_bytes, self.at_once = quota_bytes, at_once
        self.rows: Counter[RecordClass] = Counter()
        self.dropped: Counter[RecordClass] = Counter()
        self.in_flight: dict[RecordClass, int] = {}
        self._db = opener(path)
        self._prepare()

    def _prepare(self) -> None:
        for klass in RecordClass:
            self._db.execute(
                f"create table if not exists {_table(klass)} (id integer primary key autoincrement, kind text not null,"
                " at_ns integer not null, boot_id text not null, seq integer not null, payload blob not null)")
            self.rows[klass] = self._db.execute(f"select count(*) from {_table(klass)}").fetchone()[0]
        self._db.execute("create table if not exists rejected (id integer primary key, error text not null, kind text,"
                         " at_ns integer, boot_id text, seq integer, payload blob)")

    @property
    def used_bytes(self) -> int:
        """Bytes of pages in use; the file itself keeps its largest size and fills again."""
        pages, free, size = (self._db.execute(f"pragma {name}").fetchone()[0]
                             for name in ("page_count", "freelist_count", "page_size"))
        return int((pages - free) * size)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        rows, dropped = self.rows.copy(), self.dropped.copy()
        self._db.execute("begin immediate")
        try:
            yield
            self._db.execute("commit")
        except BaseException:
            self.rows, self.dropped = rows, dropped
            with suppress(sqlite3.Error):
                self._db.execute("rollback")
            raise

    def insert(self, klass: RecordClass, records: Iterable[Record]) -> None:
        rows = [(str(r.kind), r.at_ns, r.boot_id, r.seq, r.payload) for r in records]
        self._db.executemany(f"insert into {_table(klass)} ({COLUMNS}) values (?, ?, ?, ?, ?)", rows)
        self.rows[klass] += len(rows)

    def keep_quota(self) -> None:
        """Drop the oldest rows of the lowest class until the rest fits. Audit stays whatever it takes."""
        while self.used_bytes > self.quota_bytes and self.drop_oldest():
            pass

    def drop_oldest(self) -> int:
        """Drop some of the oldest rows of the lowest class that has any. Returns how many; 0: only audit is left."""
        for klass in sorted(RecordClass)[:-1]:
            some = max(self.at_once, self.rows[klass] // DROPPED_AT_ONCE)
            gone = self._db.execute(
                f"delete from {_table(klass)} where id in"
                f" (select id from {_table(klass)} where id > ? order by id limit ?)",
                (self.in_flight.get(klass, 0), some)).rowcount
            if gone:
                self.rows[klass] -= gone
                self.dropped[klass] += gone
                return gone
        return 0

    def oldest(self, limit: int) -> list[Stored]:
        """Up to `limit` rows, audit first, oldest first within a class; in flight until `delete` or the next call."""
        found: list[Stored] = []
        self.in_flight = {}
        for klass in sorted(RecordClass, reverse=True):
            rows = self._db.execute(f"select id, {COLUMNS} from {_table(klass)} order by id limit ?",
                                    (limit - len(found),)).fetchall()
            found += [Stored(klass, row[0], Record(Kind(row[1]), *row[2:])) for row in rows]
            if rows:
                self.in_flight[klass] = rows[-1][0]
        return found

    def delete(self, rows: Iterable[Stored]) -> None:
        """Forget rows of the last `oldest`: they are safe elsewhere."""
        with self.transaction():
            for klass, ids in _by_class(rows).items():
                gone = self._db.executemany(f"delete from {_table(klass)} where id = ?", ((i,) for i in ids))
                self.rows[klass] -= gone.rowcount
        self.in_flight = {}

    def reject(self, row: Stored, error: str) -> None:
        """Put a row aside that the database will never take; it stays in the file for whoever looks."""
        with self.transaction():
            r = row.record
            self._db.execute(f"insert into rejected (error, {COLUMNS}) values (?, ?, ?, ?, ?, ?)",
                             (error, str(r.kind), r.at_ns, r.boot_id, r.seq, r.payload))
            self._db.execute("delete from rejected where id <= (select max(id) from rejected) - 1000")
            self._db.execute(f"delete from {_table(row.klass)} where id = ?", (row.id,))
            self.rows[row.klass] -= 1

    def close(self) -> None:
        self._db.close()


def _table(klass: RecordClass) -> str:
    return klass.name.lower()


def _by_class(rows: Iterable[Stored]) -> dict[RecordClass, list[int]]:
    found: dict[RecordClass, list[int]] = {}
    for row in rows:
        found.setdefault(row.klass, []).append(row.id)
    return found


def set_aside(path: Path) -> None:
    """Move a damaged file out of the way; the newest damaged one is kept."""
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").replace(f"{path}.damaged{suffix}")
