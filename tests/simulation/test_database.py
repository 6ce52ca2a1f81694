"""F20: the production forwarder and its spool's file against a database that does what databases do (D2).

In virtual time, with the file read in the loop: the spool's own thread belongs to the machine's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.simulation.database import FAULTS, Reached, Server
from pipeline.simulation.loop import VirtualLoop
from pipeline.simulation.net import MemoryNet, stream
from sinks.postgres.forwarder import Forwarder
from sinks.records import Kind, Record, RecordClass, record
from sinks.spool import Filling
from sinks.spool_file import SpoolFile, Stored

pytestmark = pytest.mark.safety
SITE = "world"
Key = tuple[str, int]


class Drawer:
    """What the forwarder asks of a spool, without its thread."""

    def __init__(self, path: Path) -> None:
        self.file = SpoolFile(path, 10_000_000)
        self.waiting: set[Key] = set()

    def put(self, records: Sequence[Record]) -> None:
        with self.file.transaction():
            self.file.insert(RecordClass.AUDIT, records)
        self.waiting |= {(r.boot_id, r.seq) for r in records}

    async def oldest(self, limit: int) -> list[Stored]:
        return self.file.oldest(limit)

    async def delete(self, rows: Sequence[Stored]) -> None:
        self.file.delete(rows)
        self.waiting -= {(row.record.boot_id, row.record.seq) for row in rows}

    async def reject(self, row: Stored, error: str) -> None:
        raise AssertionError(f"{row} is refused: {error}")

    def filling(self) -> Filling:
        return Filling(0, sum(self.file.rows.values()), 0, 0, {}, 0, "")


class History:
    """Records come, the database fails, the process is killed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = stream(seed, "history")
        self.server = Server(stream(seed, "database"))
        self.loop = VirtualLoop(MemoryNet(seed))
        self.drawer = Drawer(folder / "spool.db")
        self.put: set[Key] = set()
        self.boot()

    def boot(self) -> None:
        forwarder = Forwarder(self.drawer, Reached("", server=self.server), SITE, clock=self.loop.time, batch=20)  # type: ignore[arg-type]
        self.forwarder, self.task = forwarder, self.loop.create_task(forwarder.run())

    def kill(self) -> None:
        self.task.cancel()
        self.loop.pass_time(0.001)
        self.boot()

    def record(self, records: int) -> None:
        first = len(self.put)
        made = [record(Kind.BOOT, 1_790_000_000_000_000_000 + seq, "boot", seq, {"version": "1", "config": "x"})
                for seq in range(first, first + records)]  # fmt: skip
        self.put |= {(r.boot_id, r.seq) for r in made}
        self.drawer.put(made)

    def stored(self) -> set[Key]:
        return {(key[1], key[2]) for key in self.server.keys("boots")}

    def nothing_is_lost(self) -> None:
        """At any time a record is in the database or on the disk."""
        assert self.put == self.stored() | self.drawer.waiting

    def close(self) -> None:
        self.task.cancel()
        self.loop.pass_time(0.001)
        self.drawer.file.close()
        self.loop.close()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(3))
def test_what_was_recorded_is_stored_once(fault: str, seed: int, tmp_path: Path) -> None:
    """Out, silent, slow, full, in conflict, taken over, committed without an answer, killed in between; drained."""
    history = History(seed, tmp_path)
    for _ in range(30):
        history.record(history.rng.randint(1, 40))
        chance = history.rng.random()
        if chance < 0.3:
            FAULTS[fault](history.server)
        elif chance < 0.5:
            history.server.heal()
        elif chance < 0.6:
            history.kill()
        history.loop.pass_time(history.rng.choice((0.0005, 0.01, 1.0, 8.0)))
        history.nothing_is_lost()
    history.server.heal()
    history.loop.pass_time(200.0)
    assert history.stored() == history.put
    assert history.drawer.filling().rows == 0
    history.close()


def test_a_commit_without_an_answer_is_sent_again_and_stored_once(tmp_path: Path) -> None:
    history = History(1, tmp_path)
    history.server.mute = 1.0
    history.record(10)
    history.loop.pass_time(5.0)
    assert history.stored() == history.put
    assert history.forwarder.progress.failures > 0
    history.server.heal()
    history.loop.pass_time(60.0)
    assert history.server.twice >= 10
    assert history.drawer.filling().rows == 0
    history.close()


def test_an_open_transaction_is_gone_with_its_server(tmp_path: Path) -> None:
    history = History(1, tmp_path)
    history.loop.pass_time(2.0)

    async def half() -> None:
        session = await Reached("", server=history.server).connect()
        await session.execute("begin")
        await session.copy_records_to_table("staging_boots", records=[("world", "boot", 1, 0)], columns=("seq",))
        await session.execute("insert into boots (seq)")
        history.server.crash()
        with pytest.raises(Exception, match="closed"):
            await session.execute("commit")

    history.loop.run_until_complete(half())
    assert history.stored() == set()
    history.close()


def test_no_answer_for_a_minute_costs_this_task_alone(tmp_path: Path) -> None:
    history = History(2, tmp_path)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.wait([history.task], timeout=1.0)

    ticking = history.loop.create_task(tick())
    FAULTS["black_hole"](history.server)
    history.record(100)
    history.loop.pass_time(60.5)
    assert ticks == 61
    ticking.cancel()
    history.close()
