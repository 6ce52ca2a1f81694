"""What a test can write and read: node ids, dotted, each with its dimension or its words.

    given, timeline   bess1: stale            bess1.discharge_limit: 37 kW    bess1.available: false
                      site.load: 120 kW       site.poc.frequency: 49.9 Hz     site.poc: missing
                      limits.grid_operator: 60 %  limits.grid_operator.export: none
                      requests.day_ahead: 80 kW   requests.day_ahead.bess1: absent   operator.stop: all
    given alone       bess1.state: ready      bess1.delay: 0.4 s (how old its answers are when a tick reads them)
                      bess1.before.ramped_kw: 80, site.before.other_kw: -12 (rows that the tick before 0 s left behind)
                      site.clock: 2026-11-22T13:02:07Z   site.armed: false   site.jumps: true (a jump is implausible)
    expect            bess1.command, .reason, .state, .power, .soc, .low, .high, …   site.export   site.poc.power
                      ancillary.fcr.undeliverable   requests.day_ahead

Powers are kW, + = discharging or feeding in; limits, `site.import`, `site.export`, `site.load` and `site.pv` are
magnitudes. A quantity is data: which row, point or flow it is. Nothing here imports a kernel, so that `check` can read
tests without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from config.canonical import canonical, dimension_of
from config.definition import Definition
from config.profile import Profile
from config.units import DURATION, FREQUENCY, PERCENT, POWER, REACTIVE_POWER, Dimension
from jit import codes
from jit.codes import Authority, Permit, State
from jit.rows import CODE_ROWS, SITE_CODE_ROWS, SITE_VALUE_ROWS, VALUE_ROWS
from sources.act import ActKind

Words = Mapping[str, frozenset[int]]

#: Written instead of a value: the point or the whole device does not answer, is too old, is well again.
MISSING, STALE, HEALTHY = "missing", "stale", "healthy"
FAULTS = (MISSING, STALE, HEALTHY)
#: Written of a whole device: its polls fail, and say so at once.
LOST = "lost"
#: Written instead of a request's power; read instead of a number that nobody knows.
ABSENT, UNKNOWN = "absent", "unknown"
#: Written instead of the grid operator's ceiling: there is none.
NO_LIMIT = "none"
ALL = "all"
#: Written instead of a row's number without end.
UNLIMITED, UNLIMITED_BELOW = "unlimited", "-unlimited"

#: What `given: { bess1: { state: … } }` can be at 0 s.
STARTS = ("ready", "standby", "stopped", "fault", "maintenance")
#: What becomes of a write to the device.
WRITES = ("confirmed", "refused", "failed", "different")
SCHEDULED = ("commitment", "intraday", "day_ahead")

RUNNING = (State.READY, State.IDLE, State.CHARGING, State.DISCHARGING, State.LIMITED)
STATE_WORDS: Words = {
    **{state.name.lower(): frozenset({int(state)}) for state in State if state is not State.UNKNOWN},
    "stopped": frozenset({int(State.EMERGENCY_STOP)}),
    "running": frozenset(map(int, RUNNING[1:])),
}
YES_NO: Words = {"true": frozenset({int(Permit.YES)}), "false": frozenset({int(Permit.NO)})}
AUTHORITY_WORDS: Words = {"armed": frozenset({int(Authority.ARMED)}), "silent": frozenset({int(Authority.SILENT)})}

Write = Literal["point", "device", "level", "frequency", "request", "ceiling", "act", "start", "write", "delay",
                "before", "clock", "flag"]  # fmt: skip
Read = Literal["value", "code", "reason", "point", "site", "flow", "service", "request"]


@dataclass(frozen=True, slots=True)
class Written:
    """What a level changes: `device` and `point` of a reading, a `level` of the plant, a request, an operator's act."""

    path: str
    kind: Write
    device: str = ""
    point: str = ""
    dimension: Dimension | None = None
    words: tuple[str, ...] = ()
    only_words: bool = False
    signed: bool = False
    given_only: bool = False
    timeline_only: bool = False


@dataclass(frozen=True, slots=True)
class Readable:
    """Where an expectation finds its value: a row of the frame, a point, a flow of the plant, a reason."""

    path: str
    kind: Read
    row: str = ""
    asset: str = ""
    dimension: Dimension | None = None
    words: Words = field(default_factory=dict)

    @property
    def tolerance(self) -> float:
        """What still counts as equal, in the chain's unit: 0.1 kW, 0.1 %, 1 mHz."""
        if self.dimension is FREQUENCY:
            return 0.001
        return 0.1 if self.dimension is not None else 1e-6


