from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.trace.__main__ import entry, functions, result
from tests.trace.table import Requirement, read_requirements

ROW = "| LH-RT-003 | older than 3 s is stale | §3.12 | `operators/snapshot.py` `sources` |\n"


def test_a_row_holds_id_text_design_and_modules(tmp_path: Path) -> None:
    table = tmp_path / "requirements.md"
    table.write_text("# Requirements\n\n| id | holds when | design | modules |\n|---|---|---|---|\n" + ROW)
    assert read_requirements(table) == (
        Requirement("LH-RT-003", "older than 3 s is stale", "§3.12", ("operators/snapshot.py", "sources")),
    )


NO_CELLS = "| LH-RT-003 | no cells |\n"


@pytest.mark.parametrize(("text", "complaint"), [(ROW + ROW, "appears twice"), (NO_CELLS, "expected id")])
def test_a_row_that_cannot_be_right_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    table = tmp_path / "requirements.md"
    table.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_requirements(table)


def test_every_requirement_has_a_text() -> None:
    rows = read_requirements(ROOT / "docs" / "requirements.md")
    assert len(rows) > 100
    assert [row.id for row in rows if not row.text] == []


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        ({"a": "passed", "b": "passed"}, "passed"),
        ({"a": "passed", "b": "failed"}, "failed (1 of 2)"),
        ({"a": "passed"}, "not run (1 of 2)"),
        ({"a": "skipped", "b": "skipped"}, "skipped (2 of 2)"),
    ],
)
def test_the_worst_result_speaks_for_the_requirement(outcomes: dict[str, str], word: str) -> None:
    assert result(["a", "b"], outcomes) == word


def test_cases_are_folded_and_absent_modules_named() -> None:
    assert functions(["t.py::one[1]", "t.py::one[2]", "t.py::two"]) == ["t.py::one ×2", "t.py::two"]
    text = entry(Requirement("LH-RT-003", "stale", "§3.12", ("no/such.py",)), ["t.py::two"], {"t.py::two": "passed"})
    assert "LH-RT-003  passed" in text
    assert "no/such.py  (absent)" in text
    assert result([], {}) == "no test"
