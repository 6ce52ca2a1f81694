"""History in a real PostgreSQL: complete, once, and never in anybody's way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from sinks.history import History
from sinks.journal import Journal
from sinks.postgres.connection import Database
from sinks.postgres.forwarder import Forwarder
from sinks.postgres.schema import migrate
from sinks.postgres.tables import store
from sinks.records import AlarmEvent, Kind, Piece, RecordClass, record
from sinks.spool_file import Stored
from sources.act import ActKind, OperatorAct
from sources.schedule import ScheduleType, Withdrawal
from tests.real.postgres import BlackHole, TestServer
from tests.real.until import until
from tests.sinks.frames import START_NS
from tests.sinks.postgres_cases import complete, drained, feed, history, schedule

pytestmark = [pytest.mark.integration]


@pytest.mark.req("LH-PERSIST-001", "LH-PERSIST-002", "LH-OPS-004")
async def test_every_tick_arrives_with_quality_source_value_and_reason(postgres: TestServer, tmp_path: Path) -> None:
    async with history(postgres.database(), tmp_path) as running:
        feed(running, range(30))
        await drained(running, 90)
    await complete(postgres, 30)
    connection = await postgres.connect()
    row = await connection.fetchrow("select * from telemetry where tick = 7")
    assert (row["asset"], row["quality_text"], row["source"], row["state"]) == (
        "bess1", "valid", "modbus-tcp://plant", "discharging")
    assert row["at"].timestamp() * 1e9 == START_NS + 7_000_000_000
    row = await connection.fetchrow("select * from commands where tick = 7")
    assert (row["mode"], row["request"], row["valid_until"] > row["at"]) == ("discharge", "requests.day_ahead", True)
    assert row["reason"]
    changes = await connection.fetch("select item, after, reason from state_changes where item = 'state'")
    assert [tuple(change) for change in changes] == [("state", "discharging", "running")]
    await connection.close()


@pytest.mark.req("LH-PERSIST-006")
async def test_sending_a_batch_twice_stores_it_once(postgres: TestServer, tmp_path: Path) -> None:
    """The commit's answer was lost: the same rows are sent again."""
    sent: list[list[Stored]] = []
    async with history(postgres.database(), tmp_path) as running:
        delete, failures = running.spool.delete, [True, True]

        async def forgetful(rows: list[Stored]) -> None:
            sent.append(rows)
            if failures:
                failures.pop()
                raise TimeoutError("the answer was lost")
            await delete(rows)

        running.spool.delete = forgetful  # type: ignore[method-assign,assignment]
        feed(running, range(20))
        running.schedule(schedule(1), START_NS)
        await drained(running, 61)
        assert running.numbers().failures == 2
    await complete(postgres, 20)
    assert await postgres.count("schedule_windows") == 4
    assert len(sent) >= 3


@pytest.mark.req("LH-PERSIST-006", "LH-NF-004")
@pytest.mark.usefixtures("outage")
async def test_kill_9_of_the_database_loses_nothing(postgres: TestServer, tmp_path: Path) -> None:
    async with history(postgres.database(), tmp_path, batch=40) as running:
        for outage in range(3):
            feed(running, range(outage * 100, outage * 100 + 50))
            await until(lambda: running.numbers().connected)
            postgres.kill()
            feed(running, range(outage * 100 + 50, outage * 100 + 100))
            await until(lambda: running.numbers().database_error != "")
            assert [condition.id for condition in running.conditions()] == ["history.database"]
            await asyncio.to_thread(postgres.start)
        await drained(running)
        assert running.conditions() == []
    await complete(postgres, 300)


@pytest.mark.req("LH-PERSIST-006", "LH-NF-004")
@pytest.mark.usefixtures("outage")
async def test_a_restart_of_the_process_during_an_outage_loses_nothing(postgres: TestServer, tmp_path: Path) -> None:
    postgres.stop()
    async with history(postgres.database(), tmp_path) as running:
        feed(running, range(40))
        await until(lambda: running.numbers().rows >= 120)
    async with history(postgres.database(), tmp_path, boot_id="boot-2") as running:
        feed(running, range(40, 60))
        await asyncio.to_thread(postgres.start)
        await drained(running)
    await complete(postgres, 60)


@pytest.mark.req("LH-PERSIST-006", "LH-NF-004")
@pytest.mark.usefixtures("outage")
async def test_a_black_hole_is_noticed_and_survived(postgres: TestServer, tmp_path: Path) -> None:
    """Bytes vanish and nothing is closed: only time-outs help."""
    async with BlackHole(postgres.tcp_port) as proxy, history(
            postgres.database(proxy.port, 0.3, 0.3), tmp_path) as running:
        feed(running, range(20))
        await drained(running)
        proxy.open, before = False, running.numbers().failures  # on a busy machine there were some already
        feed(running, range(20, 60))
        await until(lambda: running.numbers().failures >= before + 3)
        assert "TimeoutError" in running.numbers().database_error
        proxy.open = True
        await drained(running)
    await complete(postgres, 60)


