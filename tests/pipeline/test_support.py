from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.check import check
from pipeline.cli import main
from pipeline.compile import compile_definition
from pipeline.rules.support import LATER, operable
from tests.pipeline.test_rules import certificate

pytestmark = pytest.mark.req("LH-CONF-001", "LH-CONF-003")

SEVERAL = Path(__file__).parents[2] / "config" / "examples" / "several-assets.yaml"


def test_what_is_not_acted_on_is_compiled_without() -> None:
    found = check(SEVERAL, environment={}, env_stub=True)
    assert found.definition is not None
    compiled = compile_definition(found.definition, found.profiles)
    kept = {f"requests.{r.kind}" for r in found.definition.requests if ("requests", "*", r.kind) not in LATER}
    assert set(compiled.layout.requests) == kept >= {"requests.day_ahead", "requests.idle"}
    assert compiled.layout.assets == ("bess_a", "bess_b")


def test_the_operable_part_of_an_operable_definition_is_itself() -> None:
    found = check(SEVERAL, environment={}, env_stub=True)
    assert found.definition is not None
    once = operable(found.definition)
    assert operable(once) == once


def test_run_refuses_by_name_what_check_warns_of(tmp_path: Path) -> None:
    text = SEVERAL.read_text(encoding="utf-8")
    for word in ("mqtt_password", "db_password", "opcua_password", "opcua_client_cert"):
        (tmp_path / word).write_text("x", encoding="utf-8")
    certificate(tmp_path, "web")
    for role in ("viewer", "operator", "engineer"):
        (tmp_path / f"{role}_token").write_text(role * 8, encoding="utf-8")
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    arguments = [str(file), "--secrets-dir", str(tmp_path), "--json"]
    checked = CliRunner().invoke(main, ["check", *arguments])
    assert checked.exit_code == 0
    ran = CliRunner().invoke(main, ["run", *arguments])
    assert ran.exit_code == 78
    said = {problem["message"] for problem in json.loads(ran.output)["diagnostics"] if problem["severity"] == "error"}
    assert "the controller `peak_shaving` is not acted on in this version" in said
    assert CliRunner().invoke(main, ["check", *arguments, "--deny-warnings"]).exit_code == 1
