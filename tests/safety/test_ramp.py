"""Successive set-points differ by no more than the ramp allows, except where a limit fell (LH-CTRL-003)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from config.definition import Definition
from jit.codes import Reason
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-CTRL-003")


def ramped(up: float = 50.0, down: float = 50.0, assets: int = 1, cycle: str = "1 s", **changes: Any) -> Definition:
    plain = site(assets, cycle=cycle)
    return plain.model_copy(
        update={
            "site": plain.site.model_copy(update=changes),
            "assets": {
                name: asset.model_copy(update={"ramp": asset.ramp.model_copy(update={"up": up, "down": down})})
                for name, asset in plain.assets.items()
            },
        }
    )


def path(rig: Rig, seconds: float) -> list[float]:
    """Commands of b1 in kW, one per tick, the one before first."""
    powers = [rig.power[0]]
    for _ in range(round(seconds / rig.cycle)):
        rig.tick()
        powers.append(rig.power[0])
    return powers


def steps(powers: list[float]) -> list[float]:
    return [round(new - old, 6) for old, new in itertools.pairwise(powers)]


@pytest.mark.parametrize(("first", "then"), [(0, 200), (0, -200), (200, -200), (-200, 200), (200, 0)])
def test_no_step_is_larger_than_the_ramp(first: float, then: float, cycle: str) -> None:
    rig = Rig(ramped(30.0, 30.0, cycle=cycle)).ready()
    rig.schedule("day_ahead", first)
    rig.run(10)
    rig.schedule("day_ahead", then, version=2)
    powers = path(rig, 20)
    assert max(map(abs, steps(powers))) <= 30.0 * rig.cycle + 0.1
    assert powers[-1] == then
    assert powers == sorted(powers, reverse=then < first), "straight there, without turning back"


def test_up_is_away_from_zero_and_down_toward_it(cycle: str) -> None:
    """Through zero it is first the one rate, then the other, in one tick too."""
    rig = Rig(ramped(10.0, 40.0, cycle=cycle)).ready()
    rig.schedule("day_ahead", 100.0)
    rig.run(12)
    rig.schedule("day_ahead", -100.0, version=2)
    powers = path(rig, 14)
    assert powers[round(3 / rig.cycle)] == pytest.approx(-5.0, abs=0.2)
    assert powers[round(4 / rig.cycle)] == pytest.approx(-15.0, abs=0.2)
    for old, new in itertools.pairwise(powers):
        if old >= 0.0 and new < 0.0:
            assert new >= -(rig.cycle - old / 40.0) * 10.0 - 0.1
    assert powers[-1] == -100.0


@pytest.mark.hazard("row 1", "S2", "S7")
def test_a_limit_that_falls_beats_the_ramp_and_the_way_back_is_ramped(cycle: str) -> None:
    rig = Rig(ramped(20.0, 20.0, cycle=cycle)).ready()
    rig.schedule("day_ahead", 200.0)
    rig.run(12)
    rig.batteries["b1"].discharge_limit = 30.0
    rig.tick()
    assert rig.power == [30.0]
    assert rig.frame["ramp_by"][0] == Reason.LIMIT_AT_ONCE
    rig.batteries["b1"].discharge_limit = 250.0
    powers = path(rig, 4)
    assert powers[0] == 30.0
    assert max(steps(powers)) <= 20.0 * rig.cycle + 0.1
    assert powers[-1] == pytest.approx(110.0, abs=0.2)


@pytest.mark.parametrize("act", [ActKind.STOP, ActKind.DEACTIVATE, ActKind.LOCK_OUT])
def test_stops_are_at_once_and_the_way_back_is_ramped(act: ActKind, cycle: str) -> None:
    lifted = {ActKind.STOP: ActKind.RELEASE, ActKind.DEACTIVATE: ActKind.ACTIVATE, ActKind.LOCK_OUT: ActKind.UNLOCK}
    rig = Rig(ramped(20.0, 20.0, cycle=cycle)).ready()
    rig.schedule("day_ahead", 200.0)
    rig.run(12)
    rig.act(act)
    rig.tick()
    assert rig.power == [0.0]
    rig.run(4)
    rig.act(lifted[act])
    if act != ActKind.DEACTIVATE:
        rig.act(ActKind.ACTIVATE)  # neither a release nor an unlock starts a battery
    rig.run(3)
    powers = [power for power in path(rig, 6) if power == power]
    assert max(steps(powers)) <= 20.0 * rig.cycle + 0.1


@pytest.mark.hazard("row 23", "S7")
def test_a_pause_earns_no_credit() -> None:
    """After ten minutes without a tick the ramp may use two cycles, not ten minutes."""
    rig = Rig(ramped(10.0, 10.0)).ready()
    rig.schedule("day_ahead", 200.0)
    rig.run(2)
    before = rig.power[0]
    frame = rig.tick(dt=2.5)
    assert frame.dt == 2.5
    assert frame.dt_ramp == 2.0
    assert rig.power[0] == pytest.approx(before + 20.0, abs=0.1)
    rig.tick(dt=600.0)
    assert rig.power[0] <= before + 40.1


@pytest.mark.hazard("peer 9")
def test_after_silence_the_ramp_starts_at_measured_power(cycle: str) -> None:
    rig = Rig(ramped(20.0, 20.0, cycle=cycle))
    rig.batteries["b1"].power = -90.0
    rig.schedule("day_ahead", 50.0)
    first = None
    while first is None:
        rig.tick()
        first = rig.sent[-1][0]
    assert first.power_kw == pytest.approx(-90.0 + 20.0 * rig.cycle, abs=0.1)


def test_when_the_sites_limit_goes_power_rises_by_the_ramp_from_what_was_sent(cycle: str) -> None:
    """The joint projection is remembered: lifting the limit is no step back to where the ramp had been."""
    rig = Rig(ramped(10.0, 10.0, assets=2, cycle=cycle, export_limit=200.0, max_pv=0.0))
    rig.ready()
    rig.schedule("day_ahead", 200.0)
    rig.run(25)
    assert sum(rig.power) == pytest.approx(200.0, abs=0.5)
    rig.other_kw = 150.0
    rig.run(3 * rig.cycle)
    assert sum(rig.power) <= 50.1
    low = rig.power[0]
    rig.other_kw = 0.0
    powers = path(rig, 5)
    assert powers[0] == low
    assert max(steps(powers)) <= 10.0 * rig.cycle + 0.1


def test_batteries_that_turn_at_different_rates_keep_their_own_ramps(cycle: str) -> None:
    """One is through zero before the other: it waits at 0 for the direction, then starts from 0."""
    plain = ramped(40.0, 40.0, assets=2, cycle=cycle)
    slow = plain.assets["b2"].model_copy(
        update={"ramp": plain.assets["b2"].ramp.model_copy(update={"up": 10.0, "down": 10.0})}
    )
    rig = Rig(plain.model_copy(update={"assets": {**plain.assets, "b2": slow}})).ready()
    rig.schedule("day_ahead", -120.0)
    rig.run(12)
    rig.schedule("day_ahead", 120.0, version=2)
    before = rig.power
    for _ in range(round(20 / rig.cycle)):
        rig.tick()
        assert not (max(rig.power) > 0.0 and min(rig.power) < 0.0)
        for old, new, rate in zip(before, rig.power, (40.0, 10.0), strict=True):
            if abs(new) > abs(old):
                assert abs(new) - abs(old) <= rate * rig.cycle + 0.1
        before = rig.power
    assert sum(rig.power) == pytest.approx(120.0, abs=0.5)
