"""A decision of ours in the earlier system's words, so that both can be compared: reasons and sources.

    limited by the BMS limit to 37 kW  ►  max-discharge-power        quality stale, 15 s old  ►  snapshot-aged-15.0s

Their `source` is `Optimization` in every command that follows anybody, and `Fallback` where values are unfit; ours
names who asked. An id of ours ends with its tick, which is left out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from jit import rows as r
from jit.codes import Condition, Permit, Quality
from jit.frame import Frame
from operators.cut import cut
from operators.sentence import limit_name, request_name, why

#: What the earlier system says when nobody asks for anything, by its optimiser.
NOBODY_ASKS = {"NoOpDispatchOptimizer": "noop-optimizer", "ScheduleFollowingDispatchOptimizer": "no-active-commitment"}
FOLLOWS = {
    "day_ahead": "follows-day-ahead-binding-rank-4",
    "commitment": "follows-commitment-binding-rank-4",
    "intraday": "follows-intraday-pending-rank-5",
}


@dataclass(frozen=True, slots=True)
class Ours:
    """One decision in their words. `id` without the tick that ours names; empty where nothing is written."""

    id: str
    mode: str
    power_kw: float
    reactive_kvar: float
    reason: str
    source: str
    why: str


def ours(frame: Frame, column: int, optimizer: str) -> Ours:
    command = cut(frame, column)
    if command is None:
        return Ours("", "", 0.0, 0.0, _unfit(frame, column), "", why(frame, column))
    fit = permitted(frame, column)
    said = reason(frame, column, NOBODY_ASKS.get(optimizer, "no-active-commitment"))
    source = command.source if command.source == "Operator" else "Optimization" if fit else "Fallback"
    mode, name = command.mode.name.capitalize(), command.id.rpartition("-")[0]
    return Ours(name, mode, command.power_kw, command.reactive_kvar, said, source, command.reason)


def permitted(frame: Frame, column: int) -> bool:
    return Permit.YES in (frame.codes.item(r.MAY_CHARGE, column), frame.codes.item(r.MAY_DISCHARGE, column))


def reason(frame: Frame, column: int, nobody_asks: str) -> str:
    """Theirs for what binds: the snapshot, else a limit, else the ramp, else the request that is followed."""
    if not permitted(frame, column):
        return _unfit(frame, column)
    if limit := limited(frame, column):
        return limit
    return ramped(frame, column) or FOLLOWS.get(request_name(frame, column), nobody_asks)


def limited(frame: Frame, column: int) -> str:
    """Their name of the limit that binds; empty when none does."""
    charging = frame.values.item(r.DESIRED_KW, column) < 0.0
    match limit_name(frame, frame.codes.item(r.LIMITED_BY, column)):
        case "none":
            return ""
        case "temperature":
            return "temperature-out-of-range"
        case "soc" | "energy":
            return "soc-at-max-charge-blocked" if charging else "soc-at-min-discharge-blocked"
        case "availability" | "permission":
            return "asset-unavailable"
        case _:
            return "max-charge-power" if charging else "max-discharge-power"


def ramped(frame: Frame, column: int) -> str:
    """Their name of the ramp that holds back; empty when none does."""
    aim, now = frame.values.item(r.LIMITED_KW, column), frame.values.item(r.RAMPED_KW, column)
    if aim == now:
        return ""
    if frame.dt == 0.0:
        return "ramp-not-permitted"
    return "ramp-up-clamped" if aim > now else "ramp-down-clamped"


def _unfit(frame: Frame, column: int) -> str:
    """Their name of what is wrong with the values, or of what else keeps the battery from running."""
    quality, values = frame.codes.item(r.QUALITY, column), frame.values
    if quality == Quality.UNKNOWN or values.item(r.AGE_S, column) == inf:
        return "no-snapshot"
    if quality & Quality.STALE:
        return f"snapshot-aged-{values.item(r.AGE_S, column):.1f}s"
    if quality & Quality.RANGE:
        return "soc-out-of-range"
    if not quality & Quality.VALID:
        return "protocol-error"
    if frame.codes.item(r.AVAILABLE, column) == Permit.NO:
        return "asset-unavailable"
    missing = frame.codes.item(r.MISSING, column)
    return "values-not-fresh-yet" if missing & Condition.FRESH else "not-permitted"
