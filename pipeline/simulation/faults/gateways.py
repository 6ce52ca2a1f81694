"""F07, F14: what a gateway in front of several devices does, and who else is at it."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.simulation.faults.kind import End, put
from pipeline.simulation.gateway_world import GatewayWorld
from pipeline.simulation.line import Line
from pipeline.simulation.world import World


@dataclass(eq=False)
class Guest:
    """A client that is none of ours."""

    line: Line
    deaf: bool = False

    def reset(self) -> None:
        if self in self.line.open_:
            self.line.open_.remove(self)


def keeps(world: World, device: str, seconds: float) -> End:
    """It gives answers that it has kept, as old as that."""
    world.line(device)
    return put(_gateway_of(world).gateway, "keeps_s", seconds, 0.0)


def guests(world: World, device: str, every_s: float) -> End:
    """Other clients come again and again: the gateway throws out the oldest, whoever that is."""
    line, over, came = world.line(device), False, []

    def again() -> None:
        if not over:
            came.append(Guest(line))
            line.admit(came[-1])
            world.loop.call_later(every_s, again)

    def end() -> None:
        nonlocal over
        over = True
        for guest in came:
            guest.reset()

    again()
    return end


def _gateway_of(world: World) -> GatewayWorld:
    if not isinstance(world, GatewayWorld):
        raise TypeError("no gateway in this world")
    return world
