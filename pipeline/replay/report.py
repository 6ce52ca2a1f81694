"""Replay of a recording with the definition it holds: is every sealed frame what it was, byte for byte?

    Recording ─► Replayer ─► frames, compared a chunk at a time ─► Report: ticks, digest, first differences

`digest` is BLAKE2b over all recomputed frames: two replays that print the same one computed the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any

from jit.build import version
from jit.frame import Frame
from jit.twins import direct
from pipeline.compile import Compiled, compile_definition
from pipeline.replay.chain import Replayer
from pipeline.replay.compared import Difference, bytes_of, difference
from sources.instant import format_utc
from sources.recording.chunk import Chunk
from sources.recording.form import RecordingError
from sources.recording.header import Header
from sources.recording.recording import Recording

SHOWN = 10

Watch = Callable[[Frame], None]


@dataclass(slots=True)
class Report:
    """`ticks` were compared, `different` of them differ, `lost` were never recorded; at most `SHOWN` are described."""

    ticks: int = 0
    different: int = 0
    lost: int = 0
    from_ns: int | None = None
    to_ns: int | None = None
    digest: str = ""
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def identical(self) -> bool:
        return self.different == 0

    def as_json(self) -> dict[str, Any]:
        return {
            "identical": self.identical,
            "ticks": self.ticks,
            "different": self.different,
            "lost": self.lost,
            "from": None if self.from_ns is None else format_utc(self.from_ns),
            "to": None if self.to_ns is None else format_utc(self.to_ns),
            "digest": self.digest,
            "differences": [one.as_json() | {"at": format_utc(one.utc_ns)} for one in self.differences],
            "notes": self.notes,
        }


def replay(
    recording: Recording, *, from_ns: int | None = None, to_ns: int | None = None, watch: Watch | None = None
) -> Report:
    """Compute every tick of [from_ns, to_ns] anew. `watch` sees each of them. RecordingError for what cannot be run."""
    report, hashed = Report(), blake2b(digest_size=16)
    with direct():
        for replayer, chunk in _work(recording, report, from_ns, to_ns):
            first, last = chunk.first(from_ns), chunk.past_last(to_ns)
            if first < last:
                _seen(report, chunk, first, last)
                hashed.update(_compare(replayer, chunk, first, last, report, watch))
    report.digest = hashed.hexdigest()
    return report


def _work(
    recording: Recording, report: Report, from_ns: int | None, to_ns: int | None
) -> Iterator[tuple[Replayer, Chunk]]:
    """Chunks with the chain that they need; files of one definition share it."""
    replayers: dict[tuple[str, str], Replayer] = {}
    report.notes += recording.unreadable
    for part in recording.parts:
        header = part.header
        key = header.definition_hash, part.form.layout.digest
        if not part.whole:
            report.notes.append(f"{part.path.name} was not closed: it is read up to its last whole tick")
        if key not in replayers:
            replayers[key] = Replayer(compiled_of(header))
            if header.kernels != version():
                report.notes.append(f"recorded by kernels {header.kernels}, replayed by {version()}")
        for number in part.numbers(from_ns, to_ns):
            try:
                chunk = part.chunk(number)
            except RecordingError as error:
                report.notes.append(str(error))
                continue
            yield replayers[key], chunk


def compiled_of(header: Header) -> Compiled:
    """What ran, compiled again. RecordingError when this version would lay its frames out otherwise."""
    definition, profiles = header.definition
    compiled = compile_definition(definition, profiles)
    if compiled.layout.digest != header.layout.digest:
        raise RecordingError(
            f"it was recorded by version {header.version} ({header.kernels}), whose frames have other rows:"
            " replay it with that version"
        )
    return compiled


def _seen(report: Report, chunk: Chunk, first: int, last: int) -> None:
    report.ticks += last - first
    report.lost += chunk.lost if first == 0 and report.from_ns is not None else 0
    report.from_ns = int(chunk.rows[first, 1]) if report.from_ns is None else report.from_ns
    report.to_ns = int(chunk.rows[last - 1, 1])


def _compare(
    replayer: Replayer, chunk: Chunk, first: int, last: int, report: Report, watch: Watch | None
) -> bytes:
    """The frames of [first, last) in bytes; what differs goes into the report."""
    frames = []
    for frame in islice(replayer.frames(chunk, first), last - first):
        frames.append(bytes_of(frame))
        if watch is not None:
            watch(frame)
    raw = b"".join(frames)
    if raw != chunk.rows[first:last, chunk.form.frame].tobytes():
        _describe(replayer, chunk, first, last, report)
    return raw


def _describe(replayer: Replayer, chunk: Chunk, first: int, last: int, report: Report) -> None:
    """Once more, every tick from the recorded past: a difference is told where it arose, not where it led."""
    order: Sequence[str] = [stage.id for stage in replayer.stages]
    for place, frame in zip(range(first, last), replayer.from_recorded(chunk, first), strict=False):
        found = difference(chunk, place, frame, order)
        if found is not None:
            report.different += 1
            if len(report.differences) < SHOWN:
                report.differences.append(found)
