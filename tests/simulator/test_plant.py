"""The closed loop: battery power shows at the meter, writes act or are lost, faults falsify what is reported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import grid
from simulator.faults import TITLES, Board, Fault, FaultError
from simulator.grid import Site
from simulator.plant import Plant
from tests.simulator.conftest import NOON, a_plant


def drive(plant: Plant, power_kw: float, seconds: float, writing: bool = True) -> None:
    """Write a set-point once a second as a controller would, with a heartbeat."""
    for tick in range(round(seconds)):
        if writing:
            plant.write("power", power_kw)
            plant.write("heartbeat", float(tick % 65_536) + plant.state.uptime_s)
        for _ in range(10):
            plant.advance(0.1)


@pytest.mark.req("LH-TEST-003")
@given(st.floats(0.0, 2e9), st.floats(-250.0, 250.0))
def test_the_meter_sums_battery_load_and_pv(utc_s: float, battery_kw: float) -> None:
    seen = grid.meter(Site(), utc_s, battery_kw, 50.0)
    assert seen.poc_kw == pytest.approx(battery_kw + seen.pv_kw - seen.load_kw)
    assert 0.0 <= seen.load_kw <= 110.0
    assert 0.0 <= seen.pv_kw <= 80.0


def test_there_is_no_sun_at_night() -> None:
    assert grid.pv_kw(Site(), NOON - 43_200.0) == 0.0
    assert grid.pv_kw(Site(), NOON) > 10.0


@pytest.mark.req("LH-TEST-003")
def test_battery_power_appears_at_the_meter(plant: Plant) -> None:
    drive(plant, 80.0, 5.0)
    state = plant.state
    assert state.battery.power_kw == 80.0
    assert state.grid.poc_kw == pytest.approx(80.0 + state.grid.pv_kw - state.grid.load_kw)


@pytest.mark.req("LH-TEST-003")
def test_the_same_writes_give_the_same_plant() -> None:
    first, second = a_plant(), a_plant()
    for plant in (first, second):
        drive(plant, -120.0, 20.0)
    assert first.state == second.state


def test_a_long_step_equals_many_short_ones() -> None:
    one, many = a_plant(), a_plant()
    for plant in (one, many):
        plant.write("power", 100.0)
    one.advance(2.0)
    for _ in range(20):
        many.advance(0.1)
    assert one.state.battery.power_kw == pytest.approx(many.state.battery.power_kw)
    assert one.state.battery.energy_kwh == pytest.approx(many.state.battery.energy_kwh)


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-001")
def test_a_heartbeat_that_stands_still_is_no_heartbeat(plant: Plant) -> None:
    drive(plant, 80.0, 5.0)
    for _ in range(150):
        plant.write("heartbeat", 4.0)
        plant.advance(0.1)
    assert plant.state.battery.reverted
    assert plant.state.battery.power_kw == 0.0


def test_where_the_profile_says_so_a_setpoint_feeds_the_watchdog() -> None:
    plant = a_plant(feeds="power")
    for _ in range(20):
        plant.write("power", 80.0)
        plant.advance(1.0)
    assert plant.state.battery.power_kw == 80.0
    plant.advance(15.0)
    assert plant.state.battery.power_kw == 0.0


def test_mode_and_enable_let_the_setpoint_through(plant: Plant) -> None:
    plant.write("mode", "stop")
    plant.write("power", 80.0)
    plant.advance(3.0)
    assert plant.state.battery.power_kw == 0.0
    plant.write("mode", "discharge")
    plant.advance(3.0)
    assert plant.state.battery.power_kw == 80.0
    plant.write("enable", 0.0)
    plant.advance(3.0)
    assert plant.state.battery.power_kw == 0.0


def test_the_reversion_of_the_device_can_be_set(plant: Plant) -> None:
    plant.write("revert_after", 5.0)
    plant.write("revert_power", -20.0)
    drive(plant, 80.0, 3.0)
    drive(plant, 0.0, 8.0, writing=False)
    assert plant.state.battery.power_kw == -20.0


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-001", "LH-TEST-003")
def test_h5i_a_reversion_that_is_armed_ends_at_its_power_and_one_that_is_not_does_not() -> None:
    """Reliability H5i: no write since t0, and |P| is 0 by t0 + R_dev + dead time and lag; unarmed it goes on."""
    for armed in (True, False):
        plant = a_plant(arms=True, reverts_after_s=None)
        for name, value in (("revert_after", 10.0), ("revert_power", 0.0), ("revert_enable", float(armed))):
            assert plant.write(name, value) is None
        drive(plant, 80.0, 5.0)
        drive(plant, 0.0, 8.0, writing=False)
        assert plant.state.battery.power_kw == 80.0
        drive(plant, 0.0, 5.0, writing=False)
        assert plant.state.battery.power_kw == (0.0 if armed else 80.0)


@pytest.mark.safety
@pytest.mark.req("LH-TEST-003")
def test_row_10_a_restart_clears_set_point_and_reversion_once() -> None:
    plant = a_plant(arms=True, reverts_after_s=None)
    for name, value in (("revert_after", 10.0), ("revert_enable", 1.0)):
        plant.write(name, value)
    drive(plant, 80.0, 5.0)
    plant.board.switch(Fault.RESET, True, plant.state.uptime_s)
    plant.advance(0.1)
    assert (plant.state.battery.setpoint_kw, plant.reversion["revert_enable"], plant.restarts) == (0.0, 0.0, 1)
    drive(plant, 80.0, 5.0)
    drive(plant, 0.0, 30.0, writing=False)
    assert (plant.state.battery.power_kw, plant.restarts) == (80.0, 1)  # nobody armed it again


def test_another_device_has_another_serial_number(plant: Plant) -> None:
    before = plant.identity
    plant.board.switch(Fault.IDENTITY, True, 0.0)
    plant.advance(0.1)
    assert plant.identity["serial"] != before["serial"]
    assert plant.identity["model"] == before["model"]


@pytest.mark.req("LH-SAFE-007")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("power", 250.2),
        ("power", -251.0),
        ("power", float("nan")),
        ("power", float("inf")),
        ("revert_after", 0.0),
        ("revert_power", 1000.0),
        ("unit_mode", 0.0),
    ],
)
def test_what_a_device_cannot_do_is_refused(plant: Plant, name: str, value: float) -> None:
    assert plant.write(name, value) is not None
    assert (plant.writes.refused, plant.writes.accepted, plant.state.battery.setpoint_kw) == (1, 0, 0.0)


@pytest.mark.req("LH-TEST-003")
@pytest.mark.parametrize("fault", [Fault.LOCAL, Fault.ALARM, Fault.FREEZE, Fault.CABLE, Fault.DISCARD])
def test_faults_that_lose_writes(plant: Plant, fault: Fault) -> None:
    plant.board.switch(fault, True, 0.0)
    plant.advance(0.1)
    assert plant.write("power", 80.0) is None
    plant.advance(3.0)
    assert (plant.state.battery.setpoint_kw, plant.state.battery.power_kw) == (0.0, 0.0)
    assert plant.writes.discarded == 1


@pytest.mark.req("LH-TEST-003")
def test_discarded_setpoints_leave_the_old_one_in_force_because_the_heartbeat_still_counts(plant: Plant) -> None:
    drive(plant, 80.0, 5.0)
    plant.board.switch("discard", True, plant.state.uptime_s)
    plant.advance(0.1)
    drive(plant, -100.0, 20.0)
    assert plant.state.battery.power_kw == 80.0


@pytest.mark.req("LH-TEST-003")
def test_the_wrong_sign_is_reported_but_not_real(plant: Plant) -> None:
    drive(plant, 80.0, 5.0)
    plant.board.switch("wrong_sign", True, plant.state.uptime_s)
    plant.advance(0.1)
    assert plant.reported().values["power"] == -80.0
    assert plant.state.battery.power_kw == 80.0


@pytest.mark.req("LH-TEST-003")
def test_a_changed_scale_is_reported_and_half_the_power_is_real(plant: Plant) -> None:
    drive(plant, 80.0, 5.0)
    plant.board.switch("scale", True, plant.state.uptime_s, seconds=1.0)
    plant.advance(0.1)
    assert plant.reported().values["power"] == 800.0
    plant.board.switch("half", True, plant.state.uptime_s)
    drive(plant, 80.0, 5.0)
    assert plant.state.battery.power_kw == pytest.approx(40.0)
    plant.board.switch("oscillate", True, plant.state.uptime_s)
    seen = []
    for _ in range(80):
        plant.advance(0.1)
        seen.append(plant.state.battery.power_kw)
    assert min(seen) == pytest.approx(16.0, abs=2.0)
    assert max(seen) == pytest.approx(64.0, abs=2.0)


@pytest.mark.req("LH-TEST-003")
def test_another_master_writes_its_own_set_point(plant: Plant) -> None:
    drive(plant, 80.0, 5.0)
    plant.board.switch("foreign", True, plant.state.uptime_s)
    for _ in range(12):
        plant.advance(0.1)
    assert plant.reported().values["setpoint"] == 30.0
    assert plant.write("power", 80.0) is None
    assert plant.reported().values["setpoint"] == 80.0


@pytest.mark.req("LH-TEST-003")
def test_what_each_fault_makes_the_device_say(plant: Plant) -> None:
    def after(fault: str) -> Plant:
        plant.board.switch(fault, True, plant.state.uptime_s, seconds=1.0)
        plant.advance(0.5)
        return plant

    assert after("nan").reported().values["soc"] is None
    drive(plant, 0.0, 2.0)
    assert after("local").reported().remote is False
    drive(plant, 0.0, 2.0)
    assert (after("unavailable").reported().available, plant.reported().mode) == (False, "off")
    drive(plant, 0.0, 2.0)
    assert (after("alarm").reported().alarm, plant.reported().mode) == (True, "fault")
    drive(plant, 0.0, 2.0)
    said = plant.reported()
    assert (said.available, said.remote, said.alarm, said.mode) == (True, True, False, "idle")
    assert said.values["soc"] == pytest.approx(50.0)


@pytest.mark.req("LH-TEST-003")
def test_a_fault_ends_by_itself_or_by_hand() -> None:
    board = Board()
    board.switch("bms_limit", True, 10.0, seconds=5.0, limit_kw=20.0)
    board.switch("cable", True, 10.0)
    assert (board.effects(14.9).duress.limit_kw, board.effects(14.9).cable) == (20.0, True)
    assert (board.effects(15.0).duress.limit_kw, board.effects(15.0).cable) == (None, True)
    board.switch("cable", False, 16.0)
    assert not board.effects(16.0).cable


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("earthquake", {}),
        ("cable", {"seconds": 0.0}),
        ("cable", {"seconds": float("nan")}),
        ("cable", {"seconds": 1e9}),
        ("cable", {"limit_kw": 5.0}),
        ("bms_limit", {"limit_kw": -5.0}),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(name: str, more: dict[str, float]) -> None:
    board = Board()
    with pytest.raises(FaultError):
        board.switch(name, True, 0.0, **more)
    assert board.active(0.0) == {}


def test_every_fault_has_a_title() -> None:
    assert set(TITLES) == set(Fault)


@pytest.mark.req("LH-TEST-003")
def test_a_lively_bms_lowers_its_limits_every_two_minutes() -> None:
    board = Board(lively=True)
    limits = [board.effects(float(second)).duress.limit_kw for second in range(240)]
    assert limits == ([None] * 100 + [37.0] * 20) * 2
    board.switch("bms_limit", True, 0.0, limit_kw=50.0)
    assert board.effects(110.0).duress.limit_kw == 50.0


def test_reactive_power_follows_what_is_written_and_ends_with_the_inverter(plant: Plant) -> None:
    drive(plant, 20.0, 2.0)
    plant.write("reactive_power", -30.0)
    plant.voltage_v = 431.0
    drive(plant, 20.0, 1.0)
    assert plant.reported().values["reactive_power"] == plant.metered()["reactive_power"] == -30.0
    assert plant.metered()["voltage"] == 431.0
    drive(plant, 20.0, 15.0, writing=False)
    assert plant.reported().values["reactive_power"] == 0.0
