"""What the PostgreSQL tests share: a running history, frames to feed it, and what must be in the tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sinks.history import History
from sinks.journal import Journal
from sinks.postgres.connection import Database
from sinks.postgres.forwarder import Pace
from sources.schedule import BindingState, Schedule, ScheduleType, Window
from tests.real.postgres import TestServer
from tests.real.until import until
from tests.sinks.frames import START_NS, sealed, site

QUICK = Pace(interval_s=0.02, first_pause_s=0.02, longest_pause_s=0.1, batch_s=3.0)
LAYOUT = site("bess1")
QUARTER_NS = 900 * 1_000_000_000


@asynccontextmanager
async def history(database: Database, folder: Path, *, boot_id: str = "boot-1", journal: Journal | None = None,
                  **wishes: Any) -> AsyncIterator[History]:
    """A history that runs as in the process, ended in order."""
    loop = asyncio.get_running_loop()
    running = History(database=database, site="nordhafen", sources={"bess1": "modbus-tcp://plant"}, directory=folder,
                      boot_id=boot_id, cycle_s=1.0, buffer_s=3600.0, clock=loop.time, **{"pace": QUICK, **wishes})
    running.start(journal)
    task = asyncio.create_task(running.run())
    try:
        yield running
    finally:
        task.cancel()
        await asyncio.wait({task})
        await running.close()


def feed(to: History, ticks: range) -> None:
    """One frame per tick: a telemetry row, a site row and a command each."""
    for tick in ticks:
        to.offer(sealed(LAYOUT, tick))


async def drained(of: History, forwarded: int | None = None) -> None:
    """Everything offered is in the database."""
    await until(lambda: not of.numbers().waiting and not of.numbers().rows and of.numbers().connected
                and (forwarded is None or of.numbers().forwarded >= forwarded), 20.0, str(of.numbers()))


async def complete(server: TestServer, ticks: int) -> None:
    """Each tick once, in every table."""
    connection = await server.connect()
    for table in ("telemetry", "site_telemetry", "commands"):
        rows = await connection.fetch(f"select tick from {table} order by tick")  # noqa: S608
        assert [row["tick"] for row in rows] == list(range(ticks)), table
    await connection.close()


def schedule(version: int, kw: float = 100.0, kind: ScheduleType = ScheduleType.DAY_AHEAD) -> Schedule:
    starts = [START_NS + i * QUARTER_NS for i in range(4)]
    windows = tuple(Window(start, start + QUARTER_NS, kw + i, 0.5, BindingState.BINDING)
                    for i, start in enumerate(starts))
    return Schedule(kind, None, "DE-LU", version, START_NS, windows, f"digest-{kind}-{version}-{kw}", "mqtt:day-ahead")
