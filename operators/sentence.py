"""Why the power is what it is, in one sentence, made from the rows of the sealed frame and nothing else.

    37 kW discharge, limited by the BMS limit to 37 kW discharge (asked 80 kW discharge by day ahead)

Power is said with its direction in words; the sign never stands alone.
"""

from __future__ import annotations

from jit import constants as c
from jit import rows as r
from jit.codes import (
    REASON_TEXT,
    Authority,
    Condition,
    Deviation,
    Forbidden,
    Latch,
    Permit,
    Quality,
    Reason,
    Sequence,
    State,
    WriteStatus,
)
from jit.frame import Frame

#: What people call the named limits.
LIMIT_TEXT = {
    "rating": "the rating",
    "configuration": "the configured rating",
    "bms": "the BMS limit",
    "permission": "a missing permission",
    "remote": "local control",
    "availability": "the device's availability",
    "quality": "data quality",
    "temperature": "temperature",
    "soc": "the state of charge",
    "energy": "the energy left",
    "apparent": "the apparent power",
    "effect": "what the device follows",
    "frequency": "the grid frequency",
    "site": "the point of connection",
    "transformer": "a transformer",
    "grid_operator": "the grid operator",
}
LATCH_TEXT: dict[int, str] = {
    Latch.ALARM: "critical alarm of the device",
    Latch.WRONG_SIGN: "power flows against the command",
    Latch.READBACK: "the device holds another set-point than the one written, for long or again",
    Latch.INTERLOCK: "an interlock demanded a stop",
    Latch.CRASH_LOOP: "the process started too often in a short time",
    Latch.FORGOTTEN: "what latched before the restart is unreadable",
    Latch.IDENTITY: "another device answers than the one that is configured",
    Latch.BEYOND: "the device gives or takes more power than commanded",
    Latch.SECOND_MASTER: "somebody else writes the device's set-point",
    Latch.EFFECT: "the device does not follow the command",
    Latch.SEQUENCE: "a step of starting up or shutting down was not done in time",
}
DEVIATION_TEXT: dict[int, str] = {
    Deviation.BEYOND: "the device gives or takes more power than commanded",
    Deviation.SHORT: "the device does not follow the command",
    Deviation.STUCK: "the measured power does not move any more",
    Deviation.WRONG_SIGN: "power flows against the command",
    Deviation.FOREIGN: "somebody else writes the device's set-point",
    Deviation.WRITES_FAIL: "no write reaches the device",
    Deviation.OSCILLATES: "the command swung to and fro, waiting until it is calm",
}
FORBIDDEN_TEXT: dict[int, str] = {Forbidden.CHARGE: "charging", Forbidden.DISCHARGE: "discharging"}
#: What stands in the way of the next state, where that needs no number to be understood.
MISSING_TEXT: dict[int, str] = {
    Condition.ACTIVATED: "not activated",
    Condition.REMOTE: "device in local control",
    Condition.AVAILABLE: "device not available",
    Condition.IDENTIFIED: "identity not read yet",
    Condition.REVERTS: "reversion not armed and read back yet",
    Condition.AGREES: "another set-point reads back than was written",
    Condition.QUIET: "0 kW not confirmed by the device yet",
}
QUALITY_TEXT: dict[int, str] = {
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
    Quality.PHYSICS: "the state of charge does not follow the energy",
}

#: The same of one point, worst first.
POINT_TEXT: dict[int, str] = {
    Quality.PROTOCOL: "no usable answer",
    Quality.MISSING: "no such value",
    Quality.STALE: "too old",
    Quality.FROZEN: "frozen",
    Quality.RETAINED: "only retained",
    Quality.TIME: "wrong time stamp",
    Quality.RANGE: "out of range",
    Quality.CONTRADICTORY: "contradicts another value",
    Quality.PHYSICS: "does not follow the energy",
    Quality.JUMP: "jumped",
    Quality.SUBSTITUTED: "substituted",
}

