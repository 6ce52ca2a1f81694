"""What people order: stop, release, acknowledgement. A stop acts at once and nothing but its release lifts it."""

from __future__ import annotations

import pytest

from jit.codes import Authority, Mode, State
from jit.frame import carry, from_bytes
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-SAFE-001", "LH-API-006", "LH-OPS-002", "LH-OPS-003", "LH-MKT-006")


def running(cycle: str, assets: int = 1) -> Rig:
    rig = Rig(site(assets, cycle=cycle)).ready()
    rig.schedule("day_ahead", 80.0 * assets)
    rig.run(5)
    assert rig.power == [80.0] * assets
    return rig


def test_a_stop_is_the_safe_command_of_the_very_next_tick(cycle: str) -> None:
    rig = running(cycle)
    rig.act(ActKind.STOP)
    rig.tick()
    (command,) = rig.sent[-1]
    assert command is not None
    assert (command.power_kw, command.reactive_kvar, command.mode) == (0.0, 0.0, Mode.STOP)
    assert command.source == "Operator"
    assert command.reason.startswith("0 kW, operator stop")
    assert command.id.startswith("safe-stop-")


def test_it_stands_above_commitment_reserve_and_everything_else(cycle: str) -> None:
    rig = Rig(site(fcr_kw=50.0, cycle=cycle)).ready()
    rig.frequency = 49.8
    rig.schedule("commitment", 100.0)
    rig.run(8)
    assert rig.power == [pytest.approx(150.0, abs=0.2)]
    rig.act(ActKind.STOP)
    for _ in range(round(20 / rig.cycle)):
        rig.tick()
        assert rig.power == [0.0]
    rig.schedule("commitment", 120.0, version=2)
    rig.run(3)
    assert rig.power == [0.0]


@pytest.mark.hazard("peer 12")
def test_it_keeps_commanding_zero_with_a_heartbeat(cycle: str) -> None:
    """A device that is told 0 kW again and again does not revert to something else."""
    rig = running(cycle)
    rig.act(ActKind.STOP)
    beats = [int(rig.tick()["heartbeat"][0]) for _ in range(5)]
    assert beats == list(range(beats[0], beats[0] + 5))


@pytest.mark.parametrize("acts", [(ActKind.STOP, ActKind.RELEASE), (ActKind.RELEASE, ActKind.STOP)])
def test_of_stop_and_release_in_one_tick_the_stop_stands(acts: tuple[ActKind, ActKind], cycle: str) -> None:
    rig = running(cycle)
    for act in acts:
        rig.act(act)
    rig.run(3)
    assert rig.power == [0.0]
    assert rig.frame["state"][0] == State.EMERGENCY_STOP
    rig.act(ActKind.RELEASE)
    rig.act(ActKind.ACTIVATE)
    rig.run(8)
    assert rig.power == [80.0]


@pytest.mark.parametrize(
    "act", [ActKind.ACKNOWLEDGE, ActKind.ACTIVATE, ActKind.DEACTIVATE, ActKind.LOCK_OUT, ActKind.UNLOCK]
)
def test_nothing_but_a_release_lifts_a_stop(act: ActKind, cycle: str) -> None:
    rig = running(cycle)
    rig.act(ActKind.STOP)
    rig.run(12)
    rig.act(act)
    rig.run(5)
    assert rig.frame["state"][0] == State.EMERGENCY_STOP
    assert rig.power == [0.0]


def test_a_stop_of_one_battery_leaves_the_others_alone_and_a_stop_of_the_site_leaves_none(cycle: str) -> None:
    rig = running(cycle, 2)
    rig.act(ActKind.STOP, "b2")
    rig.run(5)
    assert rig.power == [pytest.approx(160.0), 0.0]
    rig.act(ActKind.STOP)
    rig.tick()
    assert rig.power == [0.0, 0.0]
    rig.act(ActKind.RELEASE, "b1")
    rig.act(ActKind.ACTIVATE)
    rig.run(8)
    assert rig.frame["state"][1] == State.EMERGENCY_STOP, "an activation lifts no stop"
    assert rig.power == [pytest.approx(160.0), 0.0]


