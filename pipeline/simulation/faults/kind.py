"""A kind of fault: one function that begins it and returns what ends it.

    Kind(drop, {"share": between(0.0, 0.3)})

The settings of a fault are drawn when a storm is drawn, and are JSON values: a storm can be written down and lived
through again without the random numbers that made it. What ends a fault heals: it puts back what is normal, and not
what it found, so that faults may overlap. A fault is harmless while no process runs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.simulation.world import World

Setting = float | str | None
Draw = Callable[[random.Random, World, str], Setting]
End = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """`begin(world, device, **settings)` starts the fault now and returns what ends it; `draws` says how each setting
    is drawn for a device. `latches`: it may end in a stop that somebody has to lift. `most_s` is how long it may last.
    `needs` is what has to be there (`World.parts`): no storm draws it in a world without.
    """

    begin: Callable[..., End]
    draws: Mapping[str, Draw] = field(default_factory=dict)
    latches: bool = False
    most_s: float = 15.0
    needs: str = ""


def between(low: float, high: float) -> Draw:
    return lambda rng, _world, _device: round(rng.uniform(low, high), 4)


def one_of(*choices: Setting) -> Draw:
    return lambda rng, _world, _device: rng.choice(choices)


def a_number(rng: random.Random, _world: World, _device: str) -> Setting:
    """For a fault that draws while it lasts: the seed of its own stream."""
    return rng.randrange(2**31)


def a_point(rng: random.Random, world: World, device: str) -> Setting:
    return rng.choice(sorted(world.stations[device].profile.read))


def a_stage(rng: random.Random, world: World, _device: str) -> Setting:
    return rng.choice([stage.id for stage in world.process.stages])


def nothing() -> None:
    """A fault that ends by itself."""


def put(thing: Any, name: str, value: Any, normal: Any) -> End:
    setattr(thing, name, value)
    return lambda: setattr(thing, name, normal)
