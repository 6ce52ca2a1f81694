"""What needs somebody's response: from frames of the production chain."""

from __future__ import annotations

import pytest

from jit.frame import Frame
from sinks.alarms import AlarmBook, conditions
from tests.rig import Rig, site


def ids(book: AlarmBook) -> set[str]:
    return {str(alarm["id"]) for alarm in book.json() if alarm["active"]}


def watched(rig: Rig, book: AlarmBook, seconds: int) -> Frame:
    for _ in range(seconds):
        frame = rig.tick()
        book.update(conditions(frame), frame.utc_ns)
    return rig.frame


@pytest.mark.req("LH-MON-001")
def test_a_lost_meter_at_the_point_of_connection_is_an_alarm_and_goes_by_itself() -> None:
    rig, book = Rig(site()).ready(), AlarmBook()
    watched(rig, book, 10)
    assert ids(book) == set()
    rig.meter_answers = False
    watched(rig, book, 12)
    assert ids(book) == {"site.poc.data_lost"}
    rig.meter_answers = True
    watched(rig, book, 10)
    assert ids(book) == set()


def test_a_meter_that_is_away_for_a_moment_needs_nobody() -> None:
    rig, book = Rig(site()).ready(), AlarmBook()
    rig.meter_answers = False
    watched(rig, book, 5)
    assert ids(book) == set()
