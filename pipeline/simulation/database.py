"""F20: a database in two halves, for the production forwarder: what a transaction did, and what was committed.

    Forwarder ══ Session ══ Server: rows of the open transaction ── commit ──► durable rows

`Session` answers the few calls that the product makes of asyncpg, on virtual time. An outage, a restart or a fail-over
takes the open transactions and every connection with it, and nothing that was committed. `FAULTS` says what else
databases were seen to do; each entry begins one of them, and `Server.heal` ends all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from sinks.postgres.connection import Database
from sources.pause import pause

Row = tuple[Any, ...]
KEYS = {"schedules": 2, "schedule_windows": 3}  # columns of the primary key; of others it is site, boot, seq, at
TRIP_S = 0.001


@dataclass
class Server:
    """`tables` are what is durable, by the key of each row."""

    rng: random.Random
    tables: dict[str, dict[Row, Row]] = field(default_factory=dict)
    down: bool = False
    silent: bool = False  # takes everything, answers nothing
    slow_s: float = 0.0
    full: bool = False
    conflicts: float = 0.0  # commits that end in a serialization error
    mute: float = 0.0  # commits that are durable, and whose answer is lost
    twice: int = 0  # rows that came again, and were not stored again
    sessions: list[Session] = field(default_factory=list)

    def heal(self) -> None:
        self.down = self.silent = self.full = False
        self.slow_s = self.conflicts = self.mute = 0.0

    def crash(self) -> None:
        """It restarts, or another one takes over: connections and open transactions are gone."""
        for session in list(self.sessions):
            session.terminate()

    def keys(self, table: str) -> set[Row]:
        return set(self.tables.get(table, ()))

    async def turn(self) -> None:
        """One request and its answer."""
        if self.silent:
            await pause(Database("").command_s)
            raise TimeoutError("no answer")
        await pause(TRIP_S + self.slow_s)
        if self.down:
            raise ConnectionResetError("the server closed the connection")


class Session:
    """One connection. `open_` are the rows of its transaction."""

    def __init__(self, server: Server) -> None:
        self.server, self.ended = server, False
        self.staged: dict[str, list[Row]] = {}
        self.open_: dict[str, dict[Row, Row]] = {}
        server.sessions.append(self)

    def is_closed(self) -> bool:
        return self.ended

    def terminate(self) -> None:
        self.ended = True
        self.open_, self.staged = {}, {}
        if self in self.server.sessions:
            self.server.sessions.remove(self)

    async def _turn(self) -> None:
        await self.server.turn()
        if self.ended:
            raise asyncpg.InterfaceError("the connection is closed")

    async def execute(self, sql: str, *_arguments: Any) -> None:
        await self._turn()
        match sql.split():
            case ["commit"]:
                await self._commit()
            case ["begin" | "rollback"]:
                self.open_, self.staged = {}, {}
            case ["insert", "into", table, *_] if table in self.staged:
                self._insert(table)

    async def copy_records_to_table(
        self,
        table: str,
        *,
        records: Iterable[Row],
        columns: Sequence[str],  # noqa: ARG002 - rows have them in their order
    ) -> None:
        await self._turn()
        if self.server.full:
            raise asyncpg.DiskFullError("no space left on device")
        self.staged[table.removeprefix("staging_")] = list(records)

    async def fetchval(self, _sql: str) -> Any:
        await self._turn()

    async def fetch(self, _sql: str) -> list[Any]:
        await self._turn()
        return []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        await self._turn()
        yield
        await self._turn()

    def _insert(self, table: str) -> None:
        """… on conflict do nothing."""
        size = KEYS.get(table, 4)
        held, mine = self.server.tables.get(table, {}), self.open_.setdefault(table, {})
        for row in self.staged.pop(table):
            if row[:size] in held or row[:size] in mine:
                self.server.twice += 1
            else:
                mine[row[:size]] = row

    async def _commit(self) -> None:
        server = self.server
        if server.conflicts > 0.0 and server.rng.random() < server.conflicts:
            raise asyncpg.SerializationError("could not serialize access")
        for table, rows in self.open_.items():
            server.tables.setdefault(table, {}).update(rows)
        self.open_ = {}
        if server.mute > 0.0 and server.rng.random() < server.mute:
            raise ConnectionResetError("the answer is lost")


@dataclass(frozen=True, slots=True)
class Reached(Database):
    """A database at this server."""

    server: Server = field(kw_only=True)

    async def connect(self) -> Session:
        """A session, or what a server that is not there raises."""
        if self.server.down:
            raise ConnectionRefusedError("refused")
        async with asyncio.timeout(self.connect_s):
            await self.server.turn()
        return Session(self.server)


def _outage(server: Server) -> None:
    server.down = True
    server.crash()


def _set(name: str, value: Any) -> Callable[[Server], None]:
    return lambda server: setattr(server, name, value)


FAULTS: dict[str, Callable[[Server], None]] = {
    "outage": _outage,
    "black_hole": _set("silent", True),
    "slow": _set("slow_s", 0.1),
    "very_slow": _set("slow_s", 60.0),
    "full": _set("full", True),
    "serialization": _set("conflicts", 0.5),
    "failover": Server.crash,
    "no_reply": _set("mute", 0.5),
}
