"""Schema migrations: numbered SQL files, applied once, in order, by whoever comes first.

    migrations/0001_history.sql, 0002_….sql          schema_versions(version, name, sha256, applied_at)

All of it happens in one transaction whose first statement takes an advisory lock: any number of processes may start
at the same time. A file that was changed after it was applied, or a database that is newer than this program, is a
`SchemaError` and nothing is touched. A role that may not create tables can run against a schema that is up to date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Any

LOCK = 0x62657373  # "bess"


class SchemaError(ValueError):
    """The schema in the database and the files of this program do not belong together. Names the file."""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


def migrations() -> tuple[Migration, ...]:
    """The files of this program, in order."""
    found = [Migration(int(entry.name[:4]), entry.name, entry.read_text(encoding="utf-8"))
             for entry in files("sinks.postgres").joinpath("migrations").iterdir() if entry.name.endswith(".sql")]
    return tuple(sorted(found, key=lambda migration: migration.version))


async def migrate(connection: Any, wanted: Sequence[Migration] | None = None) -> list[str]:
    """Bring the database to the newest schema. Returns the names of the files applied now."""
    wanted = migrations() if wanted is None else wanted
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", LOCK)
        if await connection.fetchval("select to_regclass('schema_versions')") is None:
            await connection.execute(
                "create table schema_versions (version integer primary key, name text not null, sha256 text not null,"
                " applied_at timestamptz not null default now(), applied_by text not null default current_user)")
        rows = await connection.fetch("select version, name, sha256 from schema_versions")
        missing = pending({row["version"]: (row["name"], row["sha256"]) for row in rows}, wanted)
        for migration in missing:
            await connection.execute(migration.sql)
            await connection.execute("insert into schema_versions (version, name, sha256) values ($1, $2, $3)",
                                     migration.version, migration.name, migration.sha256)
    return [migration.name for migration in missing]


def pending(applied: dict[int, tuple[str, str]], wanted: Sequence[Migration]) -> list[Migration]:
    """What is still to apply. SchemaError when the two do not belong together."""
    known = {migration.version: migration for migration in wanted}
    for version, (name, digest) in sorted(applied.items()):
        if version not in known:
            raise SchemaError(f"the database has migration {name}, which this version of the program does not know")
        if known[version].sha256 != digest:
            raise SchemaError(f"migration {name} was changed after it was applied")
    return [migration for migration in wanted if migration.version not in applied]
