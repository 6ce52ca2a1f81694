"""The recordings of a process: what each writes, where, and its numbers for a scrape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from config.definition import Definition, RecordingOutput
from jit.build import version as kernels
from pipeline.compile import Compiled
from sinks.metrics import Metrics
from sinks.recording.recorder import Recorder
from sinks.recording.store import Keeping, Store
from sources.recording.form import Form
from sources.recording.header import describe

MB = 1_000_000


def recorders(
    definition: Definition, compiled: Compiled, directory: Path, *, version: str, boot: str
) -> dict[str, Recorder]:
    """One per output of type recording; nothing is opened before the first tick."""
    made: dict[str, Recorder] = {}
    for name, output in definition.outputs.items():
        if isinstance(output, RecordingOutput):
            header = describe(
                definition, compiled.profiles, compiled.layout, version=version, kernels=kernels(), boot=boot
            )
            keeping = Keeping(output.rotate, round(output.rotate_size * MB), round(output.quota * MB))
            folder = directory / name if output.folder is None else Path(output.folder)
            made[name] = Recorder(name, Store(folder, header, keeping), Form(compiled.layout))
    return made


def read_recordings(metrics: Metrics, made: Mapping[str, Recorder]) -> None:
    """Ticks written and lost, and the bytes of all files, asked for at each scrape."""
    for name, text, number in (
        ("bess_recording_ticks", "Ticks written", lambda one: one.store.written),
        ("bess_recording_lost", "Ticks not written: the disk failed, was full or too slow", lambda one: one.lost),
        ("bess_recording_bytes", "Bytes of all files", lambda one: one.store.used_bytes),
    ):
        metrics.read(name, text, "output", partial(_of_each, made, number))


def _of_each(made: Mapping[str, Recorder], number: Callable[[Recorder], float]) -> dict[str, float]:
    return {name: float(number(recorder)) for name, recorder in made.items()}
