"""What was recorded is read back: every word, every document, from any tick, out of whole and torn files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jit.frame import MATRICES
from sources.recording.form import SUFFIX, RecordingError
from sources.recording.recording import Recording, table
from sources.recording.sample import Sample
from sources.schedule import Schedule, ScheduleType, Withdrawal
from tests.recorded import recorded
from tests.rig import Rig, site


def a_minute(folder: Path, **how: Any) -> tuple[Rig, list[bytes]]:
    """60 ticks; the matrices of every frame in bytes."""
    rig, recorder = recorded(folder, **how)
    frames: list[bytes] = []
    rig.watchers.append(lambda frame: frames.append(b"".join(getattr(frame, name).tobytes() for name in MATRICES)))
    rig.run(20)
    rig.schedule("day_ahead", 80.0)
    rig.run(20)
    rig.signal(Withdrawal(ScheduleType.DAY_AHEAD, None))
    rig.run(20)
    recorder.store.close()
    return rig, frames


@pytest.mark.req("LH-TEST-004")
def test_every_frame_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    rig, frames = a_minute(tmp_path, definition=site(2))
    read = list(Recording.open(tmp_path))
    assert [entry.tick.index for entry in read] == list(range(60))
    assert [b"".join(entry.frame.matrices[name].tobytes() for name in MATRICES) for entry in read] == frames
    assert read[-1].frame.header["assets"] == rig.compiled.layout.assets


def test_documents_stand_at_the_tick_that_first_knew_them(tmp_path: Path) -> None:
    a_minute(tmp_path)
    said = {entry.tick.index: entry.documents for entry in Recording.open(tmp_path) if entry.documents}
    assert list(said) == [20, 40]
    assert isinstance(said[20][0], Schedule)
    assert said[20][0].windows[0].power_kw == 80.0
    assert said[40] == (Withdrawal(ScheduleType.DAY_AHEAD, None),)


def test_the_header_is_enough_to_compile_what_ran(tmp_path: Path) -> None:
    rig, _ = a_minute(tmp_path, definition=site(2, fcr_kw=30.0))
    recording = Recording.open(tmp_path)
    definition, profiles = recording.definition()
    assert definition == rig.compiled.definition
    assert profiles == rig.compiled.profiles
    assert recording.header.layout == rig.compiled.layout


def test_a_tick_is_found_by_its_instant_and_by_its_index(tmp_path: Path) -> None:
    a_minute(tmp_path)
    recording = Recording.open(tmp_path)
    wanted = recording.at(tick=33)
    assert wanted.tick.index == 33
    assert recording.at(utc_ns=wanted.tick.utc_ns + 1).tick == wanted.tick
    with pytest.raises(LookupError):
        recording.at(utc_ns=0)
    with pytest.raises(LookupError):
        recording.at(tick=60)


def test_a_table_has_a_column_per_row_and_knows_the_time(tmp_path: Path) -> None:
    rig, _ = a_minute(tmp_path)
    columns = table(next(tmp_path.glob(f"*{SUFFIX}")), "b1")
    assert columns["at"].dtype == np.dtype("datetime64[ns]")
    assert columns["command_kw"][-21] == 80.0
    assert columns["state"].dtype == np.int64
    assert {len(column) for column in columns.values()} == {60}
    assert set(table(tmp_path, "b1", ("soc_pct",))) == {"at", "tick", "soc_pct"}
    assert columns["site.poc_kw"][-1] == rig.frame.at_site("poc_kw")


def test_a_sample_holds_what_the_snapshot_held() -> None:
    rig = Rig(leaps=False).ready()
    held = rig.entry.snapshot.newest.copy()
    blank = Sample.blank(rig.compiled.layout)
    assert not np.array_equal(held.words, blank.words)
    rig.entry.snapshot.newest.restore(blank)
    assert np.array_equal(rig.entry.snapshot.newest.quality, blank.quality)
    rig.entry.snapshot.newest.restore(held)
    assert np.array_equal(rig.entry.snapshot.newest.words, held.words)


def test_what_is_no_recording_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / f"x{SUFFIX}"
    for raw in (b"", b"BESSREC1", b"BESSREC9" + bytes(100), bytes(4096)):
        file.write_bytes(raw)
        with pytest.raises(RecordingError, match=str(file)):
            Recording.open(file)
    with pytest.raises(RecordingError, match="holds no recording"):
        Recording.open(_empty(tmp_path))


def _empty(folder: Path) -> Path:
    empty = folder / "empty"
    empty.mkdir()
    return empty


def test_a_recording_of_another_schema_is_refused_with_both_numbers(tmp_path: Path) -> None:
    rig, recorder = recorded(tmp_path)
    header = recorder.store.header
    recorder.store.header = replace(header, values={**header.values, "schema": 7})
    rig.run(3)
    recorder.store.close()
    with pytest.raises(RecordingError, match="schema 7, and this version reads schema 1"):
        Recording.open(next(tmp_path.glob(f"*{SUFFIX}")))
