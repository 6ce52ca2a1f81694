"""When levels begin, when expectations read, how a test starts, what unknown means."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.rehearsal.site import got, outcome, outcomes

pytestmark = pytest.mark.req("LH-CONF-001")


def test_a_level_holds_from_the_first_tick_at_or_after_it_until_changed(tmp_path: Path) -> None:
    result = outcome(
        tmp_path,
        """
        - name: levels
          timeline:
            - { at: 2 s,   bess1.discharge_limit: 90 kW }
            - { at: 4.1 s, bess1.discharge_limit: 80 kW }
          expect:
            - { at: 1 s,   bess1.discharge_limit: 250 kW }
            - { at: 1.9 s, bess1.discharge_limit: 250 kW }
            - { at: 2 s,   bess1.discharge_limit: 90 kW }
            - { at: 4.9 s, bess1.discharge_limit: 90 kW }
            - { at: 5 s,   bess1.discharge_limit: 80 kW }
            - { at: 60 s,  bess1.discharge_limit: 80 kW }
        """,
    )
    assert got(result) == []
    assert result.ticks == 61


@pytest.mark.parametrize(("cycle", "ticks"), [("1 s", 4), ("100 ms", 31)])
def test_it_lasts_until_the_last_instant(tmp_path: Path, cycle: str, ticks: int) -> None:
    assert outcome(tmp_path, "- { name: it, expect: [ { at: 3 s, bess1.command: 0 kW } ] }", cycle).ticks == ticks


def test_invariants_watch_for_a_minute_after_the_last_act(tmp_path: Path) -> None:
    result = outcome(
        tmp_path,
        """
        - name: it
          timeline: [ { at: 10 s, requests.day_ahead: 100 kW } ]
          expect: [ { always: "bess1.command <= 200 kW" } ]
        """,
    )
    assert result.ticks == 71


@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
def test_it_starts_ready_with_a_healthy_plant(tmp_path: Path, cycle: str) -> None:
    result = outcome(
        tmp_path,
        """
        - name: healthy
          expect:
            - at: 0 s
              bess1: { state: idle, authority: armed, may_charge: true, may_discharge: true, command: 0 kW, soc: 50 % }
              bess1.charge_limit: 250 kW
              bess1.discharge_limit: 250 kW
              bess1.reason: resolve/idle
              site: { load: 0 kW, pv: 0 kW, export: 0 kW, import: 0 kW, frequency: 50 Hz }
              site.poc.power: 0 kW
        """,
        cycle,
    )
    assert result.problem == ""
    assert got(result) == []


@pytest.mark.parametrize(
    ("start", "state", "authority"),
    [("ready", "idle", "armed"), ("standby", "standby", "silent"), ("stopped", "emergency_stop", "armed"),
     ("fault", "fault", "armed"), ("maintenance", "maintenance", "silent")],
)  # fmt: skip
def test_every_start_is_reached_before_0_s_and_stays(tmp_path: Path, start: str, state: str, authority: str) -> None:
    result = outcome(
        tmp_path,
        f"""
        - name: it
          given: {{ bess1: {{ state: {start}, soc: 20 % }} }}
          expect:
            - {{ at: 0 s,  bess1.state: {state}, bess1.authority: {authority}, bess1.soc: 20 % }}
            - {{ at: 30 s, bess1.state: {state}, bess1.command: 0 kW }}
        """,
    )
    assert result.problem == ""
    assert got(result) == []


def test_a_start_that_cannot_be_is_said(tmp_path: Path) -> None:
    result = outcome(
        tmp_path,
        """
        - name: it
          given: { bess1: { state: ready, available: false } }
          expect: [ { at: 1 s, bess1.command: 0 kW } ]
        """,
    )
    assert not result.passed
    assert "`bess1` cannot be ready at 0 s" in result.problem


@pytest.mark.parametrize("what", ["bess1", "bess1.soc"])
@pytest.mark.parametrize("word", ["missing", "stale"])
def test_missing_and_stale_take_the_permission(tmp_path: Path, what: str, word: str) -> None:
    result = outcome(
        tmp_path,
        f"""
        - name: from the start
          given: {{ {what}: {word}, requests.day_ahead: 80 kW }}
          expect:
            - {{ at: 0 s,  bess1.may_discharge: false, bess1.command: 0 kW }}
            - {{ at: 20 s, bess1.may_discharge: false, bess1.command: 0 kW }}
        """,
    )
    assert got(result) == []
    gone, back = outcomes(
        tmp_path,
        f"""
        - name: gone
          timeline:
            - {{ at: 0 s,  requests.day_ahead: 80 kW }}
            - {{ at: 10 s, {what}: {word} }}
          expect:
            - {{ at: 9 s,  bess1.command: 80 kW }}
            - {{ at: 15 s, bess1.command: 0 kW, bess1.reason: constrain/permission }}
        - name: back
          timeline:
            - {{ at: 0 s,  requests.day_ahead: 80 kW }}
            - {{ at: 10 s, {what}: {word} }}
            - {{ at: 20 s, {what}: healthy }}
          expect: [ {{ at: 30 s, bess1.command: 80 kW }} ]
        """,
    )
    assert got(gone) == got(back) == []


def test_always_fails_on_unknown_and_never_does_not(tmp_path: Path) -> None:
    always, never, said = outcomes(
        tmp_path,
        """
        - name: always
          timeline: [ { at: 3 s, bess1.soc: missing } ]
          expect: [ { always: "bess1.soc <= 100 %" }, { at: 5 s, bess1.command: 0 kW } ]
        - name: never
          timeline: [ { at: 3 s, bess1.soc: missing } ]
          expect: [ { never: "bess1.soc > 100 %" }, { at: 5 s, bess1.command: 0 kW } ]
        - name: said
          timeline: [ { at: 3 s, bess1.soc: missing } ]
          expect: [ { at: 2 s, bess1.soc: 50 % }, { at: 5 s, bess1.soc: unknown } ]
        """,
    )
    (failure,) = always.failures
    assert (failure.at_s, failure.ticks, failure.got) == (3.0, 3, "bess1.soc unknown")
    assert never.passed
    assert said.passed


@pytest.mark.parametrize(
    ("operator", "bound", "holds"),
    [("<=", "80 kW", True), ("<=", "79.9 kW", False), ("<", "80 kW", False), ("<", "80.01 kW", True),
     ("=", "80.1 kW", True), ("=", "80.2 kW", False), (">=", "80 kW", True), (">", "80 kW", False),
     (">", "79.9 kW", True)],
)  # fmt: skip
def test_each_operator(tmp_path: Path, operator: str, bound: str, holds: bool) -> None:
    given = "given: { requests.day_ahead: 80 kW }"
    for kind, passes in (("always", holds), ("never", not holds)):
        expect = f'expect: [ {{ {kind}: "bess1.command {operator} {bound}" }} ]'
        assert outcome(tmp_path, f"- name: it\n  {given}\n  {expect}").passed is passes, kind


def test_energy_moves_the_state_of_charge(tmp_path: Path) -> None:
    result = outcome(
        tmp_path,
        """
        - name: an hour out, an hour in
          given: { bess1.soc: 50 % }
          timeline:
            - { at: 0 s, requests.day_ahead: 95 kW }
            - { at: 1 h, requests.day_ahead: -100 kW }
          expect:
            - { at: 1 h, bess1.soc: 30 % }      # 95 kWh at 95 % are 100 of 500 kWh
            - { at: 2 h, bess1.soc: 49 % }      # 100 kWh at 95 % are 95 of 500 kWh
        """,
    )
    assert got(result) == []


def test_requests_of_the_site_of_one_asset_and_none(tmp_path: Path) -> None:
    result = outcome(
        tmp_path,
        """
        - name: requests
          timeline:
            - { at: 0 s,  requests.day_ahead: 100 kW }
            - { at: 10 s, requests.day_ahead.bess1: -40 kW }
            - { at: 20 s, requests.commitment: 20 kW }
            - { at: 30 s, requests.commitment: absent, requests.day_ahead.bess1: absent }
            - { at: 40 s, requests.day_ahead: absent }
          expect:
            - { at: 9 s,  bess1.command: 100 kW, requests.day_ahead: 100 kW }
            - { at: 19 s, bess1.command: -40 kW, requests.day_ahead.bess1: -40 kW }
            - { at: 29 s, bess1.command: 20 kW,  bess1.reason: resolve/commitment }
            - { at: 39 s, bess1.command: 100 kW, bess1.reason: resolve/day_ahead }
            - { at: 49 s, bess1.command: 0 kW,   bess1.reason: resolve/idle, requests.day_ahead: unknown }
        """,
    )
    assert got(result) == []


def test_the_same_test_gives_the_same_every_time(tmp_path: Path) -> None:
    tests = """
    - name: it
      given: { site.frequency: 49.95 Hz }
      timeline: [ { at: 3 s, requests.day_ahead: 200 kW }, { at: 9 s, operator.stop: bess1 } ]
      expect: [ { always: "bess1.command <= 10 kW" }, { at: 12 s, bess1.command: 0 kW } ]
    """
    first, second = (outcome(tmp_path, tests) for _ in range(2))
    assert [track.values for track in first.tracks] == [track.values for track in second.tracks]
    said = [[(failure.tick, failure.got, failure.decisions) for failure in each.failures] for each in (first, second)]
    assert len(said[0]) == 1
    assert said[0] == said[1]
