"""S19, reliability §2 row 47: a battery that stands at a high state of charge for too long is an alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from jit.frame import Past
from sinks.alarms.conditions import conditions
from sinks.checkpoint import restore, store
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SAFE-001", "LH-OPS-004")]


def standing(soc: float = 96.0, past: Past | None = None, cycle: str = "1 s") -> Rig:
    """Two batteries, the first of which may stand above 95 % for a minute at most."""
    definition = site(2, cycle=cycle)
    definition.assets["b1"] = definition.assets["b1"].model_validate(
        definition.assets["b1"].model_dump(by_alias=True, exclude_unset=True)
        | {"soc": {"min": "10 %", "max": "100 %"}, "soc_dwell": {"above": "95 %", "at_most": "1 min"}}
    )
    rig = Rig(definition, past=past)
    for battery in rig.batteries.values():
        battery.soc = soc
    return rig


def dwell(rig: Rig) -> list[float]:
    found: list[float] = rig.frame["dwell_s"].tolist()
    return found


def over(rig: Rig) -> list[str]:
    return [c.id for c in conditions(rig.frame) if c.key == "soc_dwell"]


@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
@pytest.mark.hazard("row 47", "S19")
def test_s19_row_47_standing_too_long_is_an_alarm_of_that_battery_alone(cycle: str) -> None:
    rig = standing(cycle=cycle)
    rig.run(59)
    assert over(rig) == []
    rig.run(6)
    assert over(rig) == ["b1.soc_dwell"]
    assert dwell(rig)[1] == 0.0, "nothing is counted where nothing is declared"


def test_s19_power_and_a_lower_state_of_charge_end_it() -> None:
    rig = standing()
    rig.run(70)
    rig.batteries["b1"].follows = False
    rig.batteries["b1"].power = 20.0
    rig.run(2)
    assert over(rig) == []
    rig.batteries["b1"].power = 0.0
    rig.run(70)
    assert over(rig) == ["b1.soc_dwell"]
    rig.batteries["b1"].soc = 95.0
    rig.run(2)
    assert dwell(rig)[0] == 0.0


def test_s19_lost_data_do_not_end_it_and_do_not_begin_it() -> None:
    rig = standing()
    rig.run(30)
    rig.batteries["b1"].missing = {"soc"}
    rig.run(40)
    assert over(rig) == ["b1.soc_dwell"]
    never = standing()
    never.batteries["b1"].missing = {"soc"}
    never.run(70)
    assert dwell(never)[0] == 0.0


def test_s19_it_is_carried_over_a_restart(tmp_path: Path) -> None:
    rig = standing()
    rig.run(50)
    store(tmp_path / "c", rig.frame.to_bytes())
    again = standing(past=restore(tmp_path / "c", rig.compiled.layout))
    again.run(20)
    assert over(again) == ["b1.soc_dwell"]
