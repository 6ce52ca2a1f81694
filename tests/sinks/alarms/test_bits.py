"""Every alarm bit of a device is an alarm with its text; which came first is seen."""

from __future__ import annotations

import pytest

from sinks.alarms.bits import DeviceAlarms
from sinks.alarms.book import AlarmBook
from sinks.alarms.condition import Condition
from tests.rig import Rig, site, storage

pytestmark = pytest.mark.req("LH-OPS-004", "LH-MON-004")


class Watched:
    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.alarms = DeviceAlarms(rig.compiled.layout, rig.compiled.profiles)
        self.book = AlarmBook()

    def run(self, alarms: float, seconds: float = 1.0) -> dict[str, Condition]:
        self.rig.batteries["b1"].alarms = alarms
        self.rig.run(seconds)
        found = {condition.id: condition for condition in self.alarms(self.rig.frame)}
        self.book.update(found.values(), self.rig.frame.utc_ns, self.rig.frame.mono_s)
        return found


def test_each_bit_has_the_text_of_the_profile() -> None:
    watched = Watched(Rig(site(2)).ready())
    assert watched.run(0.0) == {}
    found = watched.run(5.0)
    assert {name: (c.priority, c.text) for name, c in found.items()} == {
        "b1.device.0": (1, "fire"),
        "b1.device.2": (2, "fan"),
    }
    assert all(len(c.response) > 10 for c in found.values()), "no response, no alarm"


def test_a_profile_may_say_what_to_do_and_how_soon() -> None:
    bits = {0: {"text": "filter", "priority": "low", "response": "Clean the filter"}}
    found = Watched(Rig(site(), storage(alarms=bits)).ready()).run(1.0)
    assert (found["b1.device.0"].priority, found["b1.device.0"].response) == (3, "Clean the filter")


def test_a_bit_that_the_profile_does_not_know_is_an_alarm_too() -> None:
    found = Watched(Rig(site()).ready()).run(float(1 << 40))
    assert "bit 40" in found["b1.device.40"].text


@pytest.mark.safety
def test_which_came_first_is_marked() -> None:
    watched = Watched(Rig(site()).ready())
    watched.run(4.0)
    watched.run(5.0)
    watched.run(7.0)
    first = {item["text"]: item["first_out"] for item in watched.book.json()}
    assert first == {"fan": True, "fire": False, "isolation": False}


@pytest.mark.safety
def test_bits_that_cannot_be_read_have_not_returned() -> None:
    watched = Watched(Rig(site()).ready())
    watched.run(4.0)
    watched.rig.batteries["b1"].missing = {"alarms"}
    assert set(watched.run(0.0, 5.0)) == {"b1.device.2"}
    watched.rig.batteries["b1"].missing = set()
    assert watched.run(0.0) == {}
