"""The battery and its connection: lost, stale and frozen data, wrong signs, what the command carries, silence."""

from __future__ import annotations

import pytest

from jit.codes import Authority, Latch, Mode, Quality, Reason, State, WriteStatus
from sources.act import ActKind
from tests.rig import Rig, site, storage

pytestmark = pytest.mark.req("LH-CTRL-007", "LH-SAFE-004", "LH-SAFE-005", "LH-RT-003", "LH-OPS-001")


def running(cycle: str, power_kw: float = 80.0, **profile: object) -> Rig:
    rig = Rig(site(cycle=cycle), storage(**profile)).ready()
    rig.schedule("day_ahead", power_kw)
    rig.run(5)
    assert rig.power == [power_kw]
    return rig


# --- lost, stale, frozen ----------------------------------------------------------------------------------------------


def test_communication_loss_is_0_kw_once_the_maximum_age_is_passed(cycle: str) -> None:
    rig = running(cycle)
    rig.batteries["b1"].answers = False
    rig.run(3.0 - rig.cycle)
    assert rig.power == [80.0]
    rig.run(2 * rig.cycle)
    assert rig.frame["age_s"][0] == pytest.approx(3.0 + rig.cycle, abs=1e-6)
    assert rig.power == [0.0]
    assert rig.frame["quality"][0] & Quality.STALE
    (command,) = rig.sent[-1]
    assert command is not None
    assert "too old" in command.reason


@pytest.mark.hazard("row 4", "F2", "peer 14")
def test_a_page_that_answers_and_does_not_change_is_frozen(cycle: str) -> None:
    """The heartbeat is the proof: replies alone prove nothing (reliability F2)."""
    rig = running(cycle)
    rig.batteries["b1"].beats = False
    rig.run(3.0 + 2 * rig.cycle)
    assert rig.frame["quality"][0] & Quality.FROZEN
    assert rig.power == [0.0]
    rig.batteries["b1"].beats = True
    rig.run(6)
    assert rig.power == [80.0]


def test_the_first_heartbeat_ever_seen_proves_nothing(cycle: str) -> None:
    rig = Rig(site(cycle=cycle))
    rig.batteries["b1"].beats = False
    rig.run(30)
    assert rig.frame["state"][0] == State.INIT
    assert all(commands == [None] for commands in rig.sent)


@pytest.mark.hazard("row 4", "peer 14")
def test_a_weak_device_is_frozen_when_none_of_its_measurements_changes(cycle: str) -> None:
    """Without a heartbeat: 60 s by default in which not one value moves."""
    rig = running(cycle, fresh_by=None)
    rig.batteries["b1"].follows = False  # else the stop itself would be a change
    rig.run(50)
    assert rig.power == [80.0]
    rig.run(20)
    assert rig.frame["quality"][0] & Quality.FROZEN
    assert rig.power == [0.0]
    rig.batteries["b1"].soc, rig.batteries["b1"].follows = 54.9, True
    rig.run(8)
    assert rig.power == [80.0]


def test_loss_of_one_battery_does_not_touch_the_other(cycle: str) -> None:
    rig = Rig(site(2, cycle=cycle)).ready()
    rig.schedule("day_ahead", 100.0)
    rig.run(5)
    rig.batteries["b1"].answers = False
    rig.run(8)
    assert rig.power == [0.0, pytest.approx(100.0)]


def test_short_gaps_are_bridged(cycle: str) -> None:
    rig = running(cycle)
    for k in range(round(12 / rig.cycle)):
        rig.batteries["b1"].answers = k % round(2 / rig.cycle) == 0
        rig.tick()
        assert rig.power == [80.0]


# --- wrong sign -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [80.0, -80.0])
@pytest.mark.req("LH-SM-002")
def test_a_battery_that_does_the_opposite_trips_within_3_s_and_its_response(power: float, cycle: str) -> None:
    rig = Rig(site(cycle=cycle)).ready()
    rig.batteries["b1"].sign = -1.0
    rig.schedule("day_ahead", power)
    ticks = 0
    while rig.frame["state"][0] != State.FAULT and ticks * rig.cycle < 12.0:
        rig.tick()
        ticks += 1
    assert rig.frame["latch"][0] & Latch.WRONG_SIGN
    assert rig.power == [0.0]
    # 0.2 s to be clearly away from zero, dead time and lag of 1 s each, then 3 s of evidence
    assert ticks * rig.cycle <= 1.0 + 2.0 + 3.0 + 2 * rig.cycle
    rig.run(20)
    assert rig.power == [0.0], "it latches"
    rig.batteries["b1"].sign = 1.0
    rig.act(ActKind.ACKNOWLEDGE)
    rig.run(10)
    assert rig.power == [power]


def test_turning_around_is_not_the_wrong_sign(cycle: str) -> None:
    """Through dead time and lag the power still flows the other way for a moment: that is no fault."""
    rig = running(cycle, 200.0)
    rig.batteries["b1"].delay_s = 1.5
    for version, power in enumerate((-200.0, 200.0, -200.0), start=2):
        rig.schedule("day_ahead", power, version=version)
        rig.run(15)
        assert rig.power == [power]
    assert rig.frame["latch"][0] == 0


