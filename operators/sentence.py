"""Why the power is what it is, in one sentence, made from the rows of the sealed frame and nothing else.

    37 kW discharge, limited by the BMS limit to 37 kW discharge (asked 80 kW discharge by day ahead)

Power is said with its direction in words; the sign never stands alone.
"""

from __future__ import annotations

from jit import rows as r
from jit.codes import REASON_TEXT, Authority, Condition, Latch, Permit, Quality, Reason, State
from jit.frame import Frame

#: What people call the named limits.
LIMIT_TEXT = {
    "rating": "the rating",
    "bms": "the BMS limit",
    "permission": "a missing permission",
    "quality": "data quality",
    "availability": "the device's availability",
    "temperature": "temperature",
    "soc": "the state of charge",
    "energy": "the energy left",
    "site": "the point of connection",
}
LATCH_TEXT = {
    Latch.ALARM: "critical alarm of the device",
    Latch.WRONG_SIGN: "power flows against the command",
    Latch.READBACK: "the device holds another set-point than the one written",
    Latch.OVERFLOW: "operator acts were lost",
    Latch.BEYOND: "the device gives or takes more power than commanded",
}
QUALITY_TEXT = {
    Quality.MISSING: "a required value is missing",
    Quality.RANGE: "a value is out of range",
    Quality.PROTOCOL: "no usable answer from the device",
    Quality.STALE: "data are too old",
    Quality.SUBSTITUTED: "a value is substituted",
    Quality.TIME: "the device's time stamp is wrong",
    Quality.CONTRADICTORY: "values contradict each other",
    Quality.FROZEN: "the device answers, but its values are frozen",
    Quality.JUMP: "a value jumped",
    Quality.RETAINED: "only a retained message was received",
}


def power(kw: float) -> str:
    """`37 kW discharge`, `12.5 kW charge`, `0 kW`, `unknown`."""
    if kw != kw:
        return "unknown"
    size = f"{abs(kw):.1f}".removesuffix(".0")
    return f"{size} kW" + (" discharge" if kw > 0 else " charge" if kw < 0 else "")


def bits(value: int, texts: dict[Latch, str] | dict[Quality, str]) -> str:
    """The texts of the set bits, in order."""
    return ", ".join(text for bit, text in texts.items() if value & int(bit))


def quality_text(value: int) -> str:
    """What is wrong with the required points; empty when nothing is."""
    if value == 0:
        return "never received"
    return "" if value == Quality.VALID else bits(value, QUALITY_TEXT)


def request_name(frame: Frame, column: int) -> str:
    """The chosen request without its prefix, `none` without one."""
    by = int(frame.codes[r.REQUEST_BY, column])
    return frame.layout.requests[by - 1].removeprefix("requests.") if by else "none"


def limit_name(frame: Frame, code: int) -> str:
    return frame.layout.limits[code - 1] if code else "none"


def why(frame: Frame, column: int) -> str:
    """The sentence for one asset."""
    codes, values = frame.codes, frame.values
    blocked = _blocked(frame, column)
    if codes[r.AUTHORITY, column] != Authority.ARMED:
        reason = blocked or ("shadow mode" if frame.site_codes[r.ARMED] != Permit.YES else "not armed yet")
        return f"nothing is written: {reason}"
    if codes[r.FAULT, column] != 0:
        return "0 kW, a stage of the chain failed"
    said = power(float(values[r.COMMAND_KW, column]))
    if blocked:
        return f"{said}, {blocked}"
    request = request_name(frame, column).replace("_", " ")
    asked = f"asked {power(float(values[r.ASKED_KW, column]))} by {request}"
    limit = int(codes[r.LIMITED_BY, column])
    if limit:
        bound = power(float(values[r.LIMITED_KW, column]))
        return (
            f"{said}, limited by {LIMIT_TEXT[limit_name(frame, limit)]} to {bound} ({asked}{_service(frame, column)})"
        )
    if codes[r.LIMITED_WHY, column] == Reason.ONE_DIRECTION:
        return f"{said}, {REASON_TEXT[Reason.ONE_DIRECTION]} ({asked})"
    if codes[r.RAMP_BY, column] in (Reason.RAMP_UP, Reason.RAMP_DOWN):
        return f"{said}, ramping to {power(float(values[r.LIMITED_KW, column]))} ({asked}{_service(frame, column)})"
    if codes[r.COMMAND_BY, column] == Reason.BELOW_MINIMUM:
        return f"{said}, {REASON_TEXT[Reason.BELOW_MINIMUM]} ({asked})"
    if codes[r.RESOLVE_BY, column] == Reason.RESERVE_KEPT_FREE:
        return f"{said}, {_beside_reserve(frame, column)} ({asked}{_service(frame, column)})"
    return f"{said}, follows {request}{_service(frame, column)}"


def _beside_reserve(frame: Frame, column: int) -> str:
    """What is left beside the reserve that was sold, and which limit it is measured from."""
    values, out = frame.values, frame.values[r.ASKED_KW, column] > 0
    bound = values[r.HIGH_KW if out else r.LOW_KW, column]
    limit = LIMIT_TEXT[limit_name(frame, int(frame.codes[r.HIGH_BY if out else r.LOW_BY, column]))]
    reserve = power(float(values[r.RESERVE_KW, column])).removesuffix(" discharge")
    return f"{reserve} of reserve kept free below {limit} of {power(float(bound))}"


def _service(frame: Frame, column: int) -> str:
    given = float(frame.values[r.SERVICE_KW, column])
    return f", {power(given)} by reserve services" if abs(given) >= 0.05 else ""


def _blocked(frame: Frame, column: int) -> str:
    """What takes the permission away; empty while the asset may run."""
    codes = frame.codes
    state = int(codes[r.STATE, column])
    if state == State.EMERGENCY_STOP:
        return "operator stop"
    if state == State.FAULT:
        return f"fault latched: {bits(int(codes[r.LATCH, column]), LATCH_TEXT)}"
    if codes[r.STATE_BY, column] == Reason.RUNNING:
        return ""
    missing = ", ".join(not_ready(frame, column))
    if codes[r.STATE_BY, column] == Reason.REMAINS:
        return f"{State(state).name.lower()}, waiting for {missing or 'the next tick'}"
    cause = REASON_TEXT[Reason(int(codes[r.STATE_BY, column]))]
    return f"{cause} ({missing})" if missing else cause


def not_ready(frame: Frame, column: int) -> list[str]:
    """What is missing for the next state, in words."""
    codes = frame.codes
    missing = int(codes[r.MISSING, column])
    words = []
    if missing & Condition.STOPPED:
        words.append("operator stop stands")
    if missing & Condition.LATCHED:
        words.append(bits(int(codes[r.LATCH, column]), LATCH_TEXT))
    if missing & Condition.LOCKED:
        words.append("locked out for maintenance")
    if missing & Condition.FRESH:
        words.append(quality_text(int(codes[r.QUALITY, column])) or "fresh data for long enough")
    if missing & Condition.ACTIVATED:
        words.append("activation")
    if missing & Condition.REMOTE:
        words.append("remote control")
    if missing & Condition.AVAILABLE:
        words.append("availability")
    return words
