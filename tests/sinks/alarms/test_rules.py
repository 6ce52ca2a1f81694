"""The alarms of the definition: every form of `when`, for assets and meters, over all assets at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from config.alarm import AlarmRule
from jit.codes import WriteStatus
from sinks.alarms.condition import Condition
from sinks.alarms.rules import SiteRules
from tests.rig import STORAGE_POINTS, Rig, site, storage

pytestmark = pytest.mark.req("LH-OPS-004", "LH-MON-004", "LH-CONF-001")


def rule(when: str, **more: Any) -> AlarmRule:
    return AlarmRule.model_validate({"when": when, "priority": "medium", "response": "Check the schedule", **more})


class Judged:
    """A plant that runs, and one rule."""

    def __init__(self, when: str, assets: int = 2, **more: Any) -> None:
        points = {**STORAGE_POINTS, "soh": {"path": "soh", "unit": "%"}}
        self.rig = Rig(site(assets), storage(read=points)).ready()
        self.rules = SiteRules(self.rig.compiled.layout, {"mine": rule(when, **more)})
        self.rig.schedule("day_ahead", 40.0)
        self.rig.run(5)

    def found(self, seconds: float = 1.0) -> list[Condition]:
        self.rig.run(seconds)
        return list(self.rules(self.rig.frame))

    def named(self, seconds: float = 1.0) -> list[str]:
        return [condition.id for condition in self.found(seconds)]


def soc(rig: Rig) -> None:
    rig.batteries["b2"].soc = 11.0


def hot(rig: Rig) -> None:
    rig.batteries["b2"].temperature = 46.0


def no_soh(rig: Rig) -> None:
    rig.batteries["b2"].missing = {"soh"}


def silent(rig: Rig) -> None:
    rig.batteries["b2"].answers = False


def unread(rig: Rig) -> None:
    rig.batteries["b2"].outcome = WriteStatus.WRITTEN


def strays(rig: Rig) -> None:
    rig.batteries["b2"].follows = False
    rig.batteries["b2"].power = -60.0


FORMS: dict[str, Callable[[Rig], None]] = {
    "soc below 12 %": soc,
    "temperature above 45 °C": hot,
    "soh missing": no_soh,
    "soc stale": silent,
    "age above 3 s": silent,
    "readback missing": unread,
    "effect above 30 kW": strays,
}


@pytest.mark.parametrize(("when", "change"), FORMS.items(), ids=FORMS.keys())
def test_every_form_is_judged_for_each_asset(when: str, change: Callable[[Rig], None]) -> None:
    judged = Judged(when)
    assert judged.named() == []
    change(judged.rig)
    assert judged.named(6.0) == ["b2.alarms.mine"]


def test_the_command_is_a_point_too() -> None:
    judged = Judged("command above 15 kW")
    assert judged.named() == ["b1.alarms.mine", "b2.alarms.mine"]


def test_a_meter_is_watched_for_the_site() -> None:
    judged = Judged("site.poc.frequency above 50.2 Hz")
    assert judged.named() == []
    judged.rig.frequency = 50.3
    assert judged.named() == ["site.alarms.mine"]
    stale = Judged("site.poc.power stale")
    assert stale.named() == []
    stale.rig.meter_answers = False
    assert stale.named(12.0) == ["site.alarms.mine"]


def test_a_rule_says_how_long_how_urgent_and_what_to_do() -> None:
    more: dict[str, Any] = {"for": "30 s", "clear_for": "10 s", "latch": True}
    judged = Judged("soc below 60 %", **more)
    (first, _) = judged.found()
    assert (first.priority, first.delay_s, first.off_delay_s, first.latched) == (2, 30.0, 10.0, True)
    assert (first.text, first.response) == ("mine: soc below 60 %", "Check the schedule")


def test_what_follows_from_lost_data_is_explained_by_it() -> None:
    judged = Judged("soc stale")
    silent(judged.rig)
    assert judged.found(6.0)[0].consequence_of == ("maintenance", "data_lost")


@pytest.mark.safety
def test_a_value_that_is_lost_is_neither_above_nor_below_and_what_was_said_stays_said() -> None:
    judged = Judged("soc below 12 %")
    judged.rig.batteries["b1"].missing = {"soc"}
    soc(judged.rig)
    assert judged.named() == ["b2.alarms.mine"]
    judged.rig.batteries["b2"].missing = {"soc"}
    judged.rig.batteries["b2"].soc = 50.0
    assert judged.named(5.0) == ["b2.alarms.mine"]
    judged.rig.batteries["b2"].missing = set()
    assert judged.named(5.0) == []


def test_before_data_were_ever_fresh_nothing_is_missing() -> None:
    rig = Rig(site())
    rules = SiteRules(rig.compiled.layout, {"mine": rule("soc missing"), "old": rule("soc stale")})
    rig.batteries["b1"].answers = False
    rig.run(1)
    assert list(rules(rig.frame)) == []
