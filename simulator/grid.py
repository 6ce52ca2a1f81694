"""What hangs at the point of connection besides the batteries: a load, a PV plant, and the meter that sums them.

    meter = batteries + PV − load          (+ = feeding into the grid, kW)

Both profiles are pure functions of UTC time and a seed: a daily shape with slow and fast ripples. No randomness at run
time, so that a simulated hour is the same in every test.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Site:
    """Load and PV behind the point of connection: largest values (kW) and the seed of their ripples; or steady ones."""

    load_kw: float = 110.0
    pv_kw: float = 80.0
    seed: int = 1
    steady_load_kw: float | None = None
    steady_pv_kw: float | None = None


@dataclass(frozen=True, slots=True)
class GridState:
    """What a meter at the point of connection would see, and what makes it up (kW, Hz)."""

    poc_kw: float
    load_kw: float
    pv_kw: float
    frequency_hz: float


def load_kw(site: Site, utc_s: float) -> float:
    """Load (kW, 0 or more): low at night, high by day, with ripples of minutes and seconds."""
    if site.steady_load_kw is not None:
        return site.steady_load_kw
    day = 0.5 - 0.5 * math.cos(2.0 * math.pi * (utc_s / DAY_S - 0.15))
    level = 0.35 + 0.5 * day + 0.15 * _ripple(site.seed, utc_s, (1700.0, 310.0, 47.0, 7.3))
    return site.load_kw * max(0.0, min(1.0, level))


def pv_kw(site: Site, utc_s: float) -> float:
    """PV (kW, 0 or more): a bell from 05:00 to 19:00 UTC under passing clouds."""
    if site.steady_pv_kw is not None:
        return site.steady_pv_kw
    hour = (utc_s % DAY_S) / 3600.0
    height = math.sin(math.pi * (hour - 5.0) / 14.0) if 5.0 < hour < 19.0 else 0.0
    clouds = 0.75 + 0.25 * _ripple(site.seed + 1, utc_s, (2300.0, 640.0, 95.0))
    return site.pv_kw * max(0.0, height) * max(0.0, min(1.0, clouds))


def meter(site: Site, utc_s: float, battery_kw: float, frequency_hz: float) -> GridState:
    """The point of connection at this instant."""
    load, pv = load_kw(site, utc_s), pv_kw(site, utc_s)
    return GridState(poc_kw=battery_kw + pv - load, load_kw=load, pv_kw=pv, frequency_hz=frequency_hz)


def _ripple(seed: int, utc_s: float, periods_s: tuple[float, ...]) -> float:
    """Between −1 and 1: the mean of sines with these periods and seeded phases."""
    phases = _phases(seed, len(periods_s))
    waves = zip(periods_s, phases, strict=True)
    return sum(math.sin(2.0 * math.pi * (utc_s / period + phase)) for period, phase in waves) / len(periods_s)


@cache
def _phases(seed: int, count: int) -> tuple[float, ...]:
    draw = random.Random(f"ripple-{seed}")
    return tuple(draw.random() for _ in range(count))
