"""A second limiter, in rational arithmetic: written from the rules, not from the kernel, and exact.

Intervals are (low, high) in kW, + = discharging; None is "no bound". Every number is a `Fraction`; an unknown is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite, isnan

from tests.jit.oracle_grid import curve

Interval = tuple[Fraction | None, Fraction | None]
FREE: Interval = (None, None)
HUGE = Fraction(10) ** 12  # an infinite wish, kW: more than any battery has; what it weighs in sharing
SHUT: Interval = (Fraction(0), Fraction(0))


def exact(value: float) -> Fraction | None:
    """A float as the rational number that it is; NaN is unknown."""
    return None if isnan(value) else Fraction(value) if isfinite(value) else None


def bounded(value: float) -> Fraction:
    """A wish as a number: what is unknown is none, what is infinite more than any battery has."""
    return Fraction(0) if isnan(value) else Fraction(value) if isfinite(value) else HUGE if value > 0 else -HUGE


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
    transformer: Interval = FREE
    grid_operator: Interval = FREE
    curves: Mapping[str, Sequence[tuple[Fraction, Fraction]]] = field(default_factory=dict)


def tapered(b: Battery, kind: str, x: Fraction | None, straight: Interval) -> Interval:
    """A straight taper, and what the curves `kind`_charge and `kind`_discharge leave of the ratings besides."""
    low, high = straight
    into, out = b.curves.get(f"{kind}_charge"), b.curves.get(f"{kind}_discharge")
    if x is not None and into and (share := curve(into, x)) < 1:
        low = -b.charge * share if low is None else max(low, -b.charge * share)
    if x is not None and out and (share := curve(out, x)) < 1:
        high = b.discharge * share if high is None else min(high, b.discharge * share)
    return low, high


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
        "temperature": tapered(b, "t", b.temperature, both(
            derated(heat, b.t_within, b.charge), derated(heat, b.t_within, b.discharge))),
        "soc": tapered(b, "soc", b.soc, both(
            derated(below, b.soc_within, b.charge), derated(above, b.soc_within, b.discharge))),
        "energy": both((space or Fraction(0)) / hours, (spare or Fraction(0)) / hours),
        "apparent": FREE,
        "effect": FREE,
        "frequency": FREE,
        "site": site,
        "transformer": b.transformer,
        "grid_operator": b.grid_operator,
    }


def meet(intervals: Sequence[Interval]) -> tuple[Fraction, Fraction]:
    """The intersection. One of them bounds either side."""
    return (
        max(low for low, _ in intervals if low is not None),
        min(high for _, high in intervals if high is not None),
    )


@dataclass(frozen=True)
class Reach:
    """What is known of where a battery may be: None is unknown. `waits` None: it never reverts."""

    proven: bool
    away: bool
    ours: bool
    power: Fraction | None
    unconfirmed: tuple[Fraction | None, Fraction | None]
    rated: tuple[Fraction, Fraction]
    reverts_to: Fraction
    waits: Fraction | None
    steady: Fraction | None
    age: Fraction | None


def possible(reach: Reach) -> tuple[Fraction, Fraction]:
    """The least and the most (0 between them) that a battery may be giving."""
    if reach.proven:
        return Fraction(0), Fraction(0)
    numbers = [Fraction(0), *(kw for kw in reach.unconfirmed if kw is not None)]
    if reach.away:
        numbers.append(reach.reverts_to)
    silent = reach.steady is not None and reach.waits is not None and reach.steady > reach.waits
    long_ago = reach.age is None or (reach.waits is not None and reach.age > reach.waits)
    if not (reach.away and reach.ours and silent and long_ago):
        numbers += [reach.power] if reach.power is not None else [-reach.rated[0], reach.rated[1]]
    return min(numbers), max(numbers)


def surroundings(
    others: tuple[Fraction, Fraction] | None, required: bool, declared: tuple[Fraction, Fraction], seen: Interval
) -> tuple[Fraction, Fraction] | None:
    """What everything else feeds in and draws. None: there is no room at all."""
    if others is not None:
        return others[1], -others[0]
    if required:
        return None
    least, most = seen
    pv, load = declared
    return (pv if most is None else max(pv, most)), (load if least is None else max(load, -least))


def room(bound: Fraction | None, taken: Fraction | None) -> Fraction | None:
    """What is left of a bound. `taken` None: nothing. A bound of None: no limit."""
    if bound is None:
        return None if taken is not None else Fraction(0)
    return Fraction(0) if taken is None else max(Fraction(0), bound - taken)


def taken(reach: Sequence[tuple[Fraction, Fraction]]) -> tuple[Fraction, Fraction]:
    """The least and the most that several may be giving together."""
    return sum((low for low, _ in reach), Fraction(0)), sum((high for _, high in reach), Fraction(0))


def group_band(room_in: Fraction | None, room_out: Fraction | None, less: tuple[Fraction, Fraction]) -> Interval:
    """A room less what unproven members may be doing."""
    low = None if room_in is None else -max(Fraction(0), room_in + less[0])
    return low, None if room_out is None else max(Fraction(0), room_out - less[1])


def part(
    room_in: Fraction | None,
    room_out: Fraction | None,
    all_of_them: tuple[Fraction, Fraction],
    own: tuple[Fraction, Fraction],
    sure: bool,
) -> Interval:
    """A member's own part: its own worst case does not count against it, and unproven it gets no more than that."""
    low, high = group_band(room_in, room_out, (all_of_them[0] - own[0], all_of_them[1] - own[1]))
    if not sure:
        low = None if low is None else max(low, own[0])
        high = None if high is None else min(high, own[1])
    return low, high


