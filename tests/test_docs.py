"""What the documents name exists: files, tests, exit codes, alarms, metrics."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pipeline.exits import Exit

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.req("LH-TEST-006")
def test_every_guarantee_names_a_test_that_exists() -> None:
    page = (ROOT / "docs/safety.md").read_text(encoding="utf-8")
    file, absent, named = ROOT, [], 0
    for place, test in re.findall(r"`(tests/[\w/]+\.py)?::(\w+)`", page):
        file = ROOT / place if place else file
        named += 1
        if not file.is_file() or test not in functions(file):
            absent.append(f"{file.relative_to(ROOT)}::{test}")
    assert named > 30
    assert absent == []


def test_every_exit_code_is_in_the_operators_manual() -> None:
    listed = re.findall(r"^\| (\d+) \|", (ROOT / "docs/operations.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(map(int, listed)) == sorted(Exit)


def test_every_metric_of_the_operators_manual_is_one() -> None:
    places = ("sinks/metrics.py", "pipeline/buffers.py", "pipeline/recordings.py")
    source = "".join((ROOT / name).read_text(encoding="utf-8") for name in places)
    known = set(re.findall(r'"(bess_[a-z_]+)"', source))
    known |= {f"{name}_total" for name in known}  # the client adds it to counters
    named = set(re.findall(r"\bbess_[a-z_]+\b", (ROOT / "docs/operations.md").read_text(encoding="utf-8")))
    assert len(named) > 15
    assert sorted(named - known) == []
