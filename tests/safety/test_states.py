"""The state machine: worked through in every cycle, every transition, what latches and what comes back by itself."""

from __future__ import annotations

import pytest

from jit.codes import Authority, Condition, Latch, Permit, Reason, State, WriteStatus
from jit.states import TABLE
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SM-001", "LH-SM-002", "LH-SM-003")]


def states(rig: Rig, seconds: float) -> list[State]:
    """The states of b1 over time, each named once."""
    seen: list[State] = []
    for _ in range(round(seconds / rig.cycle)):
        state = State(int(rig.tick()["state"][0]))
        if not seen or seen[-1] != state:
            seen.append(state)
    return seen


def running(cycle: str, power_kw: float = 80.0) -> Rig:
    rig = Rig(site(cycle=cycle)).ready()
    rig.schedule("day_ahead", power_kw)
    rig.run(5)
    assert rig.power == [power_kw]
    return rig


def test_from_start_to_running(cycle: str) -> None:
    rig = Rig(site(cycle=cycle))
    assert states(rig, 8) == [State.INIT, State.STANDBY, State.READY, State.IDLE]
    rig.schedule("day_ahead", 40.0)
    assert states(rig, 4)[-1] == State.DISCHARGING
    rig.schedule("day_ahead", -40.0, version=2)
    assert states(rig, 4)[-1] == State.CHARGING
    rig.schedule("day_ahead", -400.0, version=3)
    assert states(rig, 8)[-1] == State.LIMITED
    rig.schedule("day_ahead", 0.0, version=4)
    assert states(rig, 8)[-1] == State.IDLE


def test_nothing_is_written_before_data_have_been_fresh_for_long_enough(cycle: str) -> None:
    """INIT and STANDBY are silent: not a command, not a heartbeat."""
    rig = Rig(site(cycle=cycle))
    rig.schedule("day_ahead", 80.0)
    fresh_for = rig.compiled.definition.chain.state_machine.fresh_for
    while rig.tick()["state"][0] in (State.INIT, State.STANDBY):
        assert rig.sent[-1] == [None]
        assert rig.frame["authority"][0] == Authority.SILENT
        assert rig.frame["heartbeat"][0] == 0
    assert rig.index * rig.cycle >= fresh_for
    rig.run(4)
    assert rig.power == [80.0]


SITUATIONS = ("init", "standby", "ready", "idle", "charging", "discharging", "limited", "fault", "stopped", "locked")


def situation(name: str, cycle: str) -> Rig:
    """A rig whose battery is in that state."""
    rig = Rig(site(cycle=cycle))
    if name == "init":
        rig.tick()
        return rig
    if name == "standby":
        rig.batteries["b1"].available = 0.0
        rig.ready()
        return rig
    rig.ready()
    powers = {"charging": -50.0, "discharging": 50.0, "limited": 400.0}
    if name in powers:
        rig.schedule("day_ahead", powers[name])
        rig.run(9)
    if name == "ready":
        rig.batteries["b1"].available = 0.0
        rig.run(1)
    if name == "fault":
        rig.batteries["b1"].alarms = 1.0
        rig.run(1)
    if name == "stopped":
        rig.act(ActKind.STOP)
        rig.run(1)
    if name == "locked":
        rig.act(ActKind.LOCK_OUT)
        rig.run(3)
    return rig


def test_every_state_is_reached(cycle: str) -> None:
    found = [State(int(situation(name, cycle).frame["state"][0])).name.lower() for name in SITUATIONS]
    assert found == [*SITUATIONS[:8], "emergency_stop", "maintenance"]


@pytest.mark.parametrize("name", SITUATIONS)
def test_an_emergency_stop_is_reached_from_every_state(name: str, cycle: str) -> None:
    rig = situation(name, cycle)
    rig.act(ActKind.STOP, "b1")
    frame = rig.tick()
    assert frame["state"][0] == State.EMERGENCY_STOP
    assert frame["command_kw"][0] == 0.0


@pytest.mark.parametrize("name", [name for name in SITUATIONS if name != "stopped"])
def test_a_fault_is_reached_from_every_state_but_the_stop_that_stands_above_it(name: str, cycle: str) -> None:
    rig = situation(name, cycle)
    rig.batteries["b1"].alarms = 2.0
    frame = rig.tick()
    assert frame["state"][0] == State.FAULT
    assert frame["command_kw"][0] == 0.0


