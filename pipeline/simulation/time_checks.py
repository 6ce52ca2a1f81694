"""F1 to F5, H4 to H6: freshness, expiry and the end of a process, on the wire."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from pipeline.simulation.checks import Found, invariant
from pipeline.simulation.trace import Boot, Trace, Write

#: Without these no power in either direction; without a promised limit none in its direction (S2).
REQUIRED = ("soc", "power", "available", "remote", "alarms")
STOP_S = 4.0  # what an end on request may take


@invariant("F1")
def power_needs_every_required_point(trace: Trace) -> Iterator[Found]:
    """Power only while every required point has a value."""
    for asset in trace.assets:
        wrote = trace.wrote(asset)
        span = wrote.sent_s - trace.sees_s, wrote.sent_s
        known = np.min([trace.column(asset, name).most(*span) for name in REQUIRED], axis=0)
        for write in trace.suspects(asset, (wrote.power_kw != 0) & (known == -np.inf)):
            seen = {name: trace.seen(asset, name, write.sent_s) for name in REQUIRED}
            lost = [name for name in REQUIRED if all(value is None for value in seen[name])]
            if write.power_kw != 0 and lost:
                yield asset, write.sent_s, f"{write.power_kw:g} kW without {', '.join(lost)}"


@invariant("F2")
def power_needs_a_proof_of_freshness(trace: Trace) -> Iterator[Found]:
    """Power only while the proof of freshness has changed within the maximum age."""
    for asset, model in trace.assets.items():
        name = trace.profiles[asset].fresh_by or "heartbeat"
        proof, wrote = trace.column(asset, name), trace.wrote(asset)
        new = ~np.isnan(proof.values[1:]) & (proof.values[1:] != proof.values[:-1])
        changed = np.concatenate(([-np.inf], proof.at_s[1:][new]))
        age_s = wrote.sent_s - changed[np.searchsorted(changed, wrote.sent_s, "right") - 1]
        old = (wrote.power_kw != 0) & (age_s > model.stale_after + trace.sees_s)
        for place, write in zip(np.flatnonzero(old).tolist(), trace.suspects(asset, old), strict=True):
            yield asset, write.sent_s, f"{write.power_kw:g} kW, last proof {age_s[place]:.1f} s ago"


@invariant("F3")
def nothing_twice_and_nothing_late(trace: Trace) -> Iterator[Found]:
    """A command leaves before its end of validity, and once. The 0 kW of a failed tick carries no new heartbeat."""
    valid_ticks = trace.site.chain.command.valid_for / trace.cycle
    for asset in trace.assets:
        for boot in range(len(trace.boots)):
            writes = [write for write in trace.writes(asset) if write.boot == boot and not _closing(trace, write)]
            for before, write in pairwise(writes):
                beats = write.heartbeat - before.heartbeat
                if beats < 0 or (beats == 0 and write.power_kw != 0):
                    yield asset, write.sent_s, f"heartbeat {write.heartbeat} after {before.heartbeat}"
                older = beats - (write.ticks - before.ticks)  # no tick gives two: the earlier one was that old
                if older > valid_ticks and before.power_kw != 0:
                    yield asset, before.sent_s, f"a command {older * trace.cycle:g} s old"


@invariant("F4")
def power_stands_under_a_reversion(trace: Trace) -> Iterator[Found]:
    """No set-point other than 0 at a device whose reversion was not armed since it last came up."""
    for asset in trace.assets:
        profile = trace.profiles[asset]
        point = profile.write.get("revert_after")
        armed = False
        for heard in trace.stations[asset].heard:
            armed = armed or ("revert_after" in heard.values and heard.taken)
            if point is not None and heard.taken and heard.values.get("power", 0.0) != 0.0 and not armed:
                yield asset, heard.at_s, f"{heard.values['power']} kW, and no reversion is armed"
                break


@invariant("F5")
def the_heartbeat_is_the_tick_s(trace: Trace) -> Iterator[Found]:
    """The heartbeat moves by one per tick that ended in a command, and by no timer of its own."""
    slack = 1 + round(0.4 / trace.cycle)
    for asset in trace.assets:
        wrote = trace.wrote(asset)
        if not np.count_nonzero(np.diff(wrote.heartbeat) > np.diff(wrote.ticks) + slack):
            continue
        for before, write in pairwise(w for w in trace.writes(asset) if not _closing(trace, w)):
            if before.boot == write.boot and write.heartbeat - before.heartbeat > write.ticks - before.ticks + slack:
                ticks = write.ticks - before.ticks
                yield asset, write.sent_s, f"heartbeat moved {write.heartbeat - before.heartbeat} in {ticks} ticks"


@invariant("H4")
def a_start_is_silent_until_readings_are_fresh(trace: Trace) -> Iterator[Found]:
    """After a start no power before data were fresh for their time."""
    for asset in trace.assets:
        for number, boot in enumerate(trace.boots):
            first = next((w for w in trace.writes(asset) if w.boot == number and w.power_kw != 0), None)
            least = trace.site.chain.state_machine.fresh_for
            if first is not None and first.sent_s - boot.at_s < least:
                yield asset, first.sent_s, f"{first.power_kw:g} kW {first.sent_s - boot.at_s:.1f} s after the start"


@invariant("H5i")
def without_us_the_device_reverts(trace: Trace) -> Iterator[Found]:
    """Nothing written for the reversion time and the way down: no power at the terminals."""
    for asset in trace.assets:
        watchdog = trace.profiles[asset].watchdog
        if watchdog is None:
            continue
        allowed = watchdog.reverts_after + trace.profiles[asset].response.lag * 12 + 1.0
        times = [heard.at_s for heard in trace.stations[asset].heard]
        for moment in trace.moments:
            place = bisect_right(times, moment.at_s)
            last = times[place - 1] if place else None
            power = moment.power_kw[asset] - watchdog.reverts_to_kw
            if last is not None and moment.at_s - last > allowed and abs(power) > trace.step_kw(asset):
                yield asset, moment.at_s, f"{power:g} kW, last written to {moment.at_s - last:.1f} s ago"
                break


def _taken(trace: Trace, asset: str, last: Write, boot: Boot) -> bool:
    """Whether somebody took the device into local control after that write."""
    spells = trace.spells(asset, "remote", {0.0: True})
    return any(last.sent_s - trace.sees_s < began < boot.ended_s for began, _ in spells)


@invariant("H6i")
def an_end_on_request_is_zero(trace: Trace) -> Iterator[Found]:
    """After SIGTERM the last thing written is 0 kW, within its time, or it is not called confirmed.

    Whoever was taken into local control since is in other hands, and is left in silence (S10).
    """
    for asset in trace.assets:
        for number, boot in enumerate(trace.boots):
            mine = [write for write in trace.writes(asset) if write.boot == number]
            if not mine or boot.terminated_s == float("inf"):
                continue
            if boot.confirmed and mine[-1].power_kw != 0 and not _taken(trace, asset, mine[-1], boot):
                yield asset, boot.ended_s, f"called confirmed, the last write was {mine[-1].power_kw:g} kW"
            if boot.ended_s - boot.terminated_s > STOP_S + 1.0:
                yield asset, boot.ended_s, f"took {boot.ended_s - boot.terminated_s:.1f} s"


def _closing(trace: Trace, write: Write) -> bool:
    return write.sent_s >= trace.boots[write.boot].terminated_s
