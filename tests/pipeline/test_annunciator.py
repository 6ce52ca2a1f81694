"""The alarms of a process: every source is asked, every change reaches history, and the book survives a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.alarm import AlarmRule
from pipeline.annunciator import Annunciator
from sinks.alarms.condition import Condition
from sinks.alarms.keeper import encode
from sinks.checkpoint import store
from sinks.records import AlarmEvent
from tests.rig import Rig, site

pytestmark = [pytest.mark.req("LH-OPS-004", "LH-MON-004"), pytest.mark.safety]
LOW = {"low": AlarmRule(when="soc below 60 %", priority="low", response="Look at it please")}


class Recorded:
    def __init__(self) -> None:
        self.events: list[AlarmEvent] = []

    def alarm(self, event: AlarmEvent) -> None:
        self.events.append(event)


def test_all_that_is_wrong_comes_together(tmp_path: Path) -> None:
    rig = Rig(site(alarms=LOW)).ready()
    recorded: Any = Recorded()
    alarms = Annunciator(rig.compiled, tmp_path, {"db": recorded})
    alarms.sources.append(lambda _frame: [Condition("crash", None, 1, "3 starts", "Find the cause")])
    rig.batteries["b1"].alarms = 1.0
    rig.run(2)
    alarms.offer(rig.frame)
    names = {"b1.fault", "b1.device.0", "b1.alarms.low", "site.crash"}
    assert {item["id"] for item in alarms.book.json()} == names
    assert {event.id for event in recorded.events} == names


def test_what_somebody_has_seen_is_not_asked_again_after_a_restart(tmp_path: Path) -> None:
    rig = Rig(site(alarms=LOW)).ready()
    alarms = Annunciator(rig.compiled, tmp_path, {})
    alarms.offer(rig.frame)
    alarms.book.acknowledge("b1.alarms.low", rig.frame.utc_ns, "olga")
    store(tmp_path / "alarms.json", encode(tuple(alarms.book.alarms.values()), {}))
    again, later = Annunciator(rig.compiled, tmp_path, {}), Rig(site(alarms=LOW))
    for _ in range(20):
        later.tick()
        again.offer(later.frame)
    (item,) = again.book.json()
    assert (item["state"], item["acknowledged_by"]) == ("acknowledged", "olga")
