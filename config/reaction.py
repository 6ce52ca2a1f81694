"""How soon each deviation of a device is answered: stated seconds, computed from its declared response.

    response   the power must have arrived: dead time, one poll and one cycle, then the lag down to the tolerance
    evidence   how long it must then differ, counted in measurements of at most 1 s each, and the tick that decides

`reaction_times` says for every deviation what is done and by when, for a deviation of at least twice the tolerance
after a step of the whole rating (wrong sign: of a tenth of it); most are answered sooner. The lag is followed as
`jit.told` follows it, by implicit Euler steps. Times in s.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

from config.chain import CommandChain
from config.profile import Profile

#: Evidence of the wrong sign before an asset trips (reliability S8: three ticks of 1 s).
SIGN_FOR_S = 3.0
#: Readings of somebody else's set-point until the asset is held, and until it trips.
FOREIGN_HOLD, FOREIGN_STOP = 2, 4
#: Swings through zero by 20 % of the rating within `SWING_S`, and how long the asset is held then.
REVERSALS, SWING_S, CALM_S = 5, 60.0, 60.0
#: What one measurement proves at most.
EVIDENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Watched:
    """What is done about one deviation, and at the latest how long after it began (s)."""

    deviation: str
    reaction: str
    within_s: float


def window_ticks(profile: Profile, cycle: float) -> int:
    """How many ticks back a command can matter to the newest measurement: dead time, one poll and one cycle."""
    return ceil((profile.response.dead_time + profile.poll + cycle) / cycle - 1e-9)


def response_s(profile: Profile, cycle: float, left: float) -> float:
    """Until no more than a share `left` of a step is still to come."""
    lag = profile.response.lag
    ticks = ceil(log(left) / log(lag / (lag + cycle))) if lag > 0.0 and left < 1.0 else 0
    return (window_ticks(profile, cycle) + ticks) * cycle


def evidence_s(seconds: float, profile: Profile, cycle: float) -> float:
    """Until so many seconds of evidence are collected, and judged."""
    spacing = ceil(profile.poll / cycle - 1e-9) * cycle
    return ceil(seconds / min(spacing, EVIDENCE_S) - 1e-9) * spacing + cycle


def reaction_times(profile: Profile, command: CommandChain, cycle: float) -> tuple[Watched, ...]:
    """Every deviation with its reactions, in the order in which they come."""
    effect, readback = command.effect, command.readback

    def after(seconds: float, response: float = 0.0) -> float:
        return round(response + evidence_s(seconds, profile, cycle), 3)

    response = response_s(profile, cycle, max(effect.tolerance, 1e-3) / 100.0)
    told = window_ticks(profile, cycle) * cycle
    reading = evidence_s(cycle, profile, cycle)
    power = ("more power than commanded", "less power than commanded")
    return (
        Watched("power against the command", "stop", after(SIGN_FOR_S, response_s(profile, cycle, 0.5))),
        *(Watched(name, effect.else_, after(effect.for_, response)) for name in power),
        *(Watched(name, effect.then, after(2.0 * effect.for_, response)) for name in power),
        Watched("the measured power does not move any more", "hold", after(effect.for_, response)),
        Watched("another set-point than the one written", readback.else_, after(readback.within, told)),
        Watched("another set-point than the one written", "stop", after(2.0 * readback.within, told)),
        Watched("another set-point for the second time", "stop", after(readback.within, told)),
        Watched("somebody else writes the set-point", "hold", round(FOREIGN_HOLD * reading, 3)),
        Watched("somebody else writes the set-point", "stop", round(FOREIGN_STOP * reading, 3)),
        Watched("no write reaches the device", "hold", round(command.valid_for + 2.0 * cycle, 3)),
        Watched("the command swings to and fro", "hold", round(2.0 * cycle, 3)),
    )
