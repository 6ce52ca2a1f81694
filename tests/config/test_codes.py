from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.codes import EXPLANATIONS, FAMILIES, explain

pytestmark = pytest.mark.req("LH-NF-009")

ROOT = Path(__file__).parents[2]


def codes_in_use() -> set[str]:
    files = [
        *(ROOT / "config").glob("*.py"),
        *(ROOT / "pipeline").glob("check.py"),
        *(ROOT / "pipeline/rules").glob("*.py"),
        *(ROOT / "pipeline/rehearsal").glob("*.py"),
    ]
    texts = (file.read_text(encoding="utf-8") for file in files if not file.name.startswith("codes"))
    return {code for text in texts for code in re.findall(r'"(E[0-9]{3})"', text)}


def test_every_code_that_can_come_is_explained() -> None:
    assert codes_in_use() - set(EXPLANATIONS) == set()


def test_every_explained_code_can_come() -> None:
    assert set(EXPLANATIONS) - codes_in_use() == set()


def test_every_code_has_a_family_and_a_page() -> None:
    for code in EXPLANATIONS:
        page = explain(code.lower())
        assert page is not None
        assert page.startswith(f"{code}: ")
        assert f"({FAMILIES[code[:2]]})" in page.splitlines()[0]
        assert max(map(len, page.splitlines())) <= 120


def test_a_page_has_an_example() -> None:
    page = explain("E203")
    assert page is not None
    assert "import_limit: 300\n" in page
    assert "import_limit: 300 kW" in page


def test_there_is_no_page_for_no_code() -> None:
    assert explain("E999") is None
    assert explain("") is None


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_every_page_has_an_example_of_both(code: str) -> None:
    assert EXPLANATIONS[code].wrong
    assert EXPLANATIONS[code].right
    assert EXPLANATIONS[code].wrong != EXPLANATIONS[code].right
