"""The safety case cannot rot: every hazard and invariant has a test, and the page is what the tests say."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.simulation.checks import INVARIANTS as CHECKED
from pipeline.simulation.world import World
from tests.conftest import ROOT
from tests.trace.case import INVARIANTS, ROWS
from tests.trace.proofs import proofs
from tests.trace.safety import page


def test_every_hazard_and_invariant_has_a_test() -> None:
    found = proofs(ROOT)
    assert {row.id for row in ROWS} == set(found)


def test_the_page_is_what_the_tests_say() -> None:
    assert page(ROOT) == (ROOT / "docs" / "safety.md").read_text(encoding="utf-8"), "python -m tests.trace --safety"


def test_every_place_exists() -> None:
    assert [row.id for row in ROWS if not (ROOT / row.code).exists()] == []


def test_every_check_on_the_wire_is_one() -> None:
    on_the_wire = {row.id for row in INVARIANTS if row.code.startswith("pipeline/simulation/")}
    assert World is not None  # importing it enters the checks
    assert on_the_wire == set(CHECKED)


def test_markers_are_read_from_functions_and_modules(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(
        'pytestmark = [pytest.mark.hazard("S1")]\n\n\n@pytest.mark.hazard("row 1")\ndef test_b() -> None: ...\n'
    )
    assert proofs(tmp_path) == {"S1": ["tests/test_a.py::test_b"], "row 1": ["tests/test_a.py::test_b"]}


@pytest.mark.parametrize("name", ["row 99", ""])
def test_a_marker_that_names_nothing_known_is_refused(name: str, pytester: pytest.Pytester) -> None:
    args = f'"{name}"' if name else ""
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\nmarkers =\n    hazard(*ids): x\n    req(*ids): x\n"
    )
    pytester.makeconftest("from tests.conftest import pytest_collection_modifyitems")
    pytester.makepyfile(f"import pytest\n\n\n@pytest.mark.hazard({args})\ndef test_a(): ...\n")
    assert "no such hazard" in str(pytester.runpytest("-p", "no:cacheprovider").stderr.lines)