# Members as plain numbers: in CPython 3.11 looking one up in its class costs as much as a kernel.
ARMED, YES, VALID = int(Authority.ARMED), int(Permit.YES), int(Quality.VALID)
EMERGENCY_STOP, FAULT = int(State.EMERGENCY_STOP), int(State.FAULT)
STOPS = int(Sequence.STOP)
RUNNING, REMAINS = int(Reason.RUNNING), int(Reason.REMAINS)
BELOW_MINIMUM = int(Reason.BELOW_MINIMUM)
JOINT = tuple(map(int, (Reason.ONE_DIRECTION, Reason.SITE_LIMITED, Reason.TRANSFORMER_LIMITED,
                        Reason.GRID_OPERATOR_LIMITED)))  # fmt: skip
RAMPING = (int(Reason.RAMP_UP), int(Reason.RAMP_DOWN))
RESERVED, CAPPED = int(Reason.RESERVE_KEPT_FREE), int(Reason.HEADROOM)
MANDATORY = (int(Reason.GRID_CODE), int(Reason.RELIEVES))
STOPPED, LATCHED, LOCKED = int(Condition.STOPPED), int(Condition.LATCHED), int(Condition.LOCKED)
FRESH = int(Condition.FRESH)
STEADY, REENTERED = int(Condition.STEADY), int(Condition.REENTERED)
CLEAR, FREE = int(Condition.CLEAR), int(Condition.FREE)
BY_HAND = int(Reason.BY_HAND)
FAILED = int(WriteStatus.FAILED)
#: Causes that nothing in the way repeats.
NEWS = frozenset(map(int, (Reason.VALUES_FRESH, Reason.ACTIVATED, Reason.STOP_RELEASED, Reason.FAULT_ACKNOWLEDGED,
                           Reason.MAINTENANCE_ENDED)))  # fmt: skip
OBEYS, AVAILABLE = int(Condition.OBEYS), int(Condition.AVAILABLE)
SEQUENCED = int(Condition.STARTED | Condition.RESTS)
#: More lost points than these are not named one by one.
NAMED_POINTS = 3


def power(kw: float) -> str:
    """`37 kW discharge`, `12.5 kW charge`, `0 kW`, `unknown`."""
    if kw != kw:
        return "unknown"
    size = f"{abs(kw):.1f}".removesuffix(".0")
    return f"{size} kW" + (" discharge" if kw > 0 else " charge" if kw < 0 else "")


def bits(value: int, texts: dict[int, str]) -> str:
    """The texts of the set bits, in order."""
    return ", ".join(text for bit, text in texts.items() if value & bit)


def quality_text(value: int) -> str:
    """What is wrong with the required points; empty when nothing is."""
    if value == 0:
        return "never received"
    return "" if value == VALID else bits(value, QUALITY_TEXT)


def request_name(frame: Frame, column: int) -> str:
    """The chosen request without its prefix, `none` without one."""
    by = frame.codes.item(r.REQUEST_BY, column)
    return frame.layout.requests[by - 1].removeprefix("requests.") if by else "none"


def limit_name(frame: Frame, code: int) -> str:
    return frame.layout.limits[code - 1] if code else "none"


def why(frame: Frame, column: int) -> str:
    """The sentence for one asset."""
    codes, values = frame.codes, frame.values
    blocked = _blocked(frame, column)
    if codes.item(r.AUTHORITY, column) != ARMED:
        reason = blocked or ("shadow mode" if frame.site_codes[r.ARMED] != YES else "not armed yet")
        return f"nothing is written: {reason}"
    if codes.item(r.FAULT, column) != 0:
        return "0 kW, a stage of the chain failed"
    said = power(values.item(r.COMMAND_KW, column))
    if codes.item(r.WRITE_STATUS, column) == FAILED:
        said += " (could not be written)"
    return f"{said}, {blocked or _decided(frame, column)}"


