"""Digital inputs and interlocks: in force in the very tick, unknown counts as active, permission is only taken away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from jit.codes import Forbidden, Latch, Permit, Quality, Reason, State
from operators.sentence import not_ready, why
from sources.act import ActKind
from sources.reading import Reading
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SM-001", "LH-OPS-001")]


def definition(then: str, cycle: str, *, active: str = "high", assets: int = 1, **lock: Any) -> Any:
    return site(
        assets,
        cycle=cycle,
        inputs={"door": {"connect": "broker", "topic": "plant/door", "active": active, "stale_after": "3 s"}},
        interlocks={"open_door": {"input": "door", "then": then, **lock}},
    )


def running(then: str, cycle: str, power_kw: float = 80.0, *, wait_s: float = 0.0, **more: Any) -> Rig:
    rig = Rig(definition(then, cycle, **more))
    rig.inputs["door"] = float(more.get("active") == "low")
    rig.ready()
    rig.schedule("day_ahead", power_kw)
    rig.run(5 + wait_s)
    assert rig.power[0] == power_kw / more.get("assets", 1)
    return rig


@pytest.mark.parametrize("active", ["high", "low"])
def test_no_power_is_in_force_in_the_tick_that_shows_it_and_goes_with_it(active: str, cycle: str) -> None:
    rig = running("no_power", cycle, active=active)
    rig.inputs["door"] = float(active == "high")
    frame = rig.tick()
    assert rig.power == [0.0]
    assert (frame["state"][0], frame["state_by"][0]) == (State.READY, Reason.INTERLOCKED)
    assert "the interlock open_door forbids power" in why(frame, 0)
    assert not_ready(frame, 0) == ["the interlock open_door forbids power"]
    rig.inputs["door"] = float(active == "low")
    rig.run(4)
    assert rig.power == [80.0]


@pytest.mark.parametrize(("then", "power_kw", "allowed"), [
    ("no_charge", 80.0, True), ("no_charge", -80.0, False),
    ("no_discharge", -80.0, True), ("no_discharge", 80.0, False),
])  # fmt: skip
def test_one_direction_is_forbidden_and_the_other_is_not(then: str, power_kw: float, allowed: bool, cycle: str) -> None:
    rig = running(then, cycle, power_kw)
    rig.inputs["door"] = 1.0
    rig.tick()
    assert rig.power == [power_kw if allowed else 0.0]
    assert ("limited by the interlock open_door" in why(rig.frame, 0)) is not allowed
    assert rig.frame["state"][0] not in (State.READY, State.FAULT)
    assert (rig.frame["may_charge"][0] == Permit.YES) == (then != "no_charge")


def test_a_stop_latches_until_it_is_acknowledged(cycle: str) -> None:
    rig = running("stop", cycle)
    rig.inputs["door"] = 1.0
    rig.tick()
    assert rig.power == [0.0]
    assert rig.frame["state"][0] == State.FAULT
    assert rig.frame["latch"][0] == Latch.INTERLOCK
    rig.run(15)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.run(1)
    assert rig.frame["state"][0] == State.FAULT, "acknowledged while the door is open"
    rig.inputs["door"] = 0.0
    rig.run(30)
    assert rig.power == [0.0], "closing the door is no acknowledgement"
    rig.act(ActKind.ACKNOWLEDGE)
    rig.run(6)
    assert rig.power == [80.0]


@pytest.mark.parametrize("loss", ["silent", "missing", "invalid", "nan"])
@pytest.mark.parametrize(("then", "latched"), [("no_power", False), ("stop", True)])
def test_an_input_that_is_not_known_is_active(then: str, latched: bool, loss: str, cycle: str) -> None:
    """An unreadable door is an open door; a stop that was running on it latches."""
    rig = running(then, cycle)
    rig.inputs["door"] = None
    value, quality = (np.nan, Quality.VALID) if loss == "nan" else (0.0, Quality.PROTOCOL)
    if loss == "missing":
        quality = Quality.MISSING
    if loss != "silent":
        rig.signal(Reading("inputs.door", rig.now_s, np.array([value]), np.array([int(quality)])))
        rig.tick()
    else:
        rig.run(3 + 2 * rig.cycle)
    assert rig.power == [0.0]
    assert (rig.frame["latch"][0] == Latch.INTERLOCK) == latched
    assert rig.frame["interlock"][0] & Forbidden.CHARGE


@pytest.mark.parametrize("then", ["stop", "no_power"])
def test_before_the_first_word_of_it_nothing_runs_and_nothing_latches(then: str, cycle: str) -> None:
    rig = Rig(definition(then, cycle))
    rig.inputs["door"] = None
    rig.schedule("day_ahead", 80.0)
    rig.run(20)
    assert rig.power == [0.0]
    assert rig.frame["latch"][0] == 0
    rig.inputs["door"] = 0.0
    rig.run(5)
    assert rig.power == [80.0]


def test_it_is_released_after_its_time_and_not_by_a_flicker(cycle: str) -> None:
    rig = running("no_power", cycle, wait_s=5.0, release_after="10 s")
    rig.inputs["door"] = 1.0
    rig.tick()
    for _ in range(3):
        rig.inputs["door"] = 0.0
        rig.run(8)
        rig.inputs["door"] = 1.0
        rig.tick()
        assert rig.power == [0.0]
    rig.inputs["door"] = 0.0
    rig.run(9)
    assert rig.power == [0.0]
    rig.run(5)
    assert rig.power == [80.0]


def test_the_time_of_its_release_begins_anew_with_a_restart(cycle: str) -> None:
    rig = Rig(definition("no_power", cycle, release_after="10 s"))
    rig.inputs["door"] = 0.0
    rig.schedule("day_ahead", 80.0)
    rig.run(9)
    assert rig.power == [0.0]
    rig.run(6)
    assert rig.power == [80.0]


def test_only_the_assets_that_it_names_are_stopped(cycle: str) -> None:
    two = site(
        2,
        cycle=cycle,
        inputs={"door": {"connect": "broker", "topic": "plant/door", "active": "high"}},
        interlocks={"open_door": {"input": "door", "then": "no_power", "assets": ["b2"]}},
    )
    rig = Rig(two).ready()
    rig.schedule("day_ahead", 160.0)
    rig.run(5)
    rig.inputs["door"] = 1.0
    rig.run(5)
    assert rig.power == [pytest.approx(160.0), 0.0]
    assert rig.frame["interlock"].tolist() == [0, Forbidden.CHARGE | Forbidden.DISCHARGE]


def test_an_interlock_never_gives_a_permission(cycle: str) -> None:
    """With every input inactive the band is the same as without any interlock."""
    rig, plain = running("stop", cycle), Rig(site(cycle=cycle)).ready()
    plain.schedule("day_ahead", 80.0)
    plain.run(5)
    assert rig.frame["low_kw"].tolist() == plain.frame["low_kw"].tolist()
    assert rig.frame["high_kw"].tolist() == plain.frame["high_kw"].tolist()