@pytest.mark.req("LH-PERSIST-006", "LH-NF-004")
@pytest.mark.usefixtures("outage")
async def test_a_hung_database_is_noticed_and_survived(postgres: TestServer, tmp_path: Path) -> None:
    async with history(postgres.database(connect_s=0.3, command_s=0.3), tmp_path) as running:
        feed(running, range(20))
        await drained(running)
        postgres.freeze()
        feed(running, range(20, 40))
        await until(lambda: running.numbers().failures >= 2)
        postgres.resume()
        await drained(running)
    await complete(postgres, 40)


@pytest.mark.req("LH-PERSIST-006")
async def test_a_database_that_refuses_writes_is_retried(postgres: TestServer, tmp_path: Path) -> None:
    async with history(postgres.database(), tmp_path) as running:
        feed(running, range(10))
        await drained(running)
        connection = await postgres.connect()
        await connection.execute("alter table commands rename to elsewhere")
        feed(running, range(10, 20))
        await until(lambda: "UndefinedTable" in running.numbers().database_error)
        await connection.execute("alter table elsewhere rename to commands")
        await connection.close()
        await drained(running)
        assert running.numbers().rejected == 0
    await complete(postgres, 20)


@pytest.mark.req("LH-PERSIST-006", "LH-NF-009")
async def test_a_row_that_no_database_takes_holds_back_no_other(postgres: TestServer, tmp_path: Path) -> None:
    async with history(postgres.database(), tmp_path) as running:
        feed(running, range(30))
        good: dict[str, object] = {"command_id": "x", "asset": "bess1", "mode": "stop"}
        wrong: list[dict[str, object]] = [
            {"asset": None}, {"command_id": 5}, {"valid_until_ns": "soon"}, {"valid_until_ns": 2**62 * 1000.0}]
        bad = [
            *(record(Kind.COMMAND, START_NS, "boot-1", 10_001 + i, good | body) for i, body in enumerate(wrong)),
            record(Kind.SCHEDULE, START_NS, "boot-1", 10_010, {"digest": "no windows"}),
        ]
        running.spool.put([Piece(RecordClass.COMMAND, len(bad), lambda: bad)])
        feed(running, range(30, 60))
        await drained(running)
        assert running.numbers().rejected == len(bad)
        assert "history.rejected" in [condition.id for condition in running.conditions()]
    await complete(postgres, 60)


