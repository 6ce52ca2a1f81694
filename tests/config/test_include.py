from __future__ import annotations

from pathlib import Path

import pytest

from config.load import load
from tests.config.marked import PLANT

pytestmark = pytest.mark.req("LH-CONF-001")

ASSETS = PLANT[PLANT.index("  one:") : PLANT.index("connections:")]
SITE = PLANT.replace(ASSETS, "").replace("assets:\n", "assets: !include parts/assets.yaml\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    return tmp_path


def test_an_included_file_stands_in_place_of_its_value(folder: Path) -> None:
    (folder / "parts" / "assets.yaml").write_text(ASSETS, encoding="utf-8")
    definition = load(folder / "site.yaml", env_stub=True).definition
    assert definition is not None
    assert list(definition.assets) == ["one", "two"]
    assert definition.assets["two"].soc.max == 90


def test_a_fault_is_named_in_the_file_in_which_it_stands(folder: Path) -> None:
    (folder / "parts" / "assets.yaml").write_text(ASSETS.replace("500 kWh", "500 kW"), encoding="utf-8")
    (problem,) = load(folder / "site.yaml", env_stub=True).diagnostics
    assert problem.place == f"{folder / 'parts' / 'assets.yaml'}:4:57"


@pytest.mark.parametrize(
    "name", ["missing.yaml", "../outside.yaml", "/etc/hostname", "parts", "", "site.yaml", "parts/loop.yaml", "a\\0b"]
)
def test_what_cannot_be_included_is_said_where_it_is_named(folder: Path, name: str) -> None:
    (folder.parent / "outside.yaml").write_text("{}\n", encoding="utf-8")
    (folder / "parts" / "loop.yaml").write_text("a: !include parts/loop.yaml\n", encoding="utf-8")
    (folder / "site.yaml").write_text(SITE.replace("parts/assets.yaml", f'"{name}"'), encoding="utf-8")
    found = load(folder / "site.yaml", env_stub=True)
    assert found.definition is None
    assert "E012" in {problem.code for problem in found.diagnostics}
