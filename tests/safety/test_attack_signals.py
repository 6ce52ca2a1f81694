"""Signals that lie, vanish or come and go between two ticks: they take power away, they never leave or give it."""

from __future__ import annotations

from math import inf, nan

import pytest

from jit.codes import Authority, Latch, Quality, State, WriteStatus
from jit.frame import Frame
from sources.act import ActKind
from sources.reading import lost
from sources.receipt import Receipt
from tests.rig import Rig, site


def running(cycle: str, power_kw: float = 100.0, fcr_kw: float = 0.0) -> Rig:
    rig = Rig(site(cycle=cycle, fcr_kw=fcr_kw)).ready()
    if power_kw:
        rig.schedule("day_ahead", power_kw)
    rig.run(6)
    return rig


@pytest.mark.req("LH-SAFE-004", "LH-SAFE-006")
@pytest.mark.parametrize("point", ["remote", "available", "alarms", "soc", "power", "temperature"])
def test_a_point_that_is_promised_and_vanishes_takes_the_permission(point: str, cycle: str) -> None:
    """Without `remote` nobody knows whether somebody works at the device: the last known yes is no yes."""
    rig = running(cycle)
    rig.batteries["b1"].missing = {point}
    rig.tick()
    assert rig.power == [0.0]
    assert rig.frame["quality"][0] == Quality.MISSING


@pytest.mark.req("LH-SM-001")
def test_a_device_found_in_local_at_the_start_waits_for_somebody_to_activate_it(cycle: str) -> None:
    rig = Rig(site(cycle=cycle))
    rig.batteries["b1"].remote = 0.0
    rig.schedule("day_ahead", 100.0)
    rig.run(10)
    assert rig.frame["authority"][0] == Authority.SILENT
    rig.batteries["b1"].remote = 1.0
    rig.run(10)
    assert rig.frame["state"][0] == State.STANDBY
    assert all(command is None for tick in rig.sent for command in tick)


@pytest.mark.req("LH-SAFE-006")
@pytest.mark.parametrize("frequency", [0.0, 65.535, 44.9, -50.0, nan, inf, -inf, 5e-324, 1e308])
@pytest.mark.hazard("row 29")
def test_an_impossible_frequency_moves_nothing_whatever_the_profile_allows(frequency: float, cycle: str) -> None:
    rig = running(cycle, 0.0, fcr_kw=100.0)
    rig.frequency = frequency
    for _ in range(10):
        rig.tick()
        assert rig.power == [0.0]
    assert rig.frame.site_code("frequency_quality") & Quality.VALID == 0


@pytest.mark.req("LH-RT-001", "LH-SAFE-004")
def test_a_pause_earns_a_service_no_credit_on_its_ramp(cycle: str) -> None:
    """100 kW in 5 s are 20 kW a second: after a pause of 2.5 s two cycles of it, not fifty kW."""
    rig = running(cycle, 0.0, fcr_kw=100.0)
    rig.frequency = 49.8
    rig.tick(2.5)
    assert abs(rig.frame["service_kw"][0]) <= 20.0 * 2 * rig.cycle + 1e-9


@pytest.mark.req("LH-SM-002", "LH-SM-003")
@pytest.mark.parametrize("second", ["clear", "lost"])
def test_a_critical_alarm_in_one_reading_between_two_ticks_latches(second: str, cycle: str) -> None:
    """The device shows it for half a cycle, then takes it back, or its link breaks: trip bits are OR-ed."""
    rig = running(cycle)
    battery = rig.batteries["b1"]
    battery.alarms = 1.0
    rig.measure()
    battery.alarms = 0.0
    if second == "lost":
        first, last = rig.compiled.layout.devices["b1"]
        rig.signal(lost("b1", rig.now_s, last - first))
        battery.answers = False
    rig.tick()
    assert rig.power == [0.0]
    assert rig.frame["latch"][0] == Latch.ALARM
    assert rig.frame["state"][0] == State.FAULT


@pytest.mark.hazard("row 18", "S10")
@pytest.mark.req("LH-SM-001")
def test_local_control_in_one_reading_between_two_ticks_waits_for_somebody_to_activate(cycle: str) -> None:
    """The device was taken over for a moment and given back: it may have dropped its set-point meanwhile."""
    rig = running(cycle)
    rig.batteries["b1"].remote = 0.0
    rig.measure()
    rig.batteries["b1"].remote = 1.0
    rig.tick()
    assert rig.sent[-1] == [None]
    assert rig.frame["state"][0] == State.STANDBY
    rig.run(10)
    assert rig.frame["state"][0] == State.STANDBY
    rig.act(ActKind.ACTIVATE)
    rig.run(10)
    assert rig.frame["state"][0] == State.DISCHARGING


@pytest.mark.req("LH-SM-002")
def test_a_trip_in_the_tick_in_which_the_state_machine_fails_latches_in_the_next(cycle: str) -> None:
    rig = running(cycle)
    machine = rig.stages[0]
    step, machine.step = machine.step, _broken
    rig.batteries["b1"].alarms = 1.0
    rig.tick()
    machine.step = step
    rig.batteries["b1"].alarms = 0.0
    rig.tick()
    assert rig.frame["latch"][0] == Latch.ALARM


def _broken(_frame: Frame) -> None:
    raise RuntimeError("a defect")


@pytest.mark.req("LH-SAFE-004", "LH-RT-001")
def test_what_is_read_after_a_pause_is_as_old_as_the_pause(cycle: str) -> None:
    """A frozen process finds old messages in its sockets; handled in the first moment after, they look new."""
    rig = running(cycle, 200.0)
    assert rig.power[0] > 0.0
    rig.tick(20.0)
    assert rig.power == [0.0]
    assert rig.frame["quality"][0] & Quality.STALE
    rig.run(2.0)
    assert rig.power == [0.0]
    rig.run(6.0)
    assert rig.power[0] > 0.0


@pytest.mark.req("LH-PROT-003")
def test_the_outcome_of_an_older_write_does_not_hide_that_of_a_newer_one(cycle: str) -> None:
    rig = running(cycle)
    tick = rig.frame.tick
    rig.signal(Receipt("b1", tick, rig.now_s, WriteStatus.CONFIRMED, 100.0, 100.0))
    rig.signal(Receipt("b1", tick - 1, rig.now_s, WriteStatus.CONFIRMED, 0.0, 0.0))
    rig.signal(Receipt("nobody", tick + 1, rig.now_s, WriteStatus.CONFIRMED, 0.0, 0.0))
    rig.tick()
    assert rig.frame["written_kw"][0] == 100.0
    assert rig.errors == []
