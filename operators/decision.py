"""The decision trace of one asset: the finished frame, read as a waterfall.

    asked 80 → with reserve 110 → limited 37 by the BMS → ramped 37 → sent 37

Nothing is reconstructed: every step is a row that its stage wrote, with its reason and what it decided on beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jit import constants as c
from jit import rows as r
from jit.codes import REASON_TEXT, Reason, Why, WriteStatus
from jit.frame import Frame
from operators.offers import TYPE_OF_KIND, window_at
from operators.sentence import limit_name, power, why
from sources.instant import format_utc
from sources.schedule import Schedule

WHY_TEXT = {
    Why.UNKNOWN: "unknown",
    Why.CHOSEN: "chosen",
    Why.LOWER_PRIORITY: "lower priority",
    Why.NO_WINDOW: "no step covers this instant",
    Why.NEVER_RECEIVED: "never received",
    Why.EXPIRED: "expired",
    Why.CONSTANT: "lower priority",
    Why.OFFERS: "lower priority",
    Why.NO_CLOCK: "the machine's clock is not trusted",
    Why.NO_OPINION: "nothing to ask for",
}

#: The power after each step, in the order of the chain.
POWERS = (r.ASKED_KW, r.BASE_KW, r.DESIRED_KW, r.LIMITED_KW, r.RAMPED_KW, r.COMMAND_KW)
KVARS = (r.ASKED_KVAR, r.LIMITED_KVAR, r.RAMPED_KVAR, r.COMMAND_KVAR)
#: A request with something to say, which another one outranks.
OFFERED = (Why.OFFERS, Why.CONSTANT, Why.LOWER_PRIORITY)


def number(value: Any, digits: int = 3) -> float | None:
    """A finite float, rounded for people; None when unknown or unbounded."""
    kw = float(value)
    return round(kw, digits) if kw == kw and abs(kw) != float("inf") else None


def decision(
    frame: Frame, column: int, config: str = "", generation: int = 1, schedules: Iterable[Schedule] = ()
) -> dict[str, Any]:
    """The trace as JSON-able data. Powers in kW, + = discharging; null where unknown.

    Every number is a row of the frame or a rating. `schedules`: those held at its tick, for the slot that was followed.
    """
    values, codes = frame.values, frame.codes
    return {
        "asset_id": frame.layout.assets[column],
        "tick": frame.tick,
        "at": format_utc(frame.utc_ns),
        "config": config,
        "generation": generation,
        "command_kw": number(values.item(r.COMMAND_KW, column)),
        "why": why(frame, column),
        "steps": _steps(frame, column, schedules),
        "reactive": _reactive(frame, column),
        "binding": _binding(frame, column),
        "next_limit": _next_limit(frame, column),
        "limits": _limits(frame, column),
        "shortfall": _shortfall(frame, column),
        "not_used": _not_used(frame, column),
        "shortfall_kw": number(values.item(r.SHORTFALL_KW, column)),
        "state": codes.item(r.STATE, column),
    }


def _steps(frame: Frame, column: int, schedules: Iterable[Schedule]) -> list[dict[str, Any]]:
    codes, layout = frame.codes, frame.layout
    request = codes.item(r.REQUEST_BY, column)
    limit = limit_name(frame, codes.item(r.LIMITED_BY, column))
    asked, base, desired, limited, ramped, sent = (frame.values.item(row, column) for row in POWERS)
    by = layout.requests[request - 1] if request else "none"
    service = ", ".join(layout.services) or "none"

    def step(stage: str, out: float, before: float, by: str, row: int, detail: str = "") -> dict[str, Any]:
        said = REASON_TEXT[Reason(codes.item(row, column))]
        return {"stage": stage, "out_kw": number(out), "delta_kw": number(out - before), "by": by, "why": said,
                "detail": detail}  # fmt: skip

    slot = slot_of(frame, column, schedules)
    return [
        {"stage": "asked", "out_kw": number(asked), "delta_kw": number(asked), "by": by, "why": power(float(asked)),
         "detail": slot},
        step("resolve", base, asked, by, r.RESOLVE_BY, _kept(frame, column)),
        step("ancillary", desired, base, service, r.SERVICE_BY, _services(frame, column)),
        step("constrain", limited, desired, f"limits.{limit}" if limit != "none" else "none", r.LIMITED_WHY,
             _allowed(frame, column)),
        step("ramp", ramped, limited, "ramp", r.RAMP_BY, _rates(frame, column) if ramped != limited else ""),
        step("command", sent, ramped, "command", r.COMMAND_BY, _outcome(frame, column)),
    ]  # fmt: skip


def slot_of(frame: Frame, column: int, schedules: Iterable[Schedule]) -> str:
    """`slot 14:00 to 14:15 UTC, version 7` of the schedule that is followed; empty where it is none, or not known."""
    by = frame.codes.item(r.REQUEST_BY, column)
    kind = TYPE_OF_KIND.get(frame.layout.requests[by - 1].removeprefix("requests.")) if by else None
    asset = frame.layout.assets[column]
    held = {schedule.asset: schedule for schedule in schedules if schedule.type == kind and kind is not None}
    own = by and frame.values.item(r.request_rows()[0] + by - 1, column)
    schedule = held.get(asset if own == own else None)
    window = window_at(schedule, frame.utc_ns)[0] if schedule is not None else None
    if window is None or schedule is None:
        return ""
    start, end = format_utc(window.start_ns), format_utc(window.end_ns)
    until = end[11:16] if end[:10] == start[:10] else f"{end[:10]} {end[11:16]}"
    return f"slot {start[11:16]} to {until} UTC, version {schedule.version}"


def _kept(frame: Frame, column: int) -> str:
    """What resolve kept free, or which limit kept a share small."""
    reserve = frame.values.item(r.RESERVE_KW, column)
    if frame.codes.item(r.RESOLVE_BY, column) == Reason.HEADROOM and not reserve > 0.0:
        bound, _, by, _ = _side(frame, column)
        return f"{limit_name(frame, frame.codes.item(by, column))} {kw(frame.values.item(bound, column))}"
    return f"{kw(reserve)} of reserve" if reserve > 0.0 else ""


def _services(frame: Frame, column: int) -> str:
    """What the services answer to, and what each gives of what was sold."""
    first, _, _ = r.service_rows(frame.layout)
    given = []
    for number_, name in enumerate(frame.layout.services):
        capacity, _, gives, _ = (frame.values.item(first + r.SERVICE_ROWS * number_ + k, column) for k in range(4))
        if capacity > 0.0:
            given.append(f"{name.removeprefix('ancillary.')} {kw(gives)} of {kw(capacity)}")
    hertz = frame.site.item(r.FREQUENCY_HZ)
    seen = f"f = {hertz:.3f} Hz" if hertz == hertz else "f unknown"
    return f"{seen}; {', '.join(given)}" if given else ""


def _allowed(frame: Frame, column: int) -> str:
    """What the named limit leaves."""
    if not frame.codes.item(r.LIMITED_BY, column):
        return ""
    return f"leaves {power(frame.values.item(r.LIMITED_KW, column))}"


def _rates(frame: Frame, column: int) -> str:
    up, down = (frame.constants.ratings.item(row, column) for row in (c.RAMP_UP, c.RAMP_DOWN))
    return f"{kw(up)}/s up, {kw(down)}/s down"


def _outcome(frame: Frame, column: int) -> str:
    """The newest write whose outcome was known at this tick: of an earlier command, never of this one."""
    values = frame.values
    status = WriteStatus(frame.codes.item(r.WRITE_STATUS, column))
    if status is WriteStatus.UNKNOWN:
        return ""
    written, back, age = (values.item(row, column) for row in (r.WRITTEN_KW, r.READBACK_KW, r.WRITE_AGE_S))
    read = f", read back {kw(back)}" if back == back else ""
    return f"before: {kw(written)} {status.name.lower()} {age:.1f} s ago{read}"


def kw(value: float) -> str:
    """`37.5 kW`, signed as the rows are."""
    return f"{value + 0.0:.1f}".removesuffix(".0") + " kW" if value == value else "unknown"


def _reactive(frame: Frame, column: int) -> list[dict[str, Any]]:
    """The same steps for reactive power (kvar); empty without a rating for it."""
    if not frame.constants.ratings.item(c.REACTIVE_KVAR, column) > 0.0:
        return []
    codes, request = frame.codes, frame.codes.item(r.KVAR_REQUEST_BY, column)
    by = frame.layout.requests[request - 1] if request else "none"
    asked, limited, ramped, sent = (frame.values.item(row, column) for row in KVARS)
    ramps = "" if ramped == limited else f"{frame.constants.ratings.item(c.RAMP_KVAR_S, column):g} kvar/s"
    steps = (("asked", asked, 0.0, REASON_TEXT[Reason(codes.item(r.ASKED_KVAR_BY, column))], by),
             ("constrain", limited, asked, REASON_TEXT[Reason(codes.item(r.LIMITED_KVAR_BY, column))], "constrain"),
             ("ramp", ramped, limited, ramps or REASON_TEXT[Reason.RAMP_REACHED], "ramp"),
             ("command", sent, ramped, REASON_TEXT[Reason(codes.item(r.KVAR_BY, column))], "command"))  # fmt: skip
    return [
        {"stage": stage, "out_kvar": number(out), "delta_kvar": number(out - before), "by": name, "why": said}
        for stage, out, before, said, name in steps
    ]


def _side(frame: Frame, column: int) -> tuple[int, int, int, int]:
    """Rows of the band on the side the asset runs to: bound, room, binding limit, next limit."""
    if frame.values.item(r.DESIRED_KW, column) < 0:
        return r.LOW_KW, r.LOW_ROOM_KW, r.LOW_BY, r.LOW_NEXT_BY
    return r.HIGH_KW, r.HIGH_ROOM_KW, r.HIGH_BY, r.HIGH_NEXT_BY


def _binding(frame: Frame, column: int) -> dict[str, Any] | None:
    """The limit without which the power were another, and what it leaves."""
    by = frame.codes.item(r.LIMITED_BY, column)
    return {"by": limit_name(frame, by), "kw": number(frame.values.item(r.LIMITED_KW, column))} if by else None


def _next_limit(frame: Frame, column: int) -> dict[str, Any] | None:
    """The limit that would be met next, and the room up to it: beyond the binding one, else beyond the power.

    Where a shared limit cut below the asset's own band, the next one is that of the band.
    """
    bound, room, by, next_by = _side(frame, column)
    values, codes = frame.values, frame.codes
    limited = codes.item(r.LIMITED_BY, column)
    at_bound = values.item(r.LIMITED_KW, column) == values.item(bound, column)
    if limited and limited == codes.item(by, column) and at_bound:
        code, left = codes.item(next_by, column), values.item(room, column)
    else:
        code, left = codes.item(by, column), abs(values.item(bound, column) - values.item(r.LIMITED_KW, column))
    return {"by": limit_name(frame, code), "room_kw": number(left)} if code else None


def _limits(frame: Frame, column: int) -> list[dict[str, Any]]:
    """Every named limit that says something, in the order in which ties are decided."""
    first = r.limit_row(frame.layout)
    rows = (
        {"by": name, "low_kw": number(frame.values.item(first + 2 * i, column)),
         "high_kw": number(frame.values.item(first + 2 * i + 1, column))}
        for i, name in enumerate(frame.layout.limits)
    )  # fmt: skip
    return [row for row in rows if row["low_kw"] is not None or row["high_kw"] is not None]


def _shortfall(frame: Frame, column: int) -> dict[str, Any]:
    """What was wished and not allowed (kW ≥ 0), the services' part of it, and what of sold reserve has no room."""
    values, layout = frame.values, frame.layout
    first, _, _ = r.service_rows(layout)
    reserve = {name: values.item(first + r.SERVICE_ROWS * i + 3, column) for i, name in enumerate(layout.services)}
    return {
        "kw": number(abs(values.item(r.DESIRED_KW, column) - values.item(r.LIMITED_KW, column))),
        "service_kw": number(values.item(r.SHORTFALL_KW, column)),
        "reserve": [{"by": name, "kw": number(kw)} for name, kw in reserve.items() if kw > 0.0],
    }


def _not_used(frame: Frame, column: int) -> list[dict[str, Any]]:
    layout, chosen = frame.layout, frame.codes.item(r.REQUEST_BY, column)
    value, code, site = r.request_rows()
    by_hand = frame.codes.item(r.RESOLVE_BY, column) == Reason.BY_HAND
    lost = []
    for i, name in enumerate(layout.requests):
        if i + 1 != chosen:
            own, whole = frame.values.item(value + i, column), frame.site.item(site + i)
            why_not = Why(frame.codes.item(code + i, column))
            said = REASON_TEXT[Reason.BY_HAND] if by_hand and why_not in OFFERED else WHY_TEXT[why_not]
            asks = {"asked_kw": number(own)} if own == own else {"asked_site_kw": number(whole)}
            lost.append({"by": name, "why": said, **asks})
    return lost
