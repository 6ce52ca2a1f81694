"""The decision trace of one asset: the finished frame, read as a waterfall.

    asked 80 → with reserve 110 → limited 37 by the BMS → ramped 37 → sent 37

Nothing is reconstructed: every step is a row that its stage wrote, with its reason beside it.
"""

from __future__ import annotations

from typing import Any

from jit import rows as r
from jit.codes import REASON_TEXT, Reason, Why
from jit.frame import Frame
from operators.sentence import limit_name, power, why
from sources.instant import format_utc

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


def number(value: Any, digits: int = 3) -> float | None:
    """A finite float, rounded for people; None when unknown or unbounded."""
    kw = float(value)
    return round(kw, digits) if kw == kw and abs(kw) != float("inf") else None


def decision(frame: Frame, column: int, config: str = "") -> dict[str, Any]:
    """The trace as JSON-able data. Powers in kW, + = discharging; null where unknown."""
    values, codes = frame.values, frame.codes
    return {
        "asset_id": frame.layout.assets[column],
        "tick": frame.tick,
        "at": format_utc(frame.utc_ns),
        "config": config,
        "command_kw": number(values.item(r.COMMAND_KW, column)),
        "why": why(frame, column),
        "steps": _steps(frame, column),
        "binding": _binding(frame, column),
        "next_limit": _next_limit(frame, column),
        "not_used": _not_used(frame, column),
        "shortfall_kw": number(values.item(r.SHORTFALL_KW, column)),
        "state": codes.item(r.STATE, column),
    }


def _steps(frame: Frame, column: int) -> list[dict[str, Any]]:
    codes, layout = frame.codes, frame.layout
    request = codes.item(r.REQUEST_BY, column)
    limit = limit_name(frame, codes.item(r.LIMITED_BY, column))
    asked, base, desired, limited, ramped, sent = (frame.values.item(row, column) for row in POWERS)
    by = layout.requests[request - 1] if request else "none"
    service = ", ".join(layout.services) or "none"

    def step(stage: str, out: float, before: float, by: str, reason: int) -> dict[str, Any]:
        return {
            "stage": stage,
            "out_kw": number(out),
            "delta_kw": number(out - before),
            "by": by,
            "why": REASON_TEXT[Reason(int(reason))],
        }

    return [
        {"stage": "asked", "out_kw": number(asked), "delta_kw": number(asked), "by": by, "why": power(float(asked))},
        step("resolve", base, asked, by, codes.item(r.RESOLVE_BY, column)),
        step("ancillary", desired, base, service, codes.item(r.SERVICE_BY, column)),
        step(
            "constrain",
            limited,
            desired,
            f"limits.{limit}" if limit != "none" else "none",
            codes.item(r.LIMITED_WHY, column),
        ),
        step("ramp", ramped, limited, "ramp", codes.item(r.RAMP_BY, column)),
        step("command", sent, ramped, "command", codes.item(r.COMMAND_BY, column)),
    ]


def _side(frame: Frame, column: int) -> tuple[int, int, int, int]:
    """Rows of the band on the side the asset runs to: bound, room, binding limit, next limit."""
    if frame.values.item(r.DESIRED_KW, column) < 0:
        return r.LOW_KW, r.LOW_ROOM_KW, r.LOW_BY, r.LOW_NEXT_BY
    return r.HIGH_KW, r.HIGH_ROOM_KW, r.HIGH_BY, r.HIGH_NEXT_BY


def _binding(frame: Frame, column: int) -> dict[str, Any] | None:
    bound, _, by, _ = _side(frame, column)
    if not frame.codes.item(r.LIMITED_BY, column):
        return None
    return {"by": limit_name(frame, frame.codes.item(by, column)), "kw": number(frame.values.item(bound, column))}


def _next_limit(frame: Frame, column: int) -> dict[str, Any] | None:
    _, room, _, next_by = _side(frame, column)
    code = frame.codes.item(next_by, column)
    return {"by": limit_name(frame, code), "room_kw": number(frame.values.item(room, column))} if code else None


def _not_used(frame: Frame, column: int) -> list[dict[str, str]]:
    layout, chosen = frame.layout, frame.codes.item(r.REQUEST_BY, column)
    _, first, _ = r.request_rows()
    return [
        {"by": name, "why": WHY_TEXT[Why(frame.codes.item(first + i, column))]}
        for i, name in enumerate(layout.requests)
        if i + 1 != chosen
    ]
