"""What an asset and the site look like to people, cut from a sealed frame: the shapes of REST and websocket.

Numbers are plain with their unit in the name, unknown is null, times are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jit import constants as c
from jit import rows as r
from jit.codes import REASON_TEXT, Authority, GridPhase, Permit, Quality, Reaction, Reason, State, WriteStatus
from jit.frame import Frame
from operators.cut import command_json, cut
from operators.decision import number
from operators.sentence import (
    DEVIATION_TEXT,
    LATCH_TEXT,
    bits,
    interlock_text,
    limit_name,
    not_ready,
    quality_text,
    request_name,
    why,
)
from sources.instant import format_utc

PHASE = {Reason.SERVICE_ADDED: "active", Reason.SERVICE_HELD: "held", Reason.SERVICE_WITHDRAWN: "withdrawn",
         Reason.BY_HAND: "withdrawn"}  # fmt: skip


def quality_flag(code: int) -> str:
    """The prior system's spelling of the worst bit."""
    if code == Quality.VALID:
        return "Valid"
    for bit, flag in (
        (Quality.PROTOCOL, "ProtocolError"),
        (Quality.MISSING, "Missing"),
        (Quality.STALE, "Stale"),
        (Quality.SUBSTITUTED, "Substituted"),
    ):
        if code & bit:
            return flag
    return "Invalid" if code else "Missing"


def telemetry(frame: Frame, column: int) -> dict[str, Any]:
    """LH-DOM-002 in the prior system's names."""
    values, codes = frame.values, frame.codes
    available = codes.item(r.AVAILABLE, column)
    age = number(values.item(r.AGE_S, column))
    return {
        "timestamp": format_utc(frame.utc_ns - int(age * 1e9)) if age is not None else None,
        "soc_percent": number(values.item(r.SOC_PCT, column)),
        "soh_percent": number(values.item(r.SOH_PCT, column)),
        "active_power_kw": number(values.item(r.POWER_KW, column)),
        "reactive_power_kvar": number(values.item(r.REACTIVE_KVAR, column)),
        "dc_voltage": number(values.item(r.VOLTAGE_V, column)),
        "dc_current": number(values.item(r.CURRENT_A, column)),
        "temperature_celsius": number(values.item(r.TEMPERATURE_C, column)),
        "available": None if available == Permit.UNKNOWN else available == Permit.YES,
        "fault_status": "ok" if codes.item(r.ALARMS, column) == 0 else f"alarms 0x{codes.item(r.ALARMS, column):x}",
    }


def constants_of(frame: Frame, column: int) -> dict[str, Any]:
    """What does not change: ratings and declared bands."""
    ratings = frame.constants.ratings

    def rated(row: int) -> float | None:
        return number(ratings.item(row, column))

    return {
        "rated": {
            "charge_kw": rated(c.CHARGE_KW),
            "discharge_kw": rated(c.DISCHARGE_KW),
            "energy_kwh": rated(c.ENERGY_KWH),
        },
        "soc_limits": {"min": rated(c.SOC_MIN), "max": rated(c.SOC_MAX)},
        "temperature_limits": {"min": rated(c.T_MIN), "max": rated(c.T_MAX)},
        "clear_for_s": rated(c.CLEAR_FOR),
    }


def condition_of(frame: Frame, column: int) -> dict[str, Any]:
    """State, permission, authority, and what is missing for the next state."""
    codes, values = frame.codes, frame.values
    return {
        "state": State(codes.item(r.STATE, column)).name.lower(),
        "state_reason": REASON_TEXT[Reason(codes.item(r.STATE_BY, column))],
        "state_s": number(values.item(r.STATE_S, column)),
        "authority": "armed" if codes.item(r.AUTHORITY, column) == Authority.ARMED else "silent",
        "may_charge": bool(codes.item(r.MAY_CHARGE, column) == Permit.YES),
        "may_discharge": bool(codes.item(r.MAY_DISCHARGE, column) == Permit.YES),
        "missing": not_ready(frame, column),
        "interlock": interlock_text(frame, column),
        "latched": bits(codes.item(r.LATCH, column), LATCH_TEXT),
        "clear_s": number(values.item(r.CLEAR_S, column)) or 0.0,
        "reentry_s": number(values.item(r.REENTRY_S, column)),
        "manual_kw": number(values.item(r.MANUAL_KW, column)),
        "manual_s": number(values.item(r.MANUAL_S, column)),
    }


def effect_of(frame: Frame, column: int) -> dict[str, Any]:
    """What the device should be doing by its declared response, and what is done because it does something else."""
    values, codes = frame.values, frame.codes

    def kw(row: int) -> float | None:
        return number(values.item(row, column))

    deviation = codes.item(r.DEVIATION, column)
    return {
        "expected_kw": kw(r.EXPECTED_KW),
        "least_kw": kw(r.LEAST_KW),
        "most_kw": kw(r.MOST_KW),
        "reaction": Reaction(codes.item(r.REACTION, column)).name.lower(),
        "deviation": DEVIATION_TEXT.get(deviation, ""),
        "low_kw": kw(r.EFFECT_LOW_KW),
        "high_kw": kw(r.EFFECT_HIGH_KW),
    }


