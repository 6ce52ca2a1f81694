"""Single calls of the earlier control core, put to the whole chain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jit.twins import on_twins
from pipeline.earlier.asset import documented
from pipeline.earlier.compared import STATED, text
from pipeline.earlier.manifest import ManifestError
from pipeline.earlier.replay import replayed
from tests.pipeline.earlier.sets import case, core_set

pytestmark = pytest.mark.req("LH-TEST-004", "LH-TEST-005", "LH-NATIVE-001")
WITHIN = "within-limits"

SAME = [
    case("nobody asks", 0.0, (0.0, WITHIN)),
    case("out", 10.0, (10.0, WITHIN)),
    case("in", -12.0, (-12.0, WITHIN)),
    case("most out", 60.0, (60.0, WITHIN)),
    case("more than most out", 90.0, (60.0, "max-discharge-power")),
    case("more than most in", -90.0, (-40.0, "max-charge-power")),
    case("full", -10.0, (0.0, "soc-at-max-charge-blocked"), soc=85.0),
    case("empty", 10.0, (0.0, "soc-at-min-discharge-blocked"), soc=5.0),
    case("hot", 10.0, (0.0, "temperature-out-of-range"), heat=46.0),
    case("cold", -10.0, (0.0, "temperature-out-of-range"), heat=-6.0),
    case("up the ramp", 60.0, (30.0, "ramp-up-clamped"), previous=10.0),
    case("down the ramp", -20.0, (-10.0, "ramp-down-clamped"), previous=10.0),
    case("within the ramp", 25.0, (25.0, WITHIN), previous=10.0),
    case("a part of a second", 60.0, (16.25, "ramp-up-clamped"), previous=10.0, dt=0.3125),
    case("no time", 25.0, (10.0, "ramp-not-permitted"), previous=10.0, dt=0.0),
    case("no time, no change", 10.0, (10.0, WITHIN), previous=10.0, dt=0.0),
]
OTHER = {
    "bound_of_temperature": case("at the bound", 10.0, (10.0, WITHIN), heat=45.0),
    "limit_beats_ramp": case("too hot to run", 50.0, (30.0, "temperature-out-of-range"), previous=50.0, heat=60.0),
    "refused": case("no such limit", 5.0, (-10.0, "max-discharge-power"), max_discharge_power_kw=-10.0),
    "no_sense": case("more than full", 0.0, (0.0, WITHIN), soc=150.0),
    "pause_earns_no_ramp": case("after ten minutes", 60.0, (60.0, WITHIN), previous=0.0, dt=600.0),
}


@pytest.fixture(autouse=True)
def on_plain_kernels() -> Iterator[None]:
    with on_twins():
        yield


@pytest.mark.parametrize("one", SAME, ids=lambda one: one["name"])
def test_the_chain_gives_the_cores_result(tmp_path: Path, one: dict[str, Any]) -> None:
    outcome = replayed(core_set(tmp_path, one))
    assert outcome.compared[0].differences == (), text(outcome)


@pytest.mark.parametrize("because", OTHER)
def test_where_it_differs_the_reason_is_stated(tmp_path: Path, because: str) -> None:
    """The list is that of `tests/safety/test_earlier_core.py`."""
    outcome = replayed(core_set(tmp_path, OTHER[because]))
    assert {difference.because for difference in outcome.compared[0].differences} == {because}
    assert outcome.json()["reasons"] == {because: STATED[because]}
    assert outcome.passed


def test_another_number_is_a_failure(tmp_path: Path) -> None:
    outcome = replayed(core_set(tmp_path, case("wrong", 10.0, (10.001, WITHIN)), SAME[0]))
    assert (outcome.passed, outcome.json()["different"], outcome.json()["same"]) == (False, 1, 1)


def test_a_definition_does_not_apply_to_calls_with_their_own_limits(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no definition applies"):
        replayed(core_set(tmp_path, SAME[0]), documented())