_VALUES: tuple[tuple[str, str, Dimension], ...] = (
    ("command", "command_kw", POWER),
    ("reactive_command", "command_kvar", REACTIVE_POWER),
    ("asked", "asked_kw", POWER),
    ("base", "base_kw", POWER),
    ("service", "service_kw", POWER),
    ("desired", "desired_kw", POWER),
    ("limited", "limited_kw", POWER),
    ("ramped", "ramped_kw", POWER),
    ("reserve", "reserve_kw", POWER),
    ("shortfall", "shortfall_kw", POWER),
    ("low", "low_kw", POWER),
    ("high", "high_kw", POWER),
    ("power", "power_kw", POWER),
    ("charge_limit", "bms_charge_kw", POWER),
    ("discharge_limit", "bms_discharge_kw", POWER),
    ("soc", "soc_pct", PERCENT),
    ("soh", "soh_pct", PERCENT),
    ("age", "age_s", DURATION),
    ("state_time", "state_s", DURATION),
)
_CODES: tuple[tuple[str, str, Words], ...] = (
    ("state", "state", STATE_WORDS),
    ("authority", "authority", AUTHORITY_WORDS),
    ("may_charge", "may_charge", YES_NO),
    ("may_discharge", "may_discharge", YES_NO),
    ("available", "available", YES_NO),
    ("remote", "remote", YES_NO),
)
_UNITS = {row.name: row.unit for row in (*VALUE_ROWS, *CODE_ROWS)}
_SITE_UNITS = {row.name: row.unit for row in (*SITE_VALUE_ROWS, *SITE_CODE_ROWS)}
_SERVICE = ("capacity", "asked", "given", "undeliverable")
_PERMITS = ("available", "remote", "cooling", "contactor")


