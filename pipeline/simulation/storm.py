"""Seeded weather: which faults come, when, and for how long; then quiet, in which everything has to come back.

    safety phase   ──▁▂▇▂▁──▁▇▁──   faults of the kinds that this seed drew, now and then several at once
    liveness phase ──────────────   all ended: power flows again, or something latched and says so

A storm is a tuple of `Strike`: what strikes which device, from when until when, and how hard. It is drawn once and then
only read, so that a part of it can be lived through again (`endure`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.simulation.kinds import ENDINGS, KINDS, ORDINARY, End, Kind, Setting
from pipeline.simulation.net import stream
from pipeline.simulation.world import World

EVERY = KINDS | ORDINARY | ENDINGS
SHARES = (0.03, 0.06, 0.12, 0.25)  # of the kinds that are on in one storm
LASTS_S, RESTS_S = (0.3, 1.0, 3.0, 7.0, 15.0), (5.0, 12.0, 40.0)


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: times in s since the storm began; below 0 before it."""

    kind: str
    device: str
    begin_s: float
    end_s: float
    settings: Mapping[str, Setting] = field(default_factory=dict)


def draw(world: World, kinds: Mapping[str, Kind], seconds: float) -> tuple[Strike, ...]:
    """First which kinds are on (swarm), then when, where and how hard each strikes, from a random stream of its own."""
    possible = [name for name, kind in kinds.items() if not kind.needs or kind.needs in world.parts]
    luck = {name: stream(world.seed, f"on {name}").random() for name in possible}
    share = stream(world.seed, "swarm").choice(SHARES)
    on = [name for name in possible if luck[name] < share] or [min(luck, key=luck.__getitem__)]
    strikes = [strike for name in on for strike in _strikes(world, name, kinds[name], seconds)]
    return tuple(sorted(strikes, key=lambda strike: (strike.begin_s, strike.kind)))


def _strikes(world: World, name: str, kind: Kind, seconds: float) -> Iterator[Strike]:
    """One kind: never twice at once, so that its end heals what it began."""
    rng = stream(world.seed, f"fault {name}")
    rest = min(rng.choice(RESTS_S), seconds / 2.0)
    begin = rng.uniform(0.0, rest)
    while begin < seconds:
        device, lasts = rng.choice(sorted(world.plants)), min(rng.choice(LASTS_S), kind.most_s)
        settings = {setting: drawn(rng, world, device) for setting, drawn in sorted(kind.draws.items())}
        yield Strike(name, device, round(begin, 3), round(begin + lasts, 3), settings)
        begin += lasts + rng.expovariate(1.0 / rest) + 0.1


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