def test_a_stop_above_a_fault_and_the_fault_is_still_there_after_it(cycle: str) -> None:
    rig = situation("fault", cycle)
    rig.act(ActKind.STOP)
    rig.run(2)
    assert rig.frame["state"][0] == State.EMERGENCY_STOP
    rig.act(ActKind.RELEASE)
    rig.run(2)
    assert rig.frame["state"][0] == State.FAULT


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bit", [0, 1])
@pytest.mark.hazard("row 19", "S11")
def test_a_critical_alarm_latches_and_is_left_only_by_an_acknowledgement_when_clear_for_long_enough(
    bit: int, cycle: str
) -> None:
    """Reliability §2 rows 19 and 20, S11: 0 kW until acknowledged and all clear for `clear_for`."""
    rig = running(cycle)
    battery = rig.batteries["b1"]
    battery.alarms = float(1 << bit)
    rig.tick()
    assert rig.frame["state"][0] == State.FAULT
    assert rig.frame["latch"][0] == Latch.ALARM
    assert rig.power == [0.0]
    rig.run(12)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.run(1)
    assert rig.frame["state"][0] == State.FAULT, "acknowledged while the alarm was there"
    battery.alarms = 0.0
    rig.run(8)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.run(1)
    assert rig.frame["state"][0] == State.FAULT, "clear for less than 10 s"
    rig.run(30)
    assert rig.frame["state"][0] == State.FAULT, "left without an acknowledgement"
    assert rig.power == [0.0]
    rig.act(ActKind.ACKNOWLEDGE)
    assert rig.tick()["state"][0] == State.STANDBY
    rig.run(6)
    assert rig.power == [80.0]


def test_the_alarm_that_flickers_starts_the_time_anew(cycle: str) -> None:
    """Reliability §2 row 20: a fault that clears for a moment is not clear."""
    rig = running(cycle)
    battery = rig.batteries["b1"]
    battery.alarms = 1.0
    rig.tick()
    battery.alarms = 0.0
    rig.run(9.5)
    battery.alarms = 1.0
    rig.tick()
    battery.alarms = 0.0
    rig.run(5)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.tick()
    assert rig.frame["state"][0] == State.FAULT


@pytest.mark.parametrize("loss", ["silent", "no alarms"])
def test_what_nobody_knows_is_not_clear(loss: str, cycle: str) -> None:
    """A lost connection hides the alarm: the time of being clear does not run."""
    rig = running(cycle)
    battery = rig.batteries["b1"]
    battery.alarms = 1.0
    rig.tick()
    battery.alarms, battery.answers, battery.missing = 0.0, loss != "silent", {"alarms"}
    rig.run(60)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.tick()
    assert rig.frame["state"][0] == State.FAULT
    battery.answers, battery.missing = True, set()
    rig.run(8)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.tick()
    assert rig.frame["state"][0] == State.FAULT
    rig.run(5)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.tick()
    assert rig.frame["state"][0] == State.STANDBY


def test_an_alarm_that_is_not_critical_stops_nothing(cycle: str) -> None:
    rig = running(cycle)
    rig.batteries["b1"].alarms = 4.0
    rig.run(5)
    assert rig.frame["state"][0] == State.DISCHARGING
    assert rig.power == [80.0]
    assert rig.frame["alarms"][0] == 4


def test_only_the_asset_that_faults_stops(cycle: str) -> None:
    rig = Rig(site(2, cycle=cycle)).ready()
    rig.schedule("day_ahead", 100.0)
    rig.run(5)
    rig.batteries["b2"].alarms = 1.0
    rig.run(6)
    assert rig.power == [pytest.approx(100.0), 0.0]
    assert rig.frame["state"].tolist() == [State.DISCHARGING, State.FAULT]


# --- data -------------------------------------------------------------------------------------------------------------


def test_lost_data_are_no_latch_permission_comes_back_by_itself(cycle: str) -> None:
    rig = running(cycle)
    rig.batteries["b1"].answers = False
    rig.run(4)
    assert rig.frame["state"][0] == State.READY
    assert rig.frame["state_by"][0] == Reason.VALUES_LOST
    assert rig.power == [0.0]
    rig.batteries["b1"].answers = True
    rig.run(2)
    assert rig.power == [0.0], "back, but not yet for fresh_for"
    rig.run(5)
    assert rig.power == [80.0]
    assert rig.frame["latch"][0] == 0


# --- local, maintenance, activation -----------------------------------------------------------------------------------


