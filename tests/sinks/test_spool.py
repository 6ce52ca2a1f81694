"""The on-disk buffer: what it keeps, what it drops first, and what a bad disk does to it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from operators.cut import cut
from sinks.backlog import Backlog
from sinks.records import Kind, Piece, RecordClass, record
from sinks.sample import Cutter
from sinks.spool import Spool, SpoolError, quota_bytes
from sinks.spool_file import connect
from tests.conftest import ROOT
from tests.real.until import until
from tests.sinks.frames import sealed, site

BIG = 1 << 30
KINDS = {RecordClass.TELEMETRY: Kind.TELEMETRY, RecordClass.STATUS: Kind.STATE, RecordClass.COMMAND: Kind.COMMAND,
         RecordClass.AUDIT: Kind.ACT}


def piece(klass: RecordClass, seq: int, size: int = 500, n: int = 1) -> Piece:
    body = {"text": "x" * size}
    return Piece(klass, n, lambda: [record(KINDS[klass], 1000, "boot", seq + i, body) for i in range(n)])


@asynccontextmanager
async def spooling(path: Path, quota: int = BIG, **wishes: Any) -> AsyncIterator[Spool]:
    spool = Spool(path, quota, retry_s=0.01, **wishes)
    spool.start()
    try:
        yield spool
    finally:
        await spool.close()


async def put(spool: Spool, *pieces: Piece) -> None:
    before = spool.stored
    spool.put(pieces)
    await until(lambda: spool.stored == before + len(pieces))


@pytest.mark.req("LH-PERSIST-006", "LH-NF-004")
async def test_what_was_stored_is_there_after_a_restart_in_order(tmp_path: Path) -> None:
    async with spooling(tmp_path / "h.db") as spool:
        await put(spool, *(piece(RecordClass.COMMAND, seq) for seq in range(20)))
    async with spooling(tmp_path / "h.db") as spool:
        rows = await spool.oldest(12)
        assert [row.record.seq for row in rows] == list(range(12))
        await spool.delete(rows)
        assert [row.record.seq for row in await spool.oldest(100)] == list(range(12, 20))
        assert spool.filling().rows == 8


async def test_audit_comes_first_then_commands(tmp_path: Path) -> None:
    async with spooling(tmp_path / "h.db") as spool:
        await put(spool, *(piece(klass, 0) for klass in RecordClass))
        assert [row.klass for row in await spool.oldest(10)] == sorted(RecordClass, reverse=True)


async def test_closing_stores_what_is_in_memory(tmp_path: Path) -> None:
    async with spooling(tmp_path / "h.db") as spool:
        spool.put([piece(RecordClass.STATUS, seq) for seq in range(3000)])
    async with spooling(tmp_path / "h.db") as spool:
        await until(lambda: spool.filling().rows == 3000)
    with pytest.raises(SpoolError, match="closed"):
        await spool.oldest(1)


@pytest.mark.req("LH-PERSIST-006")
@pytest.mark.hazard("row 41", "R1")
async def test_beyond_the_quota_classes_go_in_order_and_are_counted(tmp_path: Path) -> None:
    """Telemetry before status before commands; audit never, whatever it takes."""
    quota = 600_000
    async with spooling(tmp_path / "h.db", quota) as spool:
        counts = dict.fromkeys(RecordClass, 0)

        async def fill(klass: RecordClass, n: int) -> dict[str, int]:
            await put(spool, piece(klass, counts[klass], n=n))
            counts[klass] += n
            return spool.filling().dropped

        for klass in RecordClass:
            assert not any((await fill(klass, 200)).values())
        while (dropped := await fill(RecordClass.AUDIT, 20))["status"] == 0:
            assert dropped["command"] == dropped["audit"] == 0
        assert dropped["telemetry"] == counts[RecordClass.TELEMETRY]
        while (dropped := await fill(RecordClass.AUDIT, 20))["command"] == 0:
            assert dropped["audit"] == 0
        assert dropped["status"] == counts[RecordClass.STATUS]
        for _ in range(50):
            dropped = await fill(RecordClass.AUDIT, 20)
        assert dropped["command"] == counts[RecordClass.COMMAND]
        assert dropped["audit"] == 0
        rows = await spool.oldest(5000)
        assert [row.record.seq for row in rows] == list(range(counts[RecordClass.AUDIT]))
        assert spool.filling().used_bytes > quota


@pytest.mark.req("LH-PERSIST-006")
async def test_the_oldest_of_a_class_go_first_and_the_quota_holds(tmp_path: Path) -> None:
    quota = 400_000
    async with spooling(tmp_path / "h.db", quota) as spool:
        for seq in range(0, 3000, 50):
            await put(spool, piece(RecordClass.TELEMETRY, seq, n=50))
            assert spool.filling().used_bytes <= quota
        kept = [row.record.seq for row in await spool.oldest(5000)]
        assert kept == list(range(3000 - len(kept), 3000))
        assert len(kept) + spool.filling().dropped["telemetry"] == 3000
        assert len(kept) > 200


async def test_rows_under_way_to_the_database_are_not_dropped(tmp_path: Path) -> None:
    async with spooling(tmp_path / "h.db", 400_000) as spool:
        await put(spool, piece(RecordClass.TELEMETRY, 0, n=100))
        under_way = await spool.oldest(50)
        for seq in range(100, 2000, 100):
            await put(spool, piece(RecordClass.TELEMETRY, seq, n=100))
        assert spool.filling().dropped["telemetry"] > 0
        await spool.delete(under_way)
        kept = await spool.oldest(5000)
        assert len(kept) + spool.filling().dropped["telemetry"] + len(under_way) == 2000


@pytest.mark.req("LH-PERSIST-006")
@pytest.mark.hazard("row 41")
async def test_a_full_disk_acts_like_a_smaller_quota(tmp_path: Path) -> None:
    """Real SQLITE_FULL: the file may not grow beyond 100 pages."""

    def small(path: Path) -> sqlite3.Connection:
        db = connect(path)
        db.execute("pragma max_page_count = 100")
        return db

    async with spooling(tmp_path / "h.db", opener=small) as spool:
        await put(spool, piece(RecordClass.COMMAND, 0, n=100))
        for seq in range(0, 2000, 20):
            await put(spool, piece(RecordClass.TELEMETRY, seq, n=20))
        await put(spool, piece(RecordClass.AUDIT, 0, n=50))
        filling = spool.filling()
        assert filling.dropped["telemetry"] > 0
        assert filling.dropped["command"] == filling.dropped["audit"] == 0
        rows = await spool.oldest(5000)
        assert sum(row.klass is RecordClass.AUDIT for row in rows) == 50
        assert sum(row.klass is RecordClass.COMMAND for row in rows) == 100


class Flaky(sqlite3.Connection):
    """A disk that fails or hangs on request."""

    broken = False
    gate = threading.Event()
    at_gate = threading.Event()

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if not Flaky.gate.is_set():
            Flaky.at_gate.set()
        Flaky.gate.wait()
        if Flaky.broken and sql.startswith("begin"):
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *arguments)


@pytest.fixture
def flaky() -> Callable[[Path], sqlite3.Connection]:
    Flaky.broken = False
    Flaky.gate.set()
    Flaky.at_gate.clear()
    return lambda path: sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Flaky)


@pytest.mark.req("LH-PERSIST-006", "LH-NF-004")
async def test_a_failed_disk_is_said_and_bridged_by_memory(
        tmp_path: Path, flaky: Callable[[Path], sqlite3.Connection]) -> None:
    async with spooling(tmp_path / "h.db", opener=flaky) as spool:
        await put(spool, piece(RecordClass.AUDIT, 0))
        Flaky.broken = True
        spool.put([piece(RecordClass.TELEMETRY, 1), piece(RecordClass.AUDIT, 1)])
        await until(lambda: "disk I/O error" in spool.filling().error)
        await until(lambda: spool.filling().waiting == 2)
        Flaky.broken = False
        await until(lambda: spool.filling().rows == 3)
        assert spool.filling().error == ""
        assert not any(spool.filling().dropped.values())


@pytest.mark.req("LH-PERSIST-006", "LH-NF-004")
@pytest.mark.hazard("row 41", "D6")
async def test_a_hung_disk_holds_up_nobody_and_memory_drops_by_class(
        tmp_path: Path, flaky: Callable[[Path], sqlite3.Connection]) -> None:
    async with spooling(tmp_path / "h.db", opener=flaky, memory_records=100) as spool:
        await put(spool, piece(RecordClass.AUDIT, 0))
        Flaky.gate.clear()
        spool.put([piece(RecordClass.STATUS, 0)])
        await until(Flaky.at_gate.is_set)
        for seq in range(150):
            spool.put(piece(klass, seq) for klass in (RecordClass.TELEMETRY, RecordClass.COMMAND, RecordClass.AUDIT))
        assert spool.filling().dropped == {"telemetry": 150, "status": 0, "command": 150, "audit": 0}
        Flaky.gate.set()
        await until(lambda: spool.filling().rows == 152)


async def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    (tmp_path / "h.db").write_bytes(b"no database at all" * 500)
    async with spooling(tmp_path / "h.db") as spool:
        spool.put([piece(RecordClass.AUDIT, 0)])
        await until(lambda: spool.filling().rows == 1)
    assert (tmp_path / "h.db.damaged").exists()


async def test_a_folder_that_cannot_be_made_leaves_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with spooling(tmp_path / "file" / "h.db") as spool:
        spool.put([piece(RecordClass.AUDIT, 0)])
        await until(lambda: spool.filling().error != "")
        with pytest.raises(SpoolError, match="not open"):
            await spool.oldest(1)
        assert spool.filling().waiting == 1


async def test_a_record_that_cannot_be_encoded_holds_back_no_other(tmp_path: Path) -> None:
    def bad() -> list[Any]:
        raise TypeError("not JSON")

    async with spooling(tmp_path / "h.db") as spool:
        await put(spool, Piece(RecordClass.AUDIT, 1, bad), piece(RecordClass.AUDIT, 1))
        assert (spool.filling().rows, spool.filling().unreadable) == (1, 1)


async def test_a_rejected_row_is_put_aside(tmp_path: Path) -> None:
    async with spooling(tmp_path / "h.db") as spool:
        await put(spool, piece(RecordClass.AUDIT, 7))
        [row] = await spool.oldest(1)
        await spool.reject(row, "no such asset")
        assert await spool.oldest(1) == []
    kept = sqlite3.connect(tmp_path / "h.db")
    assert kept.execute("select seq, error from rejected").fetchall() == [(7, "no such asset")]
    kept.close()


@pytest.mark.req("LH-PERSIST-006")
@pytest.mark.parametrize("assets", [1, 5])
async def test_the_quota_is_rate_times_size_times_hours(tmp_path: Path, assets: int) -> None:
    """Measured: ten minutes of full-precision frames, all armed, with every decision, fit their quota."""
    layout = site(*(f"battery-{n}" for n in range(assets)))
    by = Cutter("0123456789abcdef0123456789abcdef", dict.fromkeys(layout.assets, "modbus-tcp://10.20.0.11:502/1"), cut)
    ticks = 600
    quota = quota_bytes(assets, 1.0, ticks)
    async with spooling(tmp_path / "h.db", quota) as spool:
        await put(spool, *(piece for tick in range(ticks) for piece in by.pieces(sealed(layout, tick))))
        assert not any(spool.filling().dropped.values())
        used = spool.filling().used_bytes
    assert 0.6 * (quota - (1 << 20)) < used <= quota - (1 << 20)
    assert quota_bytes(1, 1.0, 72 * 3600) < 1 << 30


def test_a_backlog_that_is_full_drops_the_lowest_class_first() -> None:
    backlog = Backlog(10)
    backlog.put(piece(RecordClass.TELEMETRY, seq) for seq in range(10))
    backlog.put(piece(RecordClass.COMMAND, seq) for seq in range(8))
    assert backlog.dropped == {RecordClass.TELEMETRY: 8}
    backlog.put(piece(RecordClass.STATUS, seq) for seq in range(8))
    assert backlog.dropped == {RecordClass.TELEMETRY: 10, RecordClass.STATUS: 6}
    backlog.put(piece(RecordClass.AUDIT, seq) for seq in range(20))
    taken = backlog.take(0.0)
    assert [one.klass for one in taken] == [RecordClass.AUDIT] * 20
    assert len(backlog) == 20
    backlog.settle()
    assert len(backlog) == 0


WRITER = """
import sys, time
from pathlib import Path
from sinks.records import Kind, Piece, RecordClass, record
from sinks.spool import Spool

spool = Spool(Path(sys.argv[1]), 1 << 30)
spool.start()
for seq in range(10**6):
    body = {"x": "y" * (seq % 999)}
    spool.put([Piece(RecordClass.COMMAND, 1, lambda seq=seq, body=body: [record(Kind.COMMAND, 1, "boot", seq, body)])])
    while spool.stored <= seq:
        time.sleep(0)
    print(seq, flush=True)
"""


@pytest.mark.req("LH-PERSIST-006", "LH-OPS-004")
@pytest.mark.integration
@pytest.mark.parametrize("acknowledged", [1, 23, 150])
async def test_kill_9_loses_no_committed_record(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "h.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=ROOT) as writer:
        assert writer.stdout is not None
        for _ in range(acknowledged):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        seen = acknowledged + len(writer.stdout.read().splitlines())
    async with spooling(path) as spool:
        rows = await spool.oldest(100_000)
        assert [row.record.seq for row in rows][:seen] == list(range(seen))
        assert [row.record.seq for row in rows] == list(range(len(rows)))
