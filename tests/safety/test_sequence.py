"""Start and stop sequences on the running chain (S15, S16; reliability §2 rows 21 and 22), at 1 s and at 100 ms."""

from __future__ import annotations

from typing import Any

import pytest

from config.asset import StartStep, StopStep
from config.definition import Definition
from config.profile import Profile
from jit.codes import Latch, Proved, State, WriteStatus
from operators.sentence import why
from sources.act import ActKind
from tests.rig import STORAGE_POINTS, Battery, Rig, site, storage

pytestmark = pytest.mark.safety
CYCLES = pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
STEPS = ("precharge", "close_contactor", "open_contactor")
CRITICAL = {bit: {"text": f"alarm {bit}", "critical": True} for bit in range(30)}
RUNNING = {State.IDLE, State.CHARGING, State.DISCHARGING, State.LIMITED}


def with_contactor(**changes: Any) -> Profile:
    """A storage that is precharged, closed and opened by constants, with 30 critical alarm bits."""
    write: dict[str, Any] = {"power": {"path": "power", "unit": "kW"}}
    write |= {name: {"path": name, "constant": 1} for name in STEPS}
    read = STORAGE_POINTS | {name: {"path": name} for name in ("contactor", "precharged", "startable")}
    return storage(**({"read": read, "write": write, "write_order": ["power"], "steps": list(STEPS)} | changes))


START = [
    StartStep(write="precharge", until="precharged", within="10 s", when="startable"),
    StartStep(write="close_contactor", until="contactor", within="5 s", when="startable"),
]
STOP = [StopStep(write="open_contactor", until_not="contactor", within="5 s")]


def sequenced(cycle: str = "1 s", **changes: Any) -> Definition:
    plain = site(cycle=cycle)
    asset = plain.assets["b1"].model_copy(update={"start_sequence": START, "stop_sequence": STOP} | changes)
    return plain.model_copy(update={"assets": {"b1": asset}})


class Yard:
    """A battery whose contactor follows the steps that are written to it. `moved` keeps (s, step, kW measured)."""

    def __init__(self, cycle: str = "1 s", *, closed: bool = False, obeys: bool = True, **rig: Any) -> None:
        self.rig = Rig(sequenced(cycle), with_contactor(alarms=CRITICAL), **rig)
        self.battery.more = {"contactor": float(closed), "precharged": float(closed), "startable": 1.0}
        self.obeys = obeys
        self.moved: list[tuple[float, str, float]] = []

    @property
    def battery(self) -> Battery:
        return self.rig.batteries["b1"]

    @property
    def state(self) -> State:
        return State(int(self.rig.frame["state"][0]))

    @property
    def written(self) -> list[str]:
        return [step for _, step, _ in self.moved]

    def tick(self) -> None:
        self.rig.tick()
        command = self.rig.sent[-1][0]
        for step in command.steps if command is not None else ():
            assert self.rig.power == [0.0]
            self.moved.append((self.rig.now_s, step, self.battery.power))
            if self.obeys:
                name = "precharged" if step == "precharge" else "contactor"
                self.battery.more[name] = float(step != "open_contactor")

    def run(self, seconds: float) -> Yard:
        for _ in range(round(seconds / self.rig.cycle)):
            self.tick()
        return self


def running(cycle: str = "1 s", power_kw: float = 80.0) -> Yard:
    yard = Yard(cycle, closed=True).run(20)
    yard.rig.schedule("day_ahead", power_kw)
    yard.run(20)
    assert (yard.state, yard.battery.power) == (State.DISCHARGING, power_kw)
    return yard


@CYCLES
@pytest.mark.hazard("row 22", "S15")
def test_starting_up_goes_step_by_step_behind_zero_power_and_only_then_runs(cycle: str) -> None:
    yard = Yard(cycle)
    yard.rig.schedule("day_ahead", 80.0)
    for _ in range(round(20 / yard.rig.cycle)):
        yard.tick()
        assert yard.battery.more["contactor"] == 1.0 or yard.state not in RUNNING
    assert list(dict.fromkeys(yard.written)) == ["precharge", "close_contactor"]
    assert yard.battery.power == 80.0


@CYCLES
@pytest.mark.hazard("row 22", "S15")
def test_a_contactor_that_is_closed_at_the_start_is_not_written_to(cycle: str) -> None:
    assert running(cycle).written == []


@CYCLES
@pytest.mark.hazard("row 22")
def test_a_step_that_is_not_done_in_time_latches_and_says_which(cycle: str) -> None:
    yard = Yard(cycle, obeys=False)
    while not yard.moved:
        yard.tick()
    assert "start step 1 of 2: precharge, waiting for precharged" in why(yard.rig.frame, 0)
    first = yard.rig.now_s
    assert [yard.run(9.5).state, yard.run(2).state] == [State.STANDBY, State.FAULT]
    assert int(yard.rig.frame["latch"][0]) == Latch.SEQUENCE
    assert "not done in time" in why(yard.rig.frame, 0)
    last = max(at for at, step, _ in yard.moved if step == "precharge")
    assert last - first <= 10.0 + yard.rig.cycle
    written = len(yard.moved)
    yard.run(30)
    assert len(yard.moved) == written


