"""A test that fails again when it is alone is wrong; one that passes was disturbed; many failures are no accident."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.again import MOST, again, failed

GOOD = "def test_good() -> None:\n    assert True\n"
BAD = "def test_bad() -> None:\n    assert False\n"


@pytest.fixture
def tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "test_it.py").write_text(GOOD + BAD)
    monkeypatch.chdir(tmp_path)
    return ["test_it.py::test_good", "test_it.py::test_bad"]


def test_what_fails_alone_is_wrong(tests: list[str]) -> None:
    assert again(tests) == "test_it.py::test_bad"


def test_what_passes_alone_was_disturbed(tests: list[str]) -> None:
    assert again(tests[:1]) == ""


def test_none_and_many_are_not_tried(tests: list[str]) -> None:
    assert "0 tests failed" in again([])
    assert "4 tests failed" in again(tests[:1] * (MOST + 1))


def test_the_list_is_the_one_of_the_last_run(tmp_path: Path) -> None:
    file = tmp_path / "lastfailed"
    assert failed(file) == []
    file.write_text(json.dumps({"tests/b.py::test_b": True, "tests/a.py::test_a": True}))
    assert failed(file) == ["tests/a.py::test_a", "tests/b.py::test_b"]
