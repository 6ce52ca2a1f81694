"""Topics of a device: the profile's ends below the asset's own, and what one asset names whole."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.topics import AssetTopics, Qos, Topics, default_prefix, topic_of, whole


@pytest.mark.req("LH-MQTT-003")
def test_ends_stand_below_the_assets_own_topic() -> None:
    assert topic_of("battery/bess1", "telemetry", "bess1") == "battery/bess1/telemetry"
    assert topic_of("site/pv/meter", "", "pv") == "site/pv/meter"
    assert topic_of("/plants/{asset}/", "command/ack", "bess1") == "plants/bess1/command/ack"
    assert default_prefix("bess1") == "battery/bess1"


@pytest.mark.req("LH-MQTT-003")
def test_status_and_fault_are_listened_to_where_they_are_named() -> None:
    assert whole("bess1", None, Topics()) == {
        "telemetry": "battery/bess1/telemetry",
        "command": "battery/bess1/command",
        "acknowledge": "battery/bess1/command/ack",
    }
    all_five = whole("bess1", "plant/{asset}", Topics(status="status", fault="fault"))
    assert (all_five["status"], all_five["fault"]) == ("plant/bess1/status", "plant/bess1/fault")


@pytest.mark.req("LH-MQTT-003")
def test_an_asset_names_whole_topics() -> None:
    own = AssetTopics(command="cmnd/{asset}/set", fault="stat/{asset}/fault")
    found = whole("bess1", "tele/bess1", Topics(), own)
    assert found["command"] == "cmnd/bess1/set"
    assert found["fault"] == "stat/bess1/fault"
    assert found["telemetry"] == "tele/bess1/telemetry"


@pytest.mark.req("LH-MQTT-004")
@pytest.mark.parametrize("wrong", [2, -1, "1", True])
def test_quality_of_service_is_0_or_1(wrong: object) -> None:
    with pytest.raises(ValidationError):
        Qos.model_validate({"telemetry": wrong})


@pytest.mark.parametrize("wrong", ["a/+", "#", "/a", "a b", ""])
def test_a_whole_topic_is_one(wrong: str) -> None:
    with pytest.raises(ValidationError):
        AssetTopics(command=wrong)
