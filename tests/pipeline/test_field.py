"""What the devices of a running process alone say to the operator."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.compile import compile_definition
from pipeline.field import Field
from sinks.alarms.condition import Condition
from sinks.modbus.wear import Wear
from tests.rig import METER, Rig, site, storage
from tests.sinks.modbus.test_wear import RATED, flash

pytestmark = pytest.mark.req("LH-OPS-004", "LH-MON-001")


def found(field: Field, rig: Rig) -> dict[str, Condition]:
    return {condition.id: condition for condition in field.conditions(rig.frame)}


def standing(**profile: Any) -> tuple[Field, Rig]:
    rig = Rig(profile=storage(**profile))
    rig.run(1)
    compiled = compile_definition(site(), {"b1": storage(**profile), "site.poc": METER})
    return Field(compiled, lambda: 0.0, lambda _signal: None), rig


@pytest.mark.safety
def test_a_device_without_a_reversion_is_unproven_for_as_long_as_it_runs() -> None:
    assert found(*standing()) == {}
    alarm = found(*standing(watchdog=None))["b1.reversion.unproven"]
    assert "keep its last set-point" in alarm.text


def test_writes_that_are_spent_are_an_alarm() -> None:
    field, rig = standing()
    field.wear["b1"] = Wear(flash(), RATED)
    assert found(field, rig) == {}
    field.wear["b1"].counts = {"power": 9}
    assert "power" in found(field, rig)["b1.writes.spent"].text
