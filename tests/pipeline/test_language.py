"""The verbs about the language: schema, show, list, init, profile. Each as a user types it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from config import reference
from config.load import load_source
from config.plain import Surroundings
from config.reaction import reaction_times
from config.source import Source
from pipeline.check import Checked, check, check_loaded
from pipeline.cli import main
from pipeline.effective import as_values, as_yaml

pytestmark = pytest.mark.req("LH-CONF-001", "LH-CONF-002", "LH-NF-009", "LH-DOM-005")

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config" / "examples").glob("*.yaml"))
ONE = ROOT / "config/examples/one-battery.yaml"


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def checked(text: str) -> Checked:
    loaded = load_source(Source("shown.yaml", text), Path("/nonexistent"), Surroundings(stub=True))
    return check_loaded(loaded, stub=True)


@pytest.mark.parametrize("expanded", [False, True])
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_what_is_shown_is_a_valid_file_that_means_the_same(path: Path, expanded: bool) -> None:
    found = check(path, environment={}, env_stub=True)
    again = checked(as_yaml(found, expanded=expanded, origin=True))
    assert found.definition is not None
    assert again.definition is not None
    without: dict[str, Any] = {"profiles": {}}  # these are written out
    assert again.definition.model_copy(update=without) == found.definition.model_copy(update=without)
    assert again.profiles == found.profiles
    assert {p.message for p in again.later} == {p.message for p in found.later}


@pytest.mark.req("LH-SAFE-003", "LH-RT-003")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_it_is_shown_how_soon_each_deviation_of_each_battery_is_answered(path: Path) -> None:
    found = check(path, environment={}, env_stub=True)
    assert found.definition is not None
    shown = json.loads(ran("show", str(path), "--reactions", "--env-stub", "--json").output)
    assert list(shown) == list(found.definition.assets)
    command, cycle = found.definition.chain.command, found.definition.site.cycle
    for name in found.definition.assets:
        times = reaction_times(found.profiles[name], command, cycle)
        assert shown[name] == [asdict(watched) for watched in times]
    text = ran("show", str(path), "--reactions", "--env-stub").output
    assert all(f"\n  {watched.deviation}" in text and f"{watched.within_s:g} s" in text for watched in times)
    within = [watched.within_s for watched in times]
    assert f"answered within {min(within):g} to {max(within):g} s" in ran("check", str(path), "--env-stub").output


def test_every_value_says_where_it_came_from() -> None:
    several = check(ROOT / "config/examples/several-assets.yaml", environment={}, env_stub=True)
    shown: Any = as_values(several, expanded=True, origin=True)
    bess_b = shown["assets"]["bess_b"]
    assert bess_b["soc"]["min"] == {"value": "15 %", "origin": "several-assets.yaml:62"}
    assert bess_b["soc"]["max"] == {"value": "92 %", "origin": "several-assets.yaml:45"}
    assert bess_b["min_power"]["charge"] == {"value": "0 kW", "origin": "built-in"}
    assert shown["connections"]["broker"]["url"]["origin"] == "several-assets.yaml:21, from ${…}"
    acme = shown["profiles"]["acme-rack-2"]
    assert acme["sign"] == {"value": "positive_is_charge", "origin": "several-assets.yaml:30"}
    assert acme["poll"] == {"value": "500 ms", "origin": "profile:sunspec-storage"}


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    for name in ("mqtt_password", "db_password", "viewer_token", "operator_token"):
        (tmp_path / name).write_text(f"geheim-{name}-{name}", encoding="utf-8")
    arguments = ["show", str(ONE), "--expanded", "--origin", "--secrets-dir", str(tmp_path)]
    for extra in ([], ["--json"]):
        result = CliRunner().invoke(main, [*arguments, *extra], env={"BROKER_HOST": "broker.lan"})
        assert result.exit_code == 0, result.output
        assert "geheim" not in result.output
        assert "•••" in result.output
        assert "mqtts://broker.lan:8883" in result.output


def test_show_refuses_what_check_refuses(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("version: 1\n", encoding="utf-8")
    assert ran("show", str(tmp_path / "site.yaml")).exit_code == 78


def test_the_schema_goes_to_standard_output_or_a_file(tmp_path: Path) -> None:
    assert json.loads(ran("schema").output)["title"] == "bess-pipeline definition"
    assert json.loads(ran("schema", "--profile").output)["title"] == "bess-pipeline device profile"
    assert ran("schema", "--markdown").output.startswith("# The definition")
    file = tmp_path / "x.json"
    assert ran("schema", "-o", str(file)).exit_code == 0
    assert json.loads(file.read_text(encoding="utf-8"))["required"]
    assert ran("schema", "-o", str(tmp_path / "no" / "x.json")).exit_code == 1


def test_list_names_what_there_is_and_what_nothing_acts_on_yet() -> None:
    found = json.loads(ran("list", "--json").output)
    assert set(found) == {"profiles", "requests", "services", "limits", "transforms", "outputs", "units"}
    assert "opcua-ess" in found["profiles"]
    assert set(found["requests"]) >= {"commitment", "intraday", "day_ahead", "idle"}
    assert "requests\n" in ran("list").output


@pytest.mark.parametrize("arguments", [[], ["--profile", "mqtt-storage", "--connect", "mqtt://10.1.1.1:1883"],
                                       ["--connect", "modbus-tcp://10.9.9.9:502/3"]])  # fmt: skip
def test_a_first_definition_is_short_clean_and_passes_its_test(tmp_path: Path, arguments: list[str]) -> None:
    file = tmp_path / "plant" / "site.yaml"
    made = ran("init", str(file), *arguments)
    assert made.exit_code == 0, made.output
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=./bess-pipeline.schema.json\n")
    assert len(text.splitlines()) <= 35
    assert all(len(line) <= 120 for line in text.splitlines())
    assert json.loads((file.parent / "bess-pipeline.schema.json").read_text(encoding="utf-8"))["properties"]["site"]
    found = check(file, environment={})
    assert found.diagnostics == ()
    assert found.definition is not None
    assert len(found.definition.tests) == 1
    tested = ran("test", str(file))
    assert tested.exit_code == 0, tested.output


def test_init_overwrites_nothing_and_knows_its_profiles(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    assert ran("init", str(file)).exit_code == 0
    assert ran("init", str(file)).exit_code == 1
    assert ran("init", str(file), "--force", "--json").exit_code == 0
    assert "did you mean" in ran("init", str(tmp_path / "b.yaml"), "--profile", "sunspec-storag").output
    assert ran("init", str(tmp_path / "b.yaml"), "--profile", "grid-meter").exit_code == 1


def test_profiles_are_listed_shown_and_proven() -> None:
    listed = json.loads(ran("profile", "list", "--json").output)
    assert {"sunspec-storage", "opcua-ess"} <= {profile["name"] for profile in listed}
    assert "grid-meter" in ran("profile", "list").output
    assert "goes to 0 kW 10 s after" in ran("profile", "show", "sunspec-storage").output
    assert json.loads(ran("profile", "show", "mqtt-meter", "--json").output)["protocol"] == "mqtt"
    proven = ran("profile", "lint", "--json")
    assert proven.exit_code == 0, proven.output
    assert set(json.loads(proven.output)) == {profile["name"] for profile in listed}
    assert ran("profile", "show", "sunspec").exit_code == 1


@pytest.mark.parametrize(("old", "new", "code", "said"), [
    ("  decodes_to: { power: 80.0", "  decodes_to: { power: -80.0", 1, "`power` decodes to 80, the sample says -80"),
    ("frequency: 50.01, voltage", "voltage", 1, "`frequency` is read and not in `decodes_to`"),
    ('payload: \'{"t', 'payload: \'x{"t', 1, "the sample cannot be read"),
    ("version: 1", "version: 0", 78, "E202"),
    ("label: Counter of measurements", "", 0, "has no label"),
])  # fmt: skip
def test_a_profile_that_does_not_decode_its_sample_is_found(
    tmp_path: Path, old: str, new: str, code: int, said: str
) -> None:
    text = (ROOT / "config/profiles/mqtt-meter.yaml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "meter.yaml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    result = ran("profile", "lint", str(file))
    assert result.exit_code == code, result.output
    assert said in result.output


def test_trying_a_device_that_is_not_there_says_so() -> None:
    assert ran("profile", "try", "sunspec-storage", "modbus-tcp://127.0.0.1:1/1").exit_code == 69
    assert ran("profile", "try", "sunspec-storage", "mqtt://127.0.0.1:1").exit_code == 2
    assert ran("profile", "try", "mqtt-meter", "mqtt://127.0.0.1:1", "--timeout", "0.2").exit_code == 69
    assert ran("profile", "try", "opcua-ess", "opc.tcp://127.0.0.1:1").exit_code == 69
    assert ran("profile", "try", "sunspec-storage", "nonsense").exit_code == 2


@pytest.mark.parametrize("name", ["site", "assets.ramp", "requests.day_ahead", "ancillary.fcr", "chain.limits.margin",
                                  "outputs", "outputs.mqtt", "profiles.read", "tests.timeline", "limits.grid_operator",
                                  "requests.day_ahead.transform.clamp", "definition"])  # fmt: skip
def test_every_section_can_be_read_about(name: str) -> None:
    shown = ran("docs", name)
    assert shown.exit_code == 0
    assert f"{name}: " in shown.output


def test_every_listed_section_has_a_page() -> None:
    for name in reference.sections():
        assert reference.section_page(name), name
    assert "e.g. import_limit: 300 kW" in ran("docs", "site").output
