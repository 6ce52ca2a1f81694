"""F06 to F13, F16, F17: what devices say that is not so, and what they do with what they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.simulation.faults.kind import End, put
from pipeline.simulation.world import World
from simulator.faults import Fault
from simulator.lies import Lies


def lie(name: str, value: Any = True, normal: Any = False) -> Callable[..., End]:
    """A lie that is on or off."""

    def begin(world: World, device: str) -> End:
        return put(world.lies(device), name, value, normal)

    return begin


def share_of(name: str) -> Callable[..., End]:
    """So large a part of the points, replies or writes is not what it should be."""

    def begin(world: World, device: str, share: float) -> End:
        return put(world.lies(device), name, share, 0.0)

    return begin


def switch(fault: Fault) -> Callable[..., End]:
    """One of the simulator's faults on the device."""

    def begin(world: World, device: str, limit_kw: float | None = None) -> End:
        world.fault(device, fault, limit_kw=limit_kw)
        return lambda: world.heal(device, fault)

    return begin


def sentinel(world: World, device: str, point: str) -> End:
    lies: Lies = world.lies(device)
    lies.sentinel = lies.sentinel | {point}
    return lambda: setattr(lies, "sentinel", lies.sentinel - {point})


def scaled(world: World, device: str, point: str, factor: float) -> End:
    """The device's scale, or sign, of a point changes."""
    lies: Lies = world.lies(device)
    lies.scaled = lies.scaled | {point: factor}
    return lambda: setattr(lies, "scaled", {name: by for name, by in lies.scaled.items() if name != point})


def rival(world: World, device: str, kw: float) -> End:
    return put(world.lies(device), "rival_kw", kw, None)


def reboots(world: World, device: str, local: float) -> End:
    """The device restarts: connections drop, set-point and reversion are gone; it may be in local control then."""
    world.fault(device, Fault.RESET)
    world.line(device).break_()
    if local:
        world.fault(device, Fault.LOCAL)

    def end() -> None:
        world.heal(device, Fault.RESET)
        if local:
            world.heal(device, Fault.LOCAL)

    return end


def exchanged(world: World, device: str) -> End:
    """Another device answers at that address, and later the first one again; each time connections drop."""
    world.line(device).break_()
    world.fault(device, Fault.IDENTITY)
    began_s, place = world.loop.time(), len(world.trace.exchanged)
    world.trace.exchanged.append((device, began_s, float("inf")))

    def end() -> None:
        world.line(device).break_()
        world.heal(device, Fault.IDENTITY)
        world.trace.exchanged[place] = device, began_s, world.loop.time()

    return end
