"""A second limiter, in rational arithmetic: written from the rules, not from the kernel, and exact.

Intervals are (low, high) in kW, + = discharging; None is "no bound". Every number is a `Fraction`; an unknown is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, isnan

Interval = tuple[Fraction | None, Fraction | None]
FREE: Interval = (None, None)
SHUT: Interval = (Fraction(0), Fraction(0))


def exact(value: float) -> Fraction | None:
    """A float as the rational number that it is; NaN is unknown."""
    return None if isnan(value) else Fraction(value) if isfinite(value) else None


@dataclass(frozen=True)
class Battery:
    """What the band of one battery depends on. `stop_rate` None: at once; `before_kw`: the last ramped power."""

    charge: Fraction
    discharge: Fraction
    capacity: Fraction
    soc_min: Fraction
    soc_max: Fraction
    soc_within: Fraction
    t_min: Fraction
    t_max: Fraction
    t_within: Fraction
    efficiency_in: Fraction
    efficiency_out: Fraction
    horizon: Fraction
    promises: bool
    stop_rate: Fraction | None
    soc: Fraction | None
    temperature: Fraction | None
    bms_in: Fraction | None
    bms_out: Fraction | None
    good: bool
    available: bool | None
    may_charge: bool
    may_discharge: bool
    stopping: bool
    before_kw: Fraction
    remote: bool = True
    nameplate_in: Fraction | None = None
    nameplate_out: Fraction | None = None


def derated(distance: Fraction | None, within: Fraction, rated: Fraction) -> Fraction | None:
    """A straight line from 0 at the bound to `rated` at `within`; no bound beyond."""
    if distance is None or distance <= 0:
        return Fraction(0)
    return rated * distance / within if distance < within else None


def both(inward: Fraction | None, outward: Fraction | None) -> Interval:
    return (None if inward is None else -inward, outward)


def terms(b: Battery, dt: Fraction, site: Interval) -> dict[str, Interval]:
    """Every named limit of one battery."""
    missing = Fraction(0) if b.promises else None
    live_in = missing if b.bms_in is None else max(Fraction(0), b.bms_in)
    live_out = missing if b.bms_out is None else max(Fraction(0), b.bms_out)
    by_ramp = b.stopping and b.stop_rate is not None
    trusted: Interval = FREE
    if not b.good or by_ramp:
        fall = None if b.stop_rate is None else b.stop_rate * dt
        left = Fraction(0) if fall is None else max(Fraction(0), abs(b.before_kw) - fall)
        trusted = (-left, Fraction(0)) if b.before_kw < 0 else (Fraction(0), left)
    unknown_but_stopping = b.available is None and by_ramp
    heat = None if b.temperature is None else min(b.temperature - b.t_min, b.t_max - b.temperature)
    above = None if b.soc is None else b.soc - b.soc_min
    below = None if b.soc is None else b.soc_max - b.soc
    spare = None if above is None else max(Fraction(0), above) / 100 * b.capacity * b.efficiency_out
    space = None if below is None else max(Fraction(0), below) / 100 * b.capacity / b.efficiency_in
    hours = b.horizon / 3600
    return {
        "rating": both(b.nameplate_in, b.nameplate_out),
        "configuration": (-b.charge, b.discharge),
        "bms": both(live_in, live_out),
        "permission": (
            None if b.may_charge or by_ramp else Fraction(0),
            None if b.may_discharge or by_ramp else Fraction(0),
        ),
        "remote": FREE if b.remote else SHUT,
        "quality": trusted,
        "availability": FREE if b.available or unknown_but_stopping else SHUT,
        "temperature": both(derated(heat, b.t_within, b.charge), derated(heat, b.t_within, b.discharge)),
        "soc": both(derated(below, b.soc_within, b.charge), derated(above, b.soc_within, b.discharge)),
        "energy": both((space or Fraction(0)) / hours, (spare or Fraction(0)) / hours),
        "apparent": FREE,
        "effect": FREE,
        "frequency": FREE,
        "site": site,
        "transformer": FREE,
        "grid_operator": FREE,
    }


def meet(intervals: Sequence[Interval]) -> tuple[Fraction, Fraction]:
    """The intersection. One of them bounds either side."""
    return (
        max(low for low, _ in intervals if low is not None),
        min(high for _, high in intervals if high is not None),
    )


def site_band(
    import_limit: Fraction | None,
    export_limit: Fraction | None,
    feeds: Fraction,
    draws: Fraction,
    unproven: Sequence[Fraction],
) -> Interval:
    """Room at the point of connection: what others feed in or draw, and what unproven batteries may be doing."""
    out = sum((max(Fraction(0), power) for power in unproven), Fraction(0))
    into = sum((max(Fraction(0), -power) for power in unproven), Fraction(0))
    low = None if import_limit is None else -max(Fraction(0), max(Fraction(0), import_limit - draws) - into)
    high = None if export_limit is None else max(Fraction(0), max(Fraction(0), export_limit - feeds) - out)
    return low, high


def project(
    desired: Sequence[Fraction], bands: Sequence[tuple[Fraction, Fraction]], site: Interval, proven: Sequence[bool]
) -> list[Fraction]:
    """Each onto its band, one direction for all, then the sum of the proven ones onto the site's band in proportion."""
    each = [min(max(power, low), high) for power, (low, high) in zip(desired, bands, strict=True)]
    total = sum(each)
    same = [power if power * total > 0 else Fraction(0) for power in each]
    kept = sum((power for power, sure in zip(same, proven, strict=True) if sure), Fraction(0))
    bound = site[1] if kept > 0 else site[0]
    if bound is None or abs(kept) <= abs(bound):
        return same
    scale = abs(bound) / abs(kept)
    return [power * scale if sure else power for power, sure in zip(same, proven, strict=True)]