def test_lost_acts_count_as_a_stop_of_everything(cycle: str) -> None:
    rig = running(cycle, 2)
    for _ in range(300):
        rig.act(ActKind.ACKNOWLEDGE, "b1")
    rig.run(3)
    assert rig.power == [0.0, 0.0]
    assert (rig.frame["state"] == State.EMERGENCY_STOP).all()


@pytest.mark.hazard("peer 8")
def test_a_restored_stop_is_silent_until_data_are_fresh_and_then_a_stop(cycle: str) -> None:
    """After a restart nothing is sent that nobody knows the ground of; then the stop that stood still stands."""
    rig = Rig(site(cycle=cycle))
    rig.batteries["b1"].power = 60.0
    rig.act(ActKind.STOP, restored=True)
    rig.schedule("day_ahead", 80.0)
    rig.tick()
    assert rig.sent[-1] == [None]
    assert rig.frame["state"][0] == State.EMERGENCY_STOP
    rig.run(8)
    assert rig.power == [0.0]
    assert rig.frame["mode"][0] == Mode.STOP
    rig.run(30)
    assert rig.power == [0.0]
    rig.act(ActKind.RELEASE)
    rig.act(ActKind.ACTIVATE)
    rig.run(8)
    assert rig.power == [80.0]


def test_a_stop_given_before_data_are_fresh_is_written_at_once(cycle: str) -> None:
    rig = Rig(site(cycle=cycle))
    rig.tick()
    assert rig.sent[-1] == [None]
    rig.act(ActKind.STOP)
    rig.tick()
    assert rig.power == [0.0]
    assert rig.frame["authority"][0] == Authority.ARMED
    rig.run(2)
    assert rig.power == [0.0]


def test_in_shadow_even_a_stop_writes_nothing(cycle: str) -> None:
    rig = Rig(site(cycle=cycle), armed=False).ready()
    rig.schedule("day_ahead", 80.0)
    rig.run(5)
    rig.act(ActKind.STOP)
    rig.run(3)
    assert all(commands == [None] for commands in rig.sent)
    assert rig.frame["state"][0] == State.EMERGENCY_STOP


def restarted(rig: Rig, cycle: str) -> Rig:
    """A new process that knows nothing but the last frame on disk."""
    past, _ = carry(from_bytes(rig.frame.to_bytes()), rig.compiled.layout)
    return Rig(site(cycle=cycle), past=past)


def test_a_fault_survives_a_restart(cycle: str) -> None:
    rig = running(cycle)
    rig.batteries["b1"].alarms = 1.0
    rig.tick()
    new = restarted(rig, cycle)
    new.schedule("day_ahead", 80.0)
    new.ready()
    new.run(20)
    assert new.frame["state"][0] == State.FAULT
    assert new.power == [0.0]
    new.act(ActKind.ACKNOWLEDGE)
    new.run(8)
    assert new.power == [80.0]


@pytest.mark.parametrize("act", [ActKind.DEACTIVATE, ActKind.LOCK_OUT])
def test_what_was_taken_out_of_service_stays_out_after_a_restart(act: ActKind, cycle: str) -> None:
    rig = running(cycle)
    rig.act(act)
    rig.run(5)
    new = restarted(rig, cycle)
    new.schedule("day_ahead", 80.0)
    new.ready()
    new.run(10)
    assert all(commands == [None] for commands in new.sent)


@pytest.mark.hazard("row 12", "H4")
def test_after_a_restart_no_old_command_is_sent_again(cycle: str) -> None:
    """Ids and times are of this process; the first command is computed from fresh data and measured power."""
    rig = running(cycle)
    old = {command.id for (command,) in rig.sent if command is not None}
    new = restarted(rig, cycle)
    new.now_ns, new.now_s = rig.now_ns + 5 * 10**9, 7.0
    new.batteries["b1"].power = 0.0
    start = new.now_ns
    new.ready()
    new.run(3)
    commands = [command for (command,) in new.sent if command is not None]
    assert commands
    assert commands[0].power_kw == 0.0, "nobody has asked this process for anything"
    assert not old & {command.id for command in commands}
    assert all(command.issued_ns >= start for command in commands)
