"""Grid functions are refused where what they need is not measured, or nobody can carry the reactive power."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.check import check

GRID = (Path(__file__).parents[1] / "scenarios/grid.yaml").read_text()


def codes(tmp_path: Path, *changes: tuple[str, str]) -> set[str]:
    text = GRID
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return {diagnostic.code for diagnostic in check(path).diagnostics}


def test_the_scenario_itself_is_accepted(tmp_path: Path) -> None:
    assert codes(tmp_path) == set()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("  nominal_voltage: 400 V\n", "", "E340"),
        ("    poc: { profile", "    pv: { profile", "E340"),
        ("    poc: { profile", "    pv: { profile", "E341"),
        (", apparent: 250 kVA", "", "E342"),
        ("    profile: four-quadrants\n", "    profile: mqtt-storage\n", "E342"),
        ("supply: 40 %", "supply: 40 %, absorb: 1 %", "E343"),
        (",  supply: 40 %", "", "E343"),
        ("voltage: 98 %, ", "voltage: 91 %, ", "E343"),
        ("      time_constant: 2 s", "      fixed: { supply: 10 kvar }", "E343"),
    ],
)
@pytest.mark.req("LH-CTRL-007")
def test_what_is_missing_is_named_by_its_code(tmp_path: Path, old: str, new: str, code: str) -> None:
    assert code in codes(tmp_path, (old, new))