@pytest.mark.req("LH-SM-001")
@pytest.mark.hazard("row 18", "S10")
def test_in_local_control_nothing_is_written_and_somebody_has_to_activate(cycle: str) -> None:
    """Reliability §2 row 18, S10: LOCAL ⇒ no write; LOCAL → REMOTE ⇒ not running until somebody activates."""
    rig = running(cycle)
    battery = rig.batteries["b1"]
    battery.remote = 0.0
    frame = rig.tick()
    assert rig.sent[-1] == [None]
    assert frame["state"][0] == State.STANDBY
    assert frame["state_by"][0] == Reason.LOCAL_CONTROL
    battery.power = -120.0  # somebody runs it from the panel
    rig.run(5)
    assert rig.sent[-1] == [None]
    battery.remote = 1.0
    rig.run(20)
    assert rig.sent[-1] == [None]
    assert rig.frame["missing"][0] & Condition.ACTIVATED
    rig.act(ActKind.ACTIVATE)
    rig.run(2 * rig.cycle)
    first = next(command[0] for command in rig.sent if command[0] is not None and command[0].tick > rig.index - 3)
    assert first is not None
    assert first.power_kw == pytest.approx(-120.0 + 50.0 * rig.cycle, abs=0.1), "from measured power, along the ramp"
    rig.run(8)
    assert rig.power == [80.0]


def test_deactivation_writes_0_before_it_is_silent(cycle: str) -> None:
    rig = running(cycle)
    rig.act(ActKind.DEACTIVATE)
    rig.tick()
    assert rig.power == [0.0]
    written = len(rig.sent)
    rig.run(5)
    rest = rig.sent[written:]
    assert rest[-1] == [None]
    assert rig.frame["state"][0] == State.STANDBY
    assert all(command is None or command.power_kw == 0.0 for (command,) in rest)
    rig.act(ActKind.ACTIVATE)
    rig.run(6)
    assert rig.power == [80.0]


def test_deactivation_is_not_silent_until_the_zero_is_confirmed(cycle: str) -> None:
    rig = running(cycle)
    rig.batteries["b1"].outcome = None
    rig.act(ActKind.DEACTIVATE)
    rig.run(10)
    assert rig.power == [0.0]
    assert rig.frame["authority"][0] == Authority.ARMED
    rig.batteries["b1"].outcome = WriteStatus.CONFIRMED
    rig.run(3)
    assert rig.sent[-1] == [None]


def test_a_lock_out_is_silent_and_lifted_only_by_its_own_act(cycle: str) -> None:
    rig = running(cycle)
    rig.act(ActKind.LOCK_OUT)
    rig.tick()
    assert rig.power == [0.0]
    rig.run(3)
    assert rig.frame["state"][0] == State.MAINTENANCE
    assert rig.sent[-1] == [None]
    for act in (ActKind.ACTIVATE, ActKind.RELEASE, ActKind.ACKNOWLEDGE):
        rig.act(act)
        rig.run(3)
        assert rig.frame["state"][0] == State.MAINTENANCE
    rig.act(ActKind.UNLOCK)
    rig.run(8)
    assert rig.frame["state"][0] == State.STANDBY  # whoever unlocks does not thereby start it
    rig.act(ActKind.ACTIVATE)
    rig.run(8)
    assert rig.power == [80.0]


@pytest.mark.parametrize("acts", [(ActKind.ACTIVATE, ActKind.DEACTIVATE), (ActKind.DEACTIVATE, ActKind.ACTIVATE)])
def test_of_two_opposite_acts_in_one_tick_the_one_that_takes_away_stands(
    acts: tuple[ActKind, ActKind], cycle: str
) -> None:
    rig = running(cycle)
    for act in acts:
        rig.act(act)
    rig.run(2)
    assert rig.power != [80.0]
    assert rig.frame["activated"][0] == Permit.NO


def test_becoming_armed_is_bumpless(cycle: str) -> None:
    """A battery that runs at 120 kW when the process starts goes on from there, not from 0."""
    rig = Rig(site(cycle=cycle))
    rig.batteries["b1"].power = 120.0
    rig.schedule("day_ahead", 160.0)
    powers: list[float] = []
    while len(powers) < 2:
        rig.tick()
        if rig.sent[-1][0] is not None:
            powers.append(rig.power[0])
    assert powers[0] == pytest.approx(min(160.0, 120.0 + 50.0 * rig.cycle), abs=0.1)


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_table_names_every_state_and_stops_stand_first() -> None:
    assert [row[3] for row in TABLE[:2]] == [State.EMERGENCY_STOP, State.FAULT]
    reached = {State(int(row[3])) for row in TABLE if row[3] >= 0}
    labels = {State.IDLE, State.CHARGING, State.DISCHARGING, State.LIMITED}
    assert reached | labels | {State.UNKNOWN} == set(State)
    assert all(0 < row[4] == Reason(int(row[4])) for row in TABLE)


@pytest.mark.parametrize("state", [state for state in State if state != State.UNKNOWN])
def test_without_any_condition_every_state_loses_its_permission(state: State) -> None:
    """Nothing is fresh, nothing good, nothing available: the row that fits is never the one that runs."""
    for source, needed, absent, _to, reason in TABLE:
        if source >> int(state) & 1 and needed == 0 and absent & 0 == 0:
            assert reason != Reason.RUNNING
            break
