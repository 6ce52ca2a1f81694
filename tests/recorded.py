"""A recorded rig: the production chain on a virtual clock, and the recorder that stands beside it in a process.

    rig, recorder = recorded(tmp_path); rig.run(60); recorder.store.close()
    Recording.open(tmp_path)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jit.build import version
from jit.frame import Frame
from sinks.recording.recorder import CHUNK, Recorder
from sinks.recording.store import Keeping, Store
from sources.recording.form import Form
from sources.recording.header import Header, describe
from tests.rig import Rig


class Inline(Recorder):
    """Writes at the end of every tick, in the same thread."""

    def offer(self, frame: Frame) -> None:
        super().offer(frame)
        while self._queue:
            packet = self._queue.popleft()
            self._waiting -= len(packet.raw)
            if not self.store.append(packet):
                self._failed(packet.tick)

    def begin_a_chunk(self) -> None:
        """The next tick begins a chunk."""
        self._since_key = CHUNK


def header_of(rig: Rig) -> Header:
    compiled = rig.compiled
    of = compiled.definition, compiled.profiles, compiled.layout
    return describe(*of, version="0", kernels=version(), boot="boot")


def recorded(folder: Path, keeping: Keeping | None = None, **how: Any) -> tuple[Rig, Inline]:
    """A rig whose every tick is written to `folder`."""
    rig = Rig(**{"leaps": False, **how})
    recorder = Inline("rig", Store(folder, header_of(rig), keeping or Keeping()), Form(rig.compiled.layout))
    rig.entry.snapshot.witnesses = (recorder,)
    rig.watchers.append(recorder.offer)
    return rig, recorder
