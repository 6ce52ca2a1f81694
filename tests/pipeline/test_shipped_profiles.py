"""Profiles that ship: every sample decodes, and what the vendors' profiles write is what their documents say."""

from __future__ import annotations

import pytest

from config.catalogue import names, profile
from pipeline.lint import lint
from sources.modbus.blocks import write_runs
from sources.modbus.codec import codec

pytestmark = pytest.mark.req("LH-CONF-002", "LH-DOM-005", "LH-DOM-006")
VENDORS = ("victron-gx", "socomec-hes")


@pytest.mark.parametrize("name", names())
def test_every_profile_that_ships_decodes_its_own_sample(name: str) -> None:
    shipped = profile(name)
    assert not [finding for finding in lint(shipped) if finding.severity == "error"]
    assert shipped.sample, "a sample proves that it decodes"
    assert shipped.version >= 1


@pytest.mark.safety
@pytest.mark.hazard("row 6")
@pytest.mark.parametrize(
    ("kw", "raw"), [(0.0, 0), (1.4, 65536 - 1400), (-1.4, 1400), (32.767, 65536 - 32767), (-32.767, 32767)]
)
def test_a_victron_feeds_in_at_a_negative_set_point(kw: float, raw: int) -> None:
    """S8: ESS mode 3: the set-point is the power at the AC input, positive is drawn from it."""
    shipped = profile("victron-gx")
    assert codec(shipped, "power", shipped.write["power"]).encode(kw) == (raw,)


def test_what_a_gateway_without_a_value_says_is_missing_and_not_0() -> None:
    """S1: the gateway answers 0 for a value that it does not have; an empty battery may not be charged on it."""
    shipped = profile("victron-gx")
    for name in ("soc", "dc_voltage", "temperature", "frequency"):
        value, quality = codec(shipped, name, shipped.read[name]).decode([0])
        assert value != value, name
        assert not quality & 1
    assert codec(shipped, "available", shipped.read["available"]).decode([0])[0] == 0.0


def test_steps_of_a_socomec_are_no_part_of_a_command() -> None:
    shipped = profile("socomec-hes")
    assert shipped.steps == ["connect", "start"]
    assert not set(shipped.steps) & set(shipped.write_order)
    models = {"holding 40421": [715, 7], "holding 40430": [802, 62], "holding 40296": [704, 65]}
    assert models.items() <= shipped.expects.items()
    offsets = {"enable": 40296 + 22, "unit_mode": 40296 + 23, "power": 40296 + 24,
               "connect": 40430 + 50, "start": 40421 + 8}  # fmt: skip
    assert {name: shipped.address(shipped.write[name])[1] for name in offsets} == offsets


def test_what_is_not_known_of_a_data_manager_is_not_commanded() -> None:
    shipped = profile("sma-edmm")
    assert (shipped.kind, shipped.write) == ("meter", {})


@pytest.mark.parametrize("name", VENDORS)
def test_no_vendor_profile_resets_an_alarm_or_writes_to_flash(name: str) -> None:
    """Row 19: alarms are reset by people."""
    shipped = profile(name)
    assert not [point for point in shipped.write if "alarm" in point or "reset" in point]
    assert all(point.volatile for point in shipped.write.values())
    assert write_runs(shipped, shipped.write_order)