def _decided(frame: Frame, column: int) -> str:
    """What made the power of a running asset what it is: the last thing in the chain that changed it."""
    codes, values = frame.codes, frame.values
    by_hand = codes.item(r.STATE_BY, column) == BY_HAND
    request = "hand" if by_hand else request_name(frame, column).replace("_", " ")
    asked = f"asked {power(values.item(r.ASKED_KW, column))} by {request}"
    asked += _service(frame, column)
    limit, resolved = codes.item(r.LIMITED_BY, column), codes.item(r.RESOLVE_BY, column)
    if limit:
        bound = power(values.item(r.LIMITED_KW, column))
        return f"limited by {_limit_text(frame, column, limit)} to {bound} ({asked})"
    rows = (r.LIMITED_WHY, r.COMMAND_BY, r.RAMP_BY)
    shared = next((code for row in rows if (code := codes.item(row, column)) in JOINT), 0)
    if shared:
        return f"{REASON_TEXT[Reason(shared)]} ({asked})"
    if codes.item(r.RAMP_BY, column) in RAMPING:
        return f"ramping to {power(values.item(r.LIMITED_KW, column))} ({asked})"
    if codes.item(r.COMMAND_BY, column) == BELOW_MINIMUM:
        return f"{REASON_TEXT[Reason(BELOW_MINIMUM)]} ({asked})"
    if resolved in MANDATORY:
        return f"{REASON_TEXT[Reason(resolved)]} ({asked})"
    if resolved == CAPPED:
        return f"all that {_cap(frame, column)} leaves of {request} for the site{_service(frame, column)}"
    if resolved == RESERVED:
        return f"{_beside_reserve(frame, column)} ({asked})"
    return f"{'by' if by_hand else 'follows'} {request}{_service(frame, column)}"


def _limit_text(frame: Frame, column: int, limit: int) -> str:
    """What people call the limit; a permission that an interlock takes away is that interlock, a lost meter is said."""
    name, lock = limit_name(frame, limit), frame.codes.item(r.INTERLOCK_BY, column)
    quality = int(frame.site_codes[r.POC_QUALITY])
    if name == "site" and quality != VALID:
        return f"{LIMIT_TEXT[name]}, whose meter is lost ({quality_text(quality)}),"
    return f"the interlock {frame.layout.interlocks[lock - 1]}" if lock and name == "permission" else LIMIT_TEXT[name]


def _cap(frame: Frame, column: int) -> str:
    """What keeps an asset's share of a wish for the site small."""
    if frame.values.item(r.RESERVE_KW, column) > 0.0:
        return "the reserve that is kept free"
    out = frame.values.item(r.ASKED_KW, column) >= 0
    return LIMIT_TEXT[limit_name(frame, frame.codes.item(r.HIGH_BY if out else r.LOW_BY, column))]


def _beside_reserve(frame: Frame, column: int) -> str:
    """What is left beside the reserve that was sold, and which limit it is measured from."""
    values, out = frame.values, frame.values.item(r.ASKED_KW, column) > 0
    bound = values.item(r.HIGH_KW if out else r.LOW_KW, column)
    limit = LIMIT_TEXT[limit_name(frame, frame.codes.item(r.HIGH_BY if out else r.LOW_BY, column))]
    reserve = power(values.item(r.RESERVE_KW, column)).removesuffix(" discharge")
    return f"{reserve} of reserve kept free below {limit} of {power(bound)}"


def _service(frame: Frame, column: int) -> str:
    given = frame.values.item(r.SERVICE_KW, column)
    return f", {power(given)} by reserve services" if abs(given) >= 0.05 else ""


def _blocked(frame: Frame, column: int) -> str:
    """What takes the permission away; empty while the asset may run."""
    codes = frame.codes
    state = codes.item(r.STATE, column)
    if state == EMERGENCY_STOP:
        return "operator stop"
    if state == FAULT:
        latched = bits(codes.item(r.LATCH, column), LATCH_TEXT)
        return f"fault latched: {latched}; {_acknowledgement(frame, column)}"
    if codes.item(r.STATE_BY, column) in (RUNNING, BY_HAND):
        return ""
    missing, by = "; ".join(not_ready(frame, column)), codes.item(r.STATE_BY, column)
    if by == REMAINS or (missing and by not in NEWS):
        return missing or f"{State(state).name.lower()}, waiting for the next tick"
    return "; ".join(filter(None, (REASON_TEXT[Reason(by)], missing)))


