"""The recorder beside a tick: bounded, never waiting, and marked where it had to let go."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pipeline.replay.report import replay
from sinks.recording import recorder as module
from sinks.recording.recorder import Recorder
from sinks.recording.store import Packet, Store
from sources.recording.form import Form
from sources.recording.recording import Recording
from sources.tick import Tick
from tests.real.until import until
from tests.recorded import header_of
from tests.rig import Rig


def beside(rig: Rig, folder: Path) -> Recorder:
    recorder = Recorder("rig", Store(folder, header_of(rig)), Form(rig.compiled.layout))
    rig.entry.snapshot.witnesses = (recorder,)
    rig.watchers.append(recorder.offer)
    return recorder


async def test_what_was_offered_is_in_the_file_when_it_is_closed(tmp_path: Path) -> None:
    rig = Rig(leaps=False)
    recorder = beside(rig, tmp_path)
    task = asyncio.create_task(recorder.run())
    for _ in range(40):
        rig.tick()
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    await recorder.close()
    assert [entry.tick.index for entry in Recording.open(tmp_path)] == list(range(40))
    assert replay(Recording.open(tmp_path)).identical


async def test_a_batch_that_waits_for_the_thread_when_the_task_is_cancelled_is_written(tmp_path: Path) -> None:
    """The last ticks before an end are those that somebody wants to see."""
    rig = Rig(leaps=False)
    recorder = beside(rig, tmp_path)
    gate = threading.Event()
    held = asyncio.get_running_loop().run_in_executor(recorder._thread, gate.wait)
    task = asyncio.create_task(recorder.run())
    for _ in range(3):
        rig.tick()
    await until(lambda: recorder._out == 3)
    task.cancel()
    await asyncio.wait({task})
    gate.set()
    await held
    await recorder.close()
    assert [entry.tick.index for entry in Recording.open(tmp_path)] == [0, 1, 2]


async def test_a_disk_that_hangs_costs_ticks_of_the_recording_and_no_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule 9: the queue is bounded; what found no room is counted, and the recording says so when the disk is back."""
    monkeypatch.setattr(module, "WAITING_BYTES", 40_000)
    rig = Rig(leaps=False)
    recorder = beside(rig, tmp_path)
    gate, write = threading.Event(), Store.append

    def hangs(self: Store, packet: Packet) -> bool:
        gate.wait()
        return write(self, packet)

    monkeypatch.setattr(Store, "append", hangs)
    task = asyncio.create_task(recorder.run())
    await asyncio.sleep(0)
    rig.run(100)
    await asyncio.sleep(0)
    rig.run(100)
    assert rig.frame.tick == 199
    assert recorder.problem == "the disk is too slow"
    assert recorder.lost > 150
    gate.set()
    for _ in range(3):  # behind what hung, and behind what had gathered meanwhile
        await asyncio.get_running_loop().run_in_executor(recorder._thread, int)
        await asyncio.sleep(0)
    rig.run(1)
    assert recorder.problem == ""
    task.cancel()
    await asyncio.wait({task})
    await recorder.close()
    chunks = list(Recording.open(tmp_path).chunks())
    assert sum(chunk.lost for chunk in chunks) == recorder.lost
    assert chunks[-1].reason == "the disk was too slow"
    assert replay(Recording.open(tmp_path)).identical


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.recorded import recorded
rig, recorder = recorded(Path(sys.argv[1]))
rig.run(30)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_every_tick_that_it_wrote(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    recording = Recording.open(tmp_path)
    assert [entry.tick.index for entry in recording] == list(range(30))
    assert not recording.parts[0].whole
    assert replay(recording).identical


def test_a_tick_without_a_frame_is_left_out_and_the_rest_is_exact(tmp_path: Path) -> None:
    """What was sampled and came to nothing is in no frame: the next tick starts from the frame before it."""
    rig = Rig(leaps=False)
    recorder = beside(rig, tmp_path)
    rig.run(5)
    recorder.sampled(Tick(rig.index, rig.now_s, rig.now_ns, 1.0), rig.entry.snapshot)
    rig.run(5)
    asyncio.run(recorder.close())
    assert len(list(Recording.open(tmp_path))) == 10
    assert replay(Recording.open(tmp_path)).identical
