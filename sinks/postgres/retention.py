# ruff: noqa: S608 - the names in the SQL are those of `AGED`
"""Retention: how long each kind of data stays in the database (LH-PERSIST-006).

Nothing is deleted that is not named. Audit (acts, boots, alarms, schedules) goes only when it is asked for by name,
and the table's own trigger refuses any other deletion. Rows go in portions, each its own transaction, so that a
reader or the forwarder waits for none of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sinks.postgres.tables import at

PORTION = 10_000
AGED: Mapping[str, str] = {
    "telemetry": "at", "site_telemetry": "at", "commands": "at", "state_changes": "at", "alarms": "at",
    "operator_acts": "at", "schedule_withdrawals": "at"}
"""Tables that may be named, and the column that tells a row's age."""


def checked(keep_s: Mapping[str, float]) -> Mapping[str, float]:
    """The same mapping. ValueError on a table that has no retention."""
    unknown = sorted(set(keep_s) - set(AGED))
    if unknown:
        raise ValueError(f"no retention for {', '.join(unknown)}; known are {', '.join(sorted(AGED))}")
    return keep_s


async def retain(connection: Any, site: str, keep_s: Mapping[str, float], now_ns: int,
                 portion: int = PORTION) -> dict[str, int]:
    """Delete one portion per table of rows older than `keep_s`. Returns how many; a full portion: there may be more."""
    gone: dict[str, int] = {}
    for table, seconds in checked(keep_s).items():
        gone[table] = await _delete(connection, table, site, at(now_ns) - timedelta(seconds=seconds), portion)
    return gone


async def _delete(connection: Any, table: str, site: str, before: Any, portion: int) -> int:
    async with connection.transaction():
        await connection.execute("select set_config('bess.retention', $1, true)", table)
        done = await connection.execute(
            f"delete from {table} where ctid = any(array(select ctid from {table}"
            f" where site = $1 and {AGED[table]} < $2 limit $3))", site, before, portion)
    return int(done.split()[-1])
