"""Alarms: which conditions a frame names, and how the book keeps them until somebody has seen them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jit.codes import State, WriteStatus
from sinks.alarms import AlarmBook, Condition, conditions, noteworthy, of_asset
from sinks.records import AlarmEvent
from sources.act import ActKind
from tests.rig import START_NS, Rig, site

pytestmark = pytest.mark.req("LH-OPS-004", "LH-MON-004")
S = 1_000_000_000


def running(assets: int = 1, fcr_kw: float = 0.0) -> Rig:
    rig = Rig(site(assets, fcr_kw=fcr_kw)).ready()
    rig.schedule("day_ahead", 40.0)
    rig.run(4)
    return rig


def named(rig: Rig) -> set[str]:
    return {condition.id for condition in conditions(rig.frame)}


def test_a_healthy_plant_has_none() -> None:
    rig = running(2, 50.0)
    rig.run(5)
    assert named(rig) == set()
    assert noteworthy(rig.frame) == []


def lost(rig: Rig) -> None:
    rig.batteries["b1"].answers = False
    rig.run(5)


def silent_meter(rig: Rig) -> None:
    rig.meter_answers = False
    rig.run(12)


def with_alarms(bits: float) -> Callable[[Rig], None]:
    def change(rig: Rig) -> None:
        rig.batteries["b1"].alarms = bits
        rig.run(2)

    return change


def written(status: int) -> Callable[[Rig], None]:
    def change(rig: Rig) -> None:
        rig.batteries["b1"].outcome = WriteStatus(status)
        rig.run(1)
        rig.run(1)

    return change


def local(rig: Rig) -> None:
    rig.batteries["b1"].remote = 0.0
    rig.run(1)


def full(rig: Rig) -> None:
    rig.batteries["b1"].soc = 90.0
    rig.run(3)


def broken(rig: Rig) -> None:
    def step(_frame: object) -> None:
        raise ValueError("broken")

    rig.stages[2].step = step
    rig.run(1)


NAMED: dict[str, tuple[Callable[[Rig], None], str, int, str]] = {
    "data lost": (lost, "b1.data_lost", 1, "too old"),
    "a critical alarm": (with_alarms(1.0), "b1.fault", 1, "critical alarm"),
    "another alarm": (with_alarms(4.0), "b1.device", 2, "0x4"),
    "a refused write": (written(3), "b1.write", 1, "refused"),
    "a failed write": (written(4), "b1.write", 1, "could not be written"),
    "another set-point": (written(6), "b1.write", 1, "does not hold"),
    "local control": (local, "b1.local", 3, "local control"),
    "a broken stage": (broken, "b1.stage", 1, "0 kW"),
    "no meter": (silent_meter, "site.poc.data_lost", 2, "not measured"),
    "no frequency": (silent_meter, "site.ancillary.fcr.withdrawn", 1, "withdrawn"),
    "no room for the service": (full, "site.ancillary.fcr.undeliverable", 2, "no room"),
}


@pytest.mark.parametrize(("change", "name", "priority", "text"), NAMED.values(), ids=NAMED.keys())
def test_what_needs_somebody_is_named_with_its_response(
    change: Callable[[Rig], None], name: str, priority: int, text: str
) -> None:
    rig = running(1, 50.0)
    change(rig)
    found = {condition.id: condition for condition in conditions(rig.frame)}
    assert name in found
    assert found[name].priority == priority
    assert text in found[name].text
    assert len(found[name].response) > 10, "no response, no alarm"


@pytest.mark.parametrize("change", [entry[0] for entry in NAMED.values()], ids=NAMED.keys())
def test_no_asset_that_has_something_to_say_is_passed_over(change: Callable[[Rig], None]) -> None:
    rig = running(2, 50.0)
    change(rig)
    said = [column for column in range(2) if of_asset(rig.frame, column)]
    assert noteworthy(rig.frame) == said


def test_before_data_were_ever_fresh_nothing_is_lost() -> None:
    rig = Rig(site(fcr_kw=50.0))
    rig.batteries["b1"].answers = rig.meter_answers = False
    rig.run(10)
    assert rig.frame["state"][0] == State.INIT
    assert named(rig) <= {"site.poc.data_lost"}


def test_a_stop_is_no_alarm() -> None:
    rig = running()
    rig.act(ActKind.STOP)
    rig.run(3)
    assert named(rig) == set()


# --- the book ---------------------------------------------------------------------------------------------------------

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
        alarms.update([HOT], START_NS + k * S)
    assert events == [("b1.hot", True, False)]
    (listed,) = alarms.json()
    assert listed["since"] == "2026-09-21T14:13:20.000Z"
    alarms.update([], START_NS + 3 * S)
    assert events[-1] == ("b1.hot", False, False)
    assert [entry["active"] for entry in alarms.json()] == [False]
    assert alarms.acknowledge("b1.hot", START_NS + 4 * S)
    assert events[-1] == ("b1.hot", False, True)
    assert alarms.json() == []


def test_acknowledged_while_it_holds_it_goes_with_its_condition() -> None:
    alarms, events = book()
    alarms.update([HOT], START_NS)
    assert alarms.acknowledge("b1.hot", START_NS + S)
    assert [(entry["active"], entry["acknowledged"]) for entry in alarms.json()] == [(True, True)]
    alarms.update([], START_NS + 2 * S)
    assert alarms.json() == []
    assert events == [("b1.hot", True, False), ("b1.hot", True, True), ("b1.hot", False, True)]


def test_what_comes_again_is_unacknowledged_again() -> None:
    alarms, _ = book()
    alarms.update([HOT], START_NS)
    alarms.update([], START_NS + S)
    alarms.update([HOT], START_NS + 2 * S)
    (listed,) = alarms.json()
    assert (listed["active"], listed["acknowledged"]) == (True, False)
    assert not alarms.acknowledge("b1.cold", START_NS)


def test_a_text_that_changes_is_no_new_alarm() -> None:
    alarms, events = book()
    alarms.update([HOT], START_NS)
    alarms.update([Condition("hot", "b1", 1, "much too hot", "Run")], START_NS + S)
    assert len(events) == 1
    assert [entry["text"] for entry in alarms.json()] == ["much too hot"]


def test_a_condition_with_a_delay_is_an_alarm_when_it_has_held() -> None:
    alarms, events = book()
    for k in range(5):
        alarms.update([LATE], START_NS + k * S)
    assert events == []
    alarms.update([], START_NS + 5 * S)
    alarms.update([LATE], START_NS + 6 * S)
    for k in range(7, 11):
        alarms.update([LATE], START_NS + k * S)
    assert events == []
    alarms.update([LATE], START_NS + 11 * S)
    assert events == [("site.late", True, False)]


def test_the_list_is_in_the_order_of_what_needs_somebody() -> None:
    alarms, _ = book()
    made = [
        Condition(name, None, priority, name, "Do it")
        for name, priority in (("a", 3), ("b", 1), ("c", 2), ("d", 1), ("e", 1))
    ]
    alarms.update(made[:2], START_NS)
    alarms.update(made, START_NS + S)
    alarms.acknowledge("site.d", START_NS + S)
    alarms.update([condition for condition in made if condition.key != "e"], START_NS + 2 * S)
    assert [entry["id"] for entry in alarms.json()] == ["site.b", "site.c", "site.a", "site.e", "site.d"]