@CYCLES
@pytest.mark.hazard("row 21", "S16")
def test_no_contactor_opens_before_power_has_been_zero_for_three_seconds(cycle: str) -> None:
    yard = running(cycle)
    yard.rig.act(ActKind.DEACTIVATE, "b1")
    stood = 0.0
    for _ in range(round(20 / yard.rig.cycle)):
        still = abs(yard.battery.power) < 2.5
        before = len(yard.moved)
        yard.tick()
        stood = stood + yard.rig.cycle if still else 0.0
        assert len(yard.moved) == before or stood >= 3.0
    assert yard.written == ["open_contactor"]
    assert yard.battery.more["contactor"] == 0.0
    assert yard.state is State.STANDBY
    assert yard.rig.sent[-1][0] is None
    yard.run(20)
    assert yard.written == ["open_contactor"]  # and nothing closes it again


@CYCLES
@pytest.mark.hazard("row 21", "S16")
def test_a_device_that_does_not_come_down_keeps_its_contactor_closed(cycle: str) -> None:
    yard = running(cycle)
    yard.battery.follows = False
    yard.rig.act(ActKind.DEACTIVATE, "b1")
    yard.run(60)
    assert yard.battery.power == 80.0
    assert yard.written == []


@CYCLES
@pytest.mark.hazard("row 21", "S16")
def test_zero_that_no_device_confirmed_opens_nothing(cycle: str) -> None:
    yard = running(cycle)
    yard.battery.outcome = WriteStatus.FAILED
    yard.rig.act(ActKind.DEACTIVATE, "b1")
    yard.run(30)
    assert yard.written == []


@CYCLES
@pytest.mark.parametrize("act", [ActKind.STOP, ActKind.DEACTIVATE, ActKind.LOCK_OUT])
@pytest.mark.hazard("row 21", "S16")
def test_an_emergency_stop_is_zero_power_and_moves_no_contactor(cycle: str, act: ActKind) -> None:
    yard = running(cycle)
    yard.rig.act(act, "b1")
    yard.run(30)
    assert yard.battery.power == 0.0
    assert yard.written == ([] if act is ActKind.STOP else ["open_contactor"])
    ends = {ActKind.STOP: State.EMERGENCY_STOP, ActKind.DEACTIVATE: State.STANDBY, ActKind.LOCK_OUT: State.MAINTENANCE}
    assert yard.state is ends[act]


@CYCLES
@pytest.mark.hazard("row 21", "row 22", "S15", "S16")
def test_a_critical_alarm_ends_power_opens_at_zero_and_closes_only_after_it_is_acknowledged(cycle: str) -> None:
    yard = running(cycle)
    yard.battery.alarms = 2.0
    yard.run(20)
    assert (yard.state, yard.written) == (State.FAULT, ["open_contactor"])
    yard.battery.alarms = 0.0
    yard.run(90)
    assert yard.written == ["open_contactor"]
    yard.rig.act(ActKind.ACKNOWLEDGE, "b1")
    yard.run(20)
    assert set(yard.written[1:]) == {"close_contactor"}
    assert yard.battery.power == 80.0


@CYCLES
@pytest.mark.hazard("row 22")
def test_a_start_broken_off_by_a_person_opens_again(cycle: str) -> None:
    yard = Yard(cycle)
    yard.battery.available = 0.0  # the steps get done, and the device is not available all the same
    yard.run(15)
    assert (yard.state, yard.battery.more["contactor"]) == (State.STANDBY, 1.0)
    yard.rig.act(ActKind.DEACTIVATE, "b1")
    yard.run(15)
    assert yard.battery.more["contactor"] == 0.0
    assert yard.rig.sent[-1][0] is None


@pytest.mark.hazard("row 22")
def test_in_shadow_no_step_is_written_and_none_is_late() -> None:
    yard = Yard(armed=False).run(60)
    assert (yard.written, yard.state) == ([], State.STANDBY)
    assert int(yard.rig.frame["latch"][0]) == 0


@pytest.mark.hazard("row 22", "S15")
def test_no_step_of_starting_is_written_in_any_state_of_the_bms_with_any_alarm() -> None:
    """Row 22 in full: 7 states of the battery management × 30 alarm bits; only two of the states may be closed from."""
    for state in (1, 2, 3, 4, 5, 6, 99):
        for bit in range(-1, 30):
            yard = Yard(closed=state == 3)
            yard.battery.more["startable"] = float(state in (1, 4))
            yard.battery.alarms = float(1 << bit) if bit >= 0 else 0.0
            yard.run(12)
            assert bool(yard.written) == (bit < 0 and state in (1, 4)), (state, bit, yard.written)


@pytest.mark.hazard("row 22", "S15")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda y: y.battery.missing.add("soc"),
        lambda y: setattr(y.battery, "beats", False),
        lambda y: setattr(y.battery, "answers", False),
        lambda y: setattr(y.battery, "remote", 0.0),
        lambda y: setattr(y.battery, "proved", Proved.FOREIGN),
        lambda y: y.battery.__dict__.update(power=40.0, follows=False),
        lambda y: y.battery.missing.add("startable"),
        lambda y: y.rig.act(ActKind.STOP, "b1"),
        lambda y: y.rig.act(ActKind.LOCK_OUT, "b1"),
        lambda y: y.rig.act(ActKind.DEACTIVATE, "b1"),
    ],
    ids=["value missing", "frozen", "silent", "local", "foreign", "power", "unknown", "stop", "locked", "deactivated"],
)
def test_whatever_is_missing_no_contactor_is_closed(spoil: Any) -> None:
    yard = Yard()
    spoil(yard)
    yard.run(30)
    assert yard.written == []
