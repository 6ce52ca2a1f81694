"""A case: everything that one seed lives through, as a value that can be written down, cut shorter and lived again.

    Case(seed=17, assets=1, cycle="1 s", site={…}, soc_pct=50.0, client=True, strikes=(…), quiet_s=30.0)

`seed` still feeds what the lines do with bytes; whatever was drawn beforehand (site, wishes, faults with all their
settings) stands in the case. `drawn(seed)` is the case of a seed: in its *setup* the size of the site and the
cycle, then a storm over it, wishes of the market, load and PV at the connection, and people who lift what latched.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from pipeline.simulation.kinds import ENDINGS, KINDS, PASSING
from pipeline.simulation.net import stream
from pipeline.simulation.site import RATED_KW
from pipeline.simulation.storm import Strike, draw
from pipeline.simulation.ways import WAYS
from pipeline.simulation.world import World

#: share of seeds, assets at least and at most, cycle, seconds of storm
FORMS: tuple[tuple[float, int, int, str, float], ...] = (
    (0.45, 1, 1, "1 s", 600.0),
    (0.25, 2, 4, "1 s", 400.0),
    (0.10, 1, 2, "100 ms", 50.0),
    (0.20, 10, 10, "1 s", 300.0),
)
SHARE_OF_WAYS = (0.68, 0.08, 0.1, 0.08, 0.06)  # of `WAYS`
CLIENTS = 0.25  # share of seeds with the production Modbus client; the others say the same bytes without it
WARM_S = 15.0  # until a first wish has become power
LIFTED = ("stop", "local", "killed", "hung")  # left without an acknowledgement
ENDED = {"killed", "hung", "power_cut", "crashes"}  # not in order
DISK = {"broken_disk", "slow_disk"}  # acts wait for it; what it does not take is said by an alarm, and lost by a kill
DEAF = 0.5  # share of the ends of such storms at which only one battery is left
DEAF_S = 25.0  # longer than the device needs to revert, and than its read-back may take
LEAST_SOC_PCT, MOST_SOC_PCT = 10.0, 90.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What stands before the first fault."""

    seed: int
    assets: int
    cycle: str
    seconds: float
    site: Mapping[str, str]
    soc_pct: float
    client: bool
    latching: bool
    way: str = "registers"

    @property
    def quiet_s(self) -> float:
        """How long nothing happens at the end: what lost permission lately may wait for a minute."""
        return 20.0 if self.latching else 85.0 if self.way != "mqtt" else 100.0


@dataclass(frozen=True, slots=True)
class Case:
    seed: int
    assets: int
    cycle: str
    site: Mapping[str, str]
    soc_pct: float
    client: bool
    strikes: tuple[Strike, ...]
    quiet_s: float
    way: str = "registers"

    @property
    def not_judged(self) -> tuple[str, ...]:
        """Where something may have latched, nobody says when power has to be back."""
        return ("L1", "L3") if any(map(_latches, self.strikes)) else ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> Self:
        strikes = tuple(Strike(**strike) for strike in read["strikes"])
        return cls(**{**read, "strikes": strikes})


def setup(seed: int) -> Setup:
    """The site of a seed."""
    rng = stream(seed, "setup")
    _, least, most, cycle, seconds = rng.choices(FORMS, weights=[form[0] for form in FORMS])[0]
    assets = rng.randint(least, most)
    site, soc_pct, latching = _site(rng, assets), _soc(rng), rng.random() < 0.5
    way = stream(seed, "way").choices(WAYS, weights=SHARE_OF_WAYS)[0]
    return Setup(seed, assets, cycle, seconds, site, soc_pct, rng.random() < CLIENTS, latching, way)


def _site(rng: random.Random, assets: int) -> dict[str, str]:
    """Limits at the connection that bind now and then."""
    if rng.random() < 0.3:
        return {}
    most = assets * RATED_KW
    limits = {"export_limit": rng.uniform(0.4, 1.2) * most, "import_limit": rng.uniform(0.4, 1.2) * most}
    declared = {"max_pv": rng.uniform(0.0, 0.3) * most, "max_load": rng.uniform(0.0, 0.3) * most}
    return {name: f"{round(kw)} kW" for name, kw in (limits | declared).items()}


def _soc(rng: random.Random) -> float:
    """Mostly in the middle, sometimes where the ends of the band are reached."""
    ends = (LEAST_SOC_PCT + 1.0, LEAST_SOC_PCT + 4.0, MOST_SOC_PCT - 4.0, MOST_SOC_PCT - 1.0)
    return rng.choice(ends) if rng.random() < 0.25 else round(rng.uniform(35.0, 65.0), 1)


def storms(given: Setup, world: World) -> tuple[Strike, ...]:
    """The faults of a seed and all that goes on besides, in the order in which it begins."""
    faults = list(draw(world, KINDS if given.latching else PASSING, given.seconds))
    if given.latching:
        faults = _thinned(given, faults)
    alarms = tripped(given, world, faults)
    ends = [*alarms, *ended(given, world, faults, alarms)]
    strikes = [*faults, *_wishes(given), *_besides(given), *_lifted(given, faults), *ends]
    return tuple(sorted(strikes, key=lambda strike: (strike.begin_s, strike.end_s, strike.kind, strike.device)))


