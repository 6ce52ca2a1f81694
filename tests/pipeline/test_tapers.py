"""Taper curves as a user writes them: refused where their points do not rise, compiled where they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jit import constants as c
from pipeline.check import check
from pipeline.compile import compile_definition

pytestmark = pytest.mark.req("LH-CTRL-002", "LH-CONF-001")

GRID = (Path(__file__).parents[1] / "scenarios/grid.yaml").read_text()
COLD = "temperature: { charge: [ { at: -5 °C, power: 0 % }, { at: 15 °C, power: 100 % } ] }"
FULL = ("soc: { discharge: [ { at: 20 %, power: 40 % } ], "
        "charge: [ { at: 70 %, power: 80 % }, { at: 90 %, power: 5 % } ] }")  # fmt: skip


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "site.yaml"
    first = "    profile: four-quadrants\n"
    assert first in GRID
    path.write_text(GRID.replace(first, first + "".join(f"    {line}\n" for line in lines)))
    return path


def test_curves_are_compiled_to_points_and_shares(tmp_path: Path) -> None:
    found = check(written(tmp_path, COLD, FULL))
    assert found.diagnostics == ()
    assert found.definition is not None
    ratings = compile_definition(found.definition, found.profiles).constants.ratings[:, 0]

    def points(curve: int) -> list[tuple[float, float]]:
        rows = ratings[curve + 1 : curve + c.CURVE_ROWS].reshape(2, c.MOST_POINTS)
        return [tuple(point) for point in np.transpose(rows)[: int(ratings[curve])].tolist()]

    assert points(c.T_CHARGE) == [(-5.0, 0.0), (15.0, 1.0)]
    assert points(c.T_DISCHARGE) == []
    assert points(c.SOC_CHARGE) == [(70.0, 0.8), (90.0, 0.05)]
    assert points(c.SOC_DISCHARGE) == [(20.0, 0.4)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (COLD.replace("15 °C", "-5 °C"), "E344"),
        (COLD.replace("15 °C", "-15 °C"), "E344"),
        (FULL.replace("90 %", "60 %"), "E344"),
        (COLD.replace("100 %", "100 kW"), "E204"),
        (COLD.replace("-5 °C", "-5 %"), "E204"),
        (COLD.replace(" } ] }", " }" + ", { at: 20 °C, power: 100 % }" * 5 + " ] }"), ""),
    ],
)
def test_curves_that_cannot_be_are_refused(tmp_path: Path, line: str, code: str) -> None:
    codes = {diagnostic.code for diagnostic in check(written(tmp_path, line)).diagnostics}
    assert code in codes or (code == "" and codes)
