"""Questions that the endpoint asks of history. Each opens a connection of its own, bounded in time.

They never run in the chain's way: the caller awaits them in its request. `UnavailableError` says that the database does
not answer; the endpoint turns it into 503.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sinks.postgres.connection import UNREACHABLE, Database
from sinks.postgres.tables import EPOCH
from sources.instant import format_utc
from sources.schedule import ScheduleType

LIMIT = 1000
_SCHEDULES = """
select s.type, s.asset, s.area, s.version, s.digest, s.source, s.issued_at, s.received_at,
       array_agg(w.window_start order by w.position) as starts, array_agg(w.window_end order by w.position) as ends,
       array_agg(w.power_kw order by w.position) as powers, array_agg(w.binding order by w.position) as bindings,
       array_agg(w.penalty_eur_per_kwh order by w.position) as penalties
from schedules s join schedule_windows w using (site, digest)
where s.site = $1 and ($2::text is null or s.asset is null or s.asset = $2)
group by s.site, s.digest order by s.received_at desc, s.seq desc limit $3
"""
_ACTS = """
select act_id, what, asset, operator, role, reason, at, accepted, why from operator_acts
where site = $1 and ($2::text is null or asset is null or asset = $2) order by at desc, seq desc limit $3
"""
_ALARMS = """
select alarm_id, asset, priority, text, response, at, active, acknowledged, state, operator from alarms
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


class UnavailableError(ConnectionError):
    """The database does not answer. The message has no secret in it."""


class Archive:
    """History of one site, read only. Rows are dicts, times in them UTC datetimes; `schedules` gives plain JSON."""

    def __init__(self, database: Database, site: str) -> None:
        self._database, self._site = database, site

    async def schedules(self, asset: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """Versions of schedules as JSON, newest receipt first."""
        return [_schedule(row) for row in await self._ask(_SCHEDULES, asset, _bounded(limit))]

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


def _schedule(row: Mapping[str, Any]) -> dict[str, Any]:
    """One version in the shape of the endpoint; a commitment's windows carry penalty and binding state."""
    windows = [{"start": _instant(start), "end": _instant(end), "target_power_kw": power}
               for start, end, power in zip(row["starts"], row["ends"], row["powers"], strict=True)]
    if row["type"] == ScheduleType.COMMITMENT:
        for window, penalty, binding in zip(windows, row["penalties"], row["bindings"], strict=True):
            window |= {"penalty_eur_per_kwh": penalty, "binding_state": binding}
    return {"asset_id": row["asset"], "type": row["type"], "market_bid_area": row["area"], "version": row["version"],
            "issued_at": _instant(row["issued_at"]), "received_at": _instant(row["received_at"]),
            "digest": row["digest"], "source": row["source"], "horizon_start": windows[0]["start"],
            "horizon_end": windows[-1]["end"], "windows": windows}


def _instant(time: datetime) -> str:
    return format_utc((time - EPOCH) // timedelta(microseconds=1) * 1000)
