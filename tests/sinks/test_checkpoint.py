"""The checkpoint: what latches survives a restart, whatever the disk does and whatever the file holds."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jit.codes import Latch, Permit
from jit.frame import Past, first_past
from sinks import checkpoint as module
from sinks.checkpoint import Checkpoint, restore, store
from sources.act import ActKind
from tests.real.until import until
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SM-003", "LH-OPS-003", "LH-NF-004")]


def latched(assets: int = 2) -> Rig:
    rig = Rig(site(assets)).ready()
    rig.batteries["b1"].alarms = 1.0
    rig.act(ActKind.LOCK_OUT, f"b{assets}")
    rig.run(3)
    return rig


def codes(past: Past, rig: Rig, row: str) -> list[int]:
    found: list[int] = past.codes[rig.compiled.layout.code_index[row]].tolist()
    return found


def test_what_latches_is_carried_and_nothing_else(tmp_path: Path) -> None:
    rig = latched()
    store(tmp_path / "c", rig.frame.to_bytes())
    past = restore(tmp_path / "c", rig.compiled.layout)
    assert codes(past, rig, "latch") == [Latch.ALARM, 0]
    assert codes(past, rig, "locked") == [Permit.NO, Permit.YES]
    assert codes(past, rig, "state") == [0, 0]
    assert codes(past, rig, "settled") == [0, 0]
    assert codes(past, rig, "authority") == [0, 0]
    assert np.isnan(past.values).all()
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_first_start_knows_nothing(tmp_path: Path) -> None:
    rig = Rig(site())
    past = restore(tmp_path / "none", rig.compiled.layout)
    assert (past.codes == first_past(rig.compiled.layout).codes).all()


def test_assets_that_came_and_went_are_matched_by_name(tmp_path: Path) -> None:
    rig = latched(1)
    store(tmp_path / "c", rig.frame.to_bytes())
    bigger = Rig(site(3))
    assert codes(restore(tmp_path / "c", bigger.compiled.layout), bigger, "latch") == [Latch.ALARM, 0, 0]
    store(tmp_path / "d", latched(2).frame.to_bytes())
    assert codes(restore(tmp_path / "d", rig.compiled.layout), rig, "latch") == [Latch.ALARM]


GOOD = latched().frame.to_bytes()
HEADER, _, BODY = GOOD.partition(b"\n")


def header(**changes: object) -> bytes:
    return json.dumps(json.loads(HEADER) | changes).encode() + b"\n" + BODY


BAD: dict[str, bytes] = {
    "empty": b"",
    "no line": GOOD[:50].replace(b"\n", b""),
    "half a header": HEADER[:40] + b"\n" + BODY,
    "torn": GOOD[:-9],
    "only a header": HEADER + b"\n",
    "text": b"hello\nworld",
    "a list": b"[]\n",
    "a number": b"17\n",
    "bytes": bytes(range(256)) * 40,
    "deep": b"[" * 100_000 + b"\n",
    "no shapes": b"{}\n" + BODY,
    "a shape of words": header(shapes={"values": ["a", "b"]}),
    "negative shapes": header(shapes={name: [-1, -1] for name in json.loads(HEADER)["shapes"]}),
    "huge shapes": header(shapes={name: [10**12, 10**12] for name in json.loads(HEADER)["shapes"]}),
    "no assets": header(assets=None),
    "more rows than there are": header(code_rows=["x"] * 500 + json.loads(HEADER)["code_rows"]),
    "assets that are lists": header(assets=[["b1"], ["b2"]]),
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_read_latches_every_asset_until_somebody_has_seen_it(raw: bytes, tmp_path: Path) -> None:
    rig = Rig(site(2))
    (tmp_path / "c").write_bytes(raw)
    past = restore(tmp_path / "c", rig.compiled.layout)
    assert all(codes(past, rig, "latch"))
    running = Rig(site(2), past=past).ready()
    running.schedule("day_ahead", 100.0)
    running.run(20)
    assert all(command is None or command.power_kw == 0.0 for commands in running.sent for command in commands)
    running.act(ActKind.ACKNOWLEDGE)
    running.act(ActKind.ACTIVATE)
    running.run(10)
    assert sum(running.power) == pytest.approx(100.0, abs=0.3)


def test_an_unreadable_file_is_a_folder_too(tmp_path: Path) -> None:
    rig = Rig(site())
    assert all(codes(restore(tmp_path, rig.compiled.layout), rig, "latch"))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6), end=st.integers(0, 64))
def test_no_damage_keeps_the_process_from_starting(cuts: list[tuple[int, int]], end: int, tmp_path: Path) -> None:
    raw = bytearray(GOOD[: len(GOOD) - end] if end else GOOD)
    for at, byte in cuts:
        raw[at % len(raw)] = byte
    (tmp_path / "c").write_bytes(bytes(raw))
    rig = Rig(site(2))
    past = restore(tmp_path / "c", rig.compiled.layout)
    assert past.codes.shape == first_past(rig.compiled.layout).codes.shape


# --- writing ----------------------------------------------------------------------------------------------------------


async def test_it_writes_when_a_latch_changed_and_only_then(tmp_path: Path) -> None:
    rig = Rig(site()).ready()
    point = Checkpoint(tmp_path / "c", rig.compiled.layout)
    task = asyncio.create_task(point.run())
    try:
        point.offer(rig.frame)
        await until(lambda: point.sink.delivered == 1)
        for _ in range(20):
            point.offer(rig.tick())
        assert point.sink.offered == 1
        rig.batteries["b1"].alarms = 1.0
        point.offer(rig.tick())
        await until(lambda: point.sink.delivered == 2)
        assert codes(restore(tmp_path / "c", rig.compiled.layout), rig, "latch") == [Latch.ALARM]
        assert point.errors == 0
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_disk_that_refuses_is_counted_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(site()).ready()
    point = Checkpoint(tmp_path / "c", rig.compiled.layout)
    full = True
    real = store

    def refusing(path: Path, raw: bytes) -> None:
        if full:
            raise OSError(28, "no space left on device")
        real(path, raw)

    monkeypatch.setattr(module, "store", refusing)
    task = asyncio.create_task(point.run())
    try:
        point.offer(rig.frame)
        await until(lambda: point.errors == 1)
        assert "no space left" in point.problem
        full = False
        point.offer(rig.tick())
        await until(lambda: point.sink.delivered == 1)
        assert point.problem == ""
        assert (tmp_path / "c").is_file()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(site()).ready()
    store(tmp_path / "c", rig.frame.to_bytes())
    kept = (tmp_path / "c").read_bytes()

    def broken(_fd: int) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="input/output"):
        store(tmp_path / "c", rig.tick().to_bytes())
    assert (tmp_path / "c").read_bytes() == kept


def test_a_timer_that_survives_a_restart_is_on_disk_once_a_minute(tmp_path: Path) -> None:
    rig = Rig(site()).ready()
    point = Checkpoint(tmp_path / "c", rig.compiled.layout)
    for _ in range(130):
        point.offer(rig.tick())
    assert point.sink.offered == 3
