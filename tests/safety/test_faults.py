"""An error never ends a stream and never erases memory (design rule 10).

Every stage and the snapshot are made to raise: before their first write, after each of them, and after the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from jit import rows as r
from jit.codes import Authority, Condition, Mode, Permit, Quality, State
from jit.frame import Frame
from jit.unjudged import leave_alone
from operators.snapshot import Snapshot
from operators.stage import Stage
from sources.act import ActKind
from sources.tick import Tick
from tests.rig import Rig, site
from tests.wild import BLOCKS, copy

pytestmark = pytest.mark.req("LH-NF-004", "LH-OPS-001")

STAGES = ("snapshot", "state_machine", "limits", "resolve", "ancillary", "constrain", "ramp", "command")
every_stage = pytest.mark.parametrize("name", STAGES)


class Broken(Exception):  # noqa: N818  # what a defect raises has no name
    """What a stage raises that has a defect."""


def own(frame: Frame, owner: str) -> list[tuple[str, int, Any]]:
    """(matrix, index, row) of every row of the owner."""
    return [
        (matrix, i, row)
        for matrix, block in BLOCKS
        for i, row in enumerate(getattr(frame.layout, block))
        if row.owner == owner
    ]


def running(cycle: str = "1 s") -> Rig:
    """Two batteries in the middle of everything: discharging by schedule, with a service that is active."""
    rig = Rig(site(2, fcr_kw=40.0, cycle=cycle)).ready()
    rig.frequency = 49.9
    rig.schedule("day_ahead", 100.0)
    rig.run(12)
    assert rig.power[0] > 50.0
    return rig


def spoil(target: Frame, filled: Frame, owner: str, writes: int) -> None:
    """The first writes reach the frame, then it raises. What they write is partly rubbish."""
    for number, (matrix, i, _) in enumerate(own(target, owner)[:writes]):
        getattr(target, matrix)[i] = getattr(filled, matrix)[i] if number % 2 == 0 else 99
    raise Broken(f"{owner} after {writes} writes")


@contextmanager
def raising(rig: Rig, name: str, writes: int) -> Iterator[None]:
    """`name` raises after so many writes, once per tick, as long as the context lasts."""
    if name == "snapshot":
        real: Callable[..., None] = Snapshot._fill

        def fill(self: Snapshot, frame: Frame, tick: Tick, past: Any) -> None:
            filled = copy(frame)
            real(self, filled, tick, past)
            spoil(frame, filled, name, writes)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Snapshot, "_fill", fill)
            yield
        return
    stage: Stage = next(stage for stage in rig.stages if stage.id == name)
    step = stage.step

    def broken(frame: Frame) -> None:
        filled = copy(frame)
        step(filled)
        spoil(frame, filled, name, writes)

    stage.step = broken
    yield
    stage.step = step


def writes_of(name: str) -> int:
    return len(own(running_frame(), name))


_FRAME: list[Frame] = []


def running_frame() -> Frame:
    if not _FRAME:
        _FRAME.append(running().frame)
    return _FRAME[0]


@every_stage
@pytest.mark.hazard("row 37", "S3")
def test_a_raise_is_0_kw_its_fail_values_and_its_bit_after_any_number_of_writes(name: str) -> None:
    for writes in range(writes_of(name) + 1):
        rig = running()
        past = rig.frame
        with raising(rig, name, writes):
            frame = rig.tick()
        told = f"{name} after {writes} writes"
        assert rig.power == [0.0, 0.0], told
        assert (frame["fault"] == 1 << STAGES.index(name)).all(), told
        assert [stage for stage, _ in rig.errors] == [name], told
        assert all(isinstance(error, Broken) for _, error in rig.errors), told
        for matrix, i, row in own(frame, name):
            if row.name == "acts":
                continue  # what people ordered is kept whatever fails
            found, before = getattr(frame, matrix)[i], getattr(past, matrix)[i]
            fail = {"hold": before, "zero": np.zeros_like(found), "unknown": np.full_like(found, _unknown(found))}
            assert found.tobytes() == fail[row.fail].astype(found.dtype).tobytes(), f"{told}: {row.name}"


def _unknown(found: Any) -> Any:
    return np.nan if np.asarray(found).dtype == np.float64 else 0


@every_stage
def test_memory_survives_a_raise_and_the_next_tick_recovers(name: str, cycle: str) -> None:
    rig = running(cycle)
    past, power = rig.frame, rig.power
    with raising(rig, name, 1):
        frame = rig.tick()
    for memory in ("latch", "stopped", "activated", "locked", "settled", "authority"):
        assert frame[memory].tolist() == past[memory].tolist(), memory
    for timer in ("proof", "expected_kw"):
        assert not np.isnan(frame[timer]).any(), timer
    frame = rig.tick()
    assert (frame["fault"] == 0).all()
    rig.run(15)
    assert rig.frame["state"].tolist() == past["state"].tolist()
    assert rig.power == pytest.approx(power)


@every_stage
def test_power_comes_back_along_the_ramp(name: str, cycle: str) -> None:
    rig = running(cycle)
    with raising(rig, name, 0):
        rig.tick()
    for _ in range(40):
        before = rig.power
        rig.tick()
        step = 50.0 * rig.cycle + 8.0 * rig.cycle / 2  # the asset's ramp, and half of the service's own
        assert all(abs(new - old) <= step + 0.1 for new, old in zip(rig.power, before, strict=True))


@every_stage
def test_it_stays_at_0_kw_for_as_long_as_it_raises(name: str, cycle: str) -> None:
    rig = running(cycle)
    with raising(rig, name, 2):
        for _ in range(20):
            rig.tick()
            assert rig.power == [0.0, 0.0]
    rig.run(15)
    assert rig.power[0] > 50.0


@every_stage
@pytest.mark.req("LH-SAFE-001", "LH-API-006")
def test_a_stop_in_the_tick_that_fails_stands(name: str, cycle: str) -> None:
    """The tick in which a stage raises is not a tick in which a stop may be forgotten."""
    rig = running(cycle)
    rig.act(ActKind.STOP)
    with raising(rig, name, 0):
        rig.tick()
    assert rig.power == [0.0, 0.0]
    rig.run(10)
    assert rig.power == [0.0, 0.0]
    assert (rig.frame["state"] == State.EMERGENCY_STOP).all()
    rig.act(ActKind.RELEASE)
    rig.act(ActKind.ACTIVATE)
    rig.run(15)
    assert rig.power[0] > 50.0


def test_a_stop_stands_when_snapshot_and_state_machine_raise_together(cycle: str) -> None:
    rig = running(cycle)
    rig.act(ActKind.STOP, "b1")
    with raising(rig, "snapshot", 3), raising(rig, "state_machine", 3):
        for _ in range(3):
            rig.tick()
    rig.run(10)
    assert rig.frame["state"][0] == State.EMERGENCY_STOP
    assert rig.power[0] == 0.0
    assert rig.power[1] > 50.0


@pytest.mark.hazard("S10")
@pytest.mark.parametrize("name", ["snapshot", "state_machine"])
def test_local_control_is_not_forgotten_by_ticks_that_fail_in_the_dark(name: str, cycle: str) -> None:
    """LOCAL, then no word of it, then failing ticks: an activation of meanwhile brings no power when it is remote."""
    rig = running(cycle)
    battery = rig.batteries["b1"]
    battery.remote = 0.0
    rig.run(3)
    battery.missing = {"remote"}
    rig.run(5)
    with raising(rig, name, 2):
        for _ in range(3):
            rig.tick()
    rig.act(ActKind.ACTIVATE, "b1")
    rig.run(5)
    battery.missing, battery.remote = set(), 1.0
    written = len(rig.sent)
    rig.run(20)
    assert all(commands[0] is None for commands in rig.sent[written:])
    assert rig.frame["missing"][0] & Condition.ACTIVATED
    rig.act(ActKind.ACTIVATE, "b1")
    rig.run(15)
    assert rig.power[0] > 50.0


@every_stage
def test_a_silent_asset_stays_silent_when_a_stage_raises(name: str) -> None:
    rig = Rig(site(2), armed=False).ready()
    with raising(rig, name, 1):
        rig.tick()
    assert rig.sent[-1] == [None, None]


@pytest.mark.hazard("S10")
@pytest.mark.parametrize("writes", [0, 5, 25])
def test_a_device_in_local_is_left_alone_when_the_state_machine_raises_in_that_tick(writes: int, cycle: str) -> None:
    """S10: nothing is written in LOCAL, by whatever stage the tick was spoiled; and no power before an activation."""
    rig = running(cycle)
    rig.batteries["b1"].remote = 0.0
    with raising(rig, "state_machine", writes):
        for _ in range(3):
            rig.tick()
            assert rig.sent[-1][0] is None
            assert rig.power[1] == 0.0
        rig.batteries["b1"].remote = 1.0
        for _ in range(3):  # no tick that decides ever saw it in local control
            rig.tick()
            assert rig.sent[-1][0] is None
    rig.run(20)
    assert rig.sent[-1][0] is None
    assert rig.power[1] > 50.0
    rig.act(ActKind.ACTIVATE)
    rig.run(15)
    assert rig.power[0] > 20.0


@pytest.mark.hazard("S10", "S3")
@pytest.mark.parametrize("change", [{"missing": {"remote"}}, {"answers": False}])
def test_a_device_of_which_local_is_unknown_is_written_0_kw_when_the_state_machine_raises(change: Any) -> None:
    """Silence would leave it at its power: only LOCAL that is said in this tick silences."""
    rig = running()
    for name, value in change.items():
        setattr(rig.batteries["b1"], name, value)
    with raising(rig, "state_machine", 0):
        for _ in range(10):
            rig.tick()
            assert rig.power == [0.0, 0.0]  # NaN where silent


@pytest.mark.hazard("S10")
def test_an_old_word_of_local_silences_nobody() -> None:
    """The page said LOCAL and stands still since, for longer than it may be old."""
    frame = copy(running_frame())
    frame.codes[r.REMOTE], frame.codes[r.AUTHORITY] = Permit.NO, Authority.ARMED
    frame.codes[r.QUALITY] = Quality.VALID, Quality.STALE
    leave_alone(frame.codes)
    assert frame.codes[r.AUTHORITY].tolist() == [Authority.SILENT, Authority.ARMED]


@every_stage
def test_a_raise_in_the_very_first_tick_writes_nothing(name: str) -> None:
    """There is no memory yet: nothing is written until data have been fresh."""
    rig = Rig(site(2))
    with raising(rig, name, 0):
        rig.tick()
    assert rig.sent[-1] == [None, None]
    rig.ready()
    rig.schedule("day_ahead", 60.0)
    rig.run(5)
    assert rig.power == pytest.approx([30.0, 30.0])


def test_the_command_of_a_failed_command_stage_is_a_stop() -> None:
    rig = running()
    with raising(rig, "command", 2):
        rig.tick()
    for command in rig.sent[-1]:
        assert command is not None
        assert command.mode is Mode.STOP
        assert command.power_kw == 0.0
        assert "stage of the chain failed" in command.reason


def test_several_stages_at_once_set_several_bits() -> None:
    rig = running()
    with raising(rig, "snapshot", 0), raising(rig, "limits", 0), raising(rig, "ramp", 0):
        frame = rig.tick()
    assert (frame["fault"] == 1 << 0 | 1 << 2 | 1 << 6).all()
    assert rig.power == [0.0, 0.0]


def test_a_tap_that_raises_is_reported_and_harms_nothing() -> None:
    rig = running()

    def tap(_frame: Frame) -> None:
        raise Broken("a tap")

    rig.stages[3].taps = (tap,)
    power = rig.power
    rig.tick()
    assert rig.power == power
    assert [name for name, _ in rig.errors] == ["ancillary.tap"]
    assert (rig.frame["fault"] == 0).all()


def test_fault_bits_do_not_outlive_their_tick() -> None:
    rig = running()
    with raising(rig, "resolve", 0):
        rig.tick()
    assert (rig.tick().codes[r.FAULT] == 0).all()
