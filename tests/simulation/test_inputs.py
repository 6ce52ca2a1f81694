"""What comes in: replies to something else, documents of any kind, limits that are lost while they fall."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.simulation.checks import verify
from pipeline.simulation.exchange import Exchange, answers
from pipeline.simulation.faults import people
from pipeline.simulation.site import definition
from pipeline.simulation.world import World
from simulator.faults import Fault
from sources.modbus import connection

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-TEST-001")]
READ = b"\0\7\0\0\0\6\1\3\0\144\0\2"
ANSWER = b"\0\7\0\0\0\7\1\3\4abcd"
WRITE, WRITTEN = b"\0\7\0\0\0\13\1\20\0\310\0\2\4abcd", b"\0\7\0\0\0\6\1\20\0\310\0\2"


@pytest.mark.hazard("F6")
@pytest.mark.parametrize(
    ("reply", "counts"),
    [
        (ANSWER, True),
        (ANSWER + b"more", True),
        (b"\0\7\0\0\0\3\1\203\2", True),
        (b"\0\6" + ANSWER[2:], False),
        (ANSWER[:6] + b"\2" + ANSWER[7:], False),
        (ANSWER[:7] + b"\4" + ANSWER[8:], False),
        (ANSWER[:8] + b"\6" + ANSWER[9:], False),
        (ANSWER[:-1], False),
        (b"\0\7\0\0\0\4\1\203\2\2", False),
        (b"", False),
    ],
)
def test_a_reply_counts_by_all_of_its_header(reply: bytes, *, counts: bool) -> None:
    assert answers(READ, reply) is counts


@pytest.mark.hazard("F6")
def test_an_acknowledgement_names_what_was_written() -> None:
    assert answers(WRITE, WRITTEN)
    assert not answers(WRITE, WRITTEN[:9] + b"\311" + WRITTEN[10:])


@pytest.mark.hazard("F6")
def test_who_sends_again_before_the_answer_and_in_its_time_is_noted() -> None:
    hasty: list[tuple[float, float]] = []
    exchange = Exchange(0.3, lambda at_s, age_s: hasty.append((at_s, age_s)))
    exchange.sent(READ, 1.0)
    exchange.heard(ANSWER)
    exchange.sent(READ, 1.1)
    exchange.sent(READ, 1.4)
    assert hasty == []
    exchange.heard(b"\0\6" + ANSWER[2:])
    exchange.sent(READ, 1.5)
    assert [round(at_s, 3) for at_s, _ in hasty] == [1.5]


@pytest.mark.hazard("F6")
def test_a_client_that_goes_on_before_its_answer_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that gives up too early, and leaves the connection open for the late reply to answer its next request."""
    monkeypatch.setattr(connection, "MAX_TIMEOUT", 0.05)
    monkeypatch.setattr(connection.Connection, "_break", lambda _self, fault: fault)
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(10.0).line("b1").delay_s = 0.1
        world.run(10.0)
        assert "F6" in {breach.invariant for breach in verify(world.trace)}


@pytest.mark.hazard("row 32", "S14")
@pytest.mark.parametrize("kind", ["intraday", "commitment"])
def test_a_power_of_any_size_is_a_wish_within_the_guards(kind: str, tmp_path: Path) -> None:
    with World(definition(2), tmp_path) as world:
        world.schedule(80.0)
        world.run(15.0)
        for which in people.WILD:
            people.wild(world, "b1", which, kind, 1)
            world.run(5.0)
        world.run(20.0)
        assert world.trace.moments[-1].power_kw == pytest.approx({"b1": 40.0, "b2": 40.0})
        taken = [offered.status < 300 for offered in world.trace.offered]
        assert taken == [power_kw is not None for _, power_kw in people.WILD.values()]
        world.verify()


@pytest.mark.hazard("row 4", "S21")
def test_a_limit_that_falls_behind_a_frozen_page_is_kept_within_the_maximum_age(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.schedule(200.0)
        world.run(15.0).lies("b1").frozen = True
        world.run(0.5)
        world.fault("b1", Fault.BMS_LIMIT, 20.0, 37.0)
        world.run(20.0).lies("b1").frozen = False
        world.run(10.0).verify()
        assert any(limit == 37.0 for _, _, limit in world.trace.limits["b1"])


@pytest.mark.hazard("row 4", "S21")
def test_an_old_limit_that_stands_too_long_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A maximum age of which the judge knows nothing."""
    old = definition(asset={"stale_after": "60 s"})
    with World(old, tmp_path) as world:
        world.schedule(200.0)
        world.run(15.0).lies("b1").frozen = True
        world.fault("b1", Fault.BMS_LIMIT, 20.0, 37.0)
        world.run(15.0)
        monkeypatch.setattr(world.trace, "site", definition())
        assert "S21" in {breach.invariant for breach in verify(world.trace)}
