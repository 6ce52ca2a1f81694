"""The book: how alarms are kept until somebody has seen them."""

from __future__ import annotations

import pytest

from sinks.alarms.book import AlarmBook
from sinks.alarms.condition import Condition
from sinks.records import AlarmEvent
from tests.rig import START_NS

pytestmark = pytest.mark.req("LH-OPS-004", "LH-MON-004")
S = 1_000_000_000

HOT = Condition("hot", "b1", 2, "too hot", "Cool it down")
LATE = Condition("late", None, 3, "late", "Wait a little", delay_s=5.0)


def book() -> tuple[AlarmBook, list[tuple[str, bool, bool]]]:
    events: list[tuple[str, bool, bool]] = []

    def changed(event: AlarmEvent) -> None:
        events.append((event.id, event.active, event.acknowledged))

    return AlarmBook(changed), events


def test_an_alarm_comes_once_and_stays_listed_until_it_is_acknowledged() -> None:
    alarms, events = book()
    for k in range(3):
        alarms.update([HOT], START_NS + k * S, float(k))
    assert events == [("b1.hot", True, False)]
    (listed,) = alarms.json()
    assert listed["since"] == "2026-09-21T14:13:20.000Z"
    alarms.update([], START_NS + 3 * S, float(3))
    assert events[-1] == ("b1.hot", False, False)
    assert [entry["active"] for entry in alarms.json()] == [False]
    assert alarms.acknowledge("b1.hot", START_NS + 4 * S)
    assert events[-1] == ("b1.hot", False, True)
    assert alarms.json() == []


def test_acknowledged_while_it_holds_it_goes_with_its_condition() -> None:
    alarms, events = book()
    alarms.update([HOT], START_NS, 0.0)
    assert alarms.acknowledge("b1.hot", START_NS + S)
    assert [(entry["active"], entry["acknowledged"]) for entry in alarms.json()] == [(True, True)]
    alarms.update([], START_NS + 2 * S, float(2))
    assert alarms.json() == []
    assert events == [("b1.hot", True, False), ("b1.hot", True, True), ("b1.hot", False, True)]


def test_what_comes_again_is_unacknowledged_again() -> None:
    alarms, _ = book()
    alarms.update([HOT], START_NS, 0.0)
    alarms.update([], START_NS + S, 1.0)
    alarms.update([HOT], START_NS + 2 * S, float(2))
    (listed,) = alarms.json()
    assert (listed["active"], listed["acknowledged"]) == (True, False)
    assert not alarms.acknowledge("b1.cold", START_NS)


def test_a_text_that_changes_is_no_new_alarm() -> None:
    alarms, events = book()
    alarms.update([HOT], START_NS, 0.0)
    alarms.update([Condition("hot", "b1", 1, "much too hot", "Run")], START_NS + S, 1.0)
    assert len(events) == 1
    assert [entry["text"] for entry in alarms.json()] == ["much too hot"]


def test_a_condition_with_a_delay_is_an_alarm_when_it_has_held() -> None:
    alarms, events = book()
    for k in range(5):
        alarms.update([LATE], START_NS + k * S, float(k))
    assert events == []
    alarms.update([], START_NS + 5 * S, float(5))
    alarms.update([LATE], START_NS + 6 * S, float(6))
    for k in range(7, 11):
        alarms.update([LATE], START_NS + k * S, float(k))
    assert events == []
    alarms.update([LATE], START_NS + 11 * S, float(11))
    assert events == [("site.late", True, False)]


def test_the_list_is_in_the_order_of_what_needs_somebody() -> None:
    alarms, _ = book()
    made = [
        Condition(name, None, priority, name, "Do it")
        for name, priority in (("a", 3), ("b", 1), ("c", 2), ("d", 1), ("e", 1))
    ]
    alarms.update(made[:2], START_NS, 0.0)
    alarms.update(made, START_NS + S, 1.0)
    alarms.acknowledge("site.d", START_NS + S)
    alarms.update([condition for condition in made if condition.key != "e"], START_NS + 2 * S, float(2))
    assert [entry["id"] for entry in alarms.json()] == ["site.b", "site.c", "site.a", "site.e", "site.d"]
