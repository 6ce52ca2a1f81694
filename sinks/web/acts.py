"""What operators may do: stop, release, acknowledge, activate, deactivate. Acts are events for the next tick.

Guarantees (LH-API-006): a stop is answered 200 only after the journal is synced; when that fails the answer is 503 with
the reason, and the stop acts all the same. A stop is never refused for a trifle: unknown members are ignored, a long
reason is cut. Without `asset_id` an act goes to all assets. Acknowledging an alarm resets nothing.
"""

from __future__ import annotations

import asyncio

from loguru import logger
from starlette.responses import Response

from sinks.web.guard import Access, Call, Endpoint
from sinks.web.ports import JournalError, Principal, Role
from sinks.web.wire import Failure, chosen_asset, reply, text
from sources.act import ActKind, OperatorAct
from sources.instant import format_utc

JOURNAL_S = 10.0


def act(kind: ActKind) -> Endpoint:
    """The endpoint of one kind of act. Only a stop must say why."""

    async def perform(call: Call) -> Response:
        who = known(call)
        asset = chosen_asset(call.body, call.shell.view.assets())
        reason = text(call.body, "reason", required=kind is ActKind.STOP)
        if kind is ActKind.ACKNOWLEDGE:
            check_clear(call, asset)
        wanted = OperatorAct(call.shell.new_id(), kind, asset, who.name, who.role.word, reason, call.shell.utc_ns())
        await through(call, wanted)
        return reply(_answer(call, wanted))

    return perform


def check_clear(call: Call, asset: str | None) -> None:
    """An acknowledgement that the chain would not take is refused here, with what is missing. 409 otherwise."""
    view = call.shell.view
    shown = [found for name in ([asset] if asset else view.assets()) if (found := view.asset(name))]
    faults = [found for found in shown if found.get("state") == "fault"]
    if not faults:
        raise Failure(409, "nothing-to-acknowledge", "no fault stands here")
    for fault in faults:
        clear, needed = fault.get("clear_s"), fault.get("clear_for_s")
        if clear is not None and needed is not None and clear < needed:
            raise Failure(409, "not-clear", f"{fault['asset_id']}: the cause has been clear for {clear:g} s of the "
                                            f"{needed:g} s that an acknowledgement needs")


async def through(call: Call, wanted: OperatorAct) -> None:
    """Hand the act to the door. It goes on when the client hangs up or the journal is slow."""
    under_way = asyncio.ensure_future(call.shell.door.act(wanted))
    try:
        await asyncio.wait_for(asyncio.shield(under_way), JOURNAL_S)
    except TimeoutError:
        under_way.add_done_callback(_late)
        raise Failure(503, "journal-failed", f"{wanted.kind}: the journal did not answer within {JOURNAL_S:g} s; "
                                             "whether it was written is not known") from None
    except JournalError as error:
        effect = "acts now but may not survive a restart" if error.acted else "was not taken"
        raise Failure(503, "journal-failed", f"the {wanted.kind} {effect}: {error}") from None
    logger.bind(component="web", asset=wanted.asset, decision=str(wanted.kind), reason=wanted.reason).info(
        "{} by {} ({}) for {}", wanted.kind, wanted.operator, wanted.role, wanted.asset or "all assets")


async def acknowledge_alarm(call: Call) -> Response:
    alarm = str(call.request.path_params["id"])
    who = known(call)
    try:
        found = await call.shell.door.acknowledge_alarm(alarm, who)
    except JournalError as error:
        raise Failure(503, "journal-failed", f"the alarm was not acknowledged: {error}") from None
    if not found:
        raise Failure(404, "alarm-not-found", f"there is no alarm {alarm[:64]!r}")
    return reply({"id": alarm, "acknowledged": True, "operator": who.name, "at": call.shell.now()})


def known(call: Call) -> Principal:
    """Who acts. The guard has made sure that there is somebody."""
    if call.who is None:
        raise Failure(401, "unauthenticated", "this needs a token")
    return call.who


def _answer(call: Call, wanted: OperatorAct) -> dict[str, object]:
    at = format_utc(wanted.at_ns)
    answer: dict[str, object] = {"id": wanted.id, "act": str(wanted.kind), "operator": wanted.operator,
                                 "reason": wanted.reason, "at": at,
                                 "assets": [wanted.asset] if wanted.asset else list(call.shell.view.assets())}
    if wanted.asset is not None:
        answer["asset_id"] = wanted.asset
    if wanted.kind is ActKind.STOP:
        answer["activated_at"] = at
    return answer


def _late(task: asyncio.Future[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        logger.bind(component="web", reason="journal-failed").error("a late act failed: {}", error)


ACTS = (
    *(Access("POST", f"/operator/{kind}", Role.OPERATOR, act(kind))
      for kind in (ActKind.STOP, ActKind.RELEASE, ActKind.ACKNOWLEDGE, ActKind.ACTIVATE, ActKind.DEACTIVATE)),
    Access("POST", "/alarms/{id}/acknowledge", Role.OPERATOR, acknowledge_alarm),
)
