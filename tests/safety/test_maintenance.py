"""MAINTENANCE by hand: one asset, a power with a dead-man time, all limits and the ramp, no reserve, no way back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from jit.codes import Authority, Permit, Quality, Reason, State
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SM-001", "LH-OPS-002")]


def by_hand(cycle: str, power_kw: float = 60.0, dead_man_s: float = 10.0, fcr_kw: float = 0.0) -> Rig:
    rig = Rig(site(cycle=cycle, fcr_kw=fcr_kw)).ready()
    rig.schedule("day_ahead", 100.0)
    rig.run(5)
    rig.by_hand(power_kw, dead_man_s)
    rig.tick()
    assert rig.frame["state"][0] == State.MAINTENANCE
    assert rig.frame["state_by"][0] == Reason.BY_HAND
    return rig


def test_power_by_hand_stands_above_every_request_and_follows_the_ramp(cycle: str) -> None:
    rig = by_hand(cycle, -60.0, 20.0)
    assert rig.power[0] == pytest.approx(100.0 - 50.0 * rig.cycle, abs=0.1)
    rig.run(5)
    assert rig.power == [-60.0]
    assert rig.frame["resolve_by"][0] == Reason.BY_HAND
    assert rig.frame["activated"][0] == Permit.NO
    rig.schedule("commitment", 200.0)
    rig.run(3)
    assert rig.power == [-60.0]


@pytest.mark.parametrize("limit", ["bms", "rating"])
def test_every_limit_holds_by_hand_too(limit: str, cycle: str) -> None:
    rig = by_hand(cycle, 900.0, 30.0)
    rig.run(8)
    assert rig.power == [250.0]
    if limit == "bms":
        rig.batteries["b1"].discharge_limit = 37.0
        rig.tick()
        assert rig.power == [37.0]


def test_the_dead_man_time_ends_in_0_kw_along_the_ramp_and_in_standby_until_somebody_activates(cycle: str) -> None:
    rig = by_hand(cycle, 120.0, 5.0)
    rig.run(5 - rig.cycle)
    assert rig.power == [120.0]
    powers = [rig.power[0]]
    while rig.frame["state"][0] == State.MAINTENANCE:
        rig.tick()
        powers.append(rig.power[0])
    steps = [a - b for a, b in pairwise(powers[:-1])]
    assert max(steps) <= 50.0 * rig.cycle + 0.11
    assert powers[-2] == 0.0, "silence begins after 0 kW has been confirmed"
    assert rig.frame["state"][0] == State.STANDBY
    assert rig.frame["state_by"][0] == Reason.MAINTENANCE_ENDED
    rig.run(20)
    assert rig.sent[-1] == [None]
    rig.act(ActKind.ACTIVATE)
    rig.run(6)
    assert rig.power == [100.0]


def test_the_operator_renews_it_in_time(cycle: str) -> None:
    rig = by_hand(cycle, 40.0, 4.0)
    for _ in range(5):
        rig.run(3)
        rig.by_hand(40.0, 4.0)
    rig.run(1)
    assert rig.power == [40.0]
    assert rig.frame["manual_s"][0] == pytest.approx(4.0 - 1.0 + rig.cycle)


def test_no_dead_man_time_is_longer_than_a_minute(cycle: str) -> None:
    rig = by_hand(cycle, 40.0, 3600.0)
    assert rig.frame["manual_s"][0] == 60.0


@pytest.mark.parametrize("act", [ActKind.DEACTIVATE, ActKind.LOCK_OUT, ActKind.STOP])
def test_other_acts_end_it_and_it_does_not_come_back(act: ActKind, cycle: str) -> None:
    rig = by_hand(cycle, 40.0, 60.0)
    rig.act(act)
    rig.run(6)
    ended = {ActKind.DEACTIVATE: State.STANDBY, ActKind.LOCK_OUT: State.MAINTENANCE, ActKind.STOP: State.EMERGENCY_STOP}
    assert rig.frame["state"][0] == ended[act]
    assert rig.power == [0.0] if act is ActKind.STOP else rig.sent[-1] == [None]
    rig.act(ActKind.RELEASE)
    rig.act(ActKind.UNLOCK)
    rig.run(20)
    assert rig.sent[-1] == [None]
    assert rig.frame["manual_kw"][0] != rig.frame["manual_kw"][0]


@pytest.mark.parametrize("loss", ["data", "available", "alarm"])
def test_what_takes_the_permission_away_takes_the_power_for_good(loss: str, cycle: str) -> None:
    rig = by_hand(cycle, 40.0, 60.0)
    battery = rig.batteries["b1"]
    battery.answers, battery.available = loss != "data", float(loss != "available")
    battery.alarms = float(loss == "alarm")
    rig.run(4)
    assert rig.power == [0.0] or rig.sent[-1] == [None]
    battery.answers, battery.available, battery.alarms = True, 1.0, 0.0
    rig.run(30)
    assert all(command is None or command.power_kw == 0.0 for (command,) in rig.sent[-round(25 / rig.cycle) :])


def test_local_silences_it_at_once(cycle: str) -> None:
    """S10: LOCAL ⇒ nothing is written, by hand neither."""
    rig = by_hand(cycle)
    rig.batteries["b1"].remote = 0.0
    rig.tick()
    assert rig.sent[-1] == [None]
    assert rig.frame["state"][0] == State.STANDBY


@pytest.mark.parametrize("stands", ["stop", "lock", "fault", "stale"])
def test_it_is_not_taken_over_what_stands(stands: str, cycle: str) -> None:
    rig = Rig(site(cycle=cycle)).ready()
    if stands == "stop":
        rig.act(ActKind.STOP)
    if stands == "lock":
        rig.act(ActKind.LOCK_OUT)
    rig.batteries["b1"].alarms = float(stands == "fault")
    rig.batteries["b1"].answers = stands != "stale"
    rig.run(5)
    state = rig.frame["state"][0]
    rig.by_hand(80.0, 60.0)
    rig.run(5)
    assert rig.frame["state"][0] == state
    assert rig.power == [0.0] or rig.sent[-1] == [None]


def test_of_by_hand_and_a_stop_in_one_tick_the_stop_stands(cycle: str) -> None:
    rig = Rig(site(cycle=cycle)).ready()
    rig.by_hand(80.0, 60.0)
    rig.act(ActKind.STOP)
    rig.run(4)
    assert rig.power == [0.0]
    assert rig.frame["state"][0] == State.EMERGENCY_STOP


def test_from_standby_it_starts_where_the_battery_is(cycle: str) -> None:
    rig = Rig(site(cycle=cycle)).ready()
    rig.act(ActKind.DEACTIVATE)
    rig.run(4)
    assert rig.sent[-1] == [None]
    rig.batteries["b1"].power = -100.0
    rig.run(1)
    rig.by_hand(-100.0, 20.0)
    rig.tick()
    assert rig.power == [-100.0]
    assert rig.frame["authority"][0] == Authority.ARMED


def test_the_reserve_of_that_asset_is_withdrawn_and_said(cycle: str) -> None:
    rig = by_hand(cycle, 250.0, 60.0, fcr_kw=50.0)
    rig.frequency = 49.8
    rig.run(8)
    assert rig.power == [250.0]
    assert rig.frame["reserve_kw"][0] == 0.0
    assert rig.frame["ancillary.fcr.undeliverable_kw"][0] == 50.0
    assert rig.frame["ancillary.fcr.phase"][0] == Reason.BY_HAND
    assert rig.frame["service_kw"][0] == 0.0


def test_a_restart_forgets_it(cycle: str) -> None:
    """A process that died cannot know that somebody still holds the button."""
    from tests.safety.test_operator import restarted

    new = restarted(by_hand(cycle, 80.0, 60.0), cycle)
    new.ready()
    new.run(5)
    assert all(command is None for (command,) in new.sent)
    assert new.frame["missing"][0]
    assert new.frame["quality"][0] == Quality.VALID
