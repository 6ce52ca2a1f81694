"""`telemetry-control-cycle`: recorded telemetry through the whole chain, a command per record compared.

    record: now, telemetry, when it was received ─► device answers ─► chain ─► our command ⇄ the golden one

The chain ticks every cycle (1 s, less where the records are closer) and in every tick without telemetry the device is
silent. Before the first record the same telemetry stands for as long as an asset needs to become ready: the
earlier system had no such time. The recorded power answers nobody: an open loop, as the set was recorded.
"""

from __future__ import annotations

from math import ceil, gcd
from pathlib import Path

from jit import constants as c
from jit import rows as r
from jit.codes import Condition, Quality
from jit.frame import Frame
from operators.sentence import limit_name
from pipeline.earlier.asset import Site
from pipeline.earlier.compared import NUMBERS, Compared, Difference, differs
from pipeline.earlier.manifest import (
    Command,
    GoldenCommands,
    Manifest,
    ManifestError,
    Record,
    Schedule,
    Telemetry,
    TelemetryFixture,
)
from pipeline.earlier.words import Ours, ours, permitted
from pipeline.rehearsal.plant import Device
from pipeline.rehearsal.vocabulary import HEALTHY, MISSING, STALE
from pipeline.rehearsal.world import World
from sources import schedule as markets
from sources.instant import format_utc
from sources.schedule import ScheduleType

LONGEST_NS, SHORTEST_NS = 1_000_000_000, 100_000_000
TYPES = {"DayAhead": ScheduleType.DAY_AHEAD, "Intraday": ScheduleType.INTRADAY,
         "RegelLeistungReserve": ScheduleType.RESERVE}  # fmt: skip
POINTS = {"soc_percent": "soc", "soh_percent": "soh", "temperature_celsius": "temperature", "dc_voltage": "dc_voltage",
          "dc_current": "dc_current", "active_power_kw": "power", "reactive_power_kvar": "reactive_power"}  # fmt: skip

#: The earlier system's fault texts and their alarm bits; another text is no value.
ALARMS = {"ok": 0.0, "isolation-fault": 1.0, "thermal-runaway": 2.0, "communication-loss": 4.0}


def replayed(manifest: Manifest, path: Path, fixture: TelemetryFixture, golden: GoldenCommands, site: Site,
             asset: str) -> tuple[Compared, ...]:  # fmt: skip
    """Every record's command beside the golden one. Raises `ManifestError` when they do not belong together."""
    _together(path, fixture, golden, asset)
    first, cycle = fixture.records[0], _cycle(path, fixture)
    fresh_for = site.definition.chain.state_machine.fresh_for
    step_ns = round(cycle * 1e9)
    waited_ns = first.timestamp_utc - first.received_ns
    ahead = 0 if first.telemetry is None else ceil(fresh_for / cycle) + 4 + ceil(waited_ns / step_ns)
    begin_ns = first.timestamp_utc - ahead * step_ns
    world = World(site.compiled(cycle), begin_ns=begin_ns)
    device, column = world.plant.devices[asset], world.compiled.layout.column[asset]
    answers = _answers(fixture.records, begin_ns, step_ns)
    for schedule in fixture.schedules:
        world.post(_schedule(schedule))
    found = []
    for record, command in zip(fixture.records, golden.commands, strict=True):
        while (now := world.now_ns) <= record.timestamp_utc:
            _answer(device, answers.get(world.index))
            frame = world.step()
            if now == record.timestamp_utc:
                said = ours(frame, column, manifest.solver_options.optimizer)
                found.append(_compared(manifest, command, said, frame, column))
    return tuple(found)


def _together(path: Path, fixture: TelemetryFixture, golden: GoldenCommands, asset: str) -> None:
    """One golden command per record, of this asset and instant, in the order of time."""
    records, commands = fixture.records, golden.commands
    if len(records) != len(commands):
        raise ManifestError(path, "$.golden", f"{len(commands)} commands for {len(records)} records")
    for i, (record, command) in enumerate(zip(records, commands, strict=True)):
        named = {command.asset_id, *([record.telemetry.asset_id] if record.telemetry else [])}
        if named != {asset}:
            raise ManifestError(path, f"$.records[{i}]", f"a set is of one asset, here {asset}, not {sorted(named)}")
        if record.timestamp_utc != command.timestamp_utc:
            what = f"the command is of {format_utc(command.timestamp_utc)}"
            raise ManifestError(path, f"$.records[{i}].timestamp_utc", what)
        if record.received_ns > record.timestamp_utc:
            raise ManifestError(path, f"$.records[{i}].received_at_utc", "received after the cycle that used it")
        if i and record.timestamp_utc <= records[i - 1].timestamp_utc:
            raise ManifestError(path, f"$.records[{i}].timestamp_utc", "records are in the order of time")


