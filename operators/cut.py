"""A command, cut from a sealed frame for one write (LH-DOM-003).

The chain computes rows; objects exist only at the edge, one per write. `cut` gives None when the asset is silent:
then nothing at all is written, not even a heartbeat. An id is unique per process and tick; a command past its deadline
is dropped by whoever holds it, never sent (LH-SAFE-005).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jit import constants as c
from jit import rows as r
from jit.codes import Authority, Mode, State
from jit.frame import Frame
from operators.sentence import why
from sources.instant import format_utc

#: `source` of a command on the wire, in the prior system's spelling, by kind of request.
SOURCE_OF_KIND = {"commitment": "Schedule", "intraday": "Schedule", "day_ahead": "Schedule", "idle": "Fallback"}
# Looked up once: a member of an enumeration costs more than the rest of its line.
_ARMED, _STOP = int(Authority.ARMED), Mode.STOP
_MODES = {int(mode): mode for mode in Mode if mode is not Mode.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Command:
    """Power in kW and kvar, + = discharging. `deadline_s` is scheduler time; `valid_until_ns` the same in UTC.

    `steps` are constant write points of the profile that are written with this command, and with no other.
    """

    id: str
    tick: int
    issued_ns: int
    asset: str
    mode: Mode
    power_kw: float
    reactive_kvar: float
    valid_until_ns: int
    deadline_s: float
    heartbeat: int
    reason: str
    source: str
    steps: tuple[str, ...] = ()


def cut(frame: Frame, column: int, *, told: bool = True) -> Command | None:
    """The command of one asset, or None when it is silent. An unknown value is 0 kW, an unknown mode is a stop.

    Not `told`: for a device that takes numbers alone; `reason` and `source` are empty.
    """
    codes, values = frame.codes, frame.values
    if codes.item(r.AUTHORITY, column) != _ARMED:
        return None
    mode = _MODES.get(codes.item(r.MODE, column), _STOP)
    power = values.item(r.COMMAND_KW, column)
    reactive = values.item(r.COMMAND_KVAR, column)
    valid_s = float(frame.constants.ratings.item(c.VALID_FOR_S, column))
    asset = frame.layout.assets[column]
    return Command(
        id=f"{'safe-stop' if mode is _STOP else 'ctrl'}-{frame.utc_ns // 1_000_000}-{asset}-{frame.tick}",
        tick=frame.tick,
        issued_ns=frame.utc_ns,
        asset=asset,
        mode=mode,
        power_kw=power if power == power and mode is not Mode.STOP else 0.0,
        reactive_kvar=reactive if reactive == reactive and mode is not Mode.STOP else 0.0,
        valid_until_ns=frame.utc_ns + int(valid_s * 1e9),
        deadline_s=frame.mono_s + valid_s,
        heartbeat=codes.item(r.HEARTBEAT, column),
        reason=why(frame, column) if told else "",
        source=_source(frame, column) if told else "",
        steps=_steps(frame, column) if power == 0.0 else (),
    )


def _steps(frame: Frame, column: int) -> tuple[str, ...]:
    """What a step of starting or stopping writes in this tick: nothing ever moves a contactor under power."""
    now = frame.codes.item(r.STEP_NOW, column)
    if now == 0 or frame.codes.item(r.FAULT, column) != 0:
        return ()
    stops, number = now > c.MOST_STEPS, (now - 1) % c.MOST_STEPS + 1
    steps = (step for step in frame.layout.steps[column] if (step.stops, step.number) == (stops, number))
    return tuple(step.write for step in steps if step.write is not None)


def _source(frame: Frame, column: int) -> str:
    codes = frame.codes
    if codes.item(r.STATE, column) == State.EMERGENCY_STOP:
        return "Operator"
    if codes.item(r.STATE, column) == State.FAULT or codes.item(r.FAULT, column) != 0:
        return "Safety"
    request = codes.item(r.REQUEST_BY, column)
    if frame.values.item(r.SERVICE_KW, column) != 0.0:
        return "RegelLeistung"
    return (
        SOURCE_OF_KIND.get(frame.layout.requests[request - 1].removeprefix("requests."), "Optimization")
        if request
        else "Fallback"
    )


def command_json(command: Command) -> dict[str, Any]:
    """The command as it goes over MQTT and REST; times RFC 3339 in UTC with milliseconds."""
    return {
        "command_id": command.id,
        "timestamp": format_utc(command.issued_ns),
        "asset_id": command.asset,
        "mode": command.mode.name.capitalize(),
        "active_power_kw": command.power_kw,
        "reactive_power_kvar": command.reactive_kvar,
        "valid_until": format_utc(command.valid_until_ns),
        "reason": command.reason,
        "source": command.source,
    }
