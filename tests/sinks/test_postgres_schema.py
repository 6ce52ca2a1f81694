"""Migrations, retention and questions to history, on real servers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from sinks.postgres.connection import Database
from sinks.postgres.forwarder import Forwarder
from sinks.postgres.queries import Archive, UnavailableError
from sinks.postgres.retention import AGED, retain
from sinks.postgres.schema import Migration, SchemaError, migrate, migrations
from sources.schedule import ScheduleType
from tests.real.postgres import TestServer
from tests.real.until import until
from tests.sinks.frames import START_NS
from tests.sinks.postgres_cases import drained, feed, history, schedule

pytestmark = [pytest.mark.integration]
NEXT = len(migrations()) + 1
MORE = Migration(NEXT, f"{NEXT:04}_more.sql", "alter table boots add column host text;")


@pytest.mark.req("LH-PERSIST-001", "LH-PERSIST-005")
async def test_five_starters_at_once_apply_each_migration_once(postgres: TestServer) -> None:
    connections = [await postgres.connect() for _ in range(5)]
    wanted = (*migrations(), MORE)
    applied = await asyncio.gather(*(migrate(connection, wanted) for connection in connections))
    assert sorted(map(len, applied)) == [0, 0, 0, 0, len(wanted)]
    rows = await connections[0].fetch("select version, name, sha256 from schema_versions order by version")
    assert [tuple(row) for row in rows] == [(m.version, m.name, m.sha256) for m in wanted]
    for connection in connections:
        await connection.close()


async def test_a_later_start_applies_what_is_new(postgres: TestServer) -> None:
    connection = await postgres.connect()
    assert await migrate(connection) == [migration.name for migration in migrations()]
    assert await migrate(connection) == []
    assert await migrate(connection, (*migrations(), MORE)) == [MORE.name]
    await connection.close()


async def test_a_migration_that_was_changed_afterwards_is_refused(postgres: TestServer) -> None:
    connection = await postgres.connect()
    await migrate(connection, (Migration(1, "0001_a.sql", "select 1"),))
    with pytest.raises(SchemaError, match=r"0001_a\.sql was changed"):
        await migrate(connection, (Migration(1, "0001_a.sql", "select 2"),))
    with pytest.raises(SchemaError, match="does not know"):
        await migrate(connection, ())
    await connection.close()


async def test_a_failing_migration_leaves_nothing(postgres: TestServer) -> None:
    connection = await postgres.connect()
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await migrate(connection, (*migrations(), Migration(NEXT, "9_bad.sql", "create table half (x int); nonsense")))
    assert await connection.fetchval("select to_regclass('telemetry')") is None
    assert await migrate(connection) == [migration.name for migration in migrations()]
    await connection.close()


@pytest.mark.req("LH-PERSIST-006", "LH-NF-009")
async def test_a_newer_schema_is_said_and_rows_wait(postgres: TestServer, tmp_path: Path) -> None:
    connection = await postgres.connect()
    await migrate(connection, (*migrations(), MORE))
    async with history(postgres.database(), tmp_path) as running:
        feed(running, range(3))
        await until(lambda: running.numbers().failures)
        assert MORE.name in running.numbers().database_error
        assert running.numbers().rejected == 0
    await connection.close()


@pytest.mark.req("LH-PERSIST-005")
async def test_a_hypertable_could_be_made_of_every_time_series(postgres: TestServer) -> None:
    """TimescaleDB wants the time in every unique key, and no reference to the table."""
    connection = await postgres.connect()
    await migrate(connection)
    for table in ("telemetry", "site_telemetry", "commands", "state_changes", "alarms"):
        keys = await connection.fetch(
            "select array(select a.attname from pg_attribute a where a.attrelid = i.indrelid"
            " and a.attnum = any(i.indkey)) as columns from pg_index i where i.indrelid = $1::regclass"
            " and i.indisunique", table)
        assert keys
        assert all("at" in key["columns"] for key in keys), table
        referring = "select count(*) from pg_constraint where confrelid = $1::regclass"
        assert await connection.fetchval(referring, table) == 0
    await connection.close()


@pytest.mark.req("LH-PERSIST-006")
async def test_retention_deletes_what_it_is_told_and_audit_only_by_name(postgres: TestServer, tmp_path: Path) -> None:
    async with history(postgres.database(), tmp_path) as running:
        feed(running, range(100))
        await drained(running)
    connection = await postgres.connect()
    await connection.execute(
        "insert into operator_acts (site, boot_id, seq, at, what, accepted) select 'nordhafen', 'b', n,"
        " to_timestamp($1::bigint / 1e9), 'stop', true from generate_series(1, 3) n", START_NS)
    now_ns = START_NS + 100 * 1_000_000_000
    for portion, gone in ((50, 50), (50, 10), (50, 0)):
        assert await retain(connection, "nordhafen", {"telemetry": 40.0}, now_ns, portion) == {"telemetry": gone}
    assert await connection.fetchval("select count(*) from commands") == 100
    assert await retain(connection, "elsewhere", {"commands": 1.0}, now_ns) == {"commands": 0}
    assert await retain(connection, "nordhafen", {"operator_acts": 1.0}, now_ns) == {"operator_acts": 3}
    with pytest.raises(ValueError, match="no retention for boots"):
        await retain(connection, "nordhafen", {"boots": 1.0}, now_ns)
    assert await retain(connection, "nordhafen", dict.fromkeys(AGED, 1e9), now_ns) == dict.fromkeys(AGED, 0)
    await connection.close()


@pytest.mark.req("LH-PERSIST-006")
async def test_old_rows_go_by_themselves_and_the_rest_stays(postgres: TestServer, tmp_path: Path) -> None:
    async with history(postgres.database(), tmp_path) as running:
        feed(running, range(20))
        await drained(running)
    connection = await postgres.connect()
    await connection.execute("update telemetry set at = now() - interval '30 days' where tick < 5")
    await connection.execute("update telemetry set at = now() where tick >= 5")
    async with history(postgres.database(), tmp_path, keep_s={"telemetry": 86400.0}) as running:
        await until(lambda: running.forwarder.progress.retired == 5)
    rows = await connection.fetch("select tick from telemetry order by tick")
    assert [row["tick"] for row in rows] == list(range(5, 20))
    await connection.close()


def test_retention_of_an_unknown_table_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no retention for boots"):
        Forwarder(None, Database(""), "s", clock=lambda: 0.0, keep_s={"boots": 1.0})  # type: ignore[arg-type]


@pytest.mark.req("LH-API-004", "LH-PERSIST-003")
async def test_questions_are_answered_newest_first(postgres: TestServer, tmp_path: Path) -> None:
    async with history(postgres.database(), tmp_path) as running:
        feed(running, range(10))
        running.schedule(schedule(1), START_NS)
        running.schedule(schedule(2, kind=ScheduleType.COMMITMENT), START_NS + 1_000_000)
        await drained(running)
    archive = Archive(postgres.database(), "nordhafen")
    newest, oldest = await archive.schedules("bess1", 10)
    assert (newest["type"], newest["version"], oldest["version"]) == ("commitment", 2, 1)
    assert newest["windows"][0]["binding_state"] == "binding"
    assert set(oldest["windows"][0]) == {"start", "end", "target_power_kw"}
    assert oldest["windows"][1]["start"] == oldest["windows"][0]["end"]
    assert len(await archive.schedules(limit=1)) == 1
    assert [row["tick"] for row in await archive.commands("bess1", 3)] == [9, 8, 7]
    start = datetime.fromtimestamp(START_NS // 10**9, UTC)
    rows = await archive.telemetry("bess1", start + timedelta(seconds=2), start + timedelta(seconds=5))
    assert [row["tick"] for row in rows] == [2, 3, 4]
    assert (await archive.state_changes())[0]["item"]
    assert await archive.acts() == await archive.alarms() == []
    with pytest.raises(ValueError, match="no time zone"):
        await archive.telemetry("bess1", start.replace(tzinfo=None), start)


async def test_a_question_to_a_database_that_is_down_says_so(postgres: TestServer) -> None:
    postgres.stop()
    with pytest.raises(UnavailableError, match="not available"):
        await Archive(postgres.database(), "nordhafen").schedules()
