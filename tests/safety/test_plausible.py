"""Implausible against the tick before: jumps, charge that no energy explains, contradictory states (LH-SAFE-006).

    device says ──► believed? ──► VALID taken away, with its reason ──► permission goes, 0 kW

Every rig here judges as production does (`leaps=False`), on both cycles.
"""

from __future__ import annotations

from typing import Any

import pytest

from config.profile import Profile
from jit.codes import Quality
from tests.rig import STORAGE_POINTS, Rig, site, storage

pytestmark = [pytest.mark.req("LH-SAFE-006", "LH-DOM-004", "LH-NATIVE-001"), pytest.mark.safety]

ENERGY_KWH = 500.0


def running(cycle: str, power: float = 100.0, profile: Profile | None = None, **changes: Any) -> Rig:
    """One battery at `power`, its state of charge honest."""
    rig = Rig(site(1, cycle=cycle, **changes), profile, leaps=False).ready()
    rig.schedule("day_ahead", power)
    live(rig, 10.0)
    assert rig.power == [power]
    return rig


def live(rig: Rig, seconds: float, *, drift: float = 0.0, scale: float = 1.0) -> None:
    """Time passes; charge follows energy, and in addition `drift` in % per hour. `scale` is what the device shows."""
    battery = rig.batteries["b1"]
    for _ in range(round(seconds / rig.cycle)):
        power = battery.power
        battery.soc *= 1.0 / scale
        battery.soc -= (power / 0.95 if power > 0 else power * 0.95) * rig.cycle / 36.0 / ENERGY_KWH
        battery.soc += drift * rig.cycle / 3600.0
        battery.soc *= scale
        rig.tick()


def quality(rig: Rig) -> int:
    return int(rig.frame["quality"][0])


def until_good(rig: Rig, most_s: float) -> float:
    """Seconds until the battery runs again."""
    for second in range(int(most_s)):
        if rig.power[0] != 0.0:
            return float(second)
        live(rig, 1.0)
    raise AssertionError(f"not good again within {most_s} s: {quality(rig)}")


# --- jumps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("point", "to"), [("soc", 88.0), ("soc", 12.0), ("soc", 0.0), ("temperature", 0.0)])
def test_a_misread_value_takes_the_permission_in_its_tick_and_is_gone_with_the_next(
    cycle: str, point: str, to: float
) -> None:
    """Peers §2.4-7, reliability §2 rows 5, 8, 45: null as 0, a torn or swapped word, a forged reply."""
    rig = running(cycle)
    battery = rig.batteries["b1"]
    was = getattr(battery, point)
    setattr(battery, point, to)
    rig.tick()
    assert quality(rig) == Quality.JUMP
    assert rig.power == [0.0]
    assert rig.frame.point_codes[rig.frame.layout.point_index[f"b1.{point}"]] == Quality.JUMP
    setattr(battery, point, was)
    rig.tick()
    assert quality(rig) == Quality.VALID
    assert until_good(rig, 10.0) <= 5.0


def test_a_step_that_stays_is_believed_and_locks_nothing(cycle: str) -> None:
    """A real step: two answers agree for 3 s, then it counts, and no battery is locked for ever."""
    rig = running(cycle)
    rig.batteries["b1"].temperature = 5.0
    rig.tick()
    assert quality(rig) == Quality.JUMP
    live(rig, 4.0)
    assert quality(rig) == Quality.VALID
    assert until_good(rig, 10.0) <= 6.0


def test_values_that_keep_jumping_are_never_believed(cycle: str) -> None:
    rig = running(cycle)
    for k in range(round(20.0 / rig.cycle)):
        rig.batteries["b1"].temperature = 25.0 if k % 2 else 60.0
        rig.tick()
        assert rig.power == [0.0] or k == 1
    assert rig.power == [0.0]


def test_one_answer_alone_is_never_believed_however_long_it_stands() -> None:
    """The gateway repeats one block: it is as old as it is, and nothing has agreed with it."""
    rig = running("1 s")
    battery = rig.batteries["b1"]
    battery.temperature = 0.0
    rig.tick()
    battery.answers = False
    for _ in range(20):
        rig.tick()
        assert quality(rig) & Quality.JUMP


def test_power_jumps_only_where_a_rate_is_declared(cycle: str) -> None:
    declared = {"snapshot": {"jump": {"power": "60 kW/s"}}}
    for chain, expected in (({}, Quality.VALID), (declared, Quality.JUMP)):
        rig = running(cycle, 30.0, chain=chain)
        rig.batteries["b1"].told.clear()
        rig.batteries["b1"].power = -200.0
        rig.tick()
        assert quality(rig) == expected


def test_a_fast_and_a_slow_cycle_allow_the_same_slope(cycle: str) -> None:
    """4 % in a second is let pass at 5 %/s and 7 % in a second are not, at 1 s as at 100 ms."""
    rig = running(cycle, chain={"snapshot": {"physics": {"tolerance": "100 %"}}})
    for slope, expected in ((4.0, Quality.VALID), (7.0, Quality.JUMP)):
        found = Quality.VALID
        for _ in range(round(4.0 / rig.cycle)):
            rig.batteries["b1"].soc += slope * rig.cycle
            rig.tick()
            found |= quality(rig)
        assert found & Quality.JUMP == expected & Quality.JUMP