@pytest.mark.req("LH-PERSIST-003", "LH-MKT-001")
async def test_schedules_are_versions_and_never_overwritten(postgres: TestServer, tmp_path: Path) -> None:
    for boot in ("boot-1", "boot-2"):  # the same documents are received again after a restart
        async with history(postgres.database(), tmp_path, boot_id=boot) as running:
            for document in (schedule(1), schedule(2, 50.0), schedule(2, 50.0), schedule(1, kind=ScheduleType.RESERVE)):
                running.schedule(document, START_NS + document.version)
            running.schedule(Withdrawal(ScheduleType.DAY_AHEAD, None, "mqtt:day-ahead"), START_NS + 9)
            await drained(running)
    connection = await postgres.connect()
    rows = await connection.fetch("select type, version from schedules order by type, version")
    assert [tuple(row) for row in rows] == [("day_ahead", 1), ("day_ahead", 2), ("regel_leistung_reserve", 1)]
    powers = await connection.fetch("select power_kw from schedule_windows where digest = $1 order by position",
                                    schedule(2, 50.0).digest)
    assert [row["power_kw"] for row in powers] == [50.0, 51.0, 52.0, 53.0]
    assert await connection.fetchval("select count(*) from schedule_withdrawals") == 2
    for sql in ("update schedules set version = 9", "delete from schedule_windows", "delete from schedules"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(sql)
    await connection.close()


@pytest.mark.req("LH-PERSIST-004", "LH-PERSIST-005", "LH-API-007", "LH-OPS-004")
async def test_operator_acts_arrive_once_whatever_dies_when(postgres: TestServer, tmp_path: Path) -> None:
    """Who, when, what, why, refusals too; acts journalled while no history ran are caught up."""
    journal = Journal(tmp_path / "acts.journal", "boot-1")
    journal.boot(START_NS, "0.1.0", "c3f1a2e")
    await journal.append(OperatorAct("a1", ActKind.STOP, "bess1", "kim", "operator", "smoke", START_NS))
    for _ in range(2):
        async with history(postgres.database(), tmp_path, journal=journal) as running:
            journal.noted = running.entry
            await journal.refuse(OperatorAct("a2", ActKind.RELEASE, None, "eve", "viewer", "", START_NS), "role")
            await drained(running)
            journal.noted = None
    await journal.close()
    connection = await postgres.connect()
    rows = await connection.fetch("select operator, what, asset, reason, accepted, why from operator_acts order by seq")
    assert [tuple(row) for row in rows] == [("kim", "stop", "bess1", "smoke", True, ""),
                                            ("eve", "release", None, "", False, "role"),
                                            ("eve", "release", None, "", False, "role")]
    assert await connection.fetchval("select version from boots") == "0.1.0"
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        await connection.execute("delete from operator_acts")
    await connection.close()


async def test_alarms_are_events(postgres: TestServer, tmp_path: Path) -> None:
    async with history(postgres.database(), tmp_path) as running:
        for active in (True, False):
            running.alarm(AlarmEvent("bess1.stale", "bess1", 2, "no fresh values", START_NS, active))
        await drained(running, 2)
    connection = await postgres.connect()
    assert [row["active"] for row in await connection.fetch("select active from alarms order by seq")] == [True, False]
    await connection.close()


@pytest.mark.req("LH-PERSIST-006")
async def test_a_wrong_password_is_said_without_the_password(postgres: TestServer, tmp_path: Path) -> None:
    right = postgres.database(postgres.tcp_port)
    wrong = Database(right.url, "postgres", "not-the-word")
    async with history(wrong, tmp_path) as running:
        feed(running, range(3))
        await until(lambda: running.numbers().failures >= 2)
        said = running.numbers().database_error
        assert "InvalidPassword" in said
        assert "not-the-word" not in said + repr(wrong)


async def test_a_url_that_is_none_is_said_and_harms_nothing(tmp_path: Path) -> None:
    async with history(Database("postgresql://[bad", password="secret-word"), tmp_path) as running:
        feed(running, range(3))
        await until(lambda: running.numbers().failures >= 2)
        assert "bad" not in running.numbers().database_error
        await until(lambda: running.numbers().rows > 0)


@pytest.mark.req("LH-PERSIST-006")
async def test_beyond_the_quota_drops_are_counted_and_said(tmp_path: Path) -> None:
    async with history(Database("postgresql://127.0.0.1:1/none"), tmp_path, quota=300_000) as running:
        feed(running, range(400))
        running.alarm(AlarmEvent("a", None, 1, "kept", START_NS, active=True))
        await until(lambda: running.numbers().dropped["telemetry"] > 0 and not running.numbers().waiting)
        numbers = running.numbers()
        assert numbers.dropped["audit"] == 0
        assert numbers.used_bytes <= 300_000
        [lost] = [condition for condition in running.conditions() if condition.id == "history.dropped"]
        assert f"{numbers.dropped['telemetry']} telemetry" in lost.text


async def test_a_frame_that_cannot_be_recorded_ends_nothing(tmp_path: Path) -> None:
    async with history(Database("postgresql://127.0.0.1:1/none"), tmp_path) as running:
        for _ in range(3):
            running.offer(None)  # type: ignore[arg-type]
        feed(running, range(5))
        await until(lambda: running.numbers().rows >= 15)


def test_a_batch_has_a_size() -> None:
    with pytest.raises(ValueError, match="1 to 5000"):
        Forwarder(None, Database(""), "s", clock=lambda: 0.0, batch=5001)  # type: ignore[arg-type]


@pytest.mark.req("LH-PERSIST-006")
async def test_rows_of_a_batch_are_stored_together_or_not_at_all(postgres: TestServer, tmp_path: Path) -> None:
    connection = await postgres.connect()
    await migrate(connection)
    good = record(Kind.BOOT, START_NS, "boot-1", 0, {"version": "1"})
    bad = record(Kind.ACT, START_NS, "boot-1", 1, {"what": None})
    with pytest.raises(asyncpg.NotNullViolationError):
        async with connection.transaction():
            await store(connection, "nordhafen", [good, bad])
    assert await connection.fetchval("select count(*) from boots") == 0
    await connection.close()


def test_the_buffer_is_named_and_sized(tmp_path: Path) -> None:
    made = History(database=Database(""), site="s", sources={"a": ""}, directory=tmp_path, boot_id="b", cycle_s=1.0,
                   buffer_s=72 * 3600.0, clock=lambda: 0.0)
    assert made.spool.path == tmp_path / "history.db"
    assert 5e8 < made.numbers().quota_bytes < 1e9
