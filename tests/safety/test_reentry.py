"""When permission comes back: after a stop by an act, after a loss by time, after crashes by nobody but a person."""

from __future__ import annotations

from itertools import pairwise

import pytest

from config.chain import Chain, StateMachineChain
from jit.codes import Authority, Condition, Latch, Permit, Reason, State, WriteStatus
from jit.frame import carry, first_past, from_bytes
from operators.sentence import not_ready, why
from sinks.checkpoint import crash_loop
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SM-001", "LH-SM-003", "LH-OPS-003")]


def definition(cycle: str, reentry_s: float | None = 60.0, calm_s: float = 60.0) -> object:
    return site(cycle=cycle, chain=Chain(state_machine=StateMachineChain(reentry_delay=reentry_s, calm_for=calm_s)))


def running(cycle: str, reentry_s: float | None = 60.0, calm_s: float = 60.0, **more: object) -> Rig:
    rig = Rig(definition(cycle, reentry_s, calm_s), **more).ready()  # type: ignore[arg-type]
    rig.schedule("day_ahead", 80.0)
    rig.run(5)
    assert rig.power == [80.0], "the first start waits for nothing"
    return rig


def returns_after(rig: Rig, most_s: float = 200.0) -> float:
    """Seconds until power flows again."""
    for k in range(round(most_s / rig.cycle)):
        if rig.tick()["may_discharge"][0] == Permit.YES:
            return k * rig.cycle
    return most_s


LOSSES = ("data", "available", "readback", "fault", "stop")


def lose(rig: Rig, loss: str, seconds: float) -> None:
    """Lose it, and get it back: what remains is time."""
    battery = rig.batteries["b1"]
    battery.answers, battery.available = loss != "data", float(loss != "available")
    battery.alarms = float(loss == "fault")
    battery.outcome = WriteStatus.DIFFERENT if loss == "readback" else WriteStatus.CONFIRMED
    if loss == "stop":
        rig.act(ActKind.STOP)
    rig.run(seconds)
    battery.answers, battery.available, battery.alarms, battery.outcome = True, 1.0, 0.0, WriteStatus.CONFIRMED
    if loss == "stop":
        rig.act(ActKind.RELEASE)
        rig.act(ActKind.ACTIVATE)
    if loss == "fault":
        rig.run(11)
        rig.act(ActKind.ACKNOWLEDGE)


@pytest.mark.parametrize("loss", LOSSES)
def test_after_a_loss_permission_waits_for_the_re_entry_delay(loss: str, cycle: str) -> None:
    """Reliability §2 row 20: all-clear time and re-entry delay."""
    rig = running(cycle)
    lose(rig, loss, 3.0 if loss == "readback" else 4.0)
    rig.tick()
    assert rig.power == [0.0] or rig.sent[-1] == [None]
    assert returns_after(rig) == pytest.approx(60.0, abs=2.0)
    assert rig.frame["reentry"][0] == Permit.NO
    assert rig.frame["reentry_s"][0] == 0.0


def test_what_is_left_of_it_is_said(cycle: str) -> None:
    rig = running(cycle)
    lose(rig, "data", 4.0)
    rig.run(20)
    assert rig.frame["state_by"][0] == Reason.REENTRY
    assert rig.frame["reentry_s"][0] == pytest.approx(41.0, abs=1.01)
    assert rig.frame["missing"][0] == Condition.REENTERED
    assert any("re-entry delay, 4" in words for words in not_ready(rig.frame, 0))
    assert "re-entry" in why(rig.frame, 0)


@pytest.mark.parametrize("seconds", [1, 7, 20, 59])
@pytest.mark.hazard("row 20")
def test_what_comes_and_goes_starts_the_time_anew(seconds: int, cycle: str) -> None:
    """Reliability §2 row 20, L3: a fault that is there again after 1 to 59 s keeps the asset at 0 kW."""
    rig = running(cycle)
    battery = rig.batteries["b1"]
    for _ in range(2):
        battery.available = 0.0
        rig.run(1)
        battery.available = 1.0
        for _ in range(round(seconds / rig.cycle)):
            assert rig.tick()["may_discharge"][0] == Permit.NO
    assert returns_after(rig) == pytest.approx(60.0 - seconds, abs=2.0)


@pytest.mark.parametrize("reentry_s", [0.0, None])
def test_without_a_grid_code_the_first_return_takes_fresh_for_alone(reentry_s: float | None, cycle: str) -> None:
    rig = running(cycle, reentry_s)
    lose(rig, "data", 4.0)
    assert returns_after(rig) <= 3.0 + 2 * rig.cycle


@pytest.mark.hazard("row 20", "L3")
def test_no_asset_runs_on_and_off_more_than_once_a_minute(cycle: str) -> None:
    """L3 without a re-entry delay: data that come and go for ten minutes let it return once in 60 s at most."""
    rig = running(cycle, 0.0)
    returned: list[float] = []
    before = True
    for k in range(round(300 / rig.cycle)):
        second = k * rig.cycle
        rig.batteries["b1"].available = float(second % 11.0 < 8.0)
        now = bool(rig.tick()["may_discharge"][0] == Permit.YES)
        if now and not before:
            returned.append(second)
        before = now
    assert len(returned) >= 3
    assert min(b - a for a, b in pairwise(returned)) >= 60.0