def asset_status(frame: Frame, column: int) -> dict[str, Any]:
    """Everything the page shows of one asset."""
    values, codes = frame.values, frame.codes
    command, quality = cut(frame, column), codes.item(r.QUALITY, column)

    def kw(row: int) -> float | None:
        return number(values.item(row, column))

    def limit(row: int) -> str:
        return limit_name(frame, codes.item(row, column))

    return {
        "asset_id": frame.layout.assets[column],
        "at": format_utc(frame.utc_ns),
        **condition_of(frame, column),
        "telemetry": telemetry(frame, column),
        "quality": {"flag": quality_flag(quality), "reason": quality_text(quality)},
        "age_s": kw(r.AGE_S),
        "observed_at": format_utc(frame.utc_ns),
        "band": {
            "low_kw": kw(r.LOW_KW),
            "high_kw": kw(r.HIGH_KW),
            "low_by": limit(r.LOW_BY),
            "high_by": limit(r.HIGH_BY),
            "low_room_kw": kw(r.LOW_ROOM_KW),
            "high_room_kw": kw(r.HIGH_ROOM_KW),
        },
        "effect": effect_of(frame, column),
        **constants_of(frame, column),
        "asked_kvar": kw(r.ASKED_KVAR),
        "command_kvar": kw(r.COMMAND_KVAR),
        "kvar_why": REASON_TEXT[Reason(codes.item(r.KVAR_BY, column))],
        "asked_kw": kw(r.ASKED_KW),
        "base_kw": kw(r.BASE_KW),
        "service_kw": kw(r.SERVICE_KW),
        "limited_kw": kw(r.LIMITED_KW),
        "ramped_kw": kw(r.RAMPED_KW),
        "command_kw": kw(r.COMMAND_KW),
        "request": request_name(frame, column),
        "why": why(frame, column),
        "last_command": command_json(command) if command is not None else None,
        "write": {
            "status": WriteStatus(codes.item(r.WRITE_STATUS, column)).name.lower(),
            "written_kw": kw(r.WRITTEN_KW),
            "readback_kw": kw(r.READBACK_KW),
            "age_s": kw(r.WRITE_AGE_S),
        },
    }


def site_status(frame: Frame) -> dict[str, Any]:
    """The site's part that comes from the frame: point of connection, frequency, services."""
    site, constants = frame.site, frame.constants
    first, code_first, _ = r.service_rows(frame.layout)
    services = []
    for i, name in enumerate(frame.layout.services):
        row = first + r.SERVICE_ROWS * i
        phases = [PHASE.get(Reason(code), "absent") for code in frame.codes[code_first + i].tolist()]
        capacity, asked, given, undeliverable = (float(frame.values[row + k].sum()) for k in range(4))
        if not permitted(frame).any():
            given = 0.0  # what the service adds to the base goes nowhere
        services.append(
            {
                "id": name,
                "capacity_kw": number(capacity),
                "asked_kw": number(asked),
                "given_kw": number(given),
                "undeliverable_kw": number(undeliverable),
                "state": next((phase for phase in ("withdrawn", "held", "active") if phase in phases), "absent"),
            }
        )
    return {
        "at": format_utc(frame.utc_ns),
        "tick": frame.tick,
        "cycle_s": number(constants.site[c.CYCLE_S]),
        "mode": "armed" if frame.site_codes.item(r.ARMED) == Permit.YES else "shadow",
        "in_control": _in_control(frame),
        "poc_kw": number(site[r.POC_KW]),
        "poc_age_s": number(site[r.POC_AGE_S]),
        "poc_quality": quality_flag(int(frame.site_codes[r.POC_QUALITY])),
        "poc_quality_reason": quality_text(int(frame.site_codes[r.POC_QUALITY])),
        "frequency_quality": quality_flag(int(frame.site_codes[r.FREQUENCY_QUALITY])),
        "poc_kvar": number(site[r.POC_KVAR]),
        "poc_voltage_v": number(site[r.POC_V]),
        "total_kvar": number(site[r.TOTAL_KVAR]),
        "grid_functions": {
            name: GridPhase(frame.site_codes.item(row)).name.lower()
            for name, row in (("over", r.OVER_PHASE), ("under", r.UNDER_PHASE), ("reactive", r.KVAR_PHASE))
        },
        "frequency_hz": number(site[r.FREQUENCY_HZ], 4),
        "frequency_age_s": number(site[r.FREQUENCY_AGE_S]),
        "import_limit_kw": number(constants.site[c.IMPORT_LIMIT]),
        "export_limit_kw": number(constants.site[c.EXPORT_LIMIT]),
        "other_kw": number(site[r.OTHER_KW]),
        "must": {
            "low_kw": number(site[r.MUST_LOW_KW]),
            "high_kw": number(site[r.MUST_HIGH_KW]),
            "low_by": REASON_TEXT[Reason(frame.site_codes.item(r.MUST_LOW_BY))] if site[r.MUST_LOW_KW] > 0.0 else "",
            "high_by": REASON_TEXT[Reason(frame.site_codes.item(r.MUST_HIGH_BY))] if site[r.MUST_HIGH_KW] < 0.0 else "",
            "short_kw": number(site[r.MUST_SHORT_KW]),
        },
        "total_kw": number(site[r.TOTAL_KW]),
        "services": services,
    }


def permitted(frame: Frame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Per asset: whether any power may flow."""
    codes = frame.codes
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        (codes[r.MAY_CHARGE] == Permit.YES) | (codes[r.MAY_DISCHARGE] == Permit.YES)
    )  # fmt: skip
    return found


def _in_control(frame: Frame) -> str:
    """Who decides: a stop, a fault, somebody's hand, or the request that most of the permitted assets follow."""
    codes = frame.codes
    states = set(codes[r.STATE].tolist())
    if State.EMERGENCY_STOP in states:
        return "operator stop"
    if states == {State.FAULT}:
        return "fault"
    if (codes[r.STATE_BY] == Reason.BY_HAND).any():
        return "by hand"
    running = permitted(frame)
    if not running.any():
        return "nobody"
    followed = np.bincount(codes[r.REQUEST_BY][running], minlength=1)
    return request_name(frame, int(np.flatnonzero(codes[r.REQUEST_BY] == followed.argmax())[0]))
