"""Scenario files, ours and the earlier system's: played at their instants, refused at the place that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulator import earlier, scenario
from simulator.faults import Fault
from simulator.plant import Plant
from simulator.player import Player
from simulator.scenario import ScenarioError
from tests.simulator.conftest import a_plant

pytestmark = pytest.mark.req("LH-TEST-003")

DIP = """\
name: dip
description: the BMS lowers its limits
steps:
  - { at: 0 s, set: { soc: 60 %, load: 40 kW, pv: 0 kW, frequency: 49.9 Hz } }
  - { at: 20 s, asset: bess2, begin: [bms_limit, cable], limit: 37 kW, for: 30 s }
  - { at: 1 min, end: [cable], begin: ["nan"] }
"""
FRAME = {
    "offset_millis": 0, "soc_percent": 50.5, "soh_percent": 99, "active_power_kw": -25.5, "reactive_power_kvar": 1.5,
    "dc_voltage": 800, "dc_current": -31, "temperature_celsius": 22, "available": True, "fault_status": "ok",
}  # fmt: skip
EARLIER: dict[str, Any] = {
    "id": "sim-1", "name": "one", "description": "follows",
    "asset": {
        "asset_id": "asset-1", "capacity_kwh": 100, "max_charge_power_kw": 50, "max_discharge_power_kw": 40,
        "min_soc_percent": 10, "max_soc_percent": 90, "charge_efficiency": 0.95, "discharge_efficiency": 0.9,
        "max_ramp_kw_per_second": 25, "min_operating_temperature_celsius": -20,
        "max_operating_temperature_celsius": 55,
    },
    "telemetry": [
        FRAME, {**FRAME, "offset_millis": 1500, "soc_percent": 110, "temperature_celsius": -50, "available": False,
                "fault_status": "thermal-runaway"},
    ],
}  # fmt: skip


def written(folder: Path, text: str, name: str = "s.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_scenario_is_played_at_its_instants_as_fast_as_asked(tmp_path: Path) -> None:
    plants = {"bess1": a_plant(), "bess2": a_plant()}
    player = Player(scenario.load(written(tmp_path, DIP), list(plants)), plants, speed=10.0)
    on: dict[float, tuple[list[Fault], list[Fault]]] = {}
    player.advance(0.0)
    for _ in range(30):
        on[player.at_s] = (list(plants["bess1"].board.active(0.0)), list(plants["bess2"].board.active(0.0)))
        player.advance(0.25)
    first, second = ({at: faults[number] for at, faults in on.items()} for number in (0, 1))
    assert second[17.5] == []
    assert second[20.0] == second[47.5] == [Fault.BMS_LIMIT, Fault.CABLE]
    assert second[50.0] == first[20.0] == first[57.5] == []
    assert first[60.0] == second[60.0] == [Fault.NAN]
    assert player.ended
    assert player.describe()["played"] == 4


def test_what_a_scenario_sets_is_so_and_site_values_stand_still(tmp_path: Path) -> None:
    plant = a_plant()
    text = DIP.replace("bess2", "bess1")
    text = text.replace("soc: 60 %", "soc: 60 %, soh: 90 %, temperature: 40 °C, ambient: 10 °C")
    Player(scenario.load(written(tmp_path, text), ["bess1"]), {"bess1": plant}).advance(0.0)
    for _ in range(3):
        assert plant.value("soc") == pytest.approx(60.0)
        assert plant.value("soh") == 90.0
        assert plant.value("temperature") == pytest.approx(40.0, abs=0.2)
        assert (plant.metered()["power"], plant.metered()["frequency"]) == (-40.0, 49.9)
        plant.advance(5.0)


def test_a_scenario_that_repeats_begins_again_and_leaves_nothing_out(tmp_path: Path) -> None:
    text = "name: r\nrepeat_after: 10 s\nsteps:\n  - { at: 0 s, begin: [cable] }\n  - { at: 5 s, end: [cable] }\n"
    plant = a_plant()
    player = Player(scenario.load(written(tmp_path, text), ["bess1"]), {"bess1": plant})
    seen = []
    for _ in range(6):
        seen.append(Fault.CABLE in plant.board.active(0.0))
        player.advance(5.0)
    player.advance(95.0)  # ten rounds at once
    assert seen == [False, False, True, False, True, False]
    assert (player.rounds, player.at_s, player.ended) == (12, 5.0, False)


@pytest.mark.parametrize(
    ("before", "after", "place", "message"),
    [
        ("cable, ", "", "", ""),
        ("[cable]", "[cabel]", "6:24", "this is no fault"),
        ("60 %", "160 %", "4:28", "`160 %` is too high"),
        ("20 s", "20", "5:11", "expected a duration"),
        ("at: 1 min, ", "", "6:5", "`at` is missing"),
        ("asset: bess2", "asset: bess9", "5:24", "there is no battery `bess9`"),
        ("for:", "lasts:", "5:72", "`lasts` is not a key here"),
        ("name: dip\n", "name: dip\nname: dip\n", "2:1", "`name` is written twice"),
        ("begin: [bms_limit, cable], ", "begin: [cable], ", "5:54", "only `bms_limit` has a limit"),
        ("steps:\n", "repeat_after: 50 s\nsteps:\n", "6:11", "ends after the scenario begins again"),
        (DIP, "", "1:1", "there is nothing in this file"),
        (DIP, "name: [", "1:8", ""),
    ],
)
def test_what_is_wrong_in_a_scenario_is_said_at_its_place(
    tmp_path: Path, before: str, after: str, place: str, message: str
) -> None:
    path = written(tmp_path, DIP.replace(before, after))
    if not place:
        assert scenario.load(path, ["bess1", "bess2"]).name == "dip"
        return
    with pytest.raises(ScenarioError) as refused:
        scenario.load(path, ["bess1", "bess2"])
    assert f"{path}:{place}" in str(refused.value)
    assert message in str(refused.value)


def test_an_earlier_scenario_says_its_frames_whatever_the_plant_does(tmp_path: Path) -> None:
    played = earlier.load(written(tmp_path, json.dumps(EARLIER), "s.json"))
    assert (played.name, played.asset, played.battery is not None and played.battery.energy_kwh) == (
        "sim-1", "asset-1", 100.0,
    )  # fmt: skip
    plant = a_plant()
    player = Player(played, {"asset-1": plant})
    player.advance(0.0)
    plant.write("power", 30.0)
    plant.advance(5.0)
    reported = plant.reported()
    assert {name: reported.values[name] for name in ("soc", "power", "reactive_power", "dc_voltage")} == {
        "soc": 50.5, "power": -25.5, "reactive_power": 1.5, "dc_voltage": 800.0,
    }  # fmt: skip
    assert (reported.available, reported.mode, reported.heartbeat) == (True, "charging", 1)
    assert (plant.writes.accepted, plant.value("setpoint")) == (1, 30.0)
    player.advance(1.5)
    said = plant.reported()
    assert (said.values["soc"], said.values["temperature"], said.heartbeat) == (110.0, -50.0, 2)
    assert (said.available, said.alarm, said.fault) == (False, True, "thermal-runaway")
    player.advance(600.0)
    plant.advance(60.0)
    assert plant.heartbeat == 2  # silence after the last frame
    assert player.ended


def _without(place: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        del document["asset"][place]

    return change


def _frame(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["telemetry"][1][name] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("capacity_kwh"), "$.asset.capacity_kwh: Field required"),
        (_frame("soc_percent", "50"), "$.telemetry[1].soc_percent: Input should be a valid number"),
        (_frame("offset_millis", 0.5), "$.telemetry[1].offset_millis: Input should be a valid integer"),
        (_frame("available", 1), "$.telemetry[1].available: Input should be a valid boolean"),
        (_frame("frequency", 50.0), "$.telemetry[1].frequency: Extra inputs are not permitted"),
        (lambda d: d["telemetry"].insert(0, {**FRAME, "offset_millis": 1}), "$.telemetry[1].offset_millis: 0 ms is"),
        (lambda d: d["telemetry"].clear(), "$.telemetry: List should have at least 1 item"),
        (lambda d: d["asset"].update(min_soc_percent=95), "$.asset: min_soc_percent has to be less than"),
        (lambda d: d["asset"].update(charge_efficiency=1.2), "$.asset.charge_efficiency: Input should be less"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_an_earlier_scenario_is_said_at_its_place(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    document = json.loads(json.dumps(EARLIER))
    change(document)
    path = written(tmp_path, json.dumps(document), "s.json")
    with pytest.raises(ScenarioError) as refused:
        earlier.load(path)
    assert f"{path}: {message}" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON at line 1, column 2"),
        ('{"id": 1, "id": 2}', "the member 'id' appears twice"),
        ('{"id": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "nested too deep"),
        ("[]", "$: Input should be"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        earlier.load(written(tmp_path, text, "s.json"))
    assert message in str(refused.value)
    with pytest.raises(ScenarioError, match="cannot be read"):
        earlier.load(tmp_path / "missing.json")


def test_one_meter_sees_all_batteries_and_falls_silent_for_all(plant: Plant) -> None:
    other = a_plant()
    plant.beside, other.beside = (other,), (plant,)
    for each, power_kw in ((plant, 50.0), (other, -20.0)):
        each.write("power", power_kw)
        each.write("reactive_power", 5.0)
        for _ in range(40):
            each.advance(0.1)
    metered = plant.metered()
    assert metered == other.metered()
    assert metered["power"] == pytest.approx(30.0 + plant.grid.pv_kw - plant.grid.load_kw)
    assert metered["reactive_power"] == 10.0
    other.board.switch("meter", True, other.state.uptime_s)
    other.advance(0.1)
    assert plant.meter_silent
    assert other.meter_silent
