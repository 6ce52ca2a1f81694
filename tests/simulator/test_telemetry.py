"""JSON of the MQTT devices, without a broker: what is published, which commands are taken and why others are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import points, telemetry
from simulator.plant import Plant
from tests.simulator.conftest import NOON, a_plant

STORAGE = points.load("mqtt-storage")
METER = points.load("mqtt-meter")
NOW_NS = int(NOON) * 1_000_000_000


def a_command(**change: object) -> dict[str, Any]:
    command: dict[str, Any] = {
        "command_id": "cmd-1",
        "timestamp": telemetry.rfc3339(NOW_NS),
        "asset_id": "bess1",
        "mode": "Discharge",
        "active_power_kw": 80.0,
        "valid_until": telemetry.rfc3339(NOW_NS + 3_000_000_000),
        "reason": "test",
        "source": "Schedule",
    }
    return {name: value for name, value in (command | change).items() if value is not ...}


@pytest.mark.req("LH-MQTT-001")
def test_telemetry_has_the_members_of_the_profiles_sample(plant: Plant) -> None:
    sample = json.loads(str(STORAGE.sample["payload"]))
    document = json.loads(json.dumps(telemetry.storage_telemetry(STORAGE, plant, NOW_NS)))
    assert set(document) == set(sample)
    for name, value in sample.items():
        assert type(document[name]) is type(value), name
    assert document["timestamp"] == telemetry.rfc3339(NOW_NS)
    assert (document["soc_percent"], document["available"], document["fault_status"]) == (50.0, True, "ok")


@pytest.mark.req("LH-MQTT-001")
def test_the_meter_has_the_members_of_the_profiles_sample(plant: Plant) -> None:
    plant.advance(0.5)
    document = telemetry.meter_telemetry(METER, plant, NOW_NS)
    assert set(document) == set(json.loads(str(METER.sample["payload"])))
    assert document["power_kw"] == pytest.approx(plant.state.grid.poc_kw, abs=1e-4)
    assert (document["frequency_hz"], document["heartbeat"]) == (pytest.approx(50.01), 5)


def test_faults_show_in_telemetry(plant: Plant) -> None:
    plant.board.switch("nan", True, 0.0)
    plant.board.switch("alarm", True, 0.0)
    plant.advance(0.1)
    document = telemetry.storage_telemetry(STORAGE, plant, NOW_NS)
    assert (document["soc_percent"], document["fault_status"]) == (None, "isolation-fault")


def test_a_path_may_be_nested(plant: Plant) -> None:
    soc = STORAGE.read["soc"].model_copy(update={"path": "battery.state.soc"})
    profile = STORAGE.model_copy(update={"read": STORAGE.read | {"soc": soc}})
    assert telemetry.storage_telemetry(profile, plant, NOW_NS)["battery"] == {"state": {"soc": 50.0}}


@pytest.mark.req("LH-MQTT-002")
def test_a_sound_command_is_taken(plant: Plant) -> None:
    command = telemetry.read_command(json.dumps(a_command()).encode(), "bess1", NOW_NS, retained=False)
    assert telemetry.take(STORAGE, plant, command) is None
    assert plant.state.battery.setpoint_kw == 80.0
    stop = telemetry.read_command(
        json.dumps(a_command(mode="Stop", active_power_kw=0)).encode(), "bess1", NOW_NS, False
    )
    assert telemetry.take(STORAGE, plant, stop) is None
    assert plant.state.battery.setpoint_kw == 0.0


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-007", "LH-MQTT-002")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"asset_id": "bess2"}, "asset_id is not bess1"),
        ({"valid_until": telemetry.rfc3339(NOW_NS)}, "valid_until is over"),
        ({"valid_until": ...}, "valid_until is not an RFC 3339 time"),
        ({"valid_until": "2026-01-31 12:00"}, "valid_until is not an RFC 3339 time"),
        ({"valid_until": "99999-01-01T00:00:00Z"}, "valid_until is not an RFC 3339 time"),
        ({"mode": "discharge"}, "mode is not one of"),
        ({"mode": ["Discharge"]}, "mode is not one of"),
        ({"mode": "Charge"}, "80 kW contradicts mode Charge"),
        ({"mode": "Idle"}, "80 kW contradicts mode Idle"),
        ({"active_power_kw": None}, "active_power_kw is not a finite number"),
        ({"active_power_kw": True}, "active_power_kw is not a finite number"),
        ({"active_power_kw": "80"}, "active_power_kw is not a finite number"),
        ({"active_power_kw": float("nan")}, "active_power_kw is not a finite number"),
        ({"active_power_kw": 10**400}, "active_power_kw is not a finite number"),
        ({"command_id": ""}, "command_id is missing"),
    ],
)
def test_an_unsound_command_is_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(telemetry.RefusedError, match=reason):
        telemetry.read_command(json.dumps(a_command(**change)).encode(), "bess1", NOW_NS, retained=False)


@pytest.mark.safety
@pytest.mark.req("LH-MQTT-002")
def test_a_retained_command_is_refused() -> None:
    with pytest.raises(telemetry.RefusedError, match="retained") as refused:
        telemetry.read_command(json.dumps(a_command()).encode(), "bess1", NOW_NS, retained=True)
    assert refused.value.command_id == "cmd-1"


@pytest.mark.req("LH-SAFE-007")
def test_a_command_beyond_the_rating_is_refused_whole(plant: Plant) -> None:
    assert "beyond the rating" in (telemetry.take(STORAGE, plant, a_command(active_power_kw=300.0)) or "")
    assert plant.state.battery.setpoint_kw == 0.0


@given(
    st.one_of(
        st.binary(max_size=200),
        st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps).map(str.encode),
    )
)
def test_any_payload_is_refused_with_a_reason_and_never_raises_anything_else(payload: bytes) -> None:
    with pytest.raises(telemetry.RefusedError):
        telemetry.read_command(payload, "bess1", NOW_NS, retained=False)


def test_payloads_that_only_look_harmless_are_refused() -> None:
    for payload in (b"[" * 100_000, b"1" * 50_000, b'{"a":' * 10_000):
        with pytest.raises(telemetry.RefusedError):
            telemetry.read_command(payload, "bess1", NOW_NS, retained=False)


@pytest.mark.req("LH-MQTT-005")
def test_an_acknowledgement_names_the_command_and_the_reason() -> None:
    stamp = telemetry.rfc3339(NOW_NS + 7_000_000)
    assert stamp.endswith("12:00:00.007Z")
    taken = telemetry.acknowledgement("a", None, NOW_NS + 7_000_000)
    assert taken == {"command_id": "a", "accepted": True, "dispatched_at": stamp}
    assert telemetry.acknowledgement("a", "no", NOW_NS)["reason"] == "no"


def test_profiles_that_cannot_be_read_are_refused(tmp_path: Any) -> None:
    for name, text in (("a.yaml", "name: [\n"), ("b.yaml", "name: x\n"), ("c.yaml", "a: 1\na: 2\n")):
        (tmp_path / name).write_text(text)
        with pytest.raises(points.ProfileError, match=name):
            points.load(str(tmp_path / name))
    with pytest.raises(points.ProfileError, match="cannot be read"):
        points.load("no-such-profile")


def test_a_plant_of_the_test_starts_half_full() -> None:
    assert a_plant().reported().values["soc"] == pytest.approx(50.0)