# --- physics (S17) ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [100.0, -100.0, 0.0])
@pytest.mark.hazard("S17")
def test_honest_charge_is_believed_for_hours(power: float) -> None:
    """S17 holds in a healthy battery: efficiencies, one hour and a half of charging or discharging at 0.2 C."""
    rig = running("1 s", power)
    live(rig, 5_400.0)
    assert quality(rig) == Quality.VALID
    assert abs(rig.frame["unexplained_kwh"][0]) < 1.0


@pytest.mark.parametrize("capacity", [0.8, 1.1])
def test_an_aged_or_generous_battery_is_believed(capacity: float) -> None:
    """A fifth less capacity than declared is ageing, no fault of the measurement."""
    rig = running("1 s", 200.0)
    battery = rig.batteries["b1"]
    for _ in range(3_000):
        battery.soc -= battery.power / 0.95 / 36.0 / (ENERGY_KWH * capacity)
        rig.tick()
        assert quality(rig) == Quality.VALID


@pytest.mark.hazard("row 7", "row 2")
def test_a_scale_that_changes_by_ten_is_not_believed_for_a_quarter_of_an_hour(cycle: str) -> None:
    """Reliability §2 rows 2 and 7: 55 % becomes 5.5 %. In the same tick 0 kW, and for long after the jump is over."""
    rig = running(cycle)
    rig.batteries["b1"].soc /= 10.0
    live(rig, rig.cycle, scale=0.1)
    assert quality(rig) & Quality.JUMP
    assert rig.power == [0.0]
    live(rig, 60.0, scale=0.1)
    assert quality(rig) == Quality.PHYSICS
    assert rig.power == [0.0]


@pytest.mark.hazard("row 2")
def test_a_charge_scaled_up_by_ten_is_out_of_range(cycle: str) -> None:
    """Reliability §2 row 2: 55 % becomes 550 %, and no profile had to say that a percentage ends at 100."""
    rig = running(cycle)
    rig.batteries["b1"].soc *= 10.0
    rig.tick()
    assert quality(rig) & Quality.RANGE
    assert rig.power == [0.0]


def test_a_recalibration_is_believed_when_its_window_has_passed() -> None:
    """The battery management corrects itself by 10 %: a quarter of an hour later it is believed again."""
    rig = running("1 s")
    rig.batteries["b1"].soc += 10.0
    live(rig, 10.0)
    assert quality(rig) == Quality.PHYSICS
    assert 600.0 < until_good(rig, 3_600.0) < 1_800.0


@pytest.mark.hazard("row 2", "S17")
def test_a_drift_of_2_percent_an_hour_is_found() -> None:
    """Reliability §2 row 2: at rest, within three hours and before the charge is wrong by 6 %."""
    rig = running("1 s", 0.0)
    for minute in range(180):
        live(rig, 60.0, drift=2.0)
        if quality(rig) & Quality.PHYSICS:
            assert minute > 60
            return
    raise AssertionError("a drift of 2 %/h went unnoticed for three hours")


def test_telemetry_that_stands_still_while_power_flows_is_found(cycle: str) -> None:
    """Peers §7 row 14: frozen values with fresh time stamps and a heartbeat that advances."""
    rig = running(cycle, 200.0)
    for _ in range(round(900.0 / rig.cycle)):
        rig.tick()  # the state of charge stands still
        if quality(rig) & Quality.PHYSICS:
            assert rig.power == [0.0]
            return
    raise AssertionError("frozen charge went unnoticed for a quarter of an hour at 0.4 C")


@pytest.mark.hazard("S17", "L1", "row 8")
@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
def test_a_power_that_was_misread_for_seconds_is_not_held_against_the_charge_for_hours(cycle: str) -> None:
    """Words in the wrong order: 100 kW read as 12 GW for 10 s are no 33 MWh that the state of charge does not show."""
    rig = running(cycle)
    battery = rig.batteries["b1"]
    battery.follows, battery.power = False, 1.18e7
    for _ in range(round(10.0 / rig.cycle)):
        rig.tick()
    battery.follows, battery.power = True, 0.0
    live(rig, 2.0)
    assert not quality(rig) & Quality.PHYSICS


def test_what_an_outage_hides_is_judged_by_what_power_could_have_moved() -> None:
    """After a gap only the charge that no power could have moved in it counts."""
    rig = running("1 s")
    battery = rig.batteries["b1"]
    battery.missing = {"power"}
    live(rig, 300.0)
    battery.missing = set()
    battery.soc -= 2.0  # 10 kWh; 250 kW could have moved 21 in these 300 s
    live(rig, 5.0)
    assert not quality(rig) & Quality.PHYSICS
    battery.missing = {"soc"}
    live(rig, 30.0)
    battery.missing = set()
    battery.soc -= 30.0
    live(rig, 8.0)
    assert quality(rig) & Quality.PHYSICS


