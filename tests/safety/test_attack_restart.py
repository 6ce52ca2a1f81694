"""What a restart may forget, and what it must not: latches, locks, stops, even when the disk lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from jit.codes import Authority, Latch, Permit, State
from sinks.checkpoint import restore, store
from sources.act import ActKind
from tests.rig import Rig


def faulty() -> Rig:
    """A battery that latched on a critical alarm and shows it no longer."""
    rig = Rig().ready()
    rig.schedule("day_ahead", 100.0)
    rig.batteries["b1"].alarms = 1.0
    rig.run(3)
    assert rig.frame["state"][0] == State.FAULT
    return rig


def restarted(folder: Path) -> Rig:
    rig = Rig(past=restore(folder / "checkpoint.frame", Rig().compiled.layout))
    rig.schedule("day_ahead", 100.0)
    rig.run(10)
    return rig


@pytest.mark.req("LH-SM-003", "LH-OPS-004")
@pytest.mark.hazard("row 39")
def test_a_latch_survives(tmp_path: Path) -> None:
    store(tmp_path / "checkpoint.frame", faulty().frame.to_bytes())
    rig = restarted(tmp_path)
    assert rig.frame["state"][0] == State.FAULT
    assert rig.frame["latch"][0] == Latch.ALARM
    assert rig.power == [0.0]


@pytest.mark.req("LH-SM-003", "LH-OPS-004")
@pytest.mark.parametrize("damage", ["empty", "torn", "foreign", "a folder"])
def test_a_checkpoint_that_cannot_be_read_may_have_held_a_latch(tmp_path: Path, damage: str) -> None:
    path, raw = tmp_path / "checkpoint.frame", faulty().frame.to_bytes()
    if damage == "a folder":
        path.mkdir()
    else:
        path.write_bytes({"empty": b"", "torn": raw[: len(raw) // 2], "foreign": b'{"tick":1}\n'}[damage])
    rig = restarted(tmp_path)
    assert rig.frame["state"][0] == State.FAULT
    assert rig.frame["latch"][0] == Latch.FORGOTTEN
    assert rig.power == [0.0]
    rig.run(1)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.run(20)
    assert rig.frame["latch"][0] == Latch.NONE
    assert rig.frame["activated"][0] == Permit.NO
    assert rig.frame["authority"][0] == Authority.SILENT
    rig.act(ActKind.ACTIVATE)
    rig.run(8)
    assert rig.power == [100.0]


@pytest.mark.req("LH-OPS-004")
def test_a_first_start_is_no_lost_memory(tmp_path: Path) -> None:
    assert restarted(tmp_path).power == [100.0]


@pytest.mark.req("LH-SM-001", "LH-OPS-004")
def test_after_a_restart_in_local_nobody_is_surprised(tmp_path: Path) -> None:
    """LOCAL, restart, REMOTE: power comes only after somebody has activated it."""
    rig = Rig().ready()
    rig.batteries["b1"].remote = 0.0
    rig.run(3)
    store(tmp_path / "checkpoint.frame", rig.frame.to_bytes())
    rig = restarted(tmp_path)
    assert rig.frame["authority"][0] == Authority.SILENT
    assert all(command is None for tick in rig.sent for command in tick)
