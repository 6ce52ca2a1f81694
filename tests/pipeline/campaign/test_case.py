"""A case is a value: drawn from its seed alone, written down and read back."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import cast

import pytest

from pipeline.campaign.case import Case, ended, setup, tripped
from pipeline.campaign.life import live
from pipeline.simulation.kinds import PASSING
from pipeline.simulation.storm import Strike
from pipeline.simulation.world import World


def test_a_setup_is_drawn_from_its_seed_alone() -> None:
    assert [setup(seed) for seed in range(50)] == [setup(seed) for seed in range(50)]
    assert {setup(seed).cycle for seed in range(50)} == {"1 s", "100 ms"}
    assert {setup(seed).latching for seed in range(50)} == {True, False}


def test_a_case_is_read_back_as_it_was_and_lived_as_it_was() -> None:
    strikes = (Strike("wish", "site", -15.0, -15.0, {"kw": 80.0}), Strike("drop", "b1", 2.0, 5.0, {"share": 0.4}),
               Strike("sentinel", "b1", 3.0, 6.0, {"point": "soc"}))  # fmt: skip
    case = Case(3, 1, "1 s", {"export_limit": "200 kW"}, 50.0, True, strikes, 12.0)
    read = Case.from_json(json.loads(json.dumps(case.as_json())))
    assert read == case
    first, again = live(case), live(read)
    assert (first.digest, first.breaches) == (again.digest, ())
    assert first.coverage.struck["drop", "DISCHARGING"] == 1
    assert first.coverage.pairs["drop", "sentinel"] == 1
    assert first.coverage.reached["Reason", "RAMP_UP"] > 0


def test_what_passes_is_judged_whole_and_what_latches_is_not_expected_back() -> None:
    assert Case(1, 1, "1 s", {}, 50.0, True, (Strike("drop", "b1", 0.0, 1.0),), 1.0).not_judged == ()
    assert Case(1, 1, "1 s", {}, 50.0, True, (Strike("alarm", "b1", 0.0, 1.0),), 1.0).not_judged == ("L1", "L3")
    assert "alarm" not in PASSING


@pytest.mark.req("LH-TEST-004")
def test_most_storms_that_may_latch_end_in_an_alarm_that_nobody_acknowledges() -> None:
    """Otherwise the first seeds may pass with a latch that does not hold: S11 only sees what is latched and left."""
    world = cast(World, SimpleNamespace(plants={"b1": None, "b2": None}))
    given = [seed for seed in map(setup, range(100)) if seed.latching]
    grave, passing = [Strike("stop", "b1", 3.0, 4.0)], [Strike("drop", "b1", 3.0, 4.0)]
    ends = [strike for seed in given for strike in tripped(seed, world, grave)]
    assert len(given) / 2 < len(ends) < len(given)
    assert {(strike.kind, strike.device) for strike in ends} == {("alarm", "b1"), ("alarm", "b2")}
    assert not any(tripped(seed, world, passing) for seed in given)
    assert all(seed.seconds - 8.0 < s.begin_s for seed in given for s in tripped(seed, world, grave))


@pytest.mark.req("LH-TEST-004")
def test_the_end_of_such_storms_puts_together_what_seldom_meets() -> None:
    """Acknowledged before it is clear, deaf for longer than a read-back may take, killed while nobody has activated."""
    world = cast(World, SimpleNamespace(plants={"b1": None, "b2": None, "b3": None}))
    given = [seed for seed in map(setup, range(100)) if seed.latching]
    grave, passing = [Strike("stop", "b1", 3.0, 4.0)], [Strike("drop", "b1", 3.0, 4.0)]
    for seed in given:
        alarms = tripped(seed, world, grave)
        ends = {strike.kind: strike for strike in ended(seed, world, grave, alarms)}
        assert set(ends) == {"deaf", "forgotten"} | ({"hasty"} if alarms else set())
        assert len({strike.device for strike in ends.values()}) == len(ends)
        for alarm in alarms:
            assert (ends["hasty"].device, ends["hasty"].begin_s < alarm.end_s + 8.0) == (alarm.device, True)
            assert ends["hasty"].end_s < ends["forgotten"].begin_s  # nobody acknowledges where no process is
        assert not ended(seed, world, passing, [])
        for kind, left in (("killed", set()), ("broken_disk", {"deaf"}), ("raising", {"deaf"})):
            lived = [*grave, Strike(kind, "b1", 3.0, 4.0)]
            assert {strike.kind for strike in ended(seed, world, lived, [])} == left


@pytest.mark.parametrize("kind", ["hasty", "forgotten", "deaf"])
def test_each_of_these_breaks_nothing_by_itself(kind: str) -> None:
    settings = {"after_s": 0.002} if kind == "forgotten" else {}
    strikes = (Strike("wish", "site", -15.0, -15.0, {"kw": 80.0}), Strike("alarm", "b1", 5.0, 8.0),
               Strike("wish", "site", 12.0, 12.0, {"kw": -80.0}), Strike(kind, "b2", 10.0, 35.0, settings),
               Strike("hasty", "b1", 12.0, 12.0))  # fmt: skip
    life = live(Case(3, 2, "1 s", {}, 50.0, False, strikes, 20.0))
    assert life.breaches == ()
    assert life.coverage.reached["Reason", "FAULT_LATCHED"] > 0