@pytest.mark.hazard("S17", "L1")
def test_power_from_before_the_machine_slept_is_not_taken_for_power_while_it_slept() -> None:
    rig = running("1 s")
    rig.tick(3250.0)  # its device reverted soon after the last command, and its charge stood still
    live(rig, 3.0)
    assert not quality(rig) & Quality.PHYSICS
    until_good(rig, 30.0)


@pytest.mark.hazard("S17")
def test_a_charge_that_no_power_could_have_moved_while_the_machine_slept_is_found() -> None:
    rig = running("1 s")
    rig.batteries["b1"].soc -= 30.0  # 150 kWh of 500 in 6 minutes: 250 kW move 26
    rig.tick(360.0)
    live(rig, 5.0)
    assert quality(rig) & Quality.PHYSICS


# --- contradictions ---------------------------------------------------------------------------------------------------

STATES = {"path": "state", "values": {1: "off", 4: "charging", 5: "discharging"}}


def speaking(**more: Any) -> Profile:
    return storage(read=STORAGE_POINTS | more)


def contradiction(rig: Rig, seconds: float = 12.0) -> int:
    """The seconds until the quality says so."""
    for k in range(round(seconds / rig.cycle)):
        rig.tick()
        if quality(rig) & Quality.CONTRADICTORY:
            assert rig.power == [0.0]
            return round(k * rig.cycle)
    raise AssertionError(f"no contradiction found within {seconds} s: {quality(rig)}")


@pytest.mark.parametrize("power", [100.0, -100.0])
def test_power_of_a_battery_that_is_not_available_is_a_contradiction(cycle: str, power: float) -> None:
    """S15: not connected, and power flows for longer than the device's response explains."""
    rig = running(cycle, power)
    rig.batteries["b1"].available, rig.batteries["b1"].follows = 0.0, False
    assert 2 <= contradiction(rig) <= 8


@pytest.mark.parametrize(("power", "state"), [(100.0, 4.0), (-100.0, 5.0)])
def test_power_against_the_state_is_a_contradiction(cycle: str, power: float, state: float) -> None:
    rig = Rig(site(1, cycle=cycle), speaking(state=STATES), leaps=False)
    rig.batteries["b1"].more["state"] = 9.0 - state
    rig.ready()
    rig.schedule("day_ahead", power)
    live(rig, 10.0)
    assert rig.power == [power]
    rig.batteries["b1"].more["state"] = state
    assert 2 <= contradiction(rig) <= 8


@pytest.mark.parametrize("factor", [-1.0, 0.1, 3.0, 0.0])
def test_a_dc_side_that_says_another_power_is_a_contradiction(cycle: str, factor: float) -> None:
    """Reliability §2 rows 6, 7 and 45: voltage times current against power, in sign and in size."""
    points = {"dc_voltage": {"path": "v", "unit": "V"}, "dc_current": {"path": "a", "unit": "A"}}
    rig = Rig(site(1, cycle=cycle), speaking(**points), leaps=False)
    more = rig.batteries["b1"].more
    more |= {"dc_voltage": 800.0, "dc_current": 0.0}
    rig.ready()
    rig.schedule("day_ahead", 200.0)
    for _ in range(round(15.0 / rig.cycle)):
        more["dc_current"] = rig.batteries["b1"].power / 0.95 / 0.8
        live(rig, rig.cycle)
    assert quality(rig) == Quality.VALID
    assert rig.power == [200.0]
    more["dc_current"] *= factor
    assert 2 <= contradiction(rig) <= 8


def test_a_contradiction_is_believed_over_after_a_calm_minute(cycle: str) -> None:
    """L3: a battery does not start and stop by its own contradiction."""
    rig = Rig(site(1, cycle=cycle), speaking(state=STATES), leaps=False)
    rig.batteries["b1"].more["state"] = 5.0
    rig.ready()
    rig.schedule("day_ahead", 100.0)
    live(rig, 10.0)
    rig.batteries["b1"].more["state"] = 4.0
    contradiction(rig)
    rig.batteries["b1"].more["state"] = 5.0
    assert 50.0 <= until_good(rig, 90.0) <= 70.0


# --- what it needs: cooling (reliability §2 row 48), a closed contactor (S15) -----------------------------------------


@pytest.mark.parametrize("loss", [0.0, None])
@pytest.mark.parametrize("need", ["cooling", "contactor"])
@pytest.mark.hazard("row 48", "S15")
def test_without_what_its_profile_promises_it_needs_a_battery_does_not_run(
    cycle: str, need: str, loss: float | None
) -> None:
    """Reliability §2 row 48, S15: off, open or unknown, 0 kW in the same tick; back, and it runs within 10 s."""
    rig = Rig(site(1, cycle=cycle), speaking(**{need: {"path": need}}), leaps=False)
    battery = rig.batteries["b1"]
    battery.more[need] = 1.0
    rig.ready()
    rig.schedule("day_ahead", 100.0)
    live(rig, 10.0)
    assert rig.power == [100.0]
    if loss is None:
        battery.missing = {need}
    else:
        battery.more[need] = loss
    rig.tick()
    assert rig.power == [0.0]
    battery.missing, battery.more[need] = set(), 1.0
    assert until_good(rig, 10.0) <= 10.0
