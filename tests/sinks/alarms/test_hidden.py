"""What is shelved by somebody or suppressed by its cause is listed, never lost, and asks again when that has ended."""

from __future__ import annotations

import pytest

from sinks.alarms.alarm import Shelf
from sinks.alarms.book import LINGER_S, AlarmBook
from sinks.alarms.condition import MARK, Condition
from sinks.records import AlarmEvent
from tests.rig import START_NS

pytestmark = [pytest.mark.req("LH-OPS-004", "LH-MON-004"), pytest.mark.safety]
S = 1_000_000_000
HOT = Condition("hot", "b1", 2, "too hot", "Cool it down please")
LOST = Condition("data_lost", "b1", 1, "no answer", "Check the link please")
STALE = Condition("readback", "b1", 1, "not read back", "Check the device", consequence_of=("maintenance", "data_lost"))
MAINTENANCE = Condition("maintenance", "b1", MARK, "", "")


class Book:
    """The book with a clock: `at(seconds, conditions…)`."""

    def __init__(self) -> None:
        self.events: list[AlarmEvent] = []
        self.book = AlarmBook(self.events.append)
        self.now = 0.0

    def at(self, now: float, *holding: Condition) -> dict[str, str]:
        self.now = now
        self.book.update(holding, self.ns(now), now)
        return self.states()

    def states(self) -> dict[str, str]:
        return {str(item["id"]): str(item["state"]) for item in self.book.json()}

    @staticmethod
    def ns(now: float) -> int:
        return START_NS + int(now * S)

    def shelve(self, name: str, minutes: float = 30.0) -> bool:
        shelf = Shelf("olga", "works on the fan", self.ns(self.now), self.ns(self.now + 60 * minutes))
        return self.book.shelve(name, shelf)


def test_a_shelved_alarm_is_listed_with_who_why_and_until_when() -> None:
    b = Book()
    b.at(0, HOT)
    assert b.shelve("b1.hot")
    (item,) = b.book.json()
    assert item["state"] == "shelved"
    assert (item["shelved_by"], item["shelved_reason"]) == ("olga", "works on the fan")
    assert item["shelved_until"] == "2026-09-21T14:43:20.000Z"
    assert b.events[-1].state == "shelved"
    assert b.book.counts()["shelved"] == 1


def test_it_returns_by_itself_and_asks_anew_while_its_condition_holds() -> None:
    b = Book()
    b.at(0, HOT)
    b.book.acknowledge("b1.hot", b.ns(0), "olga")
    b.shelve("b1.hot")
    assert b.at(1799, HOT) == {"b1.hot": "shelved"}
    assert b.at(1800, HOT) == {"b1.hot": "unacknowledged"}
    assert (b.events[-1].state, b.events[-1].by) == ("unacknowledged", "")


def test_what_comes_while_shelved_asks_nobody_and_is_listed_until_the_end() -> None:
    b = Book()
    b.at(0, HOT)
    b.shelve("b1.hot")
    b.book.acknowledge("b1.hot", b.ns(0))
    assert b.at(1) == {"b1.hot": "shelved"}
    assert b.at(2, HOT) == {"b1.hot": "shelved"}
    assert b.events[-1].state == "shelved"
    assert b.at(3) == {"b1.hot": "shelved"}
    assert b.at(1800) == {}
    assert b.events[-1].state == "normal"


def test_taken_back_by_somebody_it_asks_anew() -> None:
    b = Book()
    b.at(0, HOT)
    b.shelve("b1.hot")
    assert b.book.unshelve("b1.hot", b.ns(5), "otto")
    assert b.states() == {"b1.hot": "unacknowledged"}
    assert b.events[-1].by == "otto"
    assert not b.book.unshelve("b1.hot", b.ns(6))
    assert not b.shelve("b1.cold")


def test_no_shelf_lasts_longer_than_a_day_also_when_the_clock_is_set_back() -> None:
    b = Book()
    b.at(0, HOT)
    b.shelve("b1.hot", minutes=100_000)
    assert b.at(86_399, HOT) == {"b1.hot": "shelved"}
    assert b.at(86_400, HOT) == {"b1.hot": "unacknowledged"}
    b.shelve("b1.hot")
    b.book.update([HOT], START_NS - 86_400 * S, 86_401.0)
    assert b.states() == {"b1.hot": "unacknowledged"}


def test_a_consequence_is_suppressed_by_its_cause_and_names_it() -> None:
    b = Book()
    assert b.at(0, STALE, LOST) == {"b1.data_lost": "unacknowledged", "b1.readback": "suppressed"}
    item = next(item for item in b.book.json() if item["id"] == "b1.readback")
    assert item["suppressed_by"] == "b1.data_lost"
    counts = b.book.counts()
    assert (counts["high"], counts["suppressed"]) == (1, 1)


def test_what_follows_for_longer_than_its_cause_explains_is_an_alarm() -> None:
    b = Book()
    b.at(0, STALE, LOST)
    assert b.at(1, STALE)["b1.readback"] == "suppressed"
    assert b.at(LINGER_S, STALE)["b1.readback"] == "suppressed"
    assert b.at(LINGER_S + 1, STALE)["b1.readback"] == "unacknowledged"


def test_what_was_there_before_its_cause_still_waits_for_somebody_afterwards() -> None:
    b = Book()
    b.at(0, STALE)
    assert b.at(1, STALE, LOST)["b1.readback"] == "suppressed"
    b.at(2, LOST)
    assert b.states()["b1.readback"] == "returned"


def test_a_cause_that_is_no_alarm_yet_explains_nothing() -> None:
    slow = Condition("data_lost", "b1", 1, "no answer", "Check the link please", delay_s=5.0)
    b = Book()
    assert b.at(0, slow, STALE) == {"b1.readback": "unacknowledged"}
    assert b.at(5, slow, STALE)["b1.readback"] == "suppressed"


def test_maintenance_is_no_alarm_and_explains_what_follows_from_it() -> None:
    b = Book()
    assert b.at(0, MAINTENANCE) == {}
    assert b.at(1, MAINTENANCE, STALE) == {"b1.readback": "suppressed"}
    assert b.at(2, MAINTENANCE) == {}
    other = Condition("readback", "b2", 1, "not read back", "Check the device", consequence_of=("maintenance",))
    assert b.at(3, MAINTENANCE, other) == {"b2.readback": "unacknowledged"}


def test_a_latched_alarm_that_came_and_went_unseen_is_not_forgotten() -> None:
    trip = Condition("trip", "b1", 1, "tripped", "Look at it now", latched=True, consequence_of=("maintenance",))
    b = Book()
    b.at(0, MAINTENANCE, trip)
    assert b.at(1, MAINTENANCE) == {"b1.trip": "returned"}
    b.book.acknowledge("b1.trip", b.ns(1))
    assert b.states() == {}


def test_shelved_and_suppressed_at_once_it_asks_only_after_both() -> None:
    b = Book()
    b.at(0, STALE, MAINTENANCE)
    b.shelve("b1.readback", minutes=1)
    assert b.at(60, STALE, MAINTENANCE) == {"b1.readback": "suppressed"}
    b.shelve("b1.readback", minutes=10)
    assert b.at(120, STALE) == {"b1.readback": "shelved"}
    assert b.at(700, STALE) == {"b1.readback": "unacknowledged"}
