"""Stacked wishes: schedule, reserve, P(f) and relief together keep energy, direction and every limit."""

from __future__ import annotations

import pytest

from jit import constants as c
from operators.sentence import why
from sinks.alarms.conditions import conditions
from tests.rig import Rig
from tests.safety.test_relief import RATED, demanding

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SAFE-004", "LH-MKT-004", "LH-MKT-006")]


@pytest.mark.parametrize("soc", [10.0, 10.05, 14.0, 55.0, 86.0, 89.95, 90.0])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.hazard("S6")
def test_row_50_what_is_stacked_stays_within_the_energy_of_the_horizon(soc: float, sign: int) -> None:
    """Reliability §2 row 50, S6: SoC − u · H / E stays in the band on the side that u moves to, in every tick."""
    rig = Rig(demanding(1, "1 s", fcr_kw=100.0, relief=True, import_limit=600.0, export_limit=600.0))
    rig.batteries["b1"].soc = soc
    rig.ready()
    rig.schedule("day_ahead", 200.0 * sign)
    rig.frequency, rig.other_kw = 50.0 - 0.2 * sign, -750.0 * sign
    ratings = rig.compiled.constants.ratings
    hours, energy = ratings[c.HORIZON_S, 0] / 3600.0, ratings[c.ENERGY_KWH, 0]
    for _ in range(15):
        rig.tick()
        power = rig.power[0]
        loss = 1.0 / ratings[c.EFF_DISCHARGE, 0] if power > 0.0 else ratings[c.EFF_CHARGE, 0]
        then = soc - power * loss * hours / energy * 100.0
        assert power <= 0.0 or then >= 10.0 - 1e-9
        assert power >= 0.0 or then <= 90.0 + 1e-9
        assert power * sign >= 0.0


@pytest.mark.hazard("row 25", "S5")
@pytest.mark.parametrize("sign", [1, -1])
def test_row_25_what_must_be_done_is_done_in_one_direction(sign: int, cycle: str) -> None:
    """Reliability §2 row 25, S5: batteries with wishes against each other and a duty never run against each other."""
    rig = Rig(demanding(3, cycle, relief=True)).ready()
    for name, wish in (("b1", 60.0), ("b2", -90.0), ("b3", 10.0)):
        rig.schedule("day_ahead", wish, name)
    for second in range(12):
        rig.other_kw = -380.0 * sign if second > 4 else 0.0
        rig.run(1)
        assert not (max(rig.power) > 0.0 and min(rig.power) < 0.0)
    assert sum(rig.power) * sign >= 79.5


def test_peers_7_row_7_duties_that_contradict_each_other_end_with_a_reason(cycle: str) -> None:
    """Peers §7 row 7: a load beyond the limit at over-frequency; the band stands, what is missing is said."""
    rig = Rig(demanding(2, cycle, relief=True, grid_functions={"over_frequency": RATED})).ready()
    rig.schedule("day_ahead", 50.0)
    rig.run(5)
    rig.other_kw, rig.frequency = -380.0, 51.2
    rig.run(6)
    assert rig.power == [0.0, 0.0]
    assert rig.frame.at_site("must_short_kw") == pytest.approx(80.0 + 150.0, abs=1.0)
    short = {condition.key: condition for condition in conditions(rig.frame)}["must.short"]
    assert "the grid code and `relief`" in short.text
    assert "limited by the grid frequency" in why(rig.frame, 0)


@pytest.mark.parametrize("soc", [10.0, 9.0])
@pytest.mark.hazard("peer 2")
def test_peers_2_4_item_10_no_duty_discharges_an_empty_battery_or_one_of_unknown_charge(soc: float, cycle: str) -> None:
    """Peers §2.4 item 10, §7 row 2: at the bottom, and when the state of charge then gets lost, nothing discharges."""
    rig = Rig(demanding(1, cycle, relief=True))
    rig.batteries["b1"].soc = soc
    rig.ready()
    rig.other_kw = -380.0
    rig.run(4)
    assert rig.power == [0.0]
    assert rig.frame.at_site("must_short_kw") == pytest.approx(80.0)
    rig.batteries["b1"].missing = {"soc"}
    for _ in range(round(4 / rig.cycle)):
        rig.tick()
        assert not rig.power[0] > 0.0
