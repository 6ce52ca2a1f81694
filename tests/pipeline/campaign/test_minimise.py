"""Of a hundred faults the few that matter are left."""

from __future__ import annotations

import pytest

from pipeline.campaign.case import Case
from pipeline.campaign.minimise import minimised
from pipeline.simulation.storm import Strike


def case(*names: str) -> Case:
    strikes = tuple(Strike(name, "b1", float(i), float(i) + 8.0) for i, name in enumerate(names))
    return Case(1, 1, "1 s", {}, 50.0, True, strikes, 10.0)


@pytest.mark.parametrize("guilty", [{"a"}, {"a", "z"}, {"m"}, {"a", "m", "z"}, {"m", "n"}])
def test_only_the_faults_that_break_it_together_are_left(guilty: set[str]) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    least = minimised(case(*letters), lambda tried: guilty <= {strike.kind for strike in tried.strikes})
    assert {strike.kind for strike in least.strikes} == guilty
    assert all(strike.end_s - strike.begin_s == 2.0 for strike in least.strikes)  # a quarter of what it was


def test_it_gives_up_after_so_many_lives() -> None:
    lives: list[Case] = []

    def breaks(tried: Case) -> bool:
        lives.append(tried)
        return len(tried.strikes) > 20

    least = minimised(case(*"abcdefghijklmnopqrstuvwxyz"), breaks, most_lives=9)
    assert len(lives) == 9
    assert len(least.strikes) > 20
