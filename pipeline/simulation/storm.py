"""Seeded weather: which faults come, when, and for how long; then quiet, in which everything has to come back.

    safety phase   ──▁▂▇▂▁──▁▇▁──   faults of the kinds that this seed drew
    liveness phase ──────────────   all ended: power flows again, or something latched and says so

A kind is one function that begins the fault and returns what ends it. Add a kind here and every storm may draw it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from pipeline.simulation.net import stream
from pipeline.simulation.world import World
from simulator.faults import Fault
from sources.act import ActKind

End = Callable[[], None]
Kind = Callable[[World, str, random.Random], End]


def _nothing() -> None:
    """A fault that ends by itself."""


def _set(thing: Any, name: str, value: Any) -> End:
    before = getattr(thing, name)
    setattr(thing, name, value)
    return lambda: setattr(thing, name, before)


def _switch(fault: Fault) -> Kind:
    def begin(world: World, name: str, rng: random.Random) -> End:
        limit = rng.choice((0.0, 10.0, 37.0)) if fault is Fault.BMS_LIMIT else None
        world.fault(name, fault, limit_kw=limit)
        return lambda: world.heal(name, fault)

    return begin


def drop(world: World, name: str, rng: random.Random) -> End:
    return _set(world.line(name), "drop", rng.uniform(0.05, 0.5))


def delay(world: World, name: str, rng: random.Random) -> End:
    return _set(world.line(name), "delay_s", rng.uniform(0.01, 0.3))


def silence(world: World, name: str, rng: random.Random) -> End:
    return _set(world.line(name), "silent", True)


def cut(world: World, name: str, rng: random.Random) -> End:
    world.line(name).break_()
    return _set(world.line(name), "cut", True)


def evicted(world: World, name: str, rng: random.Random) -> End:
    world.line(name).break_()
    return _nothing


def freeze(world: World, name: str, rng: random.Random) -> End:
    return _set(world.lies(name), "frozen", True)


def sentinel(world: World, name: str, rng: random.Random) -> End:
    points = sorted(world.stations[name].profile.read)
    return _set(world.lies(name), "sentinel", {rng.choice(points)})


def discards(world: World, name: str, rng: random.Random) -> End:
    return _set(world.lies(name), "discards", True)


def busy(world: World, name: str, rng: random.Random) -> End:
    return _set(world.lies(name), "busy", True)


def rival(world: World, name: str, rng: random.Random) -> End:
    return _set(world.lies(name), "rival_kw", rng.uniform(-200.0, 200.0))


def meter_lost(world: World, name: str, rng: random.Random) -> End:
    return _set(world.line("poc"), "silent", True)


def clock_step(world: World, name: str, rng: random.Random) -> End:
    return _set(world, "wall_offset_ns", int(rng.choice((-86_400, -3600, -1, 1, 3600, 86_400)) * 1e9))


def scaled(world: World, name: str, rng: random.Random) -> End:
    """The device's scale of its power or its charge changes by ten."""
    return _set(world.lies(name), "scaled", {rng.choice(("power", "soc")): rng.choice((0.1, 10.0))})


def raising(world: World, name: str, rng: random.Random) -> End:
    """A stage of the chain raises in every tick."""
    stage = rng.choice(world.process.stages)
    began, step = world.loop.time(), stage.step

    def broken(frame: Any) -> None:
        raise ArithmeticError("on purpose")

    def end() -> None:
        stage.step = step
        world.trace.raised.append((began, world.loop.time()))

    world.trace.healthy = False
    stage.step = broken
    return end


def stop(world: World, name: str, rng: random.Random) -> End:
    world.act(ActKind.STOP, rng.choice((None, name)))
    return _nothing


def killed(world: World, name: str, rng: random.Random) -> End:
    world.kill()
    return world.boot


#: What comes and goes, and leaves nothing latched.
PASSING: dict[str, Kind] = {
    "drop": drop,
    "delay": delay,
    "silence": silence,
    "cut": cut,
    "evicted": evicted,
    "freeze": freeze,
    "sentinel": sentinel,
    "busy": busy,
    "meter": meter_lost,
    "clock": clock_step,
    "raising": raising,
    "reset": _switch(Fault.RESET),
    "limit": _switch(Fault.BMS_LIMIT),
    "unavailable": _switch(Fault.UNAVAILABLE),
}
#: What may end in a stop that somebody has to lift.
LATCHING: dict[str, Kind] = {
    "discards": discards,
    "rival": rival,
    "stop": stop,
    "alarm": _switch(Fault.ALARM),
    "local": _switch(Fault.LOCAL),
    "sign": _switch(Fault.WRONG_SIGN),
    "killed": killed,
    "scaled": scaled,
}


def storm(world: World, kinds: dict[str, Kind], *, seconds: float, quiet_s: float = 30.0) -> World:
    """Faults of at most three kinds, drawn by the world's seed, one after the other; then quiet."""
    rng = stream(world.seed, "storm")
    drawn = rng.sample(sorted(kinds), k=min(3, len(kinds)))
    until = world.loop.time() + seconds
    while world.loop.time() < until:
        asset = rng.choice(sorted(world.plants))
        end = kinds[rng.choice(drawn)](world, asset, rng)
        world.run(rng.choice((0.3, 1.0, 3.0, 7.0, 15.0)))
        end()
        world.run(rng.choice((0.1, 2.0, 12.0)))
    world.trace.healed_s = world.loop.time()
    return world.run(quiet_s)
