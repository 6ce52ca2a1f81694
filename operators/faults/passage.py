"""Whether and when a reading gets through: drop, delay, duplicate, reorder, freeze.

    drop       a share of the readings is lost
    delay      each comes so much later
    duplicate  a share comes twice
    reorder    each comes up to so much later, so that they overtake each other
    freeze     the first one is repeated instead of what follows: the source answers, and nothing in it moves
"""

from __future__ import annotations

import random
from dataclasses import replace

from operators.faults.edge import Act, Onward
from sources.reading import Reading


def drop(share: float, rng: random.Random) -> Act:
    def act(reading: Reading, onward: Onward) -> None:
        if rng.random() >= share:
            onward.emit(reading)

    return act


def delay(seconds: float) -> Act:
    return lambda reading, onward: onward.later(reading, seconds)


def duplicate(share: float, rng: random.Random) -> Act:
    def act(reading: Reading, onward: Onward) -> None:
        onward.emit(reading)
        if rng.random() < share:
            onward.emit(reading)

    return act


def reorder(seconds: float, rng: random.Random) -> Act:
    return lambda reading, onward: onward.later(reading, rng.uniform(0.0, seconds))


def freeze() -> Act:
    first: list[Reading] = []

    def act(reading: Reading, onward: Onward) -> None:
        first[:] = first or [reading]
        onward.emit(replace(first[0], arrived_s=reading.arrived_s))

    return act