@pytest.mark.parametrize("act", [ActKind.DEACTIVATE, ActKind.LOCK_OUT])
def test_what_people_do_on_purpose_is_no_loss(act: ActKind, cycle: str) -> None:
    rig = running(cycle)
    rig.act(act)
    rig.run(4)
    rig.act(ActKind.ACTIVATE)
    rig.act(ActKind.UNLOCK)
    assert returns_after(rig) <= 3.0


def test_the_delay_begins_anew_with_a_restart_and_not_without_one_standing(cycle: str) -> None:
    rig = running(cycle)
    lose(rig, "data", 4.0)
    rig.run(50)
    past, taken = carry(from_bytes(rig.frame.to_bytes()), rig.compiled.layout)
    assert "b1.reentry" in taken
    new = Rig(definition(cycle), past=past)  # type: ignore[arg-type]
    new.schedule("day_ahead", 80.0)
    assert returns_after(new) == pytest.approx(60.0, abs=3.0)


def test_a_process_that_ran_well_before_starts_at_once(cycle: str) -> None:
    rig = running(cycle)
    past, _ = carry(from_bytes(rig.frame.to_bytes()), rig.compiled.layout)
    new = Rig(definition(cycle), past=past)  # type: ignore[arg-type]
    new.schedule("day_ahead", 80.0)
    assert returns_after(new) <= 6.0


def test_the_grid_code_decides_where_the_definition_does_not() -> None:
    from jit import constants as c
    from pipeline.compile import reentry_delay

    plain = site()
    coded = plain.model_copy(update={"site": plain.site.model_copy(update={"grid_code": "vde-ar-n-4110"})})
    assert reentry_delay(plain) == 0.0
    assert reentry_delay(coded) == 60.0
    written = coded.model_copy(update={"chain": Chain(state_machine=StateMachineChain(reentry_delay=5.0))})
    assert reentry_delay(written) == 5.0
    assert Rig(written).compiled.constants.ratings[c.REENTRY_AFTER_S].tolist() == [5.0]


# --- after a stop -----------------------------------------------------------------------------------------------------


@pytest.mark.req("LH-SAFE-001", "LH-API-006")
def test_after_the_release_of_a_stop_somebody_has_to_activate(cycle: str) -> None:
    """Who pressed stop had a reason: the release says that it is over, the activation that power may flow."""
    rig = running(cycle, 0.0)
    rig.act(ActKind.STOP)
    rig.run(4)
    rig.act(ActKind.RELEASE)
    rig.run(30)
    assert rig.frame["state"][0] == State.STANDBY
    assert rig.sent[-1] == [None]
    assert not_ready(rig.frame, 0) == ["not activated"]
    rig.act(ActKind.ACTIVATE)
    rig.run(5)
    assert rig.power == [80.0]


def test_a_restart_between_release_and_activation_activates_nothing(cycle: str) -> None:
    rig = running(cycle, 0.0)
    rig.act(ActKind.STOP)
    rig.run(2)
    rig.act(ActKind.RELEASE)
    rig.run(2)
    past, _ = carry(from_bytes(rig.frame.to_bytes()), rig.compiled.layout)
    new = Rig(definition(cycle, 0.0), past=past)  # type: ignore[arg-type]
    new.schedule("day_ahead", 80.0)
    new.ready()
    new.run(20)
    assert all(command is None for (command,) in new.sent)


# --- a crash loop -----------------------------------------------------------------------------------------------------


@pytest.mark.req("LH-OPS-004")
def test_a_crash_loop_is_silent_in_standby_until_somebody_acknowledges_it(cycle: str) -> None:
    first = Rig(site(cycle=cycle))
    past = first_past(first.compiled.layout)
    crash_loop(past, first.compiled.layout)
    rig = Rig(site(cycle=cycle), past=past)
    rig.schedule("day_ahead", 80.0)
    rig.run(60)
    assert all(commands == [None] for commands in rig.sent)
    assert rig.frame["state"][0] == State.STANDBY
    assert rig.frame["authority"][0] == Authority.SILENT
    assert rig.frame["latch"][0] == Latch.CRASH_LOOP
    assert "started too often" in " ".join(not_ready(rig.frame, 0))
    rig.act(ActKind.ACTIVATE)
    rig.run(5)
    assert rig.sent[-1] == [None], "an activation is no acknowledgement"
    rig.act(ActKind.ACKNOWLEDGE)
    rig.run(6)
    assert rig.power == [80.0]


def test_a_crash_loop_survives_the_next_start(cycle: str) -> None:
    rig = Rig(site(cycle=cycle))
    past = first_past(rig.compiled.layout)
    crash_loop(past, rig.compiled.layout)
    rig = Rig(site(cycle=cycle), past=past)
    rig.run(5)
    again, taken = carry(from_bytes(rig.frame.to_bytes()), rig.compiled.layout)
    assert "b1.latch" in taken
    new = Rig(site(cycle=cycle), past=again)
    new.run(30)
    assert all(commands == [None] for commands in new.sent)
