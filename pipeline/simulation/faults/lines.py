"""F01 to F05, F14, F15: what happens to bytes and connections between the process and a device."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.simulation.faults.kind import End, nothing, put
from pipeline.simulation.net import stream
from pipeline.simulation.world import World


def share_of(name: str) -> Callable[..., End]:
    """So large a part of the messages on the line to a device is lost, late, doubled, …"""

    def begin(world: World, device: str, share: float) -> End:
        return put(world.line(device), name, share, 0.0)

    return begin


def delay(world: World, device: str, mean_s: float) -> End:
    return put(world.line(device), "delay_s", mean_s, 0.0)


def silence(world: World, device: str) -> End:
    return put(world.line(device), "silent", True, False)


def meter_lost(world: World, _device: str) -> End:
    return put(world.line("poc"), "silent", True, False)


def cut(world: World, device: str) -> End:
    """Connections drop and are refused."""
    world.line(device).break_()
    return put(world.line(device), "cut", True, False)


def evicted(world: World, device: str) -> End:
    """Another client takes the device's one connection, once."""
    world.line(device).break_()
    return nothing


def crowded(world: World, device: str, every_s: float) -> End:
    """Another client takes the device's one connection again and again."""
    line, over = world.line(device), False

    def again() -> None:
        if not over:
            line.break_()
            world.loop.call_later(every_s, again)

    def end() -> None:
        nonlocal over
        over = True

    again()
    return end


def half_open(world: World, device: str) -> End:
    """The device has forgotten the connections that stand: nothing comes back on them, new ones are taken."""
    world.line(device).forget()
    return nothing


def clogged(world: World, _device: str, number: float, step_s: float) -> End:
    """Swizzle-clog: a random part of all links is clogged one by one, and unclogged in another order."""
    rng = stream(int(number), "clog")
    names = sorted(world.stations)
    chosen = rng.sample(names, k=rng.randint(1, len(names)))
    lines = [world.line(name) for name in chosen]
    order = rng.sample(lines, k=len(lines))
    over = False

    def turn(place: int) -> None:
        if over or place == 2 * len(lines):
            return
        line = (*lines, *order)[place]
        line.clogged = place < len(lines)
        world.loop.call_later(step_s, turn, place + 1)

    def end() -> None:
        nonlocal over
        over = True
        for line in lines:
            line.clogged = False

    turn(0)
    return end
