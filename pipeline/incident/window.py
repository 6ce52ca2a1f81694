"""The window of a recording that is to become a test: consecutive ticks of one boot, and what the one before left.

    … past │ tick 0 │ tick 1 │ … │ tick n−1      sample and sealed frame of each

Raises `UnfitError` for what no test can say: ticks that are missing or late, a clock that was not trusted, schedules
that ask for reactive power, commands by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jit import rows as r
from jit.codes import Act
from jit.constants import MUST_PROVE
from jit.frame import F8, I8, Frame, Past
from pipeline.compile import Compiled
from pipeline.replay.report import compiled_of
from pipeline.whatif.loop import framed
from sources.recording.chunk import Chunk
from sources.recording.form import RecordingError, tick_of
from sources.recording.recording import Recording
from sources.recording.sample import Sample
from sources.tick import Tick

#: A tick later or earlier than its cycle by more than this (s) is another tick than a test has.
LATE_S = 0.05


class UnfitError(Exception):
    """The window cannot be said as a test. The text says which tick and why."""


@dataclass(frozen=True, slots=True)
class Window:
    """`ticks`, `samples`, `frames` of equal length; `past` of the first."""

    compiled: Compiled
    past: Past
    armed: bool
    ticks: tuple[Tick, ...]
    samples: tuple[Sample, ...]
    frames: tuple[Frame, ...]

    @property
    def cycle(self) -> float:
        return self.compiled.definition.site.cycle

    def points(self) -> tuple[F8, I8]:
        """What was read, and its quality: [ticks, points]."""
        return np.stack([one.points for one in self.samples]), np.stack([one.quality for one in self.samples])


def window(recording: Recording, lasts_s: float, until_ns: int | None) -> Window:
    """The last `lasts_s` up to an instant. RecordingError, LookupError as the recording; UnfitError."""
    last, place = recording.find(utc_ns=2**63 - 1 if until_ns is None else until_ns)
    compiled = compiled_of(last.header)
    wanted = round(lasts_s / compiled.definition.site.cycle) + 1
    rows = _rows(recording, last, place, wanted)
    chunk, first = rows[0]
    _whole(rows, compiled.definition.site.cycle)
    found = Window(
        compiled,
        chunk.past_at(first),
        tick_of(chunk.rows[first])[1],
        tuple(tick_of(chunk.rows[place])[0] for chunk, place in rows),
        tuple(chunk.entry(place).sample for chunk, place in rows),
        tuple(framed(chunk.stored(place), compiled) for chunk, place in rows),
    )
    _sayable(found)
    return found


def _rows(recording: Recording, last: Chunk, place: int, wanted: int) -> list[tuple[Chunk, int]]:
    """The ticks of the boot that ran then, oldest first."""
    end_ns, rows = int(last.rows[place, 1]), list[tuple[Chunk, int]]()
    for part in recording.parts:
        if part.header.boot == last.header.boot and part.header.layout.digest == last.header.layout.digest:
            for chunk in part.chunks(None, end_ns):
                rows += [(chunk, i) for i in range(len(chunk)) if chunk.rows[i, 1] <= end_ns]
                rows = rows[-wanted:]
    if len(rows) < 2:
        raise RecordingError("the recording has not two ticks there")
    return rows


def _whole(rows: list[tuple[Chunk, int]], cycle: float) -> None:
    armed = {tick_of(chunk.rows[place])[1] for chunk, place in rows}
    if len(armed) > 1:
        raise UnfitError("the process was armed within the window")
    before: Tick | None = None
    for chunk, place in rows:
        tick = tick_of(chunk.rows[place])[0]
        if before is not None and tick.index != before.index + 1:
            raise UnfitError(f"after tick {before.index} {tick.index - before.index - 1} ticks were not recorded")
        if before is not None and abs(tick.dt_s - cycle) > LATE_S * max(1.0, cycle):
            raise UnfitError(f"tick {tick.index} came {tick.dt_s:.3f} s after the one before; a test has {cycle:g} s")
        if before is not None and abs((tick.utc_ns - before.utc_ns) / 1e9 - tick.dt_s) > LATE_S:
            raise UnfitError(f"the clock was set before tick {tick.index}")
        if not tick.trusted:
            raise UnfitError(f"at tick {tick.index} the machine's clock was not trusted")
        before = tick


def _sayable(found: Window) -> None:
    layout = found.compiled.layout
    first, _, _ = r.request_rows()
    kvar = slice(first + len(layout.requests), first + 2 * len(layout.requests))
    must = found.compiled.constants.masks[MUST_PROVE]
    for tick, sample, frame in zip(found.ticks, found.samples, found.frames, strict=True):
        if (sample.acts & int(Act.MANUAL)).any():
            raise UnfitError(f"at tick {tick.index} somebody ran an asset by hand")
        if np.isfinite(frame.values[kvar]).any():
            raise UnfitError(f"at tick {tick.index} a schedule asks for reactive power")
        if frame.codes[r.FAULT].any():
            raise UnfitError(f"at tick {tick.index} a stage of the chain failed")
        if (sample.proved & must != must).any():
            raise UnfitError(f"at tick {tick.index} a device had not proved its identity or its reversion yet")
