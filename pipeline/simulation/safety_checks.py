"""S1 to S16: power inside what is allowed, on the wire."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import numpy as np

from pipeline.simulation.checks import Found, invariant
from pipeline.simulation.trace import READING_S, Bools, Trace, Write
from sources.act import ActKind

N_SIGN_S = 3.0
LOOK_S = 0.1  # the plant is looked at so often
CALM_S = 50.0  # of the minute for which the command is held after it swung to and fro
LIFTS = {ActKind.RELEASE}


@invariant("S1")
def finite_and_whole_steps(trace: Trace) -> Iterator[Found]:
    """A set-point is a finite number within the rating; no sentinel is ever written."""
    for asset, model in trace.assets.items():
        power = trace.wrote(asset).power_kw
        for write in trace.suspects(asset, ~((power >= -model.rated.charge) & (power <= model.rated.discharge))):
            if not isfinite(write.power_kw) or not -model.rated.charge <= write.power_kw <= model.rated.discharge:
                yield asset, write.sent_s, f"{write.power_kw} kW is no power of this asset"


@invariant("S2")
def inside_the_limits_of_the_battery(trace: Trace) -> Iterator[Found]:
    """Within the charge and discharge limits that the device last said; a promised limit that is missing is 0."""
    for asset in trace.assets:
        step, wrote = trace.step_kw(asset), trace.wrote(asset)
        span = wrote.sent_s - trace.sees_s, wrote.sent_s
        gives, takes = (np.maximum(trace.column(asset, f"{d}_limit").most(*span), 0.0) for d in ("discharge", "charge"))
        beyond = np.abs(wrote.power_kw) > np.where(wrote.power_kw > 0, gives, takes) + step / 2
        for write in trace.suspects(asset, beyond):
            name = "discharge_limit" if write.power_kw > 0 else "charge_limit"
            limits = [limit or 0.0 for limit in trace.seen(asset, name, write.sent_s)]
            if write.power_kw != 0 and abs(write.power_kw) > max(limits, default=0.0) + step / 2:
                yield asset, write.sent_s, f"{write.power_kw:g} kW is sent, {name} is {max(limits, default=0.0):g} kW"


@invariant("S3")
def nothing_while_stopped(trace: Trace) -> Iterator[Found]:
    """0 kW in every tick in which a stage raised; after an operator's stop from the next tick on, until somebody has
    released it and, since, activated.
    """
    for asset in trace.assets:
        writes = [write for write in trace.writes(asset) if write.power_kw != 0]
        for began, ended in trace.raised:
            for write in writes:
                if began + trace.cycle + 0.05 < write.sent_s < ended - 0.05:
                    yield asset, write.sent_s, f"{write.power_kw:g} kW while a stage raises since {began:.1f} s"
                    break
        for act in trace.acts:
            if act.kind is not ActKind.STOP or act.asset not in (None, asset):
                continue
            for write in writes:
                late = write.sent_s > act.at_s + trace.cycle + 0.05
                if late and not _lifted(trace, asset, act.at_s, write.sent_s):
                    yield asset, write.sent_s, f"{write.power_kw:g} kW after the stop at {act.at_s:.1f} s"
                    break


def _lifted(trace: Trace, asset: str, stopped_s: float, until_s: float) -> bool:
    """Released and activated; what is done between two ticks counts together, in whatever order."""
    released = [a.at_s for a in trace.acts if a.kind in LIFTS and a.asset in (None, asset) and a.at_s >= stopped_s]
    return bool(released) and trace.acted({ActKind.ACTIVATE}, asset, released[0] - trace.cycle, until_s)


@invariant("S4")
def inside_the_limits_of_the_site(trace: Trace) -> Iterator[Found]:
    """Set-points and what else is measured stay inside the connection's limits, unless nothing is fed that way.

    Without a fresh meter what is declared stands in. The set-point that stands at an asset counts, reachable or not,
    until the device has let go of it (reversion, local control, a restart) and truly gives nothing; one whose write was
    lost is seen a tick later, so that with faults the time of a tick and a reading is allowed. Where all that pushes
    beyond is out of reach, nobody can be told to do less; whoever can still be told is to make room.
    """
    if not _near_the_site(trace):
        return
    began: float | None = None
    for at_s in trace.ticks:
        beyond = _beyond_the_site(trace, at_s)
        began = None if not beyond else at_s if began is None else began
        if began is not None and (trace.healthy or at_s - began > trace.sees_s):
            yield "site", at_s, beyond


def _near_the_site(trace: Trace) -> bool:
    """Whether set-points and the most that was or may be besides them ever come near a limit of the connection."""
    site, ticks = trace.site.site, np.array(trace.ticks) + trace.cycle * 0.9
    total = sum((trace.in_force_at(asset, ticks) for asset in trace.assets), np.zeros(len(ticks)))
    others = [0.0, *(moment.other_kw for moment in trace.moments)]
    most, least = max(site.max_pv, *others), min(-site.max_load, *others)
    out = site.export_limit is not None and bool(((total > 0) & (total + most > site.export_limit)).any())
    return out or (site.import_limit is not None and bool(((total < 0) & (total + least < -site.import_limit)).any()))


def _beyond_the_site(trace: Trace, at_s: float) -> str:
    site = trace.site.site
    slack = sum(trace.step_kw(asset) for asset in trace.assets)
    stands = {asset: _stands(trace, asset, at_s + trace.cycle * 0.9) for asset in trace.assets}
    total = sum(stands.values())
    if not any(power * total > 0 and _reached(trace, asset, at_s) for asset, power in stands.items()):
        return ""
    others = _others(trace, at_s)
    if site.export_limit is not None and total > 0 and total + min(others) > site.export_limit + slack:
        return f"{total:g} kW and {min(others):g} kW besides, {site.export_limit:g} kW may be fed in"
    if site.import_limit is not None and total < 0 and total + max(others) < -site.import_limit - slack:
        return f"{total:g} kW and {max(others):g} kW besides, {site.import_limit:g} kW may be drawn"
    return ""


def _reached(trace: Trace, asset: str, at_s: float) -> bool:
    """Whether a write arrives there; without any fault every one does."""
    return trace.healthy or trace.written(asset, at_s - trace.sees_s, at_s + trace.cycle * 0.9)


def _stands(trace: Trace, asset: str, at_s: float) -> float:
    """The set-point in force; 0 when the device truly does nothing, and has said since that it holds 0, or was
    out of reach for so long that it has reverted.
    """
    asked = trace.in_force(asset, at_s)
    if asked == 0.0 or trace.written(asset, at_s - trace.sees_s, at_s):
        return asked
    said = trace.told(asset, at_s - trace.sees_s, at_s)
    dropped = bool(said) and said[-1].values.get("setpoint") == 0.0
    watchdog = trace.profiles[asset].watchdog
    if watchdog is not None and watchdog.reverts_to_kw == 0.0:
        dropped = dropped or not trace.written(asset, at_s - watchdog.reverts_after - trace.sees_s, at_s)
    still = all(abs(m.power_kw[asset]) < trace.step_kw(asset) for m in trace.lived(at_s - trace.cycle, at_s))
    return 0.0 if dropped and still else asked


def _others(trace: Trace, at_s: float) -> list[float]:
    """What else hangs at the connection, as far as a fair observer could know it in the tick at `at_s`."""
    stale_s = min((m.stale_after for m in trace.site.site.meters.values()), default=0.0)
    beats = {s.values.get("heartbeat") for s in trace.told("poc", at_s - stale_s - trace.sees_s, at_s)}
    if len(beats) < 2:
        return [trace.site.site.max_pv, -trace.site.site.max_load]
    known = [m.other_kw for m in trace.lived(at_s - trace.sees_s - 0.6, at_s + LOOK_S)]
    return known or [0.0]


@invariant("S5")
def one_direction(trace: Trace) -> Iterator[Found]:
    """No battery is told to charge while another is told to discharge, in commands of one tick."""
    every = [trace.wrote(asset).power_kw for asset in trace.assets]
    if not (any((power < 0).any() for power in every) and any((power > 0).any() for power in every)):
        return
    told: dict[int, dict[str, float]] = {}
    for asset in trace.assets:
        for write in trace.writes(asset):
            told.setdefault(write.ticks, {})[asset] = write.power_kw
    for ticks, powers in told.items():
        if min(powers.values()) < 0 < max(powers.values()):
            yield "site", trace.ticks[ticks - 1], f"opposite commands: {powers}"


@invariant("S6")
def the_ends_of_the_soc_band(trace: Trace) -> Iterator[Found]:
    """No discharging at or below the least SoC, no charging at or above the most, and toward either no more than the
    taper leaves. What lets most through of all that was said while it may count, counts.
    """
    width = trace.site.chain.limits.soc_taper.within
    for asset, model in trace.assets.items():
        wrote, soc = trace.wrote(asset), trace.column(asset, "soc")
        span = wrote.sent_s - trace.sees_s - model.stale_after, wrote.sent_s
        least, most, out = soc.least(*span), soc.most(*span), wrote.power_kw > 0
        left = np.where(out, most - model.soc.min, model.soc.max - least)
        rated = np.where(out, model.rated.discharge, model.rated.charge)
        gives = np.where(left < width, rated * np.maximum(left, 0.0) / width, np.inf)
        beyond = np.isfinite(left) & (np.abs(wrote.power_kw) > gives + trace.step_kw(asset) / 2)
        for place, write in zip(np.flatnonzero(beyond).tolist(), trace.suspects(asset, beyond), strict=True):
            level = (most if write.power_kw > 0 else least)[place]
            yield asset, write.sent_s, f"{write.power_kw:g} kW at {level:g} %, {gives[place]:g} kW is left"


@invariant("S7")
def no_faster_than_the_ramp(trace: Trace) -> Iterator[Found]:
    """Away from 0 never faster than the ramp, from the previous command; after silence from measured power.

    Toward 0 a limit may act at once. One step of the device is allowed on top. A tick that came late ramps for the time
    that has passed, two cycles at most.
    """
    for asset, model in trace.assets.items():
        rate, wrote = max(model.ramp.up, model.ramp.down), trace.wrote(asset)
        writes, power = trace.writes(asset), wrote.power_kw
        origin = np.concatenate(([0.0], power[:-1]))[: len(power)]
        moved = np.where(origin * power > 0, np.abs(power) - np.abs(origin), np.abs(power))
        for place in np.flatnonzero(moved > rate * trace.cycle).tolist():
            before, write = writes[place - 1] if place else None, writes[place]
            ticks, lasted_s = _passed(trace, before, write)
            allowed = rate * min(lasted_s, 2.0 * max(trace.cycle, 1.0)) + trace.step_kw(asset)
            further = min(_away(origin, write.power_kw) for origin in _origins(trace, asset, before, write))
            if further > allowed + 1e-6:
                yield asset, write.sent_s, f"to {write.power_kw:g} kW: {further:g} kW further in {ticks} ticks"


def _passed(trace: Trace, before: Write | None, write: Write) -> tuple[int, float]:
    """Ticks and seconds between two set-points of one life of the process."""
    if before is None or before.boot != write.boot:
        return 1, trace.cycle
    ticks = write.ticks - before.ticks
    late_s = trace.ticks[write.ticks - 1] - trace.ticks[before.ticks - 1] if ticks and before.ticks else 0.0
    return ticks, max(ticks * trace.cycle, late_s)


def _origins(trace: Trace, asset: str, before: Write | None, write: Write) -> list[float]:
    measured = trace.seen(asset, "power", write.sent_s)
    silent = before is None or before.boot != write.boot or write.ticks - before.ticks > 1
    told = [power for power in measured if power is not None] if silent else []
    return [*told, 0.0 if before is None else before.power_kw]


def _away(origin: float, power: float) -> float:
    """How much further from 0 than `origin`."""
    return abs(power) - abs(origin) if origin * power > 0 else abs(power)


@invariant("S8")
def wrong_sign_trips(trace: Trace) -> Iterator[Found]:
    """Power that flows against the command ends in 0 kW within 3 s and the response, and stays there.

    What a process commanded that has ended since is the device's reversion's to end (H5i).
    """
    for asset, model in trace.assets.items():
        response = trace.profiles[asset].response
        allowed = N_SIGN_S + response.dead_time + 3 * response.lag + 2 * trace.sees_s
        power_kw = trace.column(asset, "power")
        if not np.count_nonzero(power_kw.values * trace.in_force_at(asset, power_kw.at_s) < 0):
            continue
        began: float | None = None
        for said in trace.stations[asset].said:
            power, asked = said.values.get("power"), trace.in_force(asset, said.at_s)
            against = power is not None and power * asked < 0 and abs(asked) > 0.05 * model.rated.discharge
            against = against and _led(trace, asset, said.at_s)
            began = None if not against else said.at_s if began is None else began
            if began is not None and said.at_s - began > allowed:
                yield asset, said.at_s, f"{power} kW against {asked:g} kW for {said.at_s - began:.1f} s"
                break


def _led(trace: Trace, asset: str, at_s: float) -> bool:
    """Whether the process that wrote the newest set-point still runs."""
    place = int(np.searchsorted(trace.wrote(asset).sent_s, at_s, "right"))
    return place > 0 and trace.boots[trace.writes(asset)[place - 1].boot].ended_s > at_s


@invariant("S9")
def a_foreign_set_point_is_not_lived_with(trace: Trace) -> Iterator[Found]:
    """A device that shows another set-point than was written is at 0 kW after twice the time for its read-back."""
    allowed = 2 * trace.site.chain.command.readback.within + 2 * trace.sees_s + 1.0
    for asset in trace.assets:
        shown, step_kw = trace.column(asset, "setpoint"), trace.step_kw(asset) + 1e-6
        if not np.count_nonzero(np.abs(shown.values - trace.in_force_at(asset, shown.at_s)) > step_kw):
            continue
        began: float | None = None
        for said in trace.stations[asset].said:
            held, asked = said.values.get("setpoint"), trace.in_force(asset, said.at_s)
            written = trace.written(asset, said.at_s - 2 * trace.sees_s, said.at_s)
            differs = written and held is not None and abs(held - asked) > step_kw
            began = None if not differs else said.at_s if began is None else began
            if began is not None and said.at_s - began > allowed and asked != 0:
                yield asset, said.at_s, f"holds {held} kW instead of {asked:g} kW for {said.at_s - began:.1f} s"
                break


def _knew(trace: Trace, asset: str, began: float, write: Write) -> bool:
    """Whether a tick of this process found a fresh reading of this LOCAL: one that slept may have had old ones only.

    The tick with which a standstill ends comes before the readings that came meanwhile.
    """
    said, born = trace.column(asset, "remote"), trace.boots[write.boot].at_s
    local = said.at_s[(said.values == 0.0) & (said.at_s >= began)]
    ticks = [tick for tick in trace.ticks if born < tick < write.sent_s]
    asleep = {tick: fell for fell, ended in trace.stalled for tick in ticks if abs(tick - ended) < 0.01}
    return any(((tick - trace.sees_s < local) & (local < asleep.get(tick, tick))).any() for tick in ticks)


@invariant("S10")
def local_is_silence(trace: Trace) -> Iterator[Found]:
    """In local control nothing is written; then no power before somebody activates, in the same tick at best."""
    for asset in trace.assets:
        for began, ended in trace.spells(asset, "remote", {0.0: True}):
            if not any(began + 0.01 < tick < ended for tick in trace.ticks):
                continue  # no tick could see it: the next reply took it back, or the process ended before its tick
            for write in trace.writes(asset):
                if write.sent_s <= began + trace.sees_s:
                    continue
                if write.power_kw == 0 and not _knew(trace, asset, began, write):
                    continue
                activated = trace.acted({ActKind.ACTIVATE}, asset, ended - trace.cycle, write.sent_s)
                if write.sent_s < ended - READING_S or (write.power_kw != 0 and not activated):
                    yield asset, write.sent_s, f"{write.power_kw:g} kW written after LOCAL at {began:.1f} s"
                    break


@invariant("S11")
def an_alarm_latches(trace: Trace) -> Iterator[Found]:
    """After a critical alarm 0 kW, until it has been clear for its time and somebody acknowledged it."""
    for asset in trace.assets:
        critical = sum(1 << bit for bit, alarm in trace.profiles[asset].alarms.items() if alarm.critical)
        raised = [s.at_s for s in trace.stations[asset].said if int(s.values.get("alarms") or 0) & critical]
        for write in trace.writes(asset):
            past = [at for at in raised if at + trace.sees_s < write.sent_s]
            if write.power_kw == 0 or not past:
                continue
            clear = past[-1] + trace.site.chain.state_machine.clear_for
            if not trace.acted({ActKind.ACKNOWLEDGE}, asset, clear - trace.sees_s, write.sent_s):
                yield asset, write.sent_s, f"{write.power_kw:g} kW after the alarm at {past[-1]:.1f} s"
                break


@invariant("S12")
def somebody_asked(trace: Trace) -> Iterator[Found]:
    """Power is within what a schedule asks for at that instant, or on the ramp back from it.

    While the machine's clock cannot be trusted, what was asked for when it was set stands (F7).
    """
    for asset, model in trace.assets.items():
        slowest = min(model.ramp.up, model.ramp.down)
        for write in trace.suspects(asset, _unasked(trace, asset)):
            mine = [(a, trace.open_s(a)) for a in trace.asked if a.asset in (None, asset)]
            asked = [a for a, end_s in mine if a.from_s <= write.sent_s < _back_s(trace, asset, end_s, write, slowest)]
            most = max((a.power_kw * (1 if write.power_kw > 0 else -1) for a in asked), default=0.0)
            if abs(write.power_kw) > most + trace.step_kw(asset) and not _inherited(trace, asset, write):
                yield asset, write.sent_s, f"{write.power_kw:g} kW, and nobody asks for more than {most:g} kW"


def _back_s(trace: Trace, asset: str, end_s: float, write: Write, kw_s: float) -> float:
    """Until when the ramp from what was in force at the end of a window may pass this power."""
    power_kw = abs(write.power_kw)
    return end_s + max(power_kw, abs(trace.in_force(asset, end_s)) - power_kw) / kw_s + 2 * trace.cycle


def _unasked(trace: Trace, asset: str) -> Bools:
    """Writes of more than what is asked for at their instant."""
    wrote = trace.wrote(asset)
    most = np.zeros(len(wrote.sent_s))
    for asked in trace.asked:
        if asked.asset in (None, asset):
            now = (wrote.sent_s >= asked.from_s) & (wrote.sent_s < asked.until_s)
            most = np.where(now, np.maximum(most, asked.power_kw * np.sign(wrote.power_kw)), most)
    return ~(np.abs(wrote.power_kw) <= most + trace.step_kw(asset))


def _inherited(trace: Trace, asset: str, write: Write) -> bool:
    """A ramp that began at power found at the device after silence."""
    return any(abs(power or 0.0) >= abs(write.power_kw) for power in trace.seen(asset, "power", write.sent_s))


@invariant("S13")
def no_sustained_oscillation(trace: Trace) -> Iterator[Found]:
    """After more than four reversals of more than 20 % of the rating in a minute, whoever asked for them: no power."""
    for asset, model in trace.assets.items():
        turns: list[float] = []
        last, held_s = 0.0, float("inf")
        power = trace.wrote(asset).power_kw
        writes = trace.writes(asset) if (power < 0).any() and (power > 0).any() else []
        for write in writes:
            if held_s + trace.sees_s < write.sent_s < held_s + CALM_S and write.power_kw != 0:
                yield asset, write.sent_s, f"{write.power_kw:g} kW after five reversals until {held_s:.1f} s"
                break
            if last * write.power_kw < 0 and abs(write.power_kw - last) > 0.2 * model.rated.discharge:
                turns.append(write.sent_s)
            last = write.power_kw or last
            if len(turns) > 4 and turns[-1] - turns[-5] <= 60.0:
                held_s, turns = write.sent_s, []


@invariant("S15")
def not_connected_is_no_power(trace: Trace) -> Iterator[Found]:
    """While the battery says that it is not connected, 0 kW."""
    for asset in trace.assets:
        for began, ended in trace.spells(asset, "available", {0.0: True}):
            for write in trace.writes(asset):
                if began + trace.sees_s < write.sent_s < ended - READING_S and write.power_kw != 0:
                    yield asset, write.sent_s, f"{write.power_kw:g} kW, not connected since {began:.1f} s"
                    break
