"""What operators may do: stop, release, acknowledge, activate, lock out, run by hand: events for the next tick.

Guarantees (LH-API-006): a stop is answered 200 only after the journal is synced; when that fails the answer is 503 with
the reason, and the stop acts all the same. A stop is never refused for a trifle: unknown members are ignored, a long
reason is cut. Without `asset_id` an act goes to all assets.

What takes somebody's protection away says why: a stop, an acknowledgement, an overridden lock, power by hand need a
reason. `person` is who holds the token, for the journal and for the lock that only its owner lifts.
"""

from __future__ import annotations

import asyncio
from math import isfinite, nan

from loguru import logger
from starlette.responses import Response

from jit.codes import Condition
from operators.sentence import MISSING_TEXT
from sinks.web.guard import Access, Call, Endpoint
from sinks.web.ports import ActRefusedError, JournalError, Principal, Role
from sinks.web.wire import Failure, chosen_asset, reply, text
from sources.act import LONGEST_DEAD_MAN_S, ActKind, OperatorAct
from sources.instant import format_utc

JOURNAL_S = 10.0
NOT_ACTIVATED, NOT_REMOTE = MISSING_TEXT[Condition.ACTIVATED], MISSING_TEXT[Condition.REMOTE]
#: Acts that must say why.
REASONED = (ActKind.STOP, ActKind.ACKNOWLEDGE, ActKind.MANUAL)
BY_HAND_FROM = ("standby", "ready", "idle", "charging", "discharging", "limited", "maintenance")


def act(kind: ActKind) -> Endpoint:
    """The endpoint of one kind of act."""

    async def perform(call: Call) -> Response:
        who = known(call)
        asset = chosen_asset(call.body, call.shell.view.assets())
        override = kind is ActKind.UNLOCK and call.body.get("override") is True
        if override and who.role < Role.ENGINEER:
            raise Failure(403, "forbidden", "only an engineer may override somebody's lock")
        reason = text(call.body, "reason", required=override or kind in REASONED)
        person = text(call.body, "person", limit=60)
        name = f"{person} ({who.name})" if person else who.name
        power_kw, dead_man_s = _by_hand(call, asset) if kind is ActKind.MANUAL else (nan, nan)
        if kind is ActKind.ACKNOWLEDGE:
            check_clear(call, asset)
        if kind is ActKind.ACTIVATE:
            check_remote(call, asset)
        wanted = OperatorAct(call.shell.new_id(), kind, asset, name, who.role.word, reason, call.shell.utc_ns(),
                             power_kw=power_kw, dead_man_s=dead_man_s, override=override)
        await through(call, wanted)
        return reply(_answer(call, wanted))

    return perform


def _by_hand(call: Call, asset: str | None) -> tuple[float, float]:
    """Power (kW) and dead-man time (s) of an act by hand, which is of one asset that can take it. 400 or 409."""
    if asset is None:
        raise Failure(400, "missing-required-field", "`asset_id` is missing: one asset is run by hand, never all")
    power_kw, dead_man_s = _number(call, "power_kw"), _number(call, "dead_man_s")
    if not 0.0 < dead_man_s <= LONGEST_DEAD_MAN_S:
        raise Failure(400, "invalid-field", f"`dead_man_s` is above 0 and at most {LONGEST_DEAD_MAN_S:g}")
    shown = call.shell.view.asset(asset) or {}
    lacking = [what for what in shown.get("missing", ()) if what != NOT_ACTIVATED]
    if lacking or shown.get("state") not in BY_HAND_FROM:
        raise Failure(409, "not-ready", f"{asset} is in {shown.get('state')}; {'; '.join(lacking) or 'no data'}")
    return power_kw, dead_man_s


def _number(call: Call, name: str) -> float:
    value = call.body.get(name)
    if value is None:
        raise Failure(400, "missing-required-field", f"`{name}` is missing")
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise Failure(400, "invalid-field", f"`{name}` must be a number")
    return float(value)


def check_clear(call: Call, asset: str | None) -> None:
    """An acknowledgement that the chain would not take is refused here, with what is missing. 409 otherwise."""
    view = call.shell.view
    shown = [found for name in ([asset] if asset else view.assets()) if (found := view.asset(name))]
    latched = [found for found in shown if found.get("latched") or found.get("state") == "fault"]
    if not latched:
        raise Failure(409, "nothing-to-acknowledge", "no fault stands here")
    for fault in latched:
        clear, needed = fault.get("clear_s") or 0.0, fault.get("clear_for_s")
        if needed is not None and clear < needed:
            raise Failure(409, "not-clear", f"{fault['asset_id']}: the cause has been clear for {clear:g} s of the "
                                            f"{needed:g} s that an acknowledgement needs")


def check_remote(call: Call, asset: str | None) -> None:
    """An activation in local control is taken away again by the next tick. 409 where it is of no asset that is not."""
    view = call.shell.view
    shown = [found for name in ([asset] if asset else view.assets()) if (found := view.asset(name))]
    local = [found["asset_id"] for found in shown if NOT_REMOTE in found.get("missing", ())]
    if local and len(local) == len(shown):
        raise Failure(409, "local-control", f"{', '.join(local)}: {NOT_REMOTE}; activate when it is remote again")


async def through(call: Call, wanted: OperatorAct) -> None:
    """Hand the act to the door. It goes on when the client hangs up or the journal is slow."""
    under_way = asyncio.ensure_future(call.shell.door.act(wanted))
    try:
        await asyncio.wait_for(asyncio.shield(under_way), JOURNAL_S)
    except TimeoutError:
        under_way.add_done_callback(_late)
        raise Failure(503, "journal-failed", f"{wanted.kind}: the journal did not answer within {JOURNAL_S:g} s; "
                                             "whether it was written is not known") from None
    except ActRefusedError as error:
        raise Failure(409, error.error, str(error)) from None
    except JournalError as error:
        effect = "acts now but may not survive a restart" if error.acted else "was not taken"
        raise Failure(503, "journal-failed", f"the {wanted.kind} {effect}: {error}") from None
    logger.bind(component="web", asset=wanted.asset, decision=str(wanted.kind), reason=wanted.reason).info(
        "{} by {} ({}) for {}", wanted.kind, wanted.operator, wanted.role, wanted.asset or "all assets")


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
    if wanted.kind is ActKind.MANUAL:
        answer |= {"power_kw": wanted.power_kw, "dead_man_s": wanted.dead_man_s}
    return answer


def _late(task: asyncio.Future[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        logger.bind(component="web", reason="journal-failed").error("a late act failed: {}", error)


ACTS = (
    *(Access("POST", f"/operator/{kind}", Role.OPERATOR, act(kind))
      for kind in ActKind),
)
