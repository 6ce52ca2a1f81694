"""Schedules over REST: what is meant now, what was meant before, and a new version coming in.

The JSON is that of `sources.schedule`; camelCase members and PascalCase types of older clients are accepted. An import
is a wish: it enters as a request and passes every stage like any other.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from sinks.web.acts import known
from sinks.web.guard import Access, Call
from sinks.web.ports import JournalError, Role, ScheduleRefusedError
from sinks.web.wire import SCHEDULE_LIMIT, Failure, chosen_asset, reply, without_nulls
from sources.instant import format_utc
from sources.schedule import Schedule

HISTORY = 100
HISTORY_MOST = 1000


async def current(call: Call) -> Response:
    asset = chosen_asset(call.request.query_params, call.shell.view.assets())
    return reply(without_nulls({"asset_id": asset, "schedules": call.shell.view.schedules(asset)}))


async def history(call: Call) -> Response:
    """Versions from the database, newest first: `?assetId=&limit=`."""
    asset = chosen_asset(call.request.query_params, call.shell.view.assets())
    wanted = call.request.query_params.get("limit", str(HISTORY))
    if not wanted.isascii() or not wanted.isdigit() or not 1 <= int(wanted[:9]) <= HISTORY_MOST:
        raise Failure(400, "invalid-field", f"`limit` must be a whole number from 1 to {HISTORY_MOST}")
    if call.shell.archive is None:
        raise Failure(503, "history-unavailable", "no database is configured")
    try:
        versions = await call.shell.archive.schedules(asset, int(wanted))
    except (OSError, TimeoutError):
        raise Failure(503, "history-unavailable", "the database cannot be reached") from None
    return reply(without_nulls({"asset_id": asset, "schedules": versions}))


async def take(call: Call) -> Response:
    """Import one schedule. 400 when it is not one, 409 when it cannot be taken, 503 when it cannot be written down."""
    schedule = await asyncio.to_thread(_read, call)
    if schedule.asset is not None and schedule.asset not in call.shell.view.assets():
        raise Failure(404, "asset-not-registered", f"there is no asset {schedule.asset[:64]!r}")
    try:
        await call.shell.door.import_schedule(schedule, known(call))
    except ScheduleRefusedError as error:
        raise Failure(409, error.error, str(error)) from None
    except JournalError as error:
        raise Failure(503, "journal-failed", f"the schedule was not taken: {error}") from None
    return reply(without_nulls(taken(schedule)))


def taken(schedule: Schedule) -> dict[str, Any]:
    return {"asset_id": schedule.asset, "type": str(schedule.type), "market_bid_area": schedule.area,
            "version": schedule.version, "issued_at": format_utc(schedule.issued_ns),
            "horizon_start": format_utc(schedule.windows[0].start_ns),
            "horizon_end": format_utc(schedule.windows[-1].end_ns),
            "count": len(schedule.windows), "digest": schedule.digest}


def _read(call: Call) -> Schedule:
    try:
        return call.shell.read_schedule(call.body, f"rest:{known(call).name}")
    except ValueError as error:
        raise Failure(400, "invalid-schedule", str(error)[:500]) from None


SCHEDULES = (
    Access("GET", "/markets/schedules/current", Role.VIEWER, current),
    Access("GET", "/markets/schedules/history", Role.VIEWER, history),
    Access("POST", "/markets/schedules/import", Role.OPERATOR, take, body_limit=SCHEDULE_LIMIT),
)
