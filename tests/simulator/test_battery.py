"""The battery's physics: energy adds up, limits hold, the set-point is lost without a heartbeat."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import battery as cells
from simulator.battery import Battery, BatteryState, Duress

BATTERY = Battery(dead_time_s=0.3, lag_s=0.5, reverts_after_s=10.0)
FREE = Duress()
POWERS = st.floats(-300.0, 300.0)


def run(
    state: BatteryState,
    seconds: float,
    dt: float = 0.1,
    duress: Duress = FREE,
    battery: Battery = BATTERY,
    beat: bool = True,
) -> BatteryState:
    for _ in range(round(seconds / dt)):
        state = cells.step(battery, cells.heartbeat(state) if beat else state, duress, dt)
    return state


def settled(power_kw: float, soc: float = 50.0) -> BatteryState:
    return run(cells.command(BATTERY, cells.at_soc(BATTERY, soc), power_kw), 10.0)


@pytest.mark.req("LH-TEST-003")
@given(
    soc=st.floats(0.0, 100.0),
    powers=st.lists(POWERS, min_size=1, max_size=30),
    dt=st.floats(0.01, 5.0),
    speed=st.sampled_from([1.0, 60.0]),
)
def test_energy_balances_in_every_step(soc: float, powers: list[float], dt: float, speed: float) -> None:
    state = cells.at_soc(BATTERY, soc)
    for power in powers:
        after = cells.step(BATTERY, cells.command(BATTERY, state, power), FREE, dt, speed)
        flow = after.power_kw / 0.95 if after.power_kw > 0 else after.power_kw * 0.95
        assert after.energy_kwh == pytest.approx(state.energy_kwh - flow * dt * speed / 3600.0, abs=1e-6)
        assert 0.0 <= after.energy_kwh <= BATTERY.energy_kwh
        assert -BATTERY.charge_kw <= after.power_kw <= BATTERY.discharge_kw
        state = after


LOSSES = {"no_load_kw": 0.8, "standby_kw": 0.15, "copper": 0.01}
LOSSY = replace(BATTERY, charge_efficiency=0.985, discharge_efficiency=0.985, **LOSSES)


@pytest.mark.req("LH-TEST-003")
@given(
    soc=st.one_of(st.sampled_from([0.0, 100.0]), st.floats(0.0, 100.0)),
    powers=st.lists(POWERS, min_size=1, max_size=30),
    dt=st.floats(0.01, 5.0),
    speed=st.sampled_from([1.0, 60.0]),
)
def test_with_losses_what_the_cells_lose_is_what_leaves_and_what_heats(
    soc: float, powers: list[float], dt: float, speed: float
) -> None:
    """Energy is kept: dSoC · capacity = −(terminal energy + losses), and losses are never negative."""
    state = cells.at_soc(LOSSY, soc)
    for power in powers:
        after = cells.step(LOSSY, cells.command(LOSSY, state, power), FREE, dt, speed)
        lost = (state.energy_kwh - after.energy_kwh) * 3600.0 / (dt * speed) - after.power_kw
        assert lost >= -1e-6
        if after.power_kw != 0.0 and 0.0 < after.energy_kwh < LOSSY.energy_kwh:
            assert lost == pytest.approx(cells.cell_power_kw(LOSSY, after.power_kw) - after.power_kw, abs=1e-4)
        assert 0.0 <= after.energy_kwh <= LOSSY.energy_kwh
        state = after


@pytest.mark.req("LH-TEST-003")
@given(first=st.floats(-250.0, 250.0), second=st.floats(-250.0, 250.0))
def test_more_power_takes_more_from_the_cells(first: float, second: float) -> None:
    """Monotone but for the step between standing by and carrying, and never more out than in."""
    low, high = sorted((first, second))
    assert cells.cell_power_kw(LOSSY, low) >= low
    if low * high > 0.0:
        assert cells.cell_power_kw(LOSSY, low) <= cells.cell_power_kw(LOSSY, high)


@pytest.mark.req("LH-TEST-003")
def test_little_power_is_carried_badly() -> None:
    """Efficiency over load, discharging: rises from a few per cent of the rating on, and falls a little at its end."""
    efficiency = {kw: kw / cells.cell_power_kw(LOSSY, kw) for kw in (1.0, 5.0, 25.0, 125.0, 250.0)}
    assert efficiency[1.0] < 0.6 < efficiency[5.0] < 0.9 < efficiency[25.0] < efficiency[125.0] < 0.985
    assert efficiency[250.0] < efficiency[125.0]
    assert cells.cell_power_kw(LOSSY, 0.0) == 0.15


@pytest.mark.req("LH-TEST-003")
def test_standing_by_empties_the_cells_slowly_and_not_below_nothing() -> None:
    state = cells.at_soc(LOSSY, 50.0)
    after = cells.step(LOSSY, state, FREE, 3600.0)
    assert state.energy_kwh - after.energy_kwh == pytest.approx(0.15)
    assert cells.step(LOSSY, cells.at_soc(LOSSY, 0.0), FREE, 3600.0).energy_kwh == 0.0


@pytest.mark.req("LH-TEST-003")
def test_a_round_trip_costs_both_efficiencies() -> None:
    start = settled(0.0)
    charged = run(cells.command(BATTERY, start, -100.0), 1800.0)
    full = run(cells.command(BATTERY, charged, 0.0), 10.0)
    taken = 0.0
    state = cells.command(BATTERY, full, 100.0)
    while state.energy_kwh > start.energy_kwh:
        state = run(state, 0.1)
        taken += state.power_kw * 0.1 / 3600.0
    assert taken == pytest.approx(50.0 * 0.95 * 0.95, rel=0.01)


@pytest.mark.req("LH-TEST-003")
def test_nothing_moves_before_the_dead_time_and_the_rest_follows_the_lag() -> None:
    state = cells.command(BATTERY, settled(0.0), 100.0)
    assert run(state, 0.2).power_kw == 0.0
    one_lag_later = run(state, 0.3 + 0.5 - 0.1).power_kw  # the step in which the dead time ends counts already
    assert one_lag_later == pytest.approx(63.2, abs=0.1)
    assert run(state, 10.0).power_kw == 100.0


@pytest.mark.req("LH-TEST-003")
def test_power_never_moves_faster_than_the_slew_rate() -> None:
    slow = replace(BATTERY, slew_kw_per_s=50.0, lag_s=0.0, dead_time_s=0.0)
    state = cells.command(slow, cells.at_soc(slow, 50.0), 250.0)
    for _ in range(20):
        after = cells.step(slow, state, FREE, 0.1)
        assert abs(after.power_kw - state.power_kw) <= 5.0 + 1e-9
        state = after
    assert state.power_kw == pytest.approx(100.0)


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-001")
def test_without_a_heartbeat_the_setpoint_reverts_to_zero() -> None:
    state = settled(100.0)
    before = run(state, 9.8, beat=False)
    assert (before.power_kw, before.setpoint_kw, before.reverted) == (100.0, 100.0, False)
    after = run(before, 3.0, beat=False)
    assert (after.setpoint_kw, after.reverted) == (0.0, True)
    assert run(after, 5.0, beat=False).power_kw == 0.0


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-001")
def test_a_lost_setpoint_does_not_come_back_with_the_heartbeat() -> None:
    lost = run(settled(100.0), 15.0, beat=False)
    assert run(lost, 10.0).power_kw == 0.0
    again = cells.command(BATTERY, cells.heartbeat(lost), 100.0)
    assert run(again, 10.0).power_kw == 100.0


@pytest.mark.req("LH-TEST-003")
def test_a_setpoint_without_a_heartbeat_acts_for_one_step_at_most() -> None:
    lost = run(settled(0.0), 15.0, beat=False)
    tried = run(cells.command(BATTERY, lost, 100.0), 5.0, beat=False)
    assert (tried.power_kw, tried.reverted) == (0.0, True)


@pytest.mark.req("LH-TEST-003")
def test_a_device_without_a_watchdog_keeps_its_setpoint() -> None:
    dumb = replace(BATTERY, reverts_after_s=None)
    state = run(cells.command(dumb, cells.at_soc(dumb, 50.0), 80.0), 60.0, battery=dumb, beat=False)
    assert state.power_kw == 80.0


@pytest.mark.req("LH-TEST-003")
@pytest.mark.parametrize(
    ("soc", "temperature", "charge", "discharge"),
    [
        (50.0, 25.0, 250.0, 250.0),
        (95.0, 25.0, 125.0, 250.0),
        (98.0, 25.0, 0.0, 250.0),
        (5.0, 25.0, 250.0, 125.0),
        (2.0, 25.0, 250.0, 0.0),
        (50.0, 50.0, 125.0, 125.0),
        (50.0, 55.0, 0.0, 0.0),
        (50.0, 5.0, 125.0, 250.0),
        (50.0, 0.0, 0.0, 250.0),
        (50.0, -15.0, 0.0, 125.0),
    ],
)
def test_bms_limits_move_with_soc_and_temperature(
    soc: float, temperature: float, charge: float, discharge: float
) -> None:
    assert cells.bms_limits(BATTERY, soc, temperature) == pytest.approx((charge, discharge))


@pytest.mark.req("LH-TEST-003")
def test_a_bms_limit_pulls_the_power_down() -> None:
    limited = run(settled(100.0), 10.0, duress=Duress(limit_kw=37.0))
    assert limited.power_kw == pytest.approx(37.0)
    assert (limited.charge_limit_kw, limited.discharge_limit_kw) == (37.0, 37.0)
    assert limited.setpoint_kw == 100.0
    assert run(limited, 10.0).power_kw == 100.0


@pytest.mark.req("LH-TEST-003")
def test_power_heats_and_rest_cools() -> None:
    hot = run(settled(250.0), 1800.0, dt=1.0)
    assert hot.temperature_c > 26.0
    assert run(cells.command(BATTERY, hot, 0.0), 7200.0, dt=1.0).temperature_c < hot.temperature_c


@pytest.mark.req("LH-TEST-003")
def test_forced_heat_comes_and_goes_gradually_and_closes_the_limits() -> None:
    duress = Duress(heat_to_c=60.0)
    state = run(settled(0.0), 1.0, duress=duress)
    assert cells.cell_temperature_c(state) == pytest.approx(27.0, abs=0.2)
    hot = run(state, 30.0, duress=duress)
    assert cells.cell_temperature_c(hot) == pytest.approx(60.0, abs=0.1)
    assert (hot.charge_limit_kw, hot.discharge_limit_kw) == (0.0, 0.0)
    assert cells.cell_temperature_c(run(hot, 30.0)) == pytest.approx(25.0, abs=0.2)


@pytest.mark.req("LH-TEST-003")
def test_a_critical_alarm_trips_at_once_and_forgets_the_setpoint() -> None:
    tripped = run(settled(100.0), 0.1, duress=Duress(tripped=True))
    assert (tripped.power_kw, tripped.setpoint_kw, tripped.discharge_limit_kw) == (0.0, 0.0, 0.0)
    assert run(tripped, 10.0).power_kw == 0.0


@pytest.mark.req("LH-TEST-003")
@pytest.mark.parametrize("duress", [Duress(unavailable=True), Duress(local=True)])
def test_an_unavailable_or_local_battery_runs_down_to_zero(duress: Duress) -> None:
    assert run(settled(100.0), 10.0, duress=duress).power_kw == 0.0


@pytest.mark.req("LH-TEST-003")
def test_speed_moves_energy_but_not_the_inverter() -> None:
    start = cells.command(BATTERY, cells.at_soc(BATTERY, 50.0), 100.0)
    slow = fast = start
    for _ in range(20):
        slow = cells.step(BATTERY, slow, FREE, 0.1)
        fast = cells.step(BATTERY, fast, FREE, 0.1, speed=60.0)
    assert fast.power_kw == slow.power_kw
    assert start.energy_kwh - fast.energy_kwh == pytest.approx(60.0 * (start.energy_kwh - slow.energy_kwh))


@pytest.mark.req("LH-TEST-003")
def test_the_dc_side_agrees_with_the_terminals() -> None:
    state = settled(95.0)
    volts, amperes = cells.dc_voltage(BATTERY, state), cells.dc_current(BATTERY, state)
    assert volts * amperes / 1000.0 == pytest.approx(100.0)
    assert 700.0 < volts < 850.0
    assert cells.dc_current(BATTERY, settled(-95.0)) < 0.0


@pytest.mark.parametrize(
    "wrong", [{"energy_kwh": 0.0}, {"charge_kw": float("nan")}, {"charge_efficiency": 1.2}, {"lag_s": -1.0}]
)
def test_a_battery_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"battery|efficiency|negative"):
        replace(BATTERY, **wrong)


def test_a_state_of_charge_or_step_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        cells.at_soc(BATTERY, 101.0)
    with pytest.raises(ValueError, match="positive duration"):
        cells.step(BATTERY, cells.at_soc(BATTERY, 50.0), FREE, 0.0)


@pytest.mark.req("LH-TEST-003")
@pytest.mark.parametrize("forced", [Duress(tripped=True), Duress(unavailable=True)])
def test_contactors_close_some_time_after_what_opened_them(forced: Duress) -> None:
    """No power through open contactors, also from a set-point that comes meanwhile; afterwards from a new one."""
    slow = replace(BATTERY, closing_s=2.0)
    state = run(cells.command(slow, cells.at_soc(slow, 50.0), 100.0), 5.0, battery=slow)
    state = run(state, 5.0, duress=forced, battery=slow)
    assert state.open_s == 2.0
    assert abs(state.power_kw) < 1e-2
    state = run(cells.command(slow, state, 100.0), 1.5, battery=slow)
    assert state.open_s > 0.0 == state.power_kw
    state = run(state, 1.0, battery=slow)
    assert (state.open_s, state.power_kw) == (0.0, 0.0)
    assert run(cells.command(slow, state, 100.0), 5.0, battery=slow).power_kw == pytest.approx(100.0, abs=0.1)
