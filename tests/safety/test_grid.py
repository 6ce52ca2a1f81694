"""Grid functions and reactive power in the running chain: hazards 28 and 29, S12, S14, peers §7 row 1."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from jit.codes import GridPhase, Reason
from sources.act import ActKind
from tests.jit.oracle_grid import inside
from tests.rig import GRID_METER, Rig, site, with_reactive

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SAFE-003", "LH-CTRL-002")]

OVER = {"of": "momentary", "return": "600 %/min", "return_after": "2 s"}
Q_OF_U = {
    "q_of_u": [
        {"voltage": "92 %", "supply": "50 %"},
        {"voltage": "98 %", "supply": "0 %"},
        {"voltage": "102 %", "absorb": "0 %"},
        {"voltage": "108 %", "absorb": "50 %"},
    ],
    "time_constant": "1 s",
}


def definition(assets: int = 1, cycle: str = "1 s", fcr_kw: float = 0.0, apparent: float = 275.0, **keys: Any) -> Any:
    plain = site(assets, cycle=cycle, fcr_kw=fcr_kw)
    written = plain.model_dump(by_alias=True)
    written["site"] |= {"nominal_voltage": 20_000.0, **keys}
    for asset in written["assets"].values():
        asset["rated"]["apparent"] = apparent
    return type(plain).model_validate(written)


def rig(**keys: Any) -> Rig:
    return Rig(definition(**keys), with_reactive(), poc=GRID_METER).ready()


def sent(running: Rig, column: int = 0) -> tuple[float, float]:
    command = running.sent[-1][column]
    assert command is not None
    return command.power_kw, command.reactive_kvar


def test_a_window_asks_for_reactive_power_and_gets_what_the_circle_leaves(cycle: str) -> None:
    running = rig(cycle=cycle, apparent=250.0)
    running.schedule("day_ahead", 150.0, reactive_kvar=230.0)
    running.run(20)
    assert sent(running) == (150.0, 200.0)
    assert running.frame["kvar_by"][0] == Reason.APPARENT_LIMITED
    assert running.frame["asked_kvar"][0] == pytest.approx(230.0)


def test_with_priority_to_q_the_band_of_p_is_cut_instead(cycle: str) -> None:
    running = rig(cycle=cycle, apparent=250.0, pq_priority="q")
    running.schedule("day_ahead", 250.0, reactive_kvar=200.0)
    running.run(20)
    assert sent(running) == (150.0, 200.0)
    assert running.compiled.layout.limits[int(running.frame["high_by"][0]) - 1] == "apparent"


@pytest.mark.parametrize("priority", ["p", "q"])
def test_every_command_on_the_way_lies_exactly_in_the_circle(priority: str, cycle: str) -> None:
    """P² + Q² ≤ S² on the rounded command of every tick, while both ramp against each other."""
    running = rig(cycle=cycle, apparent=251.3, pq_priority=priority)
    for power, reactive in ((250.0, -240.0), (-250.0, 251.0), (0.0, -251.3), (177.7, 177.7)):
        running.schedule("day_ahead", power, reactive_kvar=reactive, version=running.index)
        for _ in range(round(6 / running.cycle)):
            running.tick()
            assert inside(*sent(running), 251.3)


def test_a_wish_for_the_site_is_shared_by_rating() -> None:
    running = rig(assets=2)
    running.schedule("intraday", 0.0, reactive_kvar=-100.0)
    running.run(5)
    assert [sent(running, column)[1] for column in (0, 1)] == [-50.0, -50.0]
    assert running.frame.at_site("total_kvar") == -100.0


def test_a_wish_for_one_battery_is_its_own_and_the_other_follows_the_sites() -> None:
    running = rig(assets=2)
    running.schedule("intraday", 20.0, "b1", reactive_kvar=-60.0)
    running.schedule("day_ahead", 0.0, reactive_kvar=40.0)
    running.run(10)
    assert [sent(running, column)[1] for column in (0, 1)] == [-60.0, 40.0]


def test_reactive_power_of_a_lower_request_stands_beside_the_power_of_a_higher_one() -> None:
    running = rig()
    running.schedule("day_ahead", 20.0, reactive_kvar=60.0)
    running.schedule("intraday", 40.0)
    running.run(5)
    assert sent(running) == (40.0, 60.0)


@pytest.mark.parametrize("end", ["stop", "stale", "alarm", "local"])
def test_without_permission_reactive_power_is_0_in_the_same_tick_and_never_sent_while_silent(
    end: str, cycle: str
) -> None:
    running = rig(cycle=cycle)
    running.schedule("day_ahead", 20.0, reactive_kvar=60.0)
    running.run(10)
    assert sent(running)[1] == 60.0
    battery = running.batteries["b1"]
    if end == "stop":
        running.act(ActKind.STOP, "b1")
    elif end == "stale":
        battery.missing = {"soc"}
    elif end == "alarm":
        battery.alarms = 1.0
    else:
        battery.remote = 0.0
    running.tick()
    command = running.sent[-1][0]
    assert command is None or command.reactive_kvar == 0.0
    assert running.frame["command_kvar"][0] == 0.0


@pytest.mark.parametrize("at", [0, 1, 3, 7])
@pytest.mark.hazard("row 28", "S12")
def test_row_28_p_of_f_acts_through_a_schedule_and_its_ramp(at: int, cycle: str) -> None:
    """Reliability §2 row 28, S12: neither schedule nor ramp delays what the frequency demands."""
    running = rig(cycle=cycle, grid_functions={"over_frequency": OVER})
    running.schedule("commitment", 200.0)
    running.run(4 + at)
    before = running.batteries["b1"].power
    running.frequency = 51.2
    running.tick()
    assert sent(running)[0] == pytest.approx(0.6 * before, abs=0.1)
    assert running.compiled.layout.limits[int(running.frame["high_by"][0]) - 1] == "frequency"


@pytest.mark.hazard("row 28", "S12")
def test_row_28_reserve_answers_beside_a_schedule_at_its_own_ramp(cycle: str) -> None:
    """Reliability §2 row 28, L4: 50 → 49.7 Hz gives the whole reserve within its 5 s, whatever the schedule does."""
    running = rig(cycle=cycle, fcr_kw=100.0, grid_functions={"over_frequency": OVER})
    running.schedule("commitment", 50.0)
    running.run(5)
    running.frequency = 49.7
    running.run(5 + running.cycle)
    assert sent(running)[0] == pytest.approx(150.0, abs=0.1)


@pytest.mark.parametrize("f", [0.0, 65.535, 44.9, float("nan")])
@pytest.mark.hazard("row 29", "S14")
def test_row_29_s14_an_implausible_frequency_moves_nothing(f: float, cycle: str) -> None:
    """Reliability §2 row 29, S14: 0 and 65.535 Hz are faults of the measurement."""
    running = rig(cycle=cycle, grid_functions={"over_frequency": OVER, "under_frequency": {}})
    running.schedule("day_ahead", 100.0)
    running.run(8)
    running.frequency = f
    running.run(3)
    assert sent(running)[0] == 100.0


@pytest.mark.hazard("row 29", "F1")
def test_row_29_a_frozen_or_lost_frequency_holds_the_last_restriction_and_never_widens(cycle: str) -> None:
    """Reliability §2 row 29, F1, S21."""
    running = rig(cycle=cycle, grid_functions={"over_frequency": OVER})
    running.schedule("day_ahead", 100.0)
    running.run(8)
    running.frequency = 51.2
    running.tick()
    running.meter_frozen = True
    running.run(20)
    assert sent(running)[0] == pytest.approx(60.0, abs=0.1)
    assert running.frame.site_code("over_phase") == GridPhase.HELD
    running.meter_frozen, running.frequency = False, 50.0
    running.run(10)
    assert sent(running)[0] == 100.0


def test_q_of_u_beats_a_request_and_survives_a_lost_voltage(cycle: str) -> None:
    """Peers §7 row 1: there in every tick; without a voltage the last one is held."""
    running = rig(cycle=cycle, grid_functions={"reactive": Q_OF_U})
    running.schedule("day_ahead", 0.0, reactive_kvar=100.0)
    running.voltage = 1.08 * 20_000
    running.run(30)
    held = sent(running)[1]
    assert held == pytest.approx(-137.5, abs=0.2)
    assert running.frame["kvar_by"][0] in (Reason.GRID_REACTIVE, Reason.ROUNDED)
    running.meter_missing = {"voltage"}
    for _ in range(round(5 / running.cycle)):
        running.tick()
        assert sent(running)[1] == pytest.approx(held, abs=0.11)


def test_a_device_without_the_write_point_is_never_asked() -> None:
    running = Rig(definition(grid_functions={"reactive": Q_OF_U}), poc=GRID_METER).ready()
    running.voltage = 22_000.0
    running.run(5)
    assert sent(running) == (0.0, 0.0)
    assert running.frame["asked_kvar"][0] == 0.0


def test_the_circle_is_exact_where_a_float_comparison_is_not() -> None:
    assert not inside(0.3, 0.4, 0.5)  # the doubles nearest to them lie outside
    assert Fraction(0.3) ** 2 + Fraction(0.4) ** 2 > Fraction(0.5) ** 2
