"""What the devices of a running process alone say to the operator."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from config.catalogue import profile
from config.definition import Connection as Declared
from config.topics import AssetTopics, Qos
from pipeline.compile import compile_definition
from pipeline.field import Field
from sinks.alarms.condition import Condition
from sinks.modbus.wear import Wear
from tests.real.modbus import load
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


@pytest.mark.req("LH-PROT-001")
def test_units_behind_one_gateway_share_one_connection() -> None:
    profiles = {"b1": load("sunspec-storage"), "site.poc": load("grid-meter")}
    definition = site()
    meter = definition.site.meters["poc"].model_copy(update={"connect": "modbus-tcp://127.0.0.2:502/7"})
    battery = definition.assets["b1"].model_copy(update={"connect": "modbus-tcp://127.0.0.2/1"})
    plant = definition.site.model_copy(update={"meters": {"poc": meter}})
    behind = definition.model_copy(update={"site": plant, "assets": {"b1": battery}})
    compiled = compile_definition(behind, profiles)
    field = Field.of(compiled, lambda: 0.0, lambda _signal: None, armed=False, jitter=lambda: 0.5)
    assert field.devices["b1"].connection is field.devices["site.poc"].connection
    assert (field.devices["b1"].unit, field.devices["site.poc"].unit) == (1, 7)


@pytest.mark.safety
@pytest.mark.req("LH-MQTT-003", "LH-MQTT-004")
def test_an_asset_on_mqtt_uses_its_own_topics_and_nothing_else() -> None:
    """S2: what is commanded is the topic of this asset's definition, and no output may publish on any of its topics."""
    definition = site()
    own = AssetTopics(command="cmnd/b1", acknowledge="stat/b1", status="stat/b1/status", qos=Qos(telemetry=0))
    battery = definition.assets["b1"].model_copy(update={"connect": "broker", "topic": "tele/b1", "topics": own})
    broker = {"broker": Declared(url="mqtt://127.0.0.1:1883")}
    over_mqtt = definition.model_copy(update={"assets": {"b1": battery}, "connections": broker})
    compiled = compile_definition(over_mqtt, {"b1": profile("mqtt-storage"), "site.poc": METER})
    field = Field.of(compiled, lambda: 0.0, lambda _signal: None, armed=False, jitter=lambda: 0.5)
    client = field.brokers["broker"]
    assert sorted(field.topics) == [
        "battery/site.poc/telemetry", "cmnd/b1", "stat/b1", "stat/b1/status", "tele/b1/telemetry",
    ]  # fmt: skip
    assert client._reserved == {"cmnd/b1"}
    asked = {topic: qos for topic, qos in client._qos.items() if "b1" in topic}
    assert asked == {"tele/b1/telemetry": 0, "stat/b1/status": 0, "stat/b1": 1}


@pytest.mark.safety
@pytest.mark.req("LH-API-008", "LH-PROT-001")
def test_a_device_behind_tls_is_reached_by_its_connection_and_in_no_other_way() -> None:
    """The line is verified TLS whenever the definition says so: no set-point in plain text by mistake."""
    definition = site()
    battery = definition.assets["b1"].model_copy(update={"connect": "ess"})
    secured = {"ess": Declared(url="modbus-tls://ess.lan/3"), "broker": Declared(url="mqtt://127.0.0.1:1883")}
    compiled = compile_definition(
        definition.model_copy(update={"assets": {"b1": battery}, "connections": secured}),
        {"b1": load("sunspec-storage"), "site.poc": METER},
    )
    field = Field.of(compiled, lambda: 0.0, lambda _signal: None, armed=False, jitter=lambda: 0.5)
    line = field.devices["b1"].connection
    assert (line.place, field.devices["b1"].unit) == ("ess.lan:802", 3)
    assert line.tls is not None
    assert (line.tls.verify_mode, line.tls.check_hostname) == (ssl.CERT_REQUIRED, True)
