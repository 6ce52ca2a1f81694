"""`profile import`: mapping files of the earlier system as profiles (prior-system §1.6): same wire, stated doubts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from config.catalogue import load_profile
from config.profile import Profile
from config.source import Source
from pipeline.cli import main
from pipeline.exits import Exit
from sources.modbus.codec import codec

pytestmark = pytest.mark.req("LH-CONF-002", "LH-DOM-005")


def register(name: str, address: int, kind: str = "uint16", scale: float = 1, **more: Any) -> dict[str, Any]:
    return {"name": name, "address": address, "type": kind, "scale_factor": scale, "range": [0, 65535],
            "writable": False, "write_cadence": "cyclic", "auth_required": "none", **more}  # fmt: skip


def setpoint(address: int, kind: str = "int16", scale: float = 0.1, **more: Any) -> dict[str, Any]:
    return register("active_power_setpoint_kw", address, kind, scale, range=[-100, 80], writable=True, **more)


def modbus(*registers: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"profile_name": "own rack", "unit_id_discovery": "static", "static_unit_id": 7,
            "registers": list(registers), **changes}  # fmt: skip


SOC, POWER = register("soc_percent", 100, scale=0.1, range=[0, 100]), register("active_power_kw", 110, "int16", 0.1)
SWAPPED = {"register_table": "input", "word_order": "low_high"}


def run(tmp_path: Path, mapping: Any, *more: str) -> Result:
    path = tmp_path / "mapping.json"
    path.write_text(mapping if isinstance(mapping, str) else json.dumps(mapping), encoding="utf-8")
    return CliRunner().invoke(main, ["profile", "import", str(path), "--name", "own-rack", *more])


def made(tmp_path: Path, mapping: Any) -> tuple[Profile, list[str]]:
    """The profile, read back from the text that the verb writes, and the notes."""
    told = run(tmp_path, mapping)
    assert told.exit_code == Exit.OK, told.output
    found, refused = load_profile(Source("own-rack.yaml", told.stdout))
    assert found is not None
    assert not refused
    return found, json.loads(run(tmp_path, mapping, "--json").stdout)["notes"]


@pytest.mark.parametrize(
    ("theirs", "words", "value"),
    [
        (register("soc_percent", 100, scale=0.1), [605], 60.5),
        (register("active_power_kw", 110, "int16", 0.1), [65281], -25.5),
        (register("active_power_kw", 1, "float32", 1000, **SWAPPED), [0xCCCD, 0x3DCC], 100.0),
        (register("dc_current", 9, "float32", 1, unit="kA", **SWAPPED), [0x0000, 0x3F00], 500.0),
        (register("temperature_celsius", 4, "int32", 0.5), [0xFFFF, 0xFFFE], -1.0),
    ],
)
def test_a_register_means_what_it_meant(tmp_path: Path, theirs: Any, words: list[int], value: float) -> None:
    """Words as the earlier system's golden vectors have them, worked out by hand."""
    others = [r for r in (SOC, POWER) if r["name"] != theirs["name"]]
    profile, _ = made(tmp_path, modbus(theirs, *others, setpoint(200)))
    name = next(n for n, p in profile.read.items() if (p.register or "").endswith(f" {theirs['address']}"))
    assert codec(profile, name, profile.read[name]).decode(words)[0] == pytest.approx(value, rel=1e-6)


def test_the_set_point_goes_out_as_it_did(tmp_path: Path) -> None:
    mode = register("operating_mode", 202, enum={"0": "stop", "1": "idle", "2": "charge", "3": "discharge"})
    profile, _ = made(tmp_path, modbus(SOC, POWER, mode | {"writable": True}, setpoint(200)))
    assert codec(profile, "power", profile.write["power"]).encode(25.5) == (255,)
    assert profile.write_order == ["power", "mode"]
    assert profile.ratings is not None
    assert (profile.ratings.charge, profile.ratings.discharge) == (100.0, 80.0)
    assert (profile.sign, profile.addressing) == ("positive_is_discharge", "zero_based")


def test_a_set_point_in_watts_is_rated_and_stepped_in_watts(tmp_path: Path) -> None:
    """Taken for kilowatts, the device would be rated a thousand times too high and its steps would be 1 MW."""
    watts = setpoint(200, scale=10.0, unit="W") | {"range": [-100_000, 80_000]}
    profile, _ = made(tmp_path, modbus(SOC, POWER, watts))
    assert profile.ratings is not None
    assert (profile.ratings.charge, profile.ratings.discharge) == (100.0, 80.0)
    assert profile.resolution_kw == pytest.approx(0.01)
    assert codec(profile, "power", profile.write["power"]).encode(25.5) == (2550,)


def test_any_fault_latches_until_a_person_says_what_it_means(tmp_path: Path) -> None:
    profile, notes = made(tmp_path, modbus(SOC, POWER, register("fault_status", 122), setpoint(200)))
    assert sorted(profile.alarms) == list(range(16))
    assert all(alarm.critical for alarm in profile.alarms.values())
    assert any("any fault but 0 latches" in note for note in notes)
    assert (profile.promises_limits, profile.watchdog) == (False, None)


