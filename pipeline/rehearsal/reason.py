"""The reason of an asset's power as `stage/cause`: the last stage that changed the value, read from the sealed frame.

    command    command/below_minimum  command/site.export_limit  command/one_direction  command/no_value
    ramp       ramp/up  ramp/down  ramp/stop
    constrain  constrain/<limit>: rating  bms_discharge_limit  bms_charge_limit  temperature  soc  energy  quality
               availability  site.export_limit  site.import_limit  permission.<why>;  one_direction  stage_fault
    ancillary  ancillary/<service>  ancillary/<service>.held
    resolve    resolve/reserve.<service>  resolve/<request>  resolve/no_request

Read from the back: a stage counts when what it gave differs from what it got by more than 0.1 kW, so that rounding to
the device's resolution never hides the ramp behind it. When nothing changed the value on the way, it is what `resolve`
chose: `resolve/day_ahead`. Without permission it is `constrain/permission`, also where sold reserve had left nothing of
the request before: the reserve is not why. A silent asset, to which nothing is written, has `command/silent.<why>`. A
further part of a cause stands after a dot; an expectation may leave parts out (`constrain/permission`, `ramp`).
"""

from __future__ import annotations

from jit import rows as r
from jit.codes import Authority, Permit, Reason
from jit.frame import Frame

#: A change smaller than this (kW) is rounding, not a decision.
CHANGE_KW = 0.1 + 1e-9

_CAUSE = {
    Reason.RAMP_UP: "up",
    Reason.RAMP_DOWN: "down",
    Reason.RAMP_STOP: "stop",
    Reason.LIMIT_AT_ONCE: "limit_at_once",
    Reason.TRACKS_MEASURED: "tracks_measured",
    Reason.ROUNDED: "rounded",
    Reason.BELOW_MINIMUM: "below_minimum",
    Reason.NO_VALUE: "no_value",
    Reason.STAGE_FAULT: "stage_fault",
    Reason.ONE_DIRECTION: "one_direction",
}


def reason(frame: Frame, column: int) -> str:
    """`stage/cause` of one asset."""
    values, codes = frame.values, frame.codes
    if codes[r.AUTHORITY, column] != Authority.ARMED:
        return _with("command/silent", _withheld(frame, column))
    chain = ((r.COMMAND_KW, r.RAMPED_KW), (r.RAMPED_KW, r.LIMITED_KW), (r.LIMITED_KW, r.DESIRED_KW),
             (r.DESIRED_KW, r.BASE_KW))  # fmt: skip
    changed = [_changed(float(values[after, column]), float(values[before, column])) for after, before in chain]
    if changed[0]:
        return f"command/{_cause(frame, column, r.COMMAND_BY)}"
    if changed[1]:
        return f"ramp/{_cause(frame, column, r.RAMP_BY)}"
    if changed[2]:
        return f"constrain/{_limit(frame, column)}"
    if changed[3]:
        return f"ancillary/{_service(frame, column)}"
    if _changed(float(values[r.BASE_KW, column]), float(values[r.ASKED_KW, column])) and not _permitted(frame, column):
        return f"constrain/{_with('permission', _withheld(frame, column))}"
    return f"resolve/{_request(frame, column)}"


def matches(expected: str, got: str) -> bool:
    """Whether `got` is what was expected, or one of its parts: `resolve/reserve` matches `resolve/reserve.fcr`."""
    return got == expected or got.startswith((f"{expected}.", f"{expected}/"))


def _permitted(frame: Frame, column: int) -> bool:
    row = r.MAY_DISCHARGE if frame.values[r.ASKED_KW, column] > 0.0 else r.MAY_CHARGE
    return bool(frame.codes[row, column] == Permit.YES)


def _changed(after: float, before: float) -> bool:
    return not abs(after - before) <= CHANGE_KW


def _with(head: str, tail: str) -> str:
    return f"{head}.{tail}" if tail else head


def _cause(frame: Frame, column: int, row: int) -> str:
    code = Reason(int(frame.codes[row, column]))
    return _site(frame) if code is Reason.SITE_LIMITED else _CAUSE.get(code, code.name.lower())


def _site(frame: Frame) -> str:
    return "site.export_limit" if float(frame["desired_kw"].sum()) > 0.0 else "site.import_limit"


def _limit(frame: Frame, column: int) -> str:
    why = Reason(int(frame.codes[r.LIMITED_WHY, column]))
    if why in (Reason.STAGE_FAULT, Reason.ONE_DIRECTION):
        return _CAUSE[why]
    code = int(frame.codes[r.LIMITED_BY, column])
    if why is Reason.SITE_LIMITED or not code:
        return _site(frame)
    name, out = frame.layout.limits[code - 1], frame.values[r.DESIRED_KW, column] > 0.0
    match name:
        case "bms":
            return "bms_discharge_limit" if out else "bms_charge_limit"
        case "site":
            return "site.export_limit" if out else "site.import_limit"
        case "permission":
            return _with("permission", _withheld(frame, column))
    return name


def _withheld(frame: Frame, column: int) -> str:
    """Why permission or authority is missing; empty in shadow mode, where nothing of the asset itself is."""
    why = Reason(int(frame.codes[r.STATE_BY, column]))
    if why is Reason.REMAINS:
        return ""
    if why is Reason.RUNNING and frame.site_codes[r.ARMED] != Permit.YES:
        return "shadow"
    return why.name.lower()


def _service(frame: Frame, column: int) -> str:
    """The service that gives most; `held` while its input is lost."""
    first, _, _ = r.service_rows(frame.layout)
    names = frame.layout.services
    given = [abs(float(frame.values[first + r.SERVICE_ROWS * i + 2, column])) for i in range(len(names))]
    name = names[given.index(max(given))].removeprefix("ancillary.")
    held = frame.codes[r.SERVICE_BY, column] == Reason.SERVICE_HELD
    return f"{name}.held" if held else name


_MUST = {int(Reason.GRID_CODE): "grid_code", int(Reason.RELIEVES): "relief"}


def _request(frame: Frame, column: int) -> str:
    must = _MUST.get(int(frame.codes[r.RESOLVE_BY, column]))
    if must is not None:
        return must
    if frame.codes[r.RESOLVE_BY, column] == Reason.RESERVE_KEPT_FREE:
        names = [name for i, name in enumerate(frame.layout.services) if frame.constants.split[i, column] > 0.0]
        return ".".join(["reserve", *(name.removeprefix("ancillary.") for name in names)])
    by = int(frame.codes[r.REQUEST_BY, column])
    return frame.layout.requests[by - 1].removeprefix("requests.") if by else "no_request"