def not_ready(frame: Frame, column: int) -> list[str]:
    """What stands in the way of the next state, each in words that stand by themselves."""
    missing, words = frame.codes.item(r.MISSING, column), []
    if missing & STOPPED:
        words.append("operator stop stands")
    if missing & (LATCHED | STEADY):
        words += [bits(frame.codes.item(r.LATCH, column), LATCH_TEXT), _acknowledgement(frame, column)]
    if missing & LOCKED:
        words.append("locked out for maintenance")
    if missing & FRESH:
        words.append(_lost(frame, column) or "data not fresh for long enough yet")
    if missing & AVAILABLE and frame.codes.item(r.COOLING, column) != YES:
        words.append("no cooling")
    if missing & FRESH and frame.codes.item(r.AVAILABLE, column) == 0:
        missing &= ~AVAILABLE  # nobody knows: the lost data say so
    words += [text for bit, text in MISSING_TEXT.items() if missing & bit]
    if missing & OBEYS and not missing & (LATCHED | FRESH):
        words.append(DEVIATION_TEXT.get(frame.codes.item(r.DEVIATION, column), "not proved that it follows"))
    if missing & FREE:
        words.append(interlock_text(frame, column))
    if missing & SEQUENCED:
        words.append(step_text(frame, column))
    if missing & REENTERED:
        words.append(f"re-entry delay, {frame.values.item(r.REENTRY_S, column):.0f} s left")
    return words


def step_text(frame: Frame, column: int) -> str:
    """`start step 2 of 3: close_contactor, waiting for available`."""
    stops = frame.codes.item(r.SEQUENCE, column) == STOPS
    steps = [step for step in frame.layout.steps[column] if step.stops == stops]
    number = frame.codes.item(r.STEP, column)
    if not 1 <= number <= len(steps):
        return "start sequence not done" if number == 0 else f"{steps[-1].until} says no again: activate anew"
    step = steps[number - 1]
    written = f"{step.write}, " if step.write else ""
    what = f"{'no ' if stops else ''}{step.until}"
    return f"{'stop' if stops else 'start'} step {number} of {len(steps)}: {written}waiting for {what}"


def interlock_text(frame: Frame, column: int) -> str:
    """Which interlock forbids what; empty when none does."""
    by, bits_of = frame.codes.item(r.INTERLOCK_BY, column), frame.codes.item(r.INTERLOCK, column)
    if not by:
        return ""
    what = FORBIDDEN_TEXT.get(bits_of & (Forbidden.CHARGE | Forbidden.DISCHARGE), "power")
    return f"the interlock {frame.layout.interlocks[by - 1]} forbids {what}"


def _lost(frame: Frame, column: int) -> str:
    """What is wrong with the data and, where it is not all of them, of which points."""
    asset, said = frame.layout.assets[column], quality_text(frame.codes.item(r.QUALITY, column))
    first, last = frame.layout.devices[asset]
    lost = [i for i in range(first, last) if not frame.point_codes.item(i) & VALID]
    if not said or not lost or len(lost) > NAMED_POINTS:
        return said
    return f"{said}: {', '.join(frame.layout.points[i].removeprefix(f'{asset}.') for i in lost)}"


def _acknowledgement(frame: Frame, column: int) -> str:
    """What an acknowledgement still waits for."""
    if not frame.codes.item(r.MISSING, column) & CLEAR:
        return "needs an acknowledgement"
    clear, needed = frame.values.item(r.CLEAR_S, column), frame.constants.ratings.item(c.CLEAR_FOR, column)
    now = f"{clear if clear == clear else 0.0:.0f} s"
    return f"needs the cause clear for {needed:g} s (now {now}), then an acknowledgement"