def test_a_battery_that_does_nothing_is_no_wrong_sign(cycle: str) -> None:
    rig = Rig(site(cycle=cycle)).ready()
    rig.batteries["b1"].follows = False
    rig.schedule("day_ahead", 80.0)
    rig.run(20)
    assert not rig.frame["latch"][0] & Latch.WRONG_SIGN


# --- read-back --------------------------------------------------------------------------------------------------------


def test_a_device_that_holds_another_set_point_is_held_then_latched(cycle: str) -> None:
    """2 s of difference take the permission, twice that latches."""
    rig = running(cycle)
    rig.batteries["b1"].outcome = WriteStatus.DIFFERENT
    states = []
    for _ in range(round(6 / rig.cycle)):
        rig.tick()
        states.append((rig.power[0], int(rig.frame["state_by"][0])))
    assert (0.0, Reason.READBACK_DIFFERS) in states
    assert rig.frame["latch"][0] & Latch.READBACK
    assert rig.frame["state"][0] == State.FAULT


@pytest.mark.req("LH-OPS-001")
def test_a_write_that_local_control_swallowed_latches_nothing(cycle: str) -> None:
    """The last write before LOCAL is read back different; while nothing is written nothing can be compared."""
    rig = running(cycle)
    rig.batteries["b1"].outcome = WriteStatus.DIFFERENT
    rig.tick()
    rig.batteries["b1"].remote = 0.0
    rig.run(20)
    assert rig.frame["latch"][0] == Latch.NONE
    assert rig.frame["state"][0] == State.STANDBY



def test_one_difference_is_not_a_fault() -> None:
    rig = running("1 s")
    rig.batteries["b1"].outcome = WriteStatus.DIFFERENT
    rig.tick()
    rig.batteries["b1"].outcome = WriteStatus.CONFIRMED
    rig.run(5)
    assert rig.power == [80.0]
    assert rig.frame["different_s"][0] == 0.0


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.mark.req("LH-DOM-003", "LH-SAFE-005")
def test_a_command_carries_who_when_what_until_when_and_why(cycle: str) -> None:
    rig = running(cycle)
    (command,) = rig.sent[-1]
    assert command is not None
    assert command.asset == "b1"
    assert command.tick == rig.frame.tick
    assert command.issued_ns == rig.now_ns
    assert command.mode is Mode.DISCHARGE
    assert command.power_kw == 80.0
    assert command.valid_until_ns - command.issued_ns == 3_000_000_000
    assert command.deadline_s == pytest.approx(rig.now_s + 3.0)
    assert command.source == "Schedule"
    assert command.reason == "80 kW discharge, follows day ahead"


@pytest.mark.hazard("row 36", "F5")
def test_every_command_has_an_id_of_its_own_and_the_heartbeat_counts_ticks(cycle: str) -> None:
    rig = running(cycle)
    rig.run(30)
    commands = [command for (command,) in rig.sent if command is not None]
    assert len({command.id for command in commands}) == len(commands)
    beats = [command.heartbeat for command in commands]
    assert beats == list(range(beats[0], beats[0] + len(beats)))


def test_the_heartbeat_wraps_where_a_register_ends() -> None:
    rig = running("1 s")
    past = rig.entry.snapshot.past
    codes = past.codes.copy()
    codes[rig.compiled.layout.code_index["heartbeat"]] = 65534
    codes.flags.writeable = False
    past.codes = codes
    assert [int(rig.tick()["heartbeat"][0]) for _ in range(3)] == [65535, 0, 1]


@pytest.mark.parametrize(
    ("power", "mode"), [(50.0, Mode.DISCHARGE), (-50.0, Mode.CHARGE), (0.0, Mode.IDLE), (0.04, Mode.IDLE)]
)
def test_the_mode_says_what_the_power_does(power: float, mode: Mode) -> None:
    rig = Rig(site()).ready()
    rig.schedule("day_ahead", power)
    rig.run(5)
    (command,) = rig.sent[-1]
    assert command is not None
    assert command.mode is mode


# --- silence ----------------------------------------------------------------------------------------------------------


def test_silence_writes_nothing_at_all_not_even_a_heartbeat(cycle: str) -> None:
    rig = Rig(site(cycle=cycle), armed=False).ready()
    rig.schedule("day_ahead", 80.0)
    rig.batteries["b1"].power = 33.0
    rig.run(10)
    assert all(commands == [None] for commands in rig.sent)
    assert rig.frame["heartbeat"][0] == 0
    assert rig.frame["authority"][0] == Authority.SILENT


def test_in_shadow_the_chain_computes_what_it_would_do(cycle: str) -> None:
    rig = Rig(site(cycle=cycle), armed=False).ready()
    rig.schedule("day_ahead", 80.0)
    rig.run(10)
    assert rig.frame["limited_kw"][0] == 80.0
    assert rig.frame["asked_kw"][0] == 80.0
