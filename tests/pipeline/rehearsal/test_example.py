"""The example of several assets passes its own tests on exact values, and every one of its expectations can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.diagnostics import errors
from pipeline.compile import compile_definition
from pipeline.rehearsal.files import gather
from pipeline.rehearsal.runner import Outcome, run

pytestmark = pytest.mark.req("LH-CONF-001")

EXAMPLE = Path(__file__).parents[3] / "config/examples/several-assets.yaml"
CHANGED = {
    "at: 30 s,   bess_a.command: 33 kW": "at: 30 s,   bess_a.command: 33.2 kW",
    "bess_a.command: 25 kW": "bess_a.command: 37 kW",
    "bess_a.reason: ramp/down": "bess_a.reason: ramp/up",
    "at: 31 s,   bess_a.command: 0 kW": "at: 31 s,   bess_a.command: 37 kW",
    "bess_a.command: 0 kW,  bess_a.reason: resolve/reserve.fcr": "bess_a.command: 0 kW,  bess_a.reason: constrain/bms",
    "undeliverable: 113 kW": "undeliverable: 112 kW",
    "bess_b.command: 200 kW": "bess_b.command: 250 kW",
    "bess_b.reason: resolve/reserve.fcr": "bess_b.reason: resolve/day_ahead",
    "site.export <= 800 kW": "site.export <= 399 kW",
    "bess_a.command <= bess_a.discharge_limit": "bess_a.command < bess_a.base",
}


def ran(path: Path) -> Outcome:
    (suite,) = gather(path)
    assert errors(suite.diagnostics) == ()
    assert suite.definition is not None
    (script,) = suite.scripts
    return run(script, compile_definition(suite.definition, suite.profiles))


def test_it_passes_on_values() -> None:
    outcome = ran(EXAMPLE)
    assert outcome.problem == ""
    assert [failure.expected for failure in outcome.failures] == []
    assert outcome.ticks == 401
    by_path = {track.quantity.path: track.values for track in outcome.tracks}
    command = by_path["bess_a.command"]
    assert [round(command[tick], 6) for tick in (300, 302, 310)] == [33.0, 25.0, 0.0]
    assert round(by_path["ancillary.fcr.undeliverable"][310], 6) == 113.0
    assert round(by_path["bess_b.command"][400], 6) == 200.0


@pytest.mark.parametrize("sentence", CHANGED)
def test_each_expectation_can_fail(tmp_path: Path, sentence: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert text.count(sentence) == 1
    path = tmp_path / "site.yaml"
    path.write_text(text.replace(sentence, CHANGED[sentence]), encoding="utf-8")
    (failure,) = ran(path).failures
    line = next(n for n, line in enumerate(text.splitlines(), 1) if sentence in line)
    assert failure.span.line == line
