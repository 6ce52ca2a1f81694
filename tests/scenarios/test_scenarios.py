"""Every scenario of this folder and every test of the examples holds, at the definition's own cycle."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.diagnostics import errors, render
from pipeline.compile import compile_definition
from pipeline.rehearsal import report
from pipeline.rehearsal.files import ENDING, Suite, gather
from pipeline.rehearsal.runner import run
from pipeline.rehearsal.script import Script

HERE = Path(__file__).parent
DEFINITIONS = [*sorted(HERE.glob("*.yaml")), *sorted((HERE.parents[1] / "config/examples").glob("*.yaml"))]
SUITES = [suite for path in DEFINITIONS if not path.stem.endswith(ENDING) for suite in gather(path)]
CASES = [
    pytest.param(suite, script, id=f"{suite.file.stem}: {script.name}") for suite in SUITES for script in suite.scripts
]

pytestmark = pytest.mark.req("LH-TEST-006")


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.file.stem)
def test_it_can_be_read(suite: Suite) -> None:
    assert errors(suite.diagnostics) == (), render(suite.diagnostics)
    assert suite.definition is not None


@pytest.mark.parametrize(("suite", "script"), CASES)
def test_it_holds(suite: Suite, script: Script) -> None:
    assert suite.definition is not None
    outcome = run(script, compile_definition(suite.definition, suite.profiles))
    assert outcome.passed, report.text([report.Result(str(suite.file), outcome)])