def _wishes(given: Setup) -> list[Strike]:
    """Schedules that supersede each other: forth and back, more than there is, for the site or for single batteries."""
    rng = stream(given.seed, "wishes")
    most = given.assets * RATED_KW
    at_s, wishes = -WARM_S, []
    gap = (given.seconds, given.seconds / 2, 60.0, 25.0)[rng.randrange(4)]
    sign = rng.choice((-1.0, 1.0))
    while at_s < given.seconds:
        kw = sign * round(rng.choice((0.1, 0.4, 0.7, 1.0, 1.2)) * most, 1)
        wishes.append(Strike("wish", "site", round(at_s, 3), round(at_s, 3), {"kw": kw}))
        sign = rng.choice((-sign, sign))
        at_s += gap
    return wishes


def _besides(given: Setup) -> list[Strike]:
    """Load and PV at the connection, within what is declared."""
    rng = stream(given.seed, "besides")
    if not given.site or rng.random() < 0.3:
        return []
    least, most = (float(given.site[name].split()[0]) for name in ("max_load", "max_pv"))
    times = [rng.uniform(0.0, given.seconds) for _ in range(rng.randint(1, 6))]
    return [Strike("besides", "poc", round(at, 3), round(at, 3), {"kw": round(rng.uniform(-least, most), 1)})
            for at in times]  # fmt: skip


def _thinned(given: Setup, faults: list[Strike]) -> list[Strike]:
    """Few of what latches until somebody acknowledges: the door takes three acknowledgements an hour."""
    rng = stream(given.seed, "thinned")
    grave = [fault for fault in faults if _latches(fault) and fault.kind not in LIFTED]
    rare = set(map(id, rng.sample(grave, k=min(len(grave), rng.randint(1, 4)))))
    return [fault for fault in faults if fault not in grave or id(fault) in rare]


def tripped(given: Setup, world: World, faults: list[Strike]) -> list[Strike]:
    """Where something may have latched anyway, mostly a critical alarm at the very end, which nobody acknowledges: it
    comes and goes, and the quiet after it shows whether power does. Nothing that came before is another for it.
    """
    rng = stream(given.seed, "tripped")
    if not any(map(_latches, faults)) or rng.random() < 0.25:
        return []
    at_s, device = given.seconds - rng.uniform(0.0, 2.0), rng.choice(sorted(world.plants))
    return [Strike("alarm", device, round(at_s - 5.0, 3), round(at_s, 3))]


def ended(given: Setup, world: World, faults: list[Strike], alarms: list[Strike]) -> list[Strike]:
    """What else the end of such a storm brings: an acknowledgement too soon after that alarm; of other batteries one
    that takes no write any more, and a kill while nobody has activated since local control.
    """
    rng = stream(given.seed, "ended")
    if not any(map(_latches, faults)):
        return []
    rest = sorted(set(world.plants) - {alarm.device for alarm in alarms})
    rng.shuffle(rest)
    luck, soon_s, after_s = rng.random(), rng.choice((1.0, 4.0, 7.0)), round(rng.uniform(0.0, 0.012), 4)
    times = [round(alarm.end_s + soon_s, 3) for alarm in alarms]
    kinds = {fault.kind for fault in faults}
    ends = [] if kinds & DISK else [Strike("hasty", a.device, at, at) for a, at in zip(alarms, times, strict=True)]
    if not rest or kinds & ENDED:
        return ends  # nobody else is there, or a crash loop stands silent anyway
    if len(rest) > 1 or luck < DEAF:
        ends.append(Strike("deaf", rest[0], round(given.seconds - DEAF_S, 3), given.seconds))
    if (len(rest) > 1 or luck >= DEAF) and not kinds & (DISK | {"raising"}):
        at_s = max([given.seconds, *times]) + 0.5
        ends.append(Strike("forgotten", rest[-1], at_s, at_s + 1.0, {"after_s": after_s}))
    return ends


def _latches(strike: Strike) -> bool:
    return strike.kind in ENDINGS or (strike.kind in KINDS and strike.kind not in PASSING)


def _lifted(given: Setup, faults: list[Strike]) -> list[Strike]:
    """Somebody comes some time after a fault that may have latched, more often than not."""
    rng = stream(given.seed, "people")
    lifts = []
    for fault in faults:
        at_s = fault.end_s + rng.choice((1.0, 8.0, 65.0))
        if _latches(fault) and rng.random() < 0.8 and at_s < given.seconds:
            grave = 0 if fault.kind in LIFTED else 1
            lifts.append(Strike("lifted", "site", round(at_s, 3), round(at_s + 6.0, 3), {"acknowledges": grave}))
    return lifts
