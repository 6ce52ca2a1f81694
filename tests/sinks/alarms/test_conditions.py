"""Conditions: what a frame says that needs somebody, each with its response."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jit import rows as r
from jit.codes import Deviation, Proved, Reaction, State, WriteStatus
from jit.constants import MUST_PROVE
from sinks.alarms.condition import MARK
from sinks.alarms.conditions import conditions, noteworthy, of_asset
from sinks.alarms.table import SAYS
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-OPS-004", "LH-MON-004")


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


def unarmed(rig: Rig) -> None:
    masks = rig.compiled.constants.masks
    masks.flags.writeable = True
    masks[MUST_PROVE, 0] = Proved.REVERSION
    masks.flags.writeable = False
    rig.batteries["b1"].proved = Proved.NONE
    rig.run(1)


def reacts(reaction: Reaction) -> Callable[[Rig], None]:
    def change(rig: Rig) -> None:
        rig.frame.codes.setflags(write=True)
        rig.frame.codes[r.REACTION, 0] = reaction

    return change


def deviates(deviation: Deviation) -> Callable[[Rig], None]:
    def change(rig: Rig) -> None:
        rig.frame.codes.setflags(write=True)
        rig.frame.codes[r.DEVIATION, 0] = deviation

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
    "a refused write": (written(3), "b1.write", 1, "refused"),
    "a failed write": (written(4), "b1.write", 1, "could not be written"),
    "another set-point": (written(6), "b1.write", 1, "does not hold"),
    "no reversion": (unarmed, "b1.reversion", 1, "reversion not armed"),
    "a derated asset": (reacts(Reaction.DERATE), "b1.derated", 2, "less power"),
    "a held asset": (reacts(Reaction.HOLD), "b1.held", 1, "does not follow"),
    "an oscillation": (deviates(Deviation.OSCILLATES), "b1.oscillates", 2, "swings"),
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
    said = [column for column in range(2) if list(of_asset(rig.frame, column))]
    assert noteworthy(rig.frame) == said


def test_a_device_that_never_answers_is_an_alarm_once_it_had_time_to() -> None:
    rig = Rig(site(fcr_kw=50.0))
    rig.batteries["b1"].answers = rig.meter_answers = False
    rig.run(10)
    assert rig.frame["state"][0] == State.INIT
    found = {condition.id: condition for condition in conditions(rig.frame)}
    assert set(found) == {"b1.data_lost", "site.poc.data_lost"}
    assert found["b1.data_lost"].delay_s == 30.0
    assert "since the start" in found["b1.data_lost"].text


def test_every_line_of_the_table_has_a_text_and_a_response_and_looks_at_one_thing() -> None:
    for line in (line for line in SAYS if line.priority != MARK):
        assert line.text, line
        assert len(line.response) > 10, line
        assert (line.bit != 0) != (line.equals != 0), line
        assert line.priority in (1, 2, 3), line


def test_a_stop_is_no_alarm() -> None:
    rig = running()
    rig.act(ActKind.STOP)
    rig.run(3)
    assert named(rig) == set()
