"""Seeded weather: which faults come, when, and for how long; then quiet, in which everything has to come back.

    safety phase   ──▁▂▇▂▁──▁▇▁──   faults of the kinds that this seed drew, now and then several at once
    liveness phase ──────────────   all ended: power flows again, or something latched and says so

A storm is a tuple of `Strike`: what strikes which device, from when until when, and how hard. It is drawn once and then
only read, so that a part of it can be lived through again (`endure`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.simulation.kinds import KINDS, ORDINARY, End, Kind, Setting
from pipeline.simulation.net import stream
from pipeline.simulation.world import World

EVERY = KINDS | ORDINARY
MOST_KINDS = 4
LASTS_S, RESTS_S = (0.3, 1.0, 3.0, 7.0, 15.0), (-3.0, 0.1, 2.0, 12.0)


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: times in s since the storm began; below 0 before it."""

    kind: str
    device: str
    begin_s: float
    end_s: float
    settings: Mapping[str, Setting] = field(default_factory=dict)


def draw(world: World, kinds: Mapping[str, Kind], seconds: float) -> tuple[Strike, ...]:
    """Faults of a few of the kinds, drawn by the world's seed; a rest below 0 lets the next begin before one ends."""
    rng = stream(world.seed, "storm")
    drawn = rng.sample(sorted(kinds), k=min(rng.randint(1, MOST_KINDS), len(kinds)))
    strikes: list[Strike] = []
    begin = 0.0
    while begin < seconds:
        device, kind, lasts = rng.choice(sorted(world.plants)), rng.choice(drawn), rng.choice(LASTS_S)
        settings = {name: setting(rng, world, device) for name, setting in sorted(kinds[kind].draws.items())}
        strikes.append(Strike(kind, device, round(begin, 3), round(begin + lasts, 3), settings))
        begin = max(begin + 0.1, begin + lasts + rng.choice(RESTS_S))
    return tuple(strikes)


def endure(world: World, strikes: Iterable[Strike], *, quiet_s: float = 30.0, lead_s: float = 0.0) -> World:
    """Live through these faults; the storm begins `lead_s` from now. Then quiet."""
    start = world.loop.time() + lead_s
    ends: dict[int, End] = {}
    moments = [(moment, ending, strike) for strike in strikes
               for moment, ending in ((strike.begin_s, False), (strike.end_s, True))]  # fmt: skip
    for moment, ending, strike in sorted(moments, key=lambda it: it[:2]):
        world.run(max(0.0, start + moment - world.loop.time()))
        if ending:
            ends.pop(id(strike))()
        else:
            ends[id(strike)] = EVERY[strike.kind].begin(world, strike.device, **strike.settings)
    world.trace.healed_s = world.loop.time()
    return world.run(quiet_s)


def storm(world: World, kinds: Mapping[str, Kind], *, seconds: float, quiet_s: float = 30.0) -> World:
    """Draw and endure."""
    return endure(world, draw(world, kinds, seconds), quiet_s=quiet_s)
