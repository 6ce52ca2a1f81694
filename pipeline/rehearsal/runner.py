"""Runs one test: the plant is given, data become fresh before 0 s, then tick by tick what happens and what is expected.

    before 0 s   given levels stand; every asset becomes ready, then takes the state it is given, then what is stale is
    0 s …        levels of the timeline from the first tick at or after `at`; expectations after each tick

The same definition and test give the same result on every machine: no real time, nothing random.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from math import ceil

from config.units import POWER
from jit.codes import State
from operators.sentence import why
from pipeline.compile import Compiled
from pipeline.rehearsal.expectation import Failure, Moment, Watch, involved
from pipeline.rehearsal.readout import Reader, reader
from pipeline.rehearsal.recall import recall
from pipeline.rehearsal.script import ExpectAt, Invariant, Level, Script
from pipeline.rehearsal.vocabulary import ABSENT, ALL, HEALTHY, LOST, STALE, YES_NO, Readable
from pipeline.rehearsal.world import World

#: How long an asset may take to become ready beyond `fresh_for` (s); what is given may forbid it altogether.
SETTLES_S = 30.0
#: Given only once the asset is ready: what it last said is known.
LATE = (STALE, LOST)
_ACT_OF_START = {"standby": "deactivate", "stopped": "stop", "maintenance": "lock_out"}
_STATE_OF_START = {
    "standby": State.STANDBY,
    "stopped": State.EMERGENCY_STOP,
    "maintenance": State.MAINTENANCE,
    "fault": State.FAULT,
}
_BESIDE = (("asked", "asked_kw"), ("low", "low_kw"), ("high", "high_kw"), ("command", "command_kw"))


@dataclass(slots=True)
class Track:
    """One quantity over all ticks from 0 s, for the marbles."""

    quantity: Readable
    read: Reader
    values: array[float] = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class Outcome:
    """What became of a test. `problem`: what was given cannot be reached, or the chain itself failed."""

    script: Script
    cycle_s: float
    ticks: int = 0
    failures: list[Failure] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    problem: str = ""

    @property
    def passed(self) -> bool:
        return not self.failures and not self.problem


def run(script: Script, compiled: Compiled) -> Outcome:
    """One test on a fresh chain and a fresh plant. Raises `ChainError` when the chain itself fails."""
    world, problem = prepared(script, compiled)
    outcome = Outcome(script, world.cycle, problem=problem)
    if problem:
        return outcome
    levels: dict[int, list[Level]] = defaultdict(list)
    for level in sorted(script.timeline, key=lambda level: level.at_s):
        levels[level.tick(world.cycle)].append(level)
    moments: dict[int, list[Moment]] = defaultdict(list)
    for expected in script.expect:
        if isinstance(expected, ExpectAt):
            moments[expected.tick(world.cycle)].append(Moment.of(expected, world))
    watches = [Watch.of(expected, world) for expected in script.expect if isinstance(expected, Invariant)]
    outcome.tracks = _tracks(script, world)
    outcome.ticks = 1 + max([0, ceil(script.lasts_s / world.cycle - 1e-6), *levels, *moments])
    for tick in range(outcome.ticks):
        if tick:
            world.plant.passes(world.cycle)
        for level in levels.get(tick, ()):
            apply(level, world)
        frame = world.step()
        for watch in watches:
            watch.check(frame, tick, world.cycle)
        for moment in moments.get(tick, ()):
            failure = moment.check(frame, tick, world.cycle)
            if failure is not None:
                outcome.failures.append(failure)
        for track in outcome.tracks:
            track.values.append(track.read(frame))
    outcome.failures += [watch.failure for watch in watches if watch.failure is not None]
    outcome.failures.sort(key=lambda failure: (failure.tick, failure.span.order))
    return outcome


def _tracks(script: Script, world: World) -> list[Track]:
    """Every quantity that is expected, and beside it what was asked, the band and the command of its assets."""
    found: dict[str, Readable] = {}
    for expected in script.expect:
        for asset in involved(expected.quantities, world.compiled.layout.assets):
            for name, row in _BESIDE:
                path = f"{asset}.{name}"
                found.setdefault(path, Readable(path, "value", row, asset, POWER))
        for quantity in expected.quantities:
            if quantity.kind != "reason":
                found.setdefault(quantity.path, quantity)
    return [Track(quantity, reader(quantity, world)) for quantity in found.values()]


# --- before 0 s -------------------------------------------------------------------------------------------------------


def prepared(script: Script, compiled: Compiled) -> tuple[World, str]:
    """A world whose next tick is 0 s, and what of `given` could not be reached."""
    chain, cycle = compiled.definition.chain, compiled.definition.site.cycle
    starts = {level.target.device: str(level.value) for level in script.given if level.target.kind == "start"}
    settles = ceil((chain.state_machine.fresh_for + SETTLES_S) / cycle)
    latches = ceil((2.0 * chain.command.readback.within + 2.0) / cycle) + 2
    flags = {level.target.point: level.value == "true" for level in script.given if level.target.kind == "flag"}
    world = World(compiled, armed=flags.get("armed", True), jumps=flags.get("jumps", False))
    for level in script.given:
        if level.value not in LATE:
            apply(level, world)
    assets = compiled.layout.assets
    for _ in range(settles):
        world.step()
        if all(map(world.permitted, assets)):
            break
    late = _not_ready(world, [asset for asset, start in starts.items() if start == "ready"])
    _take_states(world, starts, latches)
    for level in script.given:
        if level.value in LATE:
            apply(level, world)
    world.step()
    return world, late or _not_taken(world, starts) or recall(script.given, world)


def _take_states(world: World, starts: dict[str, str], latches: int) -> None:
    wanted = {asset: start for asset, start in starts.items() if start != "ready"}
    for asset, start in wanted.items():
        if start == "fault":
            world.plant.write_status(asset, "different")
        else:
            world.act(_ACT_OF_START[start], asset)
    for _ in range(latches if wanted else 0):
        world.step()
        if all(world.state(asset) == _STATE_OF_START[start] for asset, start in wanted.items()):
            break
    for asset, start in wanted.items():
        if start == "fault":
            world.plant.write_status(asset, "confirmed")


def _not_ready(world: World, assets: list[str]) -> str:
    late = next((asset for asset in assets if not world.permitted(asset)), None)
    if late is None or world.frame is None:
        return ""
    return f"`{late}` cannot be ready at 0 s: {why(world.frame, world.compiled.layout.column[late])}"


def _not_taken(world: World, starts: dict[str, str]) -> str:
    for asset, start in starts.items():
        if start != "ready" and world.state(asset) != _STATE_OF_START[start]:
            state = State(world.state(asset)).name.lower()
            return f"`{asset}` cannot be in {start} at 0 s: it is in {state}"
    return ""


# --- levels -----------------------------------------------------------------------------------------------------------


def apply(level: Level, world: World) -> None:
    """Set one thing, before the next tick."""
    target, value, plant = level.target, level.value, world.plant
    match target.kind:
        case "request" | "ceiling" | "act":
            _say(level, world)
        case "write":
            plant.write_status(target.device, str(value))
        case "level" if isinstance(value, str):
            plant.devices[target.device].condition = value
        case "level" if target.point == "load":
            plant.load_kw = float(value)
        case "level":
            plant.pv_kw = float(value)
        case "frequency":
            for device in plant.devices.values():
                if "frequency" in device.index:
                    device.pin("frequency", float(value))
        case "device":
            plant.devices[target.device].condition = str(value)
        case "delay":
            plant.devices[target.device].delay = float(value)
        case "point":
            _point(level, world)


def _say(level: Level, world: World) -> None:
    """What somebody says: a market, the grid operator, an operator."""
    target, value = level.target, level.value
    if target.kind == "request":
        world.request(target.point, None if value == ABSENT else float(value), target.device or None)
    elif target.kind == "ceiling":
        world.ceiling(target.point, value)
    else:
        world.act(target.path.removeprefix("operator."), None if value == ALL else str(value))


def _point(level: Level, world: World) -> None:
    """SoC is set and moves on with the energy; every other point stays where it was put."""
    target, value = level.target, level.value
    battery, device = world.plant.batteries.get(target.device), world.plant.devices[target.device]
    if target.point == "soc" and battery is not None and isinstance(value, float):
        battery.soc = value
        device.pin("soc", HEALTHY)
        return
    device.pin(target.point, float(value == "true") if value in YES_NO else value)



