"""S17, S19, S20: the charge that a battery says follows its energy, standing full is said, and it is the right one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np

from pipeline.simulation.checks import Found, invariant
from pipeline.simulation.columns import F8
from pipeline.simulation.trace import READING_S, Trace

CLEARLY = 2.0  # so many times the tolerance is beyond any doubt
OF_MOVED = 0.25  # share of the energy moved that the product lets pass besides
BELIEVED_S = 4.0  # a step is looked at for so long before it counts
AT_REST = 0.009  # of the rating
SILENT_S = 2.0
SAID_S = 5.0  # until an alarm is in the list


@invariant("S17")
def charge_follows_energy(trace: Trace) -> Iterator[Found]:
    """No power on a state of charge that clearly moved by more than the energy, while that is remembered."""
    physics = trace.site.chain.snapshot.physics
    for asset, model in trace.assets.items():
        soc, wrote = trace.column(asset, "soc"), trace.wrote(asset)
        tolerance = CLEARLY * 0.01 * physics.tolerance * model.rated.energy
        steps = np.abs(np.diff(np.clip(soc.values, -1e6, 1e6))) * 0.01 * model.rated.energy  # numbers may be odd
        if not (steps > tolerance).any():
            continue
        for boot in trace.boots:
            mine = (soc.at_s >= boot.at_s) & (soc.at_s <= boot.ended_s)
            mine &= (soc.values >= 0.0) & (soc.values <= 100.0)  # what is out of its range is no charge at all
            at_s = soc.at_s[mine]
            off = _unexplained(trace, asset, at_s, soc.values[mine], physics.window) > tolerance
            for write in trace.suspects(asset, (wrote.power_kw != 0) & (wrote.sent_s <= boot.ended_s)):
                first = bisect_left(at_s, write.sent_s - trace.sees_s - BELIEVED_S)
                last = bisect_left(at_s, write.sent_s)
                long = write.sent_s - trace.sees_s - BELIEVED_S >= boot.at_s and last - first > 1
                if write.sent_s >= boot.at_s and long and off[first:last].all():
                    yield asset, write.sent_s, f"{write.power_kw:g} kW on a state of charge that no energy explains"
                    break


def _unexplained(trace: Trace, asset: str, at_s: F8, soc_pct: F8, window_s: float) -> F8:
    """KWh that no energy explains, beyond a share of what was moved, at each of these readings; forgotten in time."""
    energy, most = trace.assets[asset].rated.energy, trace.assets[asset].rated.discharge
    off, error, moved = np.zeros(len(at_s)), 0.0, 0.0
    for place in range(1, len(at_s)):
        dt = float(at_s[place] - at_s[place - 1])
        change = float(soc_pct[place] - soc_pct[place - 1]) * 0.01 * energy
        could = CLEARLY * most * dt / 3600.0  # whatever flowed, it was not more
        fade = max(0.0, 1.0 - dt / window_s)
        error = error * fade + (change - min(max(change, -could), could))
        moved = moved * fade + most * dt / 3600.0
        off[place] = abs(error) - CLEARLY * OF_MOVED * moved
    return off


@invariant("S19")
def standing_full_is_said(trace: Trace) -> Iterator[Found]:
    """A battery that said for longer than it may that it stands full and without power is in the list of alarms.

    What is lost on the way to the chain, by a wall clock that is minutes late for instance, is in that list as such.
    """
    for asset, model in trace.assets.items():
        if model.soc_dwell is None:
            continue
        soc, power = trace.column(asset, "soc"), trace.column(asset, "power")
        needs_s = model.soc_dwell.at_most + trace.sees_s + SAID_S
        lost = [used.at_s for used in trace.used if f"{asset}.data_lost" in used.alarms]
        for used in trace.used:
            from_s = used.at_s - needs_s
            known = (soc.at_s >= from_s) & (soc.at_s <= used.at_s)
            lived = from_s >= trace.boots[used.boot].at_s and not trace.stood_s(from_s, used.at_s)
            failed = any(began < used.at_s and ended > from_s for began, ended in trace.raised)
            if not lived or failed or f"{asset}.soc_dwell" in used.alarms or not known.any():
                continue
            if any(from_s <= at_s <= used.at_s for at_s in lost):
                continue
            at_s = np.concatenate(([from_s], soc.at_s[known], [used.at_s]))
            flows = np.abs(power.values[(power.at_s >= from_s) & (power.at_s <= used.at_s)])
            stood = bool((flows < AT_REST * model.rated.discharge).all())
            full = bool((soc.values[known] > model.soc_dwell.above).all())
            if stood and full and np.diff(at_s).max() < SILENT_S and _honest(trace, asset, from_s, used.at_s):
                yield asset, used.at_s, f"above {model.soc_dwell.above:g} % for {needs_s:g} s, and no alarm says so"


def _honest(trace: Trace, asset: str, from_s: float, to_s: float) -> bool:
    """Whether it said its true state of charge: one that is not believed begins nothing."""
    soc = trace.column(asset, "soc")
    known = (soc.at_s >= from_s) & (soc.at_s <= to_s)
    true = [moment.soc_pct[asset] for moment in trace.lived(from_s, to_s)]
    return bool(true) and min(true) - 1.0 < soc.values[known].min() and soc.values[known].max() < max(true) + 1.0


@invariant("S20")
def only_the_configured_device_is_written_to(trace: Trace) -> Iterator[Found]:
    """Nothing is sent to a device that took the place of the configured one, from its first connection on."""
    for asset, from_s, until_s in trace.exchanged:
        for write in trace.writes(asset):
            if from_s + READING_S / 100 < write.sent_s < until_s:
                yield asset, write.sent_s, f"{write.power_kw:g} kW to another device, there since {from_s:.1f} s"
                break
