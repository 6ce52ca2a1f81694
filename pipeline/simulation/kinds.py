"""What may go wrong: each kind of fault is one function that begins it and returns what ends it.

    "drop": Kind(drop, {"share": between(0.05, 0.5)})

The settings of a fault are drawn when a storm is drawn, and are JSON values: a storm can be written down and lived
through again without the random numbers that made it. What ends a fault heals: it puts back what is normal, and not
what it found, so that faults may overlap. Add a kind here and every storm may draw it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.simulation.world import World
from simulator.faults import Fault
from simulator.lies import Lies
from sources.act import ActKind

Setting = float | str | None
Draw = Callable[[random.Random, World, str], Setting]
End = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """`begin(world, device, **settings)` starts the fault now and returns what ends it; `draws` says how each setting
    is drawn for a device.
    """

    begin: Callable[..., End]
    draws: Mapping[str, Draw] = field(default_factory=dict)


def between(low: float, high: float) -> Draw:
    return lambda rng, _world, _device: round(rng.uniform(low, high), 3)


def one_of(*choices: Setting) -> Draw:
    return lambda rng, _world, _device: rng.choice(choices)


def _a_point(rng: random.Random, world: World, device: str) -> Setting:
    return rng.choice(sorted(world.stations[device].profile.read))


def _a_stage(rng: random.Random, world: World, _device: str) -> Setting:
    return rng.choice([stage.id for stage in world.process.stages])


def nothing() -> None:
    """A fault that ends by itself."""


def _set(thing: Any, name: str, value: Any, normal: Any) -> End:
    setattr(thing, name, value)
    return lambda: setattr(thing, name, normal)


def switch(fault: Fault) -> Callable[..., End]:
    """One of the simulator's faults on the device."""

    def begin(world: World, device: str, limit_kw: float | None = None) -> End:
        world.fault(device, fault, limit_kw=limit_kw)
        return lambda: world.heal(device, fault)

    return begin


def drop(world: World, device: str, share: float) -> End:
    return _set(world.line(device), "drop", share, 0.0)


def delay(world: World, device: str, mean_s: float) -> End:
    return _set(world.line(device), "delay_s", mean_s, 0.0)


def silence(world: World, device: str) -> End:
    return _set(world.line(device), "silent", True, False)


def cut(world: World, device: str) -> End:
    world.line(device).break_()
    return _set(world.line(device), "cut", True, False)


def evicted(world: World, device: str) -> End:
    world.line(device).break_()
    return nothing


def freeze(world: World, device: str) -> End:
    return _set(world.lies(device), "frozen", True, False)


def sentinel(world: World, device: str, point: str) -> End:
    lies: Lies = world.lies(device)
    lies.sentinel = lies.sentinel | {point}
    return lambda: setattr(lies, "sentinel", lies.sentinel - {point})


def discards(world: World, device: str) -> End:
    return _set(world.lies(device), "discards", True, False)


def busy(world: World, device: str) -> End:
    return _set(world.lies(device), "busy", True, False)


def rival(world: World, device: str, kw: float) -> End:
    return _set(world.lies(device), "rival_kw", kw, None)


def meter_lost(world: World, _device: str) -> End:
    return _set(world.line("poc"), "silent", True, False)


def clock_step(world: World, _device: str, seconds: float) -> End:
    return _set(world, "wall_offset_ns", int(seconds * 1e9), 0)


def scaled(world: World, device: str, point: str, factor: float) -> End:
    """The device's scale of its power or its charge changes by ten."""
    return _set(world.lies(device), "scaled", {point: factor}, {})


def raising(world: World, _device: str, stage: str) -> End:
    """A stage of the chain raises in every tick, until the process ends at the latest."""
    if world.shell is None:
        return nothing
    broken = next(s for s in world.process.stages if s.id == stage)
    began, boot, step = world.loop.time(), world.trace.boots[-1], broken.step

    def raises(_frame: Any) -> None:
        raise ArithmeticError("on purpose")

    def end() -> None:
        broken.step = step
        world.trace.raised.append((began, min(boot.ended_s, world.loop.time())))

    world.trace.healthy = False
    broken.step = raises
    return end


def stop(world: World, device: str, whole_site: float) -> End:
    if world.shell is not None:
        world.act(ActKind.STOP, None if whole_site else device)
    return nothing


def killed(world: World, _device: str) -> End:
    world.kill()
    return lambda: world.boot() if world.shell is None else None


def wish(world: World, device: str, kw: float) -> End:
    """A schedule that supersedes the one before: for the site, or for one battery."""
    world.schedule(kw, asset=None if device == "site" else device)
    return nothing


def besides(world: World, _device: str, kw: float) -> End:
    """What else hangs at the connection: + feeds in."""
    world.poc.other_kw = kw
    return nothing


def lifted(world: World, device: str, acknowledges: float) -> End:
    """Somebody releases, acknowledges where that is needed, and activates at the end."""
    asset = None if device == "site" else device

    def end() -> None:
        if world.shell is not None:
            world.act(ActKind.ACTIVATE, asset)

    if world.shell is not None:
        world.act(ActKind.RELEASE, asset)
        if acknowledges:
            world.act(ActKind.ACKNOWLEDGE, asset)
    return end


#: What comes and goes, and leaves nothing latched.
PASSING: dict[str, Kind] = {
    "drop": Kind(drop, {"share": between(0.05, 0.5)}),
    "delay": Kind(delay, {"mean_s": between(0.01, 0.3)}),
    "silence": Kind(silence),
    "cut": Kind(cut),
    "evicted": Kind(evicted),
    "freeze": Kind(freeze),
    "sentinel": Kind(sentinel, {"point": _a_point}),
    "busy": Kind(busy),
    "meter": Kind(meter_lost),
    "clock": Kind(clock_step, {"seconds": one_of(-86_400, -3600, -1, 1, 3600, 86_400)}),
    "raising": Kind(raising, {"stage": _a_stage}),
    "reset": Kind(switch(Fault.RESET)),
    "limit": Kind(switch(Fault.BMS_LIMIT), {"limit_kw": one_of(0.0, 10.0, 37.0)}),
    "unavailable": Kind(switch(Fault.UNAVAILABLE)),
}
#: What may end in a stop that somebody has to lift.
LATCHING: dict[str, Kind] = {
    "discards": Kind(discards),
    "rival": Kind(rival, {"kw": between(-200.0, 200.0)}),
    "stop": Kind(stop, {"whole_site": one_of(0, 1)}),
    "alarm": Kind(switch(Fault.ALARM)),
    "local": Kind(switch(Fault.LOCAL)),
    "sign": Kind(switch(Fault.WRONG_SIGN)),
    "killed": Kind(killed),
    "scaled": Kind(scaled, {"point": one_of("power", "soc"), "factor": one_of(0.1, 10.0)}),
}
#: What markets, people and the weather do. No fault: a storm does not draw it by itself.
ORDINARY: dict[str, Kind] = {"wish": Kind(wish), "besides": Kind(besides), "lifted": Kind(lifted)}
KINDS = PASSING | LATCHING
