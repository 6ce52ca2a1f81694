"""Alarms over REST: the list, and what an operator may do with it.

Guarantees: what is done is in the journal before it is answered; a shelf needs a reason and ends within a day;
acknowledging notes that somebody has seen something and resets nothing. `POST /alarms/seen` takes the ids that
were seen: what came in the meantime still waits.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from starlette.responses import Response

from sinks.web.acts import known
from sinks.web.guard import Access, Call
from sinks.web.ports import JournalError, Json, Role
from sinks.web.wire import Failure, chosen_asset, reply, text, without_nulls
from sources.instant import format_utc

T = TypeVar("T")
LONGEST_MIN = 1440
MOST_IDS = 500


async def listed(call: Call) -> Response:
    """The alarms, most urgent first; `priority`, `state` and `asset_id` choose some of them."""
    query, view = call.request.query_params, call.shell.view
    asset = chosen_asset(query, view.assets())
    found = [alarm for alarm in view.alarms() if _chosen(alarm, query.get("priority"), query.get("state"))
             and asset in (None, alarm.get("asset_id"))]  # fmt: skip
    return reply(without_nulls({"alarms": found, "counts": view.site().get("alarms")}))


def _chosen(alarm: Json, priority: str | None, state: str | None) -> bool:
    return priority in (None, str(alarm["priority"])) and state in (None, alarm.get("state"))


async def acknowledge(call: Call) -> Response:
    alarm, who = str(call.request.path_params["id"]), known(call)
    if not await _through(call.shell.door.acknowledge_alarm(alarm, who), "the alarm was not acknowledged"):
        raise _nothing(alarm)
    return reply({"id": alarm, "acknowledged": True, "operator": who.name, "at": call.shell.now()})


async def acknowledge_many(call: Call) -> Response:
    ids, who = call.body.get("ids"), known(call)
    if not isinstance(ids, list) or len(ids) > MOST_IDS or not all(isinstance(name, str) for name in ids):
        raise Failure(400, "invalid-field", f"`ids` must be a list of at most {MOST_IDS} alarms")
    done = await _through(call.shell.door.acknowledge_alarms(ids, who), "no alarm was acknowledged")
    return reply({"acknowledged": list(done), "operator": who.name, "at": call.shell.now()})


async def shelve(call: Call) -> Response:
    alarm, who = str(call.request.path_params["id"]), known(call)
    reason, minutes = text(call.body, "reason", required=True), call.body.get("minutes")
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes <= LONGEST_MIN:
        raise Failure(400, "invalid-field", f"`minutes` must be a number above 0, and {LONGEST_MIN} at most")
    until_ns = call.shell.utc_ns() + int(minutes * 60e9)
    if not await _through(call.shell.door.shelve_alarm(alarm, who, reason, until_ns), "the alarm was not shelved"):
        raise _nothing(alarm)
    answer = {"id": alarm, "shelved_until": format_utc(until_ns), "reason": reason}
    return reply({**answer, "operator": who.name, "at": call.shell.now()})


async def unshelve(call: Call) -> Response:
    alarm, who = str(call.request.path_params["id"]), known(call)
    if not await _through(call.shell.door.unshelve_alarm(alarm, who), "the alarm was not taken back"):
        raise _nothing(alarm)
    return reply({"id": alarm, "operator": who.name, "at": call.shell.now()})


async def _through(wanted: Awaitable[T], failed: str) -> T:
    try:
        return await wanted
    except JournalError as error:
        raise Failure(503, "journal-failed", f"{failed}: {error}") from None


def _nothing(alarm: str) -> Failure:
    return Failure(404, "alarm-not-found", f"there is no such alarm {alarm[:64]!r}, or it is not shelved")


ALARMS = (
    Access("GET", "/alarms", Role.VIEWER, listed),
    Access("POST", "/alarms/seen", Role.OPERATOR, acknowledge_many),
    Access("POST", "/alarms/{id}/acknowledge", Role.OPERATOR, acknowledge),
    Access("POST", "/alarms/{id}/shelve", Role.OPERATOR, shelve),
    Access("POST", "/alarms/{id}/unshelve", Role.OPERATOR, unshelve),
)
