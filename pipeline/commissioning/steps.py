"""The steps of commissioning one asset, on the production process and the real device: small powers, by hand, attended.

    ready ─► 0 kW ─► + pulse ─► 0 kW ─► − pulse ─► + pulse, process killed ─► the device reverts by itself

Power is asked for as an operator's act by hand with a dead man, so the whole chain stands between it and the device.
Every step says what was seen; the first that fails ends the pulses. Powers kW, + = discharging; times s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from config.profile import Profile
from pipeline.commissioning.evidence import Step
from pipeline.commissioning.findings import Series
from sinks.web.acts import NOT_ACTIVATED

#: Longest wait until the process is ready, and until a pulse is reached after what the profile declares (s).
READY_S, REACHED_S = 60.0, 20.0
DEAD_MAN_S = 60.0
#: A measured power counts as reached within this share of the pulse.
WITHIN = 0.2
#: How much longer than declared a reversion may take until it is seen (s).
MARGIN_S = 5.0


class Bench(Protocol):
    """The running process as the steps use it."""

    def seen(self) -> Mapping[str, Any]:
        """The asset's status, and `poc_kw` of the site, of a newer tick than the last call."""

    def by_hand(self, power_kw: float, dead_man_s: float) -> str:
        """Ask for power; empty, or why it was refused."""

    def clock(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Pulse:
    """How hard is tried: `power_kw` in each direction, `within_kw` around it."""

    power_kw: float
    within_kw: float

    @classmethod
    def of(cls, profile: Profile, rated_kw: float, share: float) -> Pulse:
        power = max(rated_kw * share, 5.0 * profile.resolution_kw)
        return cls(power, max(WITHIN * power, 2.0 * profile.resolution_kw))


def pulses(bench: Bench, profile: Profile, pulse: Pulse) -> Iterator[Step]:
    """Ready, then both directions; ends after the first step that fails."""
    ready = _ready(bench)
    yield ready
    if not ready.passed:
        return
    for name, power in (("zero", 0.0), ("discharging", pulse.power_kw), ("zero", 0.0), ("charging", -pulse.power_kw),
                        ("zero", 0.0)):  # fmt: skip
        step = _reached(bench, profile, name, power, pulse.within_kw)
        yield step
        if not step.passed:
            return


def under_power(bench: Bench, profile: Profile, pulse: Pulse) -> Step:
    """The pulse from which the device has to revert by itself."""
    return _reached(bench, profile, "power before the silence", pulse.power_kw, pulse.within_kw)


def reversion(profile: Profile, power: Series, silent_s: float, pulse: Pulse) -> Step:
    """What the device did after the process was killed at `silent_s`; power as somebody read it who only reads."""
    guard = profile.watchdog
    if guard is None:
        return Step("reversion", passed=False, seen="the profile declares no reversion")
    reached = [at for at, kw in power.points if abs(kw - guard.reverts_to_kw) <= pulse.within_kw]
    if not power.points:
        return Step("reversion", passed=False, seen="nothing could be read after the process was killed")
    if not reached or abs(power.points[-1][1] - guard.reverts_to_kw) > pulse.within_kw:
        return Step("reversion", passed=False, seen=f"still {power.points[-1][1]:.1f} kW after "
                                                    f"{power.points[-1][0] - silent_s:.0f} s of silence")  # fmt: skip
    took = reached[0] - silent_s
    seen = f"{power.points[-1][1]:.1f} kW, {took:.1f} s after the process was killed"
    return Step("reversion", took <= reverts_within_s(profile), f"{seen} ({guard.reverts_after:g} s declared)")


def reverts_within_s(profile: Profile) -> float:
    """How long the device may take from the last write until its power is where it reverts to."""
    after = profile.watchdog.reverts_after if profile.watchdog is not None else 0.0
    return after + profile.response.dead_time + 5.0 * profile.response.lag + MARGIN_S


def _ready(bench: Bench) -> Step:
    until = bench.clock() + READY_S
    while True:
        seen, late = bench.seen(), bench.clock() > until
        if late or not [what for what in seen.get("missing", ()) if what != NOT_ACTIVATED]:
            refused = bench.by_hand(0.0, DEAD_MAN_S)
            if not refused:
                charge = f"{_number(seen, 'soc_percent'):g} %"
                return Step("ready", passed=True, seen=f"{seen.get('state')}, charge {charge}")
            if late:
                return Step("ready", passed=False, seen=refused)


def _reached(bench: Bench, profile: Profile, name: str, power_kw: float, within_kw: float) -> Step:
    """Ask, wait for it twice in a row, and compare what the device holds and what the meter sees."""
    before = bench.seen()
    refused = bench.by_hand(power_kw, DEAD_MAN_S)
    if refused:
        return Step(name, passed=False, seen=refused)
    patience = profile.response.dead_time + 5.0 * profile.response.lag + REACHED_S
    until, hits, now = bench.clock() + patience, 0, before
    while bench.clock() <= until and hits < 2:
        now = bench.seen()
        hits = hits + 1 if abs(_number(now, "active_power_kw") - power_kw) <= within_kw else 0
    measured = _number(now, "active_power_kw")
    if hits < 2:
        return Step(name, passed=False, seen=f"{measured:.1f} kW instead of {power_kw:.1f} kW; {now.get('why', '')}")
    held = (now.get("write") or {}).get("readback_kw")
    if held is not None and abs(held - power_kw) > profile.resolution_kw:
        return Step(name, passed=False, seen=f"the device holds {held:g} kW and was written {power_kw:g} kW")
    return Step(name, passed=True, seen=_all_seen(before, now, measured, held))


def _all_seen(before: Mapping[str, Any], now: Mapping[str, Any], measured: float, held: float | None) -> str:
    said = [f"{measured:.1f} kW measured"]
    said += [f"{held:g} kW held"] if held is not None else []
    if before.get("poc_kw") is not None and now.get("poc_kw") is not None:
        said.append(f"the meter moved by {now['poc_kw'] - before['poc_kw']:+.1f} kW")
    return ", ".join(said)


def _number(seen: Mapping[str, Any], name: str) -> float:
    value = (seen.get("telemetry") or {}).get(name)
    return float("nan") if value is None else float(value)