def rise(start: Fraction, away: Fraction, back: Fraction, time: Fraction) -> Fraction:
    """The highest power after a time: down to zero at the one rate, away from it at the other."""
    if start >= 0:
        return start + away * time
    takes = -start / back
    return start + back * time if takes >= time else (time - takes) * away


def ceiling(
    told: Fraction | str | None, age: Fraction, given: dict[str, Fraction], before: Fraction | None, dt: Fraction
) -> Fraction | None:
    """What the grid operator allows, kW; None is no limit. `told` None was never; `rise` 0 is at once."""
    target = None if isinstance(told, str) else given["first"] if told is None else max(Fraction(0), told)
    if told is not None and age > given["ttl"] + given["hold"]:
        target = given["then"] if target is None else min(target, given["then"])
    if before is None or not given["rise"]:
        return target
    reached = before + given["rise"] * dt
    return reached if (target is None or target > reached) and reached < given["of"] else target


def project(
    desired: Sequence[Fraction],
    bands: Sequence[tuple[Fraction, Fraction]],
    groups: Sequence[tuple[Sequence[int], Interval]],
    proven: Sequence[bool],
) -> list[Fraction]:
    """Each onto its band, one direction for all, then the proven ones of every group, in that order."""
    each = [min(max(power, low), high) for power, (low, high) in zip(desired, bands, strict=True)]
    total = sum(each)
    same = [power if power * total > 0 else Fraction(0) for power in each]
    for members, (low, high) in groups:
        among = [member for member in members if proven[member] and same[member]]
        bound = high if total > 0 else low
        if bound is not None and sum((abs(same[member]) for member in among), Fraction(0)) > abs(bound):
            level = part_of(abs(bound), [(abs(desired[member]), abs(same[member])) for member in among])
            for member in among:
                same[member] = min(abs(same[member]), level * abs(desired[member])) * (1 if total > 0 else -1)
    return same


def part_of(bound: Fraction, members: Sequence[tuple[Fraction, Fraction]]) -> Fraction:
    """The part of its wish that everybody gets who may have that much: Σ min(cap, part · wish) = bound."""
    wishes = sum((wish for wish, _ in members), Fraction(0))
    for wish, cap in sorted(members, key=lambda member: member[1] / member[0]):
        if bound * wish <= cap * wishes:
            return bound / wishes
        bound, wishes = bound - cap, wishes - wish
    raise AssertionError("all together have no more than the bound")