def _cycle(path: Path, fixture: TelemetryFixture) -> float:
    """The longest cycle (s), of 1 s at most, whose ticks meet every record."""
    first = fixture.records[0].timestamp_utc
    cycle_ns = gcd(LONGEST_NS, *(record.timestamp_utc - first for record in fixture.records))
    if cycle_ns < SHORTEST_NS:
        raise ManifestError(path, "$.records", f"only ticks every {cycle_ns / 1e6:g} ms would meet every record")
    return cycle_ns / 1e9


def _schedule(told: Schedule) -> markets.Schedule:
    windows = tuple(markets.Window(w.start_utc, w.end_utc, w.target_power_kw) for w in told.windows)
    issued_ns = windows[0].start_ns
    return markets.Schedule(TYPES[told.type], told.asset_id, told.market_bid_area, told.version, issued_ns, windows, "")


def _answers(records: list[Record], begin_ns: int, step_ns: int) -> dict[int, Telemetry]:
    """What was received in which tick; what the first one says holds in all ticks before it, too."""
    found: dict[int, Telemetry] = {}
    for record in records:
        if record.telemetry is not None:
            tick = -((begin_ns - record.received_ns) // step_ns)
            found |= {} if found else dict.fromkeys(range(tick), record.telemetry)
            found[tick] = record.telemetry
    return found if records[0].telemetry is not None else {k: v for k, v in found.items() if k >= 0}


def _answer(device: Device, telemetry: Telemetry | None) -> None:
    """The device's next answer; none without telemetry."""
    device.condition = MISSING
    if telemetry is None:
        return
    flag, read = telemetry.judged.flag, device.index
    device.condition = STALE if flag == "Stale" else HEALTHY
    for member, point in POINTS.items():
        value = getattr(telemetry, member)
        if point in read:
            device.pin(point, MISSING if value is None or flag not in ("Valid", "Stale") else value)
    if "available" in read:
        device.pin("available", float(telemetry.available))
    if "alarms" in read:
        device.pin("alarms", ALARMS.get(telemetry.fault_status, MISSING))


# --- comparing --------------------------------------------------------------------------------------------------------


def _compared(manifest: Manifest, command: Command, said: Ours, frame: Frame, column: int) -> Compared:
    tolerances, strict = manifest.tolerances, manifest.determinism.mode == "strict"
    pairs = {
        "command_id": (command.command_id, said.id, 0.0),
        "mode": (command.mode, said.mode, 0.0),
        "active_power_kw": (command.active_power_kw, said.power_kw, tolerances.active_power_kw_abs),
        "reactive_power_kvar": (command.reactive_power_kvar, said.reactive_kvar, tolerances.reactive_power_kvar_abs),
        "reason": (command.reason, said.reason, 0.0),
        "source": (command.source, said.source, 0.0),
    }
    because = _because(command, said, frame, column)
    found = tuple(
        Difference(member, theirs, mine, because)
        for member, (theirs, mine, tolerance) in pairs.items()
        if (strict or member in NUMBERS) and differs(member, theirs, mine, tolerance)
    )
    return Compared(f"{command.command_id}", found, said.why)


def _because(command: Command, said: Ours, frame: Frame, column: int) -> str:
    """Why our decision is meant to be another one; empty when it is not."""
    codes, ratings = frame.codes, frame.constants.ratings
    if not said.mode and said.reason == "no-snapshot":
        return "silent"
    if command.mode == "Stop" and said.mode == "Idle" and not permitted(frame, column):
        return "zero_not_stop"
    if command.mode != "Stop" and said.power_kw == 0.0 and codes.item(r.MISSING, column) & Condition.FRESH:
        return "fresh_first" if codes.item(r.QUALITY, column) == Quality.VALID else "no_sense"
    limit = limit_name(frame, codes.item(r.LIMITED_BY, column))
    heat = frame.values.item(r.TEMPERATURE_C, column)
    if limit == "temperature" and heat in (ratings.item(c.T_MIN, column), ratings.item(c.T_MAX, column)):
        return "bound_of_temperature"
    if limit in ("temperature", "soc", "energy") and abs(said.power_kw) < abs(command.active_power_kw):
        return "limit_beats_ramp"
    paused = frame.dt > 2.0 * frame.constants.site[c.CYCLE_S]
    return "pause_earns_no_ramp" if paused and said.reason.startswith("ramp-") else ""
