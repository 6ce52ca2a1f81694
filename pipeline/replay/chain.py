"""The production graph on recorded samples: `frame[k] = chain(sample[k], documents held, frame[k−1])`, nothing else.

    chunk ─► past, documents ─► per tick: sample ─restore─► snapshot ─► stages ─seal─► frame

The entry, the stages and the fold are those of a process; there are no writers, outputs or clocks. A chunk brings its
own past, so that a replay may begin at any tick, and what a recording lost ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from jit.frame import I8, Frame
from operators.offers import Offers
from operators.stage import Stage
from pipeline.chain import Entry, stages
from pipeline.compile import Compiled
from pipeline.graph import build, check, fold
from sources.recording import chunk as recorded
from sources.recording.chunk import Chunk
from sources.recording.documents import Document
from sources.recording.form import tick_of
from sources.recording.recording import Recording
from sources.schedule import Schedule
from sources.tick import Tick


class Replayer:
    """Computes recorded ticks anew. `errors`: stages that raised, each with its exception."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.errors: list[tuple[str, Exception]] = []
        self.entry = Entry(compiled, armed=False, dropped=lambda *_: None, failed=self._failed)
        self.stages: tuple[Stage, ...] = stages(compiled, lambda: 0.0, self._failed)
        graph = build(compiled.layout, ("signals",), self.stages, (), ())
        check(graph, compiled.layout)
        fold(self.entry.frames, graph, self._sealed, {}, self._failed)
        self._made: list[Frame] = []

    def _failed(self, node: str, error: Exception) -> None:
        self.errors.append((node, error))

    def _sealed(self, frame: Frame) -> None:
        self.entry.snapshot.past = frame.past()
        self._made.append(frame)

    def begin(self, chunk: Chunk, place: int = 0) -> None:
        """Hold what was held before the tick at `place` of a chunk."""
        snapshot = self.entry.snapshot
        snapshot.past = chunk.past_at(place)
        snapshot.offers.hold(chunk.held)
        for documents in chunk.documents[1:place]:
            self.hears(snapshot.offers, documents)

    def tick(self, chunk: Chunk, place: int) -> Frame:
        """The frame of a tick, from its sample and what is held. RuntimeError when the chain made none."""
        row = chunk.rows[place]
        self.hear(chunk, place)
        tick, armed, _ = tick_of(row)
        return self.compute(tick, row[chunk.form.sample], armed=armed)

    def hear(self, chunk: Chunk, place: int) -> None:
        """Documents that came before this tick; what a chunk begins with includes those of its first one."""
        if place:
            self.hears(self.entry.snapshot.offers, chunk.documents[place])

    def compute(self, tick: Tick, words: I8, *, armed: bool) -> Frame:
        """The frame of a tick that finds this sample."""
        snapshot = self.entry.snapshot
        snapshot.armed = armed
        snapshot.newest.words[:] = words
        self.entry.signals.on_next(tick)
        if not self._made:
            raise RuntimeError(f"tick {tick.index} made no frame: {self.errors[-1:]}")
        return self._made.pop()

    def frames(self, chunk: Chunk, start: int = 0) -> Iterator[Frame]:
        """Every frame of a chunk from `start` on, each with the computed one before it as its past."""
        self.begin(chunk, start)
        for place in range(start, len(chunk)):
            yield self.tick(chunk, place)

    def from_recorded(self, chunk: Chunk, start: int = 0) -> Iterator[Frame]:
        """The same, each with the recorded frame before it: a difference stays where it arose."""
        self.begin(chunk, start)
        for place in range(start, len(chunk)):
            self.entry.snapshot.past = chunk.past_at(place)
            yield self.tick(chunk, place)

    @staticmethod
    def hears(offers: Offers, documents: tuple[Document, ...]) -> None:
        for document in documents:
            if isinstance(document, Schedule):
                offers.accept(document)
            else:
                offers.withdraw(document)


def replayed(
    recording: Recording, compiled: Compiled, *, start: int | None = None
) -> Iterator[tuple[recorded.Entry, Frame]]:
    """Every tick from `start` (ns) on: what was recorded, and the frame that comes out of it now."""
    replayer = Replayer(compiled)
    for chunk in recording.chunks(start):
        first = chunk.first(start)
        for place, frame in enumerate(replayer.frames(chunk, first), first):
            yield chunk.entry(place), frame
