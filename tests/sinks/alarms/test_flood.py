"""A flood of alarms hides no critical one and fills no memory (reliability §2 row 46); what chatters is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pytest

from sinks.alarms.book import AT_ONCE, MOST, SHOWN, AlarmBook
from sinks.alarms.chatter import MOST_S
from sinks.alarms.condition import Condition
from sinks.records import AlarmEvent
from tests.rig import START_NS

pytestmark = [pytest.mark.req("LH-OPS-004"), pytest.mark.safety]
S = 1_000_000_000
CRITICAL = Condition("fire", "rack7", 1, "thermal runaway", "Leave the container now")


def noise(count: int, shift: int = 0) -> list[Condition]:
    """30 bits of many racks, all at once."""
    return [
        Condition(f"device.{i % 30}", f"rack{(i + shift) // 30}", 3, f"bit {i % 30}", "Look at the rack")
        for i in range(count)
    ]


class Flooded:
    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.book = AlarmBook(self.note)
        self.now = 0

    def note(self, event: AlarmEvent) -> None:
        self.events[event.id] += 1

    def tick(self, holding: Iterable[Condition]) -> list[dict[str, object]]:
        self.now += 1
        self.book.update(holding, START_NS + self.now * S, float(self.now))
        return self.book.json()


@pytest.mark.hazard("row 46")
def test_row_46_a_critical_alarm_is_on_top_in_the_tick_in_which_it_comes_whatever_else_comes() -> None:
    flooded = Flooded()
    for k in range(20):  # ten thousand changes a second, half of them coming, half going
        flooded.tick(noise(5_000) if k % 2 else [])
    listed = flooded.tick([*noise(10_000, shift=7), CRITICAL])
    assert listed[0]["id"] == "rack7.fire"
    assert len(listed) == SHOWN
    assert flooded.book.counts()["flood"]
    assert flooded.book.counts()["high"] == 1


def test_row_46_an_acknowledged_critical_alarm_is_not_cut_off_by_a_flood() -> None:
    flooded = Flooded()
    flooded.tick([CRITICAL])
    flooded.book.acknowledge(CRITICAL.id, START_NS + S)
    for _ in range(10):
        listed = flooded.tick([*noise(10_000), CRITICAL])
    assert CRITICAL.id in {item["id"] for item in listed}


def test_no_tick_takes_more_than_it_can_and_nothing_is_lost() -> None:
    flooded = Flooded()
    flooded.tick(noise(10_000))
    assert len(flooded.book.alarms) == AT_ONCE
    for _ in range(10_000 // AT_ONCE):
        flooded.tick(noise(10_000))
    assert len(flooded.book.alarms) == 10_000


def test_many_critical_ones_are_all_taken_at_once() -> None:
    flooded = Flooded()
    critical = [Condition("fire", f"rack{i}", 1, "fire", "Leave now please") for i in range(3_000)]
    flooded.tick([*noise(10_000), *critical])
    assert flooded.book.counts()["high"] == 3_000


def test_memory_is_bounded_and_what_is_urgent_or_still_there_stays() -> None:
    flooded = Flooded()
    flooded.tick([CRITICAL])
    for k in range(MOST // AT_ONCE + 5):
        flooded.tick([CRITICAL, *noise(AT_ONCE, shift=k * 60_000)])
    assert len(flooded.book.alarms) <= MOST
    assert flooded.book.alarms[CRITICAL.id].active
    assert sum(flooded.events.values()) > MOST


def test_what_chatters_is_marked_held_and_counted_a_few_times() -> None:
    flooded = Flooded()
    fan = Condition("fan", "b1", 2, "fan", "Look at the fan please")
    for k in range(600):
        flooded.tick([fan] if k % 2 else [])
    (item,) = flooded.book.json()
    assert item["chattering"]
    assert item["active"]
    assert flooded.events["b1.fan"] < 40
    for _ in range(int(MOST_S) + 1):
        flooded.tick([])
    assert not flooded.book.json()[0]["active"]


def test_what_has_been_quiet_is_trusted_again() -> None:
    flooded = Flooded()
    fan = Condition("fan", "b1", 2, "fan", "Look at the fan please")
    for k in range(20):
        flooded.tick([fan] if k % 2 else [])
    for _ in range(900):
        flooded.tick([])
    flooded.tick([fan])
    flooded.tick([])
    assert not flooded.book.json()[0]["active"]


def test_a_chattering_alarm_comes_at_once_the_first_time() -> None:
    flooded = Flooded()
    assert [item["state"] for item in flooded.tick([CRITICAL])] == ["unacknowledged"]
