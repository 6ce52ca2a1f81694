"""Device profiles: the shipped ones are sound, and one that contradicts itself is refused with the point's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from config.canonical import canonical, dimension_of
from config.catalogue import profile
from config.profile import Profile

NAMES = ("sunspec-storage", "grid-meter", "mqtt-storage", "mqtt-meter")
Members = dict[str, Any]


def members(name: str = "sunspec-storage") -> Members:
    return profile(name).model_dump(by_alias=True)


def refused(change: Callable[[Members], object], name: str = "sunspec-storage") -> str:
    """The message with which a changed profile is refused."""
    changed = members(name)
    change(changed)
    with pytest.raises(ValidationError) as caught:
        Profile.model_validate(changed)
    return str(caught.value)


@pytest.mark.req("LH-CONF-002", "LH-CONF-003", "LH-DOM-005")
@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_profiles_are_sound(name: str) -> None:
    shipped = profile(name)
    assert shipped.name == name
    assert Profile.model_validate(shipped.model_dump()) == shipped
    assert set(shipped.read) <= set(canonical(shipped.kind))
    assert shipped.fresh_by == "heartbeat"
    assert set(shipped.sample["decodes_to"]) == set(shipped.read)  # type: ignore[call-overload]
    assert all(point.label for point in shipped.read.values())


@pytest.mark.req("LH-OPS-001")
@pytest.mark.parametrize("name", ["sunspec-storage", "mqtt-storage"])
def test_a_storage_profile_says_how_the_device_protects_itself(name: str) -> None:
    shipped = profile(name)
    assert shipped.watchdog is not None
    assert shipped.watchdog.reverts_to_kw == 0.0
    assert shipped.watchdog.reverts_after >= 3 * shipped.watchdog.every
    assert {"charge_limit", "discharge_limit", "setpoint", "alarms", "available"} <= set(shipped.read)
    assert sum(alarm.critical for alarm in shipped.alarms.values()) >= 2


def test_the_reversion_time_that_is_written_is_the_one_that_is_declared() -> None:
    shipped = profile("sunspec-storage")
    assert shipped.watchdog is not None
    assert shipped.write["revert_after"].constant == shipped.watchdog.reverts_after
    assert shipped.arm == ("revert_after", "revert_power", "revert_enable")  # never enabled before time and value
    assert shipped.write_order == ["enable", "unit_mode", "power", "heartbeat"]


@pytest.mark.req("LH-MODB-003")
def test_addresses_are_the_numbers_in_the_request() -> None:
    shipped = profile("sunspec-storage")
    point = shipped.read["soc"]
    assert shipped.address(point) == ("holding", 40296)
    assert Profile.model_validate(members() | {"addressing": "one_based"}).address(point) == ("holding", 40295)


def test_units_belong_to_one_dimension() -> None:
    found = dimension_of("Mvar")
    assert found is not None
    assert found.name == "reactive power"
    assert dimension_of("") is None
    assert dimension_of("bananas") is None


@pytest.mark.req("LH-CONF-003", "LH-RISK-002")
@pytest.mark.parametrize(("change", "message"), [
    (lambda p: p.update(addressing=None), "`addressing` is needed"),
    (lambda p: p["read"]["heartbeat"].update(word_order=None), "`word_order` is needed"),
    (lambda p: p["write"]["power"].update(word_order=None), "`word_order` is needed"),
    (lambda p: p["read"]["soc"].update(register="holding 99999"), "register `holding 99999`"),
    (lambda p: p["read"]["soc"].update(register="40296"), "register `40296`"),
    (lambda p: p["read"]["soc"].update(register=None), "read point `soc` of a Modbus device needs `register`"),
    (lambda p: p["read"]["soc"].update(path="soc"), "read point `soc` of a Modbus device needs `register`"),
    (lambda p: p["read"]["heartbeat"].update(register="holding 65535"), "`heartbeat` lies outside"),
    (lambda p: p["read"]["soc"].update(register="coil 3"), "its type is bool, not uint16"),
    (lambda p: p["read"]["soc"].update(unit="kW"), "read point `soc` needs a percentage, e.g. `%`, not `kW`"),
    (lambda p: p["read"]["power"].update(unit=""), "read point `power` needs a power, e.g. `kW`, not `no unit`"),
    (lambda p: p["read"]["soc"].update(unit="permille"), "unknown unit `permille`"),
    (lambda p: p["read"]["soc"].update(scale=0.0), "scale 0 is out of range"),
    (lambda p: p["read"]["soc"].update(range=(100, 0)), "range is upside down"),
    (lambda p: p["read"]["soc"].update(constant=1.0), "read point `soc` cannot be a constant"),
    (lambda p: p.update(read={}), "measures nothing"),
    (lambda p: p.update(fresh_by="clock"), "`fresh_by: clock` is not a read point"),
    (lambda p: p["watchdog"].update(point="clock"), "the watchdog's point `clock`"),
    (lambda p: p.update(alarms={99: {"text": "x"}}), "alarm bits are 0 to 52"),
    (lambda p: p["write"].pop("power"), "needs the write point `power`"),
    (lambda p: p["write_order"].pop(), "`write_order` must name every write point once"),
    (lambda p: p["write_order"].append("power"), "`write_order` must name every write point once"),
    (lambda p: p["write_order"].append("revert_after"), "and none that is armed"),
    (lambda p: p["watchdog"].update(arm=["clock"]), "`clock` is armed and is no write point with a `constant`"),
    (lambda p: p["watchdog"].update(arm=["heartbeat"]), "`heartbeat` is armed and is no write point"),
    (lambda p: p["watchdog"].update(arm=["revert_after"] * 2), "each once"),
    (lambda p: p["write"]["revert_after"].update(constant=11.0), "arms 11 s, and `reverts_after` is 10 s"),
    (lambda p: p["write"]["revert_power"].update(constant=1000.0), "arms 1 kW, and `reverts_to` is 0 kW"),
    (lambda p: p["identity"]["serial"].update(register="coil 4"), "is not `holding|input`"),
    (lambda p: p["identity"]["serial"].update(register=None, path="x"), "identity point `serial`"),
    (lambda p: p["identity"]["serial"].update(register="holding 65530"), "lies outside"),
    (lambda p: p["write"]["enable"].update(constant=None), "write point `enable` needs a `constant`"),
    (lambda p: p["write"]["power"].update(constant=5.0), "neither a bit nor a constant"),
    (lambda p: p["write"]["power"].update(offset=50.0), "cannot say 0 kW"),
    (lambda p: p["write"]["power"].update(type="uint32", offset=1000.0), "cannot say 0 kW"),
    (lambda p: p["write"]["power"].update(unit="A"), "write point `power` needs a power"),
    (lambda p: p["write"]["power"].update(register="input 40249"), "in a table that cannot be written"),
    (lambda p: p["write"]["power"].update(register="holding 40250"), "`revert_power` and `power` overlap"),
    (lambda p: p.update(sign=None), "sign"),
    (lambda p: p.update(max_block=200), "max_block"),
    (lambda p: p.update(poll=0.0), "poll"),
    (lambda p: p.update(retries=3), "retries"),
])  # fmt: skip
def test_a_profile_that_contradicts_itself_is_refused(change: Callable[[Members], object], message: str) -> None:
    assert message in refused(change)


def test_an_mqtt_profile_needs_paths_and_a_meter_is_never_written() -> None:
    assert "needs `path`" in refused(lambda p: p["read"]["power"].update(path=None), "mqtt-meter")
    write = {"power": {"path": "x", "unit": "kW"}}
    flash = {"path": "x", "unit": "kW", "volatile": False}
    assert "flash memory" in refused(lambda p: p["write"].update(power=flash), "mqtt-storage")
    assert "never written" in refused(lambda p: p.update(write=write, write_order=["power"]), "mqtt-meter")
