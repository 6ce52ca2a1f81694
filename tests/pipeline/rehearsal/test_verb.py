"""`bess-pipeline test` as it is typed: which files, which tests, which exit code, which form."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.rehearsal.files import definition_of
from pipeline.rehearsal.world import ChainError
from tests.pipeline.rehearsal.site import written

pytestmark = pytest.mark.req("LH-CONF-001")

GOOD = "- { name: stays at 0, expect: [ { at: 1 s, bess1.command: 0 kW } ] }"
BAD = "- { name: goes away, expect: [ { at: 1 s, bess1.command: 9 kW } ] }"
BESIDE = "tests:\n  - { name: from beside, expect: [ { at: 1 s, bess1.state: idle } ] }\n"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["test", *map(str, arguments)])


def test_all_passed(tmp_path: Path) -> None:
    result = run(written(tmp_path, GOOD))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "1 passed"


def test_one_failed(tmp_path: Path) -> None:
    result = run(written(tmp_path, f"{GOOD}\n{BAD}"))
    assert result.exit_code == 1
    assert "expected bess1.command 9 kW, got 0 kW (resolve/idle)" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 passed, 1 failed"


def test_only_the_named_ones(tmp_path: Path) -> None:
    path = written(tmp_path, f"{GOOD}\n{BAD}")
    assert run(path, "-k", "STAYS").exit_code == 0
    result = run(path, "-k", "nobody")
    assert result.exit_code == 1
    assert "no test in" in result.stderr


def test_json_is_one_value_and_nothing_else(tmp_path: Path) -> None:
    result = run(written(tmp_path, BAD), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["failed"] == 1


def test_junit(tmp_path: Path) -> None:
    path, file = written(tmp_path, f"{GOOD}\n{BAD}"), tmp_path / "results.xml"
    assert run(path, "--junit", file).exit_code == 1
    assert ET.parse(file).getroot().attrib["failures"] == "1"  # noqa: S314 - our own text
    assert run(path, "--junit", tmp_path / "no" / "such.xml").exit_code == 1


def test_a_refused_file_is_78_with_its_places(tmp_path: Path) -> None:
    result = run(written(tmp_path, "- { name: it, expect: [ { at: 1 s, bess1.comand: 0 kW } ] }"))
    assert result.exit_code == 78
    assert "error[E601]" in result.stderr
    assert run(tmp_path / "absent.yaml").exit_code == 78


def test_a_defect_of_the_chain_ends_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ChainError("ramp: ZeroDivisionError()")

    monkeypatch.setattr("pipeline.rehearsal.world.World.step", broken)
    result = run(written(tmp_path, GOOD))
    assert result.exit_code == 70
    assert "ramp: ZeroDivisionError()" in result.stderr


def test_no_tests_at_all_is_no_failure(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    path.write_text(path.read_text(encoding="utf-8").split("tests:")[0], encoding="utf-8")
    result = run(path)
    assert result.exit_code == 0
    assert "there are no tests" in result.stderr


def test_files_beside_belong_to_the_definition(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    for name in ("site_test.yaml", "site_winter_test.yaml", "other_test.yaml"):
        (tmp_path / name).write_text(BESIDE, encoding="utf-8")
    assert definition_of(tmp_path / "site_winter_test.yaml") == path
    assert run(path).stdout.splitlines()[-1] == "3 passed"
    assert run(tmp_path / "site_test.yaml").stdout.splitlines()[-1] == "1 passed"
    assert run(path, tmp_path / "site_test.yaml").stdout.splitlines()[-1] == "3 passed"


def test_a_test_file_without_a_definition(tmp_path: Path) -> None:
    path = tmp_path / "other_test.yaml"
    path.write_text(BESIDE, encoding="utf-8")
    result = run(path)
    assert result.exit_code == 78
    assert "error[E608]" in result.stderr


@pytest.mark.parametrize("text", ["", "tests: 3\n", "- 3\n", "tests: []\n", "tests: [ { name: it } ]\n", "site: {}\n"])
def test_a_broken_test_file_is_refused(tmp_path: Path, text: str) -> None:
    written(tmp_path, GOOD)
    path = tmp_path / "site_test.yaml"
    path.write_text(text, encoding="utf-8")
    result = run(path)
    assert result.exit_code == 78
    assert "site_test.yaml" in result.stderr
    assert "error[E" in result.stderr
