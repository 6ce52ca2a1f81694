"""Questions that the endpoint asks of history. Each opens a connection of its own, bounded in time.

They never run in the chain's way: the caller awaits them in its request. `Unavailable` says that the database does not
answer; the endpoint turns it into 503.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sinks.postgres.connection import UNREACHABLE, Database

LIMIT = 1000
_SCHEDULES = """
select s.type, s.asset, s.area, s.version, s.digest, s.source, s.issued_at, s.received_at,
       array_agg(json_build_array(w.window_start, w.window_end, w.power_kw, w.penalty_eur_per_kwh, w.binding)::text
                 order by w.position) as windows
from schedules s join schedule_windows w using (site, digest)
where s.site = $1 and ($2::text is null or s.asset is null or s.asset = $2)
group by s.site, s.digest order by s.received_at desc, s.seq desc limit $3
"""
_ACTS = """
select act_id, what, asset, operator, role, reason, at, accepted, why from operator_acts
where site = $1 and ($2::text is null or asset is null or asset = $2) order by at desc, seq desc limit $3
"""
_ALARMS = """
select alarm_id, asset, priority, text, response, at, active, acknowledged from alarms
where site = $1 and ($2::text is null or asset is null or asset = $2) order by at desc, seq desc limit $3
"""
_STATES = """
select asset, tick, item, before, after, reason, at from state_changes
where site = $1 and ($2::text is null or asset is null or asset = $2) order by at desc, seq desc limit $3
"""
_COMMANDS = """
select * from commands where site = $1 and ($2::text is null or asset = $2) order by at desc, seq desc limit $3
"""
_TELEMETRY = """
select * from telemetry where site = $1 and asset = $2 and at >= $3 and at < $4 order by at limit $5
"""


class UnavailableError(RuntimeError):
    """The database does not answer. The message has no secret in it."""


class Archive:
    """History of one site, read only. Rows are dicts; times are UTC datetimes."""

    def __init__(self, database: Database, site: str) -> None:
        self._database, self._site = database, site

    async def schedules(self, asset: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """Versions of schedules, newest receipt first; `windows` as JSON texts [start, end, kW, EUR/kWh, binding]."""
        return await self._ask(_SCHEDULES, asset, _bounded(limit))

    async def acts(self, asset: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """Operator acts, newest first, refused ones with `accepted` False and `why`."""
        return await self._ask(_ACTS, asset, _bounded(limit))

    async def alarms(self, asset: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        return await self._ask(_ALARMS, asset, _bounded(limit))

    async def state_changes(self, asset: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        return await self._ask(_STATES, asset, _bounded(limit))

    async def commands(self, asset: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """Commands with their decision, newest first."""
        return await self._ask(_COMMANDS, asset, _bounded(limit))

    async def telemetry(self, asset: str, start: datetime, end: datetime, limit: int = LIMIT) -> list[dict[str, Any]]:
        """Rows in [start, end), oldest first. Both times need a zone."""
        for time in (start, end):
            if time.tzinfo is None:
                raise ValueError(f"{time} has no time zone")
        return await self._ask(_TELEMETRY, asset, start.astimezone(UTC), end.astimezone(UTC), _bounded(limit))

    async def _ask(self, sql: str, *arguments: Any) -> list[dict[str, Any]]:
        try:
            connection = await self._database.connect()
            try:
                rows: list[Mapping[str, Any]] = await connection.fetch(sql, self._site, *arguments)
            finally:
                connection.terminate()
        except UNREACHABLE as error:
            raise UnavailableError(f"history is not available: {self._database.said(error)}") from error
        return [dict(row) for row in rows]


def _bounded(limit: int) -> int:
    return max(1, min(limit, LIMIT))
