"""Every check can fail: a minute that breaks nothing, and for each invariant one change that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

import pipeline.simulation.world  # noqa: F401  # enters the checks into the table
from pipeline.simulation.checks import INVARIANTS, invariant, verify
from pipeline.simulation.site import definition, storage
from pipeline.simulation.trace import Act, Asked, Boot, Moment, Offered, Trace, Watcher
from pipeline.simulation.use import Used, Waiting
from simulator.station import Heard, Said
from sources.act import ActKind

WELL: dict[str, float | None] = {
    "power": 80.0, "setpoint": 80.0, "soc": 50.0, "available": 1.0, "remote": 1.0, "alarms": 0.0,
    "charge_limit": 250.0, "discharge_limit": 250.0,
}  # fmt: skip
FIRST, LAST = 10, 60
USED = Used(5.0, 0, tasks=20, files=12, ended=(), beyond=(), alone=True)


@dataclass
class Device:
    heard: list[Heard] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)


def calm() -> Trace:
    """One minute at 80 kW after ten seconds of silence, as a device would have seen it. Time begins at 0."""
    devices = {"b1": Device(), "b2": Device(), "poc": Device()}
    trace = Trace(definition(2, site={"export_limit": "400 kW"}), {n: storage(0.5) for n in ("b1", "b2")}, devices)
    trace.boots, trace.asked = [Boot(0.0)], [Asked(0.0, 1e6, 200.0)]
    trace.ticks = [float(second) for second in range(1, LAST)]
    for tenth in range(LAST * 10):
        power = 80.0 if tenth > FIRST * 10 + 10 else 0.0
        trace.moments.append(Moment(tenth / 10, {"b1": power, "b2": power}, {"b1": 50.0, "b2": 50.0}))
    for name, device in devices.items():
        for half in range(2 * LAST):
            power = 80.0 if half > 2 * FIRST + 1 else 0.0
            beat: dict[str, float | None] = {"heartbeat": float(half)}
            whole = WELL | {"power": power, "setpoint": power} | beat
            device.said.append(Said(half / 2 + 0.1, whole if name != "poc" else beat))
        for second in range(FIRST, LAST):
            power = 50.0 if second == FIRST else 80.0
            if name != "poc":
                say(device, second + 0.01, power, second - FIRST + 1)
    return trace


def say(device: Device, at_s: float, power_kw: float, heartbeat: int) -> None:
    values = {"revert_after": 10.0, "enable": 1.0, "power": power_kw, "heartbeat": float(heartbeat)}
    device.heard.append(Heard(at_s + 0.002, at_s, dict(values), taken=True))


def command(trace: Trace, change: Callable[[float, float], float], asset: str = "b1") -> None:
    """Change the set-points on the wire by (s, kW) → kW."""
    for heard in trace.stations[asset].heard:
        heard.values["power"] = change(heard.sent_s, float(heard.values["power"]))


def tell(trace: Trace, name: str, value: float | None, from_s: float, to_s: float = 1e6, asset: str = "b1") -> None:
    """Let the device say this of a point in that time."""
    said = trace.stations[asset].said
    for place, reply in enumerate(said):
        if from_s <= reply.at_s < to_s:
            said[place] = Said(reply.at_s, {**reply.values, name: value})


def _foreign(trace: Trace) -> None:
    tell(trace, "setpoint", 33.0, 20.0)


def _beyond(trace: Trace) -> None:
    for asset in ("b1", "b2"):
        command(trace, lambda s, kw: 249.0, asset)


def _jagged(trace: Trace) -> None:
    command(trace, lambda s, kw: kw * (-1) ** int(s / 2))


def _reversal(trace: Trace) -> None:
    for heard in trace.stations["b1"].heard:
        heard.values.pop("revert_after")


def _timer(trace: Trace) -> None:
    for heard in trace.stations["b1"].heard:
        heard.values["heartbeat"] = float(heard.values["heartbeat"]) * 5


def _again(trace: Trace) -> None:
    trace.stations["b1"].heard[20:20] = [trace.stations["b1"].heard[19]]


def _goes_on(trace: Trace) -> None:
    trace.stations["b1"].heard = trace.stations["b1"].heard[:5]


def _ends_wrong(trace: Trace) -> None:
    trace.boots[0].terminated_s, trace.boots[0].ended_s, trace.boots[0].confirmed = 50.0, 61.0, True


def _stays_away(trace: Trace) -> None:
    trace.healed_s = 30.0
    command(trace, lambda s, kw: 0.0 if s > 20.0 else kw)


def _flaps(trace: Trace) -> None:
    command(trace, lambda s, kw: 0.0 if int(s / 5) % 2 else min(kw, 50.0))


def _hurries(trace: Trace) -> None:
    tell(trace, "soc", None, 20.0, 30.0)


def _lags(trace: Trace) -> None:
    trace.moments = [Moment(m.at_s, {"b1": m.power_kw["b1"] / 2, "b2": 80.0}, m.soc_pct) for m in trace.moments]


def _misses(trace: Trace) -> None:
    del trace.ticks[20:30]


def _chatters(trace: Trace) -> None:
    for tenth in range(10):
        say(trace.stations["b1"], 30.02 + tenth / 50, 80.0, 21 + tenth)  # type: ignore[arg-type]


def _forgets(trace: Trace) -> None:
    trace.acknowledged.append((20.0, "act 7"))
    trace.boots.append(Boot(30.0, kept='{"id": "act 77"}'))


def _late(trace: Trace) -> None:
    trace.ticks[30] += 0.3


def _stalled_client(trace: Trace) -> None:
    trace.watchers.append(Watcher(20.0, None, 31.0))


def _crowded(trace: Trace) -> None:
    trace.used.append(USED._replace(beyond=(Waiting("b1.writer", 2, 1),)))


def _leaks(trace: Trace) -> None:
    trace.used += [USED, USED._replace(at_s=50.0, files=12 + 3)]


def _heeded(trace: Trace) -> None:
    trace.offered.append(Offered(20.0, "huge", sound=True, status=200))
    command(trace, lambda s, kw: 251.0 if s > 22.0 else kw)


def _frozen_limit(trace: Trace) -> None:
    trace.limits["b1"] = [(0.0, 250.0, 250.0), (20.0, 250.0, 37.0)]


def _wrong_scale(trace: Trace) -> None:
    tell(trace, "soc", 80.0, 20.0)


def _stands_full(trace: Trace) -> None:
    tell(trace, "power", 0.0, 0.0)
    trace.used.append(USED._replace(at_s=58.0))


BROKEN: dict[str, Callable[[Trace], None]] = {
    "S1": lambda t: command(t, lambda s, kw: 251.0),
    "S2": lambda t: tell(t, "discharge_limit", 37.0, 20.0),
    "S3": lambda t: t.acts.append(Act(20.0, ActKind.STOP)),
    "S4": _beyond,
    "S5": lambda t: command(t, lambda s, kw: -kw),
    "S6": lambda t: tell(t, "soc", 9.0, 20.0),
    "S7": lambda t: command(t, lambda s, kw: 240.0 if s > 20 else kw),
    "S8": lambda t: tell(t, "power", -80.0, 20.0),
    "S9": _foreign,
    "S10": lambda t: tell(t, "remote", 0.0, 20.0),
    "S11": lambda t: tell(t, "alarms", 1.0, 20.0, 22.0),
    "S12": lambda t: t.asked.clear(),
    "S13": _jagged,
    "S14": _heeded,
    "S17": _wrong_scale,
    "S19": _stands_full,
    "S20": lambda t: t.exchanged.append(("b1", 20.0, 30.0)),
    "S21": _frozen_limit,
    "S15": lambda t: tell(t, "available", 0.0, 20.0),
    "F1": lambda t: tell(t, "soc", None, 20.0),
    "F2": lambda t: tell(t, "heartbeat", 7.0, 20.0),
    "F3": _again,
    "F4": _reversal,
    "F5": _timer,
    "F6": lambda t: t.hasty.append(("b1", 20.0, 0.1)),
    "H4": lambda t: t.boots.insert(1, Boot(9.0)),
    "H5i": _goes_on,
    "H6i": _ends_wrong,
    "L1": _stays_away,
    "L2": lambda t: tell(t, "discharge_limit", None, 20.0),
    "L3": _flaps,
    "L3i": _hurries,
    "L4": _lags,
    "L5": _misses,
    "R5": _chatters,
    "D6": _late,
    "D7": _forgets,
    "L6": _misses,
    "R1": _crowded,
    "R3": _stalled_client,
    "R4": _leaks,
}


def test_the_calm_minute_breaks_nothing() -> None:
    assert [str(breach) for breach in verify(calm())] == []


@pytest.mark.parametrize("name", sorted(INVARIANTS))
def test_a_breach_is_found_and_named(name: str) -> None:
    trace = calm()
    BROKEN[name](trace)
    found = verify(trace, only=[name])
    assert found
    assert str(found[0]).startswith(f"{name} ")


@pytest.mark.hazard("L3i")
@pytest.mark.parametrize(("returned_s", "breaks"), [(54.0, True), (88.9, True), (90.0, False)])
def test_permission_that_had_just_returned_waits(returned_s: float, breaks: bool) -> None:
    """L3i: not connected from 20 to 30 s and from 40 to 50 s; `calm_for` is 60 s and runs from 30 s at the earliest."""
    trace = calm()
    for device in trace.stations.values():
        last = device.said[-1]
        device.said += [Said(LAST + half / 2 + 0.1, last.values) for half in range(80)]
    for second in range(LAST, LAST + 40):
        say(trace.stations["b1"], second + 0.01, 80.0, second - FIRST + 1)  # type: ignore[arg-type]
    trace.ticks = [float(second) for second in range(1, LAST + 40)]
    trace.moments.append(trace.moments[-1]._replace(at_s=LAST + 40.0))
    for began in (20.0, 40.0):
        tell(trace, "available", 0.0, began, began + 10.0)
    off = ((21.5, 33.5), (41.5, returned_s))
    command(trace, lambda s, kw: 0.0 if any(a < s < b for a, b in off) else kw)
    assert bool(verify(trace, only=["L3i"])) is breaks


@pytest.mark.hazard("S6")
@pytest.mark.parametrize(("power_kw", "breaks"), [(80.0, False), (84.0, True)])
def test_toward_the_end_of_the_band_no_more_than_the_taper_leaves(power_kw: float, breaks: bool) -> None:
    """S6: 1 % above the least SoC a third of 250 kW is left."""
    trace = calm()
    tell(trace, "soc", 11.0, 0.0)
    command(trace, lambda s, kw: min(kw, power_kw) if s < 20.0 else power_kw)
    assert bool(verify(trace, only=["S6"])) is breaks


def test_who_stood_still_is_late_by_no_more_than_that() -> None:
    trace = calm()
    trace.ticks[30:] = [at_s for at_s in trace.ticks[30:] if at_s > 40.0]
    trace.ticks.insert(30, 40.3)
    trace.stalled.append((30.5, 40.28))
    assert verify(trace, only=["D6", "L6"]) == []
    trace.stalled[0] = 30.5, 39.0
    assert {breach.invariant for breach in verify(trace, only=["D6", "L6"])} == {"D6"}


def test_a_job_that_has_ended_is_found_too() -> None:
    trace = calm()
    trace.used.append(USED._replace(ended=("b1 poll",)))
    assert [str(breach) for breach in verify(trace)] == ["L6 site at 5.000 s: b1 poll has ended, and the process lives"]


@pytest.mark.parametrize("limit", [250.0, None])
def test_a_set_point_that_is_read_back_says_nothing_of_the_rest(limit: float | None) -> None:
    """Behind a slow gateway the newest reply is a read-back now and then: what was read before it still counts."""
    trace = calm()
    tell(trace, "discharge_limit", limit, 29.0, 30.0)
    said = trace.stations["b1"].said
    said[:] = [s if not 30.0 <= s.at_s < 32.5 else Said(s.at_s, {"setpoint": 80.0}) for s in said]
    found = [breach for breach in verify(trace, only=["F1", "S2"]) if breach.at_s > 31.0]
    assert bool(found) is (limit is None)


@pytest.mark.parametrize(("reached", "healthy"), [((), False), (("b2",), False), ((), True)])
def test_who_is_out_of_reach_cannot_make_room_and_all_others_have_to(reached: tuple[str, ...], healthy: bool) -> None:
    """S4: 300 kW come on at 40 s besides 160 kW where 400 kW may be; from 35 s on only some are written to."""
    trace = calm()
    trace.healthy = healthy
    trace.moments[:] = [m._replace(other_kw=300.0) if m.at_s > 40.0 else m for m in trace.moments]
    for asset in {"b1", "b2"} - set(reached):
        heard: list[Heard] = trace.stations[asset].heard
        heard[:] = [h for h in heard if h.sent_s < 35.0]
    assert bool(verify(trace, only=["S4"])) is (bool(reached) or healthy)


def test_an_identifier_stands_once() -> None:
    with pytest.raises(ValueError, match="S1 is in the table"):
        invariant("S1")(lambda trace: iter(()))
