"""`replay MANIFEST.json` at the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from jit.twins import on_twins
from pipeline.cli import main
from pipeline.exits import Exit
from tests.pipeline.earlier.sets import case, command, core_set, record, telemetry_set

pytestmark = pytest.mark.req("LH-TEST-004", "LH-TEST-005")


@pytest.fixture(autouse=True)
def on_plain_kernels() -> Iterator[None]:
    with on_twins():
        yield


def test_a_set_that_agrees_ends_well(tmp_path: Path) -> None:
    path = telemetry_set(tmp_path, [record(0), record(1)], [command(0, 0.0), command(1, 0.0)])
    done = CliRunner().invoke(main, ["replay", str(path)])
    assert done.exit_code == Exit.OK
    assert done.stdout.splitlines()[0] == "own-set: 2 the same, 0 different as stated, 0 different"


def test_a_difference_that_nobody_meant_ends_with_65(tmp_path: Path) -> None:
    path = core_set(tmp_path, case("wrong", 10.0, (11.0, "within-limits")))
    done = CliRunner().invoke(main, ["replay", str(path), "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["passed"], told["different"]) == (Exit.DIFFERENT, False, 1)


def test_a_broken_set_is_refused_with_its_place(tmp_path: Path) -> None:
    path = telemetry_set(tmp_path, [record(0)], [command(0, 0.0)], request_id_rule=1)
    done = CliRunner().invoke(main, ["replay", str(path)])
    assert done.exit_code == Exit.FAILED
    assert "$.request_id_rule" in done.output


def test_a_definition_that_is_wrong_is_refused(tmp_path: Path) -> None:
    path = telemetry_set(tmp_path, [record(0)], [command(0, 0.0)])
    (tmp_path / "site.yaml").write_text("version: 1\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["replay", str(path), "--definition", str(tmp_path / "site.yaml")])
    assert done.exit_code == Exit.INVALID