def code_words(unit: str) -> dict[str, int]:
    """What a code row of this unit can be, in words; empty for bits, counters and places."""
    family = getattr(codes, unit, None)
    if not isinstance(family, type) or not issubclass(family, IntEnum):
        return {}
    return {member.name.lower(): int(member) for member in family if int(member)}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything that can be written and read in the tests of one definition, by path."""

    written: Mapping[str, Written]
    readable: Mapping[str, Readable]
    assets: tuple[str, ...]

    @classmethod
    def of(cls, definition: Definition, profiles: Mapping[str, Profile]) -> Vocabulary:
        """`profiles` by device id (`bess1`, `site.poc`); a device without one can be missing and stale, no more."""
        written = {word.path: word for word in _written(definition, profiles)}
        readable = {word.path: word for word in _readable(definition, profiles)}
        return cls(written, readable, tuple(definition.assets))

    def target(self, path: str) -> Written | None:
        """What a path sets. Rows of the tick before are not listed: there are a hundred per asset."""
        owner, _, row = path.partition(".before.")
        if not row or owner not in ("site", *self.assets):
            return self.written.get(path)
        units = _SITE_UNITS if owner == "site" else _UNITS
        if row not in units and "." not in row:
            return None  # a row of a service or a controller has a dot: whether there is one, only its layout knows
        words = (UNKNOWN, UNLIMITED, UNLIMITED_BELOW, *code_words(units.get(row, "")))
        return Written(path, "before", "" if owner == "site" else owner, row, words=words, signed=True, given_only=True)


def _devices(definition: Definition) -> tuple[str, ...]:
    meters = (f"site.{meter}" for meter in definition.site.meters)
    return (*definition.assets, *meters, *(f"inputs.{name}" for name in definition.inputs))


def _written(definition: Definition, profiles: Mapping[str, Profile]) -> Iterator[Written]:
    for device in _devices(definition):
        yield Written(device, "device", device, words=(*FAULTS, LOST), only_words=True)
        yield Written(f"{device}.delay", "delay", device, dimension=DURATION, given_only=True)
        profile = profiles.get(device)
        for name, dimension in _points(profile).items():
            yield _point(device, name, dimension)
    for asset in definition.assets:
        yield Written(f"{asset}.state", "start", asset, words=STARTS, only_words=True, given_only=True)
        yield Written(f"{asset}.write", "write", asset, words=WRITES, only_words=True)
    yield Written("site.clock", "clock", given_only=True)
    for flag in ("armed", "jumps"):
        yield Written(f"site.{flag}", "flag", point=flag, words=tuple(YES_NO), only_words=True, given_only=True)
    yield Written("site.load", "level", point="load", dimension=POWER)
    pv = "site.pv" if "pv" not in definition.site.meters else "site.pv.power"
    yield Written(pv, "level", point="pv", dimension=POWER)
    if "pv" in definition.site.meters:  # the same word, with and without the point
        yield Written("site.pv", "level", "site.pv", "pv", POWER, FAULTS)
    yield Written("site.frequency", "frequency", dimension=FREQUENCY)
    for request in definition.requests:
        if request.kind in SCHEDULED:
            for asset in ("", *definition.assets):
                path = f"requests.{request.kind}" + (f".{asset}" if asset else "")
                yield Written(path, "request", asset, request.kind, POWER, (ABSENT,), signed=True)
    yield from _ceilings(definition)
    for act in (kind for kind in ActKind if kind is not ActKind.MANUAL):
        words = (ALL, *definition.assets)
        yield Written(f"operator.{act}", "act", "", act, words=words, only_words=True, timeline_only=True)


def _ceilings(definition: Definition) -> Iterator[Written]:
    """What the grid operator says, in percent, again in every tick: `none` is no limit, `missing` is silence."""
    told = [limit.grid_operator.direction for limit in definition.limits]
    for direction in told:
        paths = [f"limits.grid_operator.{direction}", *(["limits.grid_operator"] if len(told) == 1 else [])]
        for path in paths:
            yield Written(path, "ceiling", point=direction, dimension=PERCENT, words=(NO_LIMIT, MISSING))


def _point(device: str, name: str, dimension: Dimension | None) -> Written:
    path = f"{device}.{name}"
    if name in _PERMITS:
        return Written(path, "point", device, name, words=(*YES_NO, *FAULTS), only_words=True)
    signed = name.endswith("power") or name in ("setpoint", "dc_current", "temperature")
    return Written(path, "point", device, name, dimension, FAULTS, signed=signed)


def _points(profile: Profile | None) -> dict[str, Dimension | None]:
    """The read points of a profile with the chain's dimension; `state` is the state machine's word, not a point."""
    if profile is None:
        return {}
    known = canonical(profile.kind)
    return {
        name: known[name] if name in known else dimension_of(point.unit)
        for name, point in profile.read.items()
        if name != "state"
    }


def _readable(definition: Definition, profiles: Mapping[str, Profile]) -> Iterator[Readable]:
    for device in _devices(definition):
        for name, dimension in _points(profiles.get(device)).items():
            path = f"{device}.{name}"
            yield Readable(path, "point", path, device if device in definition.assets else "", dimension)
    for asset in definition.assets:
        for name, row, dimension in _VALUES:
            yield Readable(f"{asset}.{name}", "value", row, asset, dimension)
        for name, row, words in _CODES:
            yield Readable(f"{asset}.{name}", "code", row, asset, words=words)
        yield Readable(f"{asset}.reason", "reason", "", asset)
    for flow in ("export", "import", "load", "pv"):
        yield Readable(f"site.{flow}", "flow", flow, dimension=POWER)
    yield Readable("site.frequency", "site", "frequency_hz", dimension=FREQUENCY)
    yield Readable("site.command", "site", "total_kw", dimension=POWER)
    yield from _asked(definition)
    for service in definition.ancillary:
        name = f"ancillary.{service.kind}"
        for row in _SERVICE:
            yield Readable(f"{name}.{row}", "service", f"{name}.{row}_kw", dimension=POWER)
            for asset in definition.assets:
                yield Readable(f"{name}.{row}.{asset}", "service", f"{name}.{row}_kw", asset, POWER)


def _asked(definition: Definition) -> Iterator[Readable]:
    """What is allowed and asked from outside."""
    for limit in definition.limits:
        direction = limit.grid_operator.direction
        yield Readable(f"limits.grid_operator.{direction}", "site", f"ceiling_{direction}_kw", dimension=POWER)
    for request in definition.requests:
        name = f"requests.{request.name}"
        yield Readable(name, "site", f"{name}.site_kw", dimension=POWER)
        for asset in definition.assets:
            yield Readable(f"{name}.{asset}", "request", f"{name}.asked_kw", asset, POWER)
