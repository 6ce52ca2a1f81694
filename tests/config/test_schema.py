from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from config.catalogue import names
from config.load import load_source
from config.plain import Surroundings
from config.reference import reference
from config.schema import definition_schema, profile_schema
from config.source import Source
from config.units import DURATION, FREQUENCY, POWER, brief, parse
from tests.config.marked import PLANT
from tests.config.test_load import FAULTS

pytestmark = pytest.mark.req("LH-CONF-001", "LH-NF-007", "LH-NF-009")

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "config/examples").glob("*.yaml")), ROOT / "deploy/site.yaml"]
DEFINITION = jsonschema.Draft202012Validator(definition_schema())
PROFILE = jsonschema.Draft202012Validator(profile_schema())


def plain(text: str) -> Any:
    """A file as an editor's validator sees it: tags are texts."""
    yaml = YAML(typ="safe", pure=True)
    yaml.constructor.add_constructor("!secret", lambda _constructor, node: f"!secret {node.value}")
    return json.loads(json.dumps(yaml.load(text)))


def complaints(validator: jsonschema.Draft202012Validator, text: str) -> list[str]:
    return [f"{'.'.join(map(str, error.path))}: {error.message[:120]}" for error in validator.iter_errors(plain(text))]


def test_the_schemas_are_of_the_draft_that_they_name() -> None:
    for schema in (definition_schema(), profile_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_definition_that_ships_fits_the_schema(path: Path) -> None:
    assert complaints(DEFINITION, path.read_text(encoding="utf-8")) == []


def test_the_plant_of_the_tests_fits_the_schema() -> None:
    assert complaints(DEFINITION, PLANT) == []


@pytest.mark.parametrize("name", names())
def test_every_profile_that_ships_fits_the_schema(name: str) -> None:
    assert complaints(PROFILE, (ROOT / f"config/profiles/{name}.yaml").read_text(encoding="utf-8")) == []


FITTING = {"E101", "E102", "E104", "E203", "E204", "E205", "E206", "E304"}


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.code in FITTING], ids=lambda fault: f"{fault.code} {fault.new[:40]!r}"
)
def test_an_editor_sees_faults_of_shape_and_units(fault: Any) -> None:
    text = fault.source()[0].text
    assert complaints(DEFINITION, text) != []


def test_every_key_has_words_and_every_quantity_its_unit_and_an_example() -> None:
    schema = definition_schema()
    for name, section in [("the file", schema), *schema["$defs"].items()]:
        for key, value in section.get("properties", {}).items():
            place = f"{name}.{key}"
            assert value.get("description"), place
            if "x-range" in value:
                assert value["x-unit"], place
                assert value.get("examples") or "default" in value, place


def test_every_example_in_the_schema_is_possible() -> None:
    for schema in (definition_schema(), profile_schema()):
        for name, section in schema["$defs"].items():
            for key, value in section.get("properties", {}).items():
                validator = jsonschema.Draft202012Validator({**value, "$defs": schema["$defs"]})
                shown = [*value.get("examples", []), *([value["default"]] if "default" in value else [])]
                for example in shown:
                    assert list(validator.iter_errors(example)) == [], f"{name}.{key}: {example}"


def test_the_reference_is_up_to_date() -> None:
    assert (ROOT / "docs/definition.md").read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_the_reference_names_every_key() -> None:
    text = reference()
    schema = definition_schema()
    for section in (schema, *schema["$defs"].values()):
        for key in section.get("properties", {}):
            assert f"| `{key}` |" in text


def test_every_key_that_the_schema_knows_the_loader_knows() -> None:
    keys = list(definition_schema()["properties"])
    text = "".join(f"{key}: 7\n" for key in keys)
    found = load_source(Source("x.yaml", text), Path("/nonexistent"), Surroundings(stub=True))
    assert "E101" not in {problem.code for problem in found.diagnostics}


@pytest.mark.parametrize(("value", "text"), [(259200.0, "3 d"), (900.0, "15 min"), (0.0, "0 s"), (10.0, "10 s"),
                                             (0.1, "100 ms"), (93600.0, "26 h")])  # fmt: skip
def test_a_duration_is_shown_as_a_person_writes_it(value: float, text: str) -> None:
    assert brief(value, DURATION) == text
    assert parse(text, DURATION) == value


def test_other_quantities_too() -> None:
    assert brief(0.2, FREQUENCY) == "200 mHz"
    assert brief(1200.0, POWER) == "1.2 MW"
    assert brief(0.1, POWER) == "100 W"
    assert brief(-37.5, POWER) == "-37.5 kW"
