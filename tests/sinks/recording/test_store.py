"""The folder of a recording: torn, rotated, full, foreign; what was written before is always there."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sinks.recording.store import Keeping, Store
from sources.recording.form import SUFFIX, RecordingError
from sources.recording.part import Part
from sources.recording.recording import Recording
from tests.recorded import Inline, recorded
from tests.rig import Rig


def the_file(folder: Path) -> Path:
    return next(folder.glob(f"*{SUFFIX}"))


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, np.ndarray[Any, Any]]:
    """A closed file of 25 ticks, and its rows."""
    rig, recorder = recorded(tmp_path)
    rig.run(25)
    recorder.store.close()
    return the_file(tmp_path), np.concatenate([chunk.rows for chunk in Part.open(the_file(tmp_path)).chunks()])


@pytest.mark.req("LH-TEST-004")
def test_a_file_torn_at_any_byte_loses_its_last_tick_at_most(
    whole: tuple[Path, np.ndarray[Any, Any]], tmp_path: Path
) -> None:
    """Every length from the end of the header on: what is read is a prefix, and it is as long as it can be."""
    raw, rows = whole[0].read_bytes(), whole[1]
    torn = tmp_path / f"torn{SUFFIX}"
    ends = record_ends(raw)
    for length in range(ends[0], len(raw)):
        torn.write_bytes(raw[:length])
        part = Part.open(torn)
        read = [chunk.rows for chunk in part.chunks()] if length >= ends[2] else []
        found = np.concatenate(read) if read else rows[:0]
        whole_ticks = sum(end <= length for end in ends[2:-1])
        assert np.array_equal(found, rows[: len(found)])
        assert len(found) == whole_ticks, length


def record_ends(raw: bytes) -> list[int]:
    """Where records end: header, key, 25 ticks, index."""
    ends, at = [], 8
    while at + 8 <= len(raw) - 16:
        at += 8 + (int.from_bytes(raw[at : at + 4], "little") & (1 << 28) - 1)
        ends.append(at)
    return ends


def test_a_byte_that_rots_ends_its_chunk_and_no_other(tmp_path: Path) -> None:
    rig, recorder = recorded(tmp_path)
    rig.run(10)
    recorder.begin_a_chunk()
    rig.run(10)
    recorder.store.close()
    file = the_file(tmp_path)
    raw = bytearray(file.read_bytes())
    raw[record_ends(bytes(raw))[5] + 12] ^= 0x40
    file.write_bytes(raw)
    assert [len(chunk) for chunk in Part.open(file).chunks()] == [4, 10]


def test_a_file_without_an_index_has_the_same_chunks(whole: tuple[Path, np.ndarray[Any, Any]]) -> None:
    closed = Part.open(whole[0])
    whole[0].write_bytes(whole[0].read_bytes()[:-1])
    open_ = Part.open(whole[0])
    assert (closed.whole, open_.whole) == (True, False)
    assert open_.places == closed.places


def test_a_full_disk_costs_ticks_which_are_counted_and_marked(tmp_path: Path) -> None:
    """Half a record fits before the disk is full: the file ends with a whole tick, the next one says what is lost."""
    rig, recorder = recorded(tmp_path)
    rig.run(10)
    heal = full(recorder.store, after_bytes=30)
    rig.run(10)
    heal()
    assert recorder.store.problem == "No space left on device"
    assert recorder.lost == 10
    rig.run(10)
    assert recorder.store.problem == ""
    recorder.store.close()
    recording = Recording.open(tmp_path)
    assert [entry.tick.index for entry in recording] == [*range(10), *range(20, 30)]
    chunks = list(recording.chunks())
    assert (chunks[-1].lost, chunks[-1].reason) == (10, "No space left on device")


def full(store: Store, after_bytes: int) -> Callable[[], None]:
    """The disk takes so many bytes more. Returns what frees it."""
    honest, left = Store._write, [after_bytes]

    def write(self: Store, raw: bytes) -> None:
        if left[0] < len(raw):
            honest(self, raw[: left[0]])
            self._size -= left[0]
            left[0] = 0
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= len(raw)
        honest(self, raw)

    patch = pytest.MonkeyPatch()
    patch.setattr(Store, "_write", write)
    return patch.undo


def test_a_folder_that_cannot_be_made_harms_no_tick(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    rig, recorder = recorded(tmp_path / "file" / "folder")
    rig.run(5)
    assert len(rig.frames) == 5
    assert not rig.errors
    assert "Not a directory" in recorder.store.problem


def test_files_are_rotated_by_age_and_each_stands_for_itself(tmp_path: Path) -> None:
    rig, recorder = chunked(tmp_path, Keeping(rotate_s=20.0))
    rig.run(60)
    recorder.store.close()
    parts = Recording.open(tmp_path).parts
    assert len(parts) == 3
    assert all(part.whole for part in parts)
    assert [entry.tick.index for entry in Recording.open(tmp_path)] == list(range(60))


def test_the_oldest_whole_files_are_deleted_when_the_quota_is_reached(tmp_path: Path) -> None:
    rig, recorder = chunked(tmp_path, Keeping(rotate_bytes=1, quota_bytes=60_000))
    rig.run(200)
    recorder.store.close()
    recording = Recording.open(tmp_path)
    kept = [entry.tick.index for entry in recording]
    assert kept == list(range(kept[0], 200))
    assert kept[0] > 0
    assert sum(part.path.stat().st_size for part in recording.parts) < 60_000 + 20_000  # and what is being written


def chunked(folder: Path, keeping: Keeping) -> tuple[Rig, Inline]:
    """A chunk every ten ticks."""
    rig, recorder = recorded(folder, keeping)

    def begin(frame: Any) -> None:
        if frame.tick % 10 == 9:
            recorder.begin_a_chunk()

    rig.watchers.append(begin)
    return rig, recorder


def test_a_second_process_in_the_same_second_takes_another_name(tmp_path: Path) -> None:
    for _ in range(2):
        rig, recorder = recorded(tmp_path)
        rig.run(3)
        recorder.store.close()
    assert len(list(tmp_path.glob(f"*{SUFFIX}"))) == 2


def test_files_that_are_no_recordings_are_left_out_of_a_folder_by_name(tmp_path: Path) -> None:
    rig, recorder = recorded(tmp_path)
    rig.run(3)
    recorder.store.close()
    (tmp_path / f"foreign{SUFFIX}").write_bytes(b"PK\x03\x04 not ours")
    recording = Recording.open(tmp_path)
    assert len(recording.parts) == 1
    assert "foreign" in recording.unreadable[0]
    with pytest.raises(RecordingError, match="no recording"):
        Part.open(tmp_path / f"foreign{SUFFIX}")