def test_what_cannot_be_taken_over_is_said(tmp_path: Path) -> None:
    contactor = register("main_contactor", 9, writable=True, write_cadence="one_shot")
    hot = register("temperature_celsius", 118, alarm={"min": -20, "max": 55}, firmware_constraint=">= 2.1")
    serial, pu = register("serial", 300, "string"), register("grid_voltage_pu", 5, unit="pu")
    _, notes = made(tmp_path, modbus(SOC, POWER, contactor, hot, serial, pu, setpoint(200, auth_required="token")))
    for said in ("`main_contactor` is written by no command", "(min -20, max 55)", "firmware: >= 2.1",
                 "`serial` is a text", "'pu' is not known", "needs a sign-in", "add `watchdog`"):  # fmt: skip
        assert any(said in note for note in notes), said


@pytest.mark.parametrize("way", ["dynamic", "sunspec"])
def test_a_unit_that_is_to_be_found_is_named_as_one_of_several(tmp_path: Path, way: str) -> None:
    file = modbus(SOC, POWER, setpoint(200)) | {"unit_id_discovery": way}
    del file["static_unit_id"]
    _, notes = made(tmp_path, file)
    assert any(way in note and "`/1-9`" in note and "`identity`" in note for note in notes), notes


def opcua(*nodes: dict[str, Any]) -> dict[str, Any]:
    usual = {"direction": "subscribe", "data_type": "float", "auth_required": "none"}
    return {"schema_version": "v1", "profile_name": "own", "nodes": [usual | node for node in nodes]}


ASKED = {"name": "active_power_setpoint_kw", "node_id": "ns=2;s=Battery.Setpoint.ActivePower", "writable": True}
MEASURED = ({"name": "soc_percent", "node_id": "ns=2;s=Battery.Soc"},
            {"name": "active_power_kw", "node_id": "ns=2;s=Battery.ActivePower"})  # fmt: skip


def test_nodes_stand_below_the_battery_s_own(tmp_path: Path) -> None:
    names = {"0": "ok", "1": "isolation-fault", "2": "thermal-runaway", "3": "communication-loss"}
    fault = {"name": "fault_code", "node_id": "ns=2;s=Battery.FaultCode", "data_type": "uint16"}
    profile, notes = made(tmp_path, opcua(*MEASURED, fault | {"value_explanation": names}, ASKED))
    assert (profile.read["soc"].node, profile.write["power"].node) == ("Soc", "Setpoint.ActivePower")
    assert profile.alarms[0].text == "Isolation-fault or communication-loss"
    assert profile.read["available"].yes == [0], "no fault: available"
    assert any("node: ns=2;s=Battery`" in note for note in notes)


def topic(name: str, path: str, direction: str = "subscribe", **more: Any) -> dict[str, Any]:
    return {"name": name, "topic": path, "direction": direction, "payload_format": "json", "retained": False,
            "auth_required": "none", **more}  # fmt: skip


TELEMETRY = topic("telemetry", "battery/{assetId}/telemetry", retained=True)


def test_topics_stand_below_the_battery_s_own(tmp_path: Path) -> None:
    command = topic("command", "battery/{assetId}/command", "publish", retained=True)
    answer, status = topic("command_ack", "battery/{assetId}/command/ack"), topic("status", "battery/{assetId}/status")
    profile, notes = made(tmp_path, {"profile_name": "own", "topics": [TELEMETRY, command, answer, status]})
    assert (profile.topics.command, profile.topics.acknowledge) == ("command", "command/ack")
    assert profile.read["alarms"].values[2] == "thermal-runaway"
    for said in ("battery/{assetId}", "`status` is not read", "never counts as fresh", "commands never are"):
        assert any(said in note for note in notes), said


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (modbus(SOC, POWER), "no active power is written"),
        (modbus(SOC, setpoint(200)), "power cannot be read"),
        (modbus(SOC | {"scale_factor": 0}, POWER), "$.registers[0].scale_factor: a factor of 0"),
        (modbus(SOC | {"colour": "red"}, POWER), "$.registers[0].colour"),
        (modbus(SOC, POWER, static_unit_id=0), "unit 0 speaks to every device"),
        (modbus(SOC, POWER, register("fault_status", 1, "float32"), setpoint(200)), "no set of bits"),
        (modbus(SOC, POWER, setpoint(200), register("heartbeat", 200, writable=True)), "overlap"),
        (opcua(*MEASURED, ASKED | {"node_id": "i=42"}), "below no common one"),
        ({"profile_name": "own", "topics": [TELEMETRY]}, "`telemetry` and `command` are needed"),
        ({"profile_name": "own"}, "no mapping file"),
        ('{"registers": NaN}', "NaN is not JSON"),
    ],
)
def test_what_is_no_device_is_refused_with_its_reason(tmp_path: Path, mapping: Any, said: str) -> None:
    told = run(tmp_path, mapping)
    assert told.exit_code == Exit.FAILED
    assert said in told.output


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "rack.yaml"
    out.write_text("mine", encoding="utf-8")
    mapping = modbus(SOC, POWER, setpoint(200))
    assert run(tmp_path, mapping, "--output", str(out)).exit_code == Exit.FAILED
    assert out.read_text(encoding="utf-8") == "mine"
    assert run(tmp_path, mapping, "--output", str(out), "--force").exit_code == Exit.OK
    assert load_profile(Source("rack.yaml", out.read_text(encoding="utf-8")))[0] is not None
