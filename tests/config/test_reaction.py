"""The stated seconds of `config.reaction`: what docs/safety.md says, and how they follow from the declared response."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.chain import CommandChain
from config.reaction import reaction_times
from tests.rig import storage

pytestmark = pytest.mark.req("LH-CTRL-007", "LH-SAFE-004")
SAFETY = Path(__file__).parents[2] / "docs" / "safety.md"
SAID = {
    "power against the command": "power against the command → FAULT",
    "more power than commanded": "more power than commanded, or less → band derated; FAULT",
    "less power than commanded": "more power than commanded, or less → band derated; FAULT",
    "the measured power does not move any more": "measured power stands still while the command moves → no permission",
    "another set-point than the one written": "the device holds another set-point → no permission; FAULT",
    "another set-point for the second time": "another set-point again, with less than an hour of agreement → FAULT",
    "somebody else writes the set-point": "somebody else writes the set-point → no permission; FAULT",
    "no write reaches the device": "no write reaches the device → no permission",
}


def test_the_safety_case_says_the_seconds_that_are_computed() -> None:
    cells = [line.strip("| ").split(" | ") for line in SAFETY.read_text(encoding="utf-8").splitlines()]
    lines = {row[0]: row[1] for row in cells if len(row) == 2}
    times: dict[str, list[str]] = {}
    for watched in reaction_times(storage(), CommandChain(), 1.0):
        times.setdefault(watched.deviation, []).append(f"{watched.within_s:g}")
    for deviation, said in SAID.items():
        assert lines[said] == "; ".join(times[deviation]), deviation


@pytest.mark.parametrize("cycle", [1.0, 0.1])
def test_a_slower_device_a_slower_poll_and_a_longer_for_take_longer(cycle: float) -> None:
    def of(profile: dict[str, object], **effect: object) -> list[float]:
        chain = CommandChain.model_validate({"effect": effect})
        return [watched.within_s for watched in reaction_times(storage(**profile), chain, cycle)]

    usual = of({})
    for other in (
        of({"response": {"dead_time": "5 s", "lag": "1 s"}}),
        of({"response": {"dead_time": "1 s", "lag": "4 s"}}),
        of({"poll": "3 s"}),
        of({}, **{"for": "20 s"}),
    ):
        assert all(slow >= fast for slow, fast in zip(other, usual, strict=True))
        assert sum(other) > sum(usual)
    quick = of({"response": {"dead_time": "0 s", "lag": "0 s"}})
    assert quick[0] == pytest.approx(6.0 if cycle == 1.0 else 3.7), "poll and cycle, 3 s of evidence, and the tick"
