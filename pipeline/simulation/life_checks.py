"""L1 to L5, R5: it comes back, it does not flap, it keeps its cycle and its budget."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise, product
from math import floor

import numpy as np

from pipeline.simulation.checks import Found, invariant
from pipeline.simulation.trace import READING_S, Boot, Trace
from sources.act import ActKind

SAFE_S = 2.0
SILENT_S = 1.5  # a device that said nothing for so long was lost, or soon would have been
HOLDS = {ActKind.STOP, ActKind.DEACTIVATE, ActKind.LOCK_OUT}


@invariant("L1")
def it_comes_back(trace: Trace) -> Iterator[Found]:
    """When all faults have ended and nothing latches, power flows again within `recovers_s`, or the re-entry delay.

    Permission that had just returned and was lost again waits for `calm_for` (L3).
    """
    if trace.healed_s is None:
        return
    machine = trace.site.chain.state_machine
    by_code = 60.0 if trace.site.site.grid_code not in (None, "none") else 0.0
    delay = max(trace.recovers_s, machine.reentry_delay or by_code)
    for asset in trace.assets:
        lately = trace.healed_s - 2 * machine.calm_for
        returned = _returned_lately(trace, asset, lately) or _returned_unwritten(trace, asset, lately)
        calm = machine.calm_for if returned or not _asked(trace, asset, lately) else 0.0
        due = trace.healed_s + delay + calm + 2 * trace.cycle
        asked = any(a.power_kw != 0 and a.asset in (None, asset) and a.from_s <= due < a.until_s for a in trace.asked)
        held = trace.acted(HOLDS, asset, 0.0, due)
        back = any(trace.healed_s <= w.sent_s <= due and w.power_kw != 0 for w in trace.writes(asset))
        if due <= trace.end_s and asked and not held and not back:
            yield asset, due, f"no power {delay + calm:g} s after the last fault ended"


def _asked(trace: Trace, asset: str, since_s: float) -> bool:
    """Whether power was asked for all the time, so that lost permission shows on the wire."""
    mine = [a for a in trace.asked if a.asset in (None, asset) and a.until_s > since_s]
    early = bool(mine) and mine[0].from_s <= max(since_s, trace.boots[0].at_s + 20.0)
    return early and all(a.power_kw != 0 for a in mine)


def _returned_lately(trace: Trace, asset: str, since_s: float) -> bool:
    return any(a.power_kw == 0 != b.power_kw and since_s <= b.sent_s for a, b in pairwise(trace.writes(asset)))


def _returned_unwritten(trace: Trace, asset: str, since_s: float) -> bool:
    """Whether the device was silent, answered for as long as permission takes, and was silent before any write."""
    times = [s.at_s for s in trace.told(asset, since_s, trace.end_s)]
    began: float | None = None
    for a, b in pairwise(times):
        if b - a > SILENT_S and a < (trace.healed_s or 0.0):
            if began is not None and a - began > 3 * trace.cycle - READING_S:
                return True
            began = b
    return False


@invariant("L2")
def safe_within_two_seconds(trace: Trace) -> Iterator[Found]:
    """What forbids running is 0 kW on the wire two seconds after the device said it."""
    for asset in trace.assets:
        for name, value in (("available", 0.0), ("available", None), ("soc", None), ("discharge_limit", None)):
            for began, ended in trace.spells(asset, name, {value: True}):
                for write in trace.writes(asset):
                    if began + SAFE_S < write.sent_s < ended and write.power_kw > 0:
                        yield asset, write.sent_s, f"{write.power_kw:g} kW, {name} is {value} since {began:.1f} s"
                        break


@invariant("L3")
def it_does_not_flap(trace: Trace) -> Iterator[Found]:
    """Permission that was lost comes back by itself once in a minute at most (counted: 0 kW to power, three times).

    A stage that raises, and a limit of 0, are 0 kW for their ticks and no loss of permission.
    """
    for asset in trace.assets:
        steady = not trace.raised and all(a.kind not in HOLDS for a in trace.acts) and len(trace.asked) <= 1
        resting = [(a, b) for a, b in pairwise(trace.writes(asset)) if a.power_kw == 0 != b.power_kw]
        starts = [b.sent_s for a, b in resting if not _was_limited(trace, asset, a.sent_s)]
        for first, third in zip(starts, starts[2:], strict=False):
            if steady and len(trace.boots) == 1 and third - first < trace.site.chain.state_machine.calm_for:
                yield asset, third, f"starts at {first:.1f} s and twice more until {third:.1f} s"
                break


def _was_limited(trace: Trace, asset: str, at_s: float) -> bool:
    """Whether the battery itself allowed nothing in one direction just then."""
    limits = [limit for name in ("charge_limit", "discharge_limit") for limit in trace.seen(asset, name, at_s)]
    return any(limit is not None and limit < trace.step_kw(asset) for limit in limits)


@invariant("L4")
def healthy_power_follows(trace: Trace) -> Iterator[Found]:
    """Without any fault the energy delivered is that of the set-points, within 1 % and what the response takes."""
    if not trace.healthy:
        return
    for asset in trace.assets:
        response = trace.profiles[asset].response
        powers = trace.powers(asset)
        times = [at for at, _ in powers]
        off = turned = 0.0
        for a, b in pairwise(trace.moments):
            place = bisect_left(times, a.at_s)
            asked = powers[place - 1][1] if place else 0.0
            off += (a.power_kw[asset] - asked) * (b.at_s - a.at_s)
            turned += abs(asked) * (b.at_s - a.at_s)
        moved = sum(abs(b - a) for (_, a), (_, b) in pairwise([(0.0, 0.0), *powers]))
        allowed = 0.01 * turned + moved * (response.dead_time + response.lag + 0.1)
        if abs(off) > allowed + 1.0:
            yield asset, trace.end_s, f"{off / 3600:g} kWh off of {turned / 3600:g} kWh"


@invariant("L5")
def one_tick_per_cycle(trace: Trace) -> Iterator[Found]:
    """Every tick is that of another deadline, on it or late; one that was missed is counted and not caught up."""
    for boot in trace.boots:
        ticks = [at for at in trace.ticks if boot.at_s <= at <= boot.ended_s]
        for a, b in pairwise(ticks):
            if _deadline(a, boot, trace.cycle) == _deadline(b, boot, trace.cycle):
                yield "site", b, f"two ticks {b - a:.3f} s apart, of one deadline"
        lived = min(boot.ended_s, boot.terminated_s, trace.end_s) - boot.at_s
        lost = int(lived / trace.cycle + 1e-3) - len(ticks) - trace.missed
        if len(trace.boots) == 1 and lost > 1:
            yield "site", trace.end_s, f"{lost} ticks neither executed nor counted as missed"


def _deadline(at_s: float, boot: Boot, cycle: float) -> int:
    """The number of the last deadline that had come; a millionth of a cycle is rounding."""
    return floor((at_s - boot.at_s) / cycle + 1e-6)


@invariant("R5")
def the_write_budget(trace: Trace) -> Iterator[Found]:
    """At most two set-points a second to a device, or one per cycle where the cycle is shorter.

    The 0 kW with which a process ends is none of its cycle's: it is counted by itself.
    """
    most = max(2, round(1.0 / trace.cycle) + 1)
    for asset, closing in product(trace.assets, (False, True)):
        sent_s = trace.wrote(asset).sent_s
        if not np.count_nonzero(sent_s[most:] - sent_s[:-most] < 1.0 - 1e-3):
            continue
        times = [w.sent_s for w in trace.writes(asset) if (w.sent_s >= trace.boots[w.boot].terminated_s) is closing]
        for first, beyond in zip(times, times[most:], strict=False):
            if beyond - first < 1.0 - 1e-3:
                yield asset, beyond, f"more than {most} writes within a second"
                break


@invariant("D7")
def nothing_acknowledged_is_lost(trace: Trace) -> Iterator[Found]:
    """What an operator was told is done is in the journal that every later process finds, whatever happened between."""
    for boot in trace.boots:
        for at_s, act in trace.acknowledged:
            if at_s < boot.at_s and f'"{act}"' not in boot.kept:
                yield "site", boot.at_s, f"{act}, acknowledged at {at_s:.3f} s, is not on the disk"
