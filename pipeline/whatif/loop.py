"""A recording lived through with another definition: the chain of NEW in a closed loop with the plant of the recording.

    sample ─► RecordedPlant ─► sample ─► chain of NEW ─► frame ─► RecordedPlant (what it commands)
    recorded frame ─┴───────────────────────────────────┴──► Moment(then, now)

No asyncio and no clock: the instants are the recorded ones. `IncomparableError` says why a recording does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jit.frame import MATRICES, Frame, Past, Stored, carry
from pipeline.compile import Compiled
from pipeline.replay.chain import Replayer
from pipeline.replay.report import compiled_of as compiled_of_header
from pipeline.whatif.plant import RecordedPlant
from sources.recording.chunk import Chunk
from sources.recording.form import RecordingError, tick_of
from sources.recording.recording import Recording
from sources.recording.sample import Sample
from sources.tick import Tick


class IncomparableError(RecordingError):
    """A recording and a definition that cannot be laid side by side, and why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One tick as it was: what the snapshot held, and the frame that came out."""

    tick: Tick
    armed: bool
    sample: Sample
    frame: Frame
    chunk: Chunk
    place: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One tick: what was recorded (`then`) and what would have been (`now`)."""

    then: Frame
    now: Frame
    armed: bool


def compiled_of(recording: Recording) -> Compiled:
    """What ran. Raises `RecordingError` when this version gives it other rows, or when it changed on the way."""
    header = recording.header
    for part in recording.parts[1:]:
        if part.header.definition_hash != header.definition_hash:
            raise IncomparableError(f"{part.path}: another definition ran from here on; take the files one by one")
    return compiled_of_header(header)


def fitting(old: Compiled, new: Compiled) -> None:
    """Raises `IncomparableError` when NEW cannot live on the instants of the recording."""
    then, now = old.definition.site.cycle, new.definition.site.cycle
    if then != now:
        raise IncomparableError(f"site.cycle: {then:g} s was recorded, and the definition says {now:g} s")
    if not set(old.layout.assets) & set(new.layout.assets):
        raise IncomparableError(f"assets: none of {', '.join(new.layout.assets)} is in the recording")


def ticks(
    recording: Recording, compiled: Compiled, from_ns: int | None = None, to_ns: int | None = None
) -> Iterator[Recorded]:
    """The recorded ticks of [from_ns, to_ns]."""
    for chunk in recording.chunks(from_ns, to_ns):
        for place in range(chunk.first(from_ns), chunk.past_last(to_ns)):
            row = chunk.rows[place]
            tick, armed, _ = tick_of(row)
            sample = Sample(chunk.form.layout, row[chunk.form.sample])
            yield Recorded(tick, armed, sample, framed(chunk.stored(place), compiled), chunk, place)


def lived(
    recording: Recording, plant: RecordedPlant, *, from_ns: int | None = None, to_ns: int | None = None
) -> Iterator[Moment]:
    """Every tick of [from_ns, to_ns], then and now. Begins from what the recorded chain remembered."""
    chain, last, then, chunk = Replayer(plant.new), None, None, None
    for one in ticks(recording, plant.old, from_ns, to_ns):
        past = chain.entry.snapshot.past
        if one.chunk is not chunk:
            chunk = one.chunk
            chain.begin(chunk, one.place)  # what is held; the past is another one
        else:
            chain.hear(chunk, one.place)
        if last is None:
            past = plant.renamed.past(chunk.past_at(one.place))
        elif one.place == 0 and chunk.past.tick < 0:  # the process began anew, from what it latched
            past = _remembered(plant, chunk.past, then, last)
            plant.restart()
        then = one.frame
        chain.entry.snapshot.past = past
        last = chain.compute(one.tick, plant.sampled(one.tick, one.sample, one.frame).words, armed=one.armed)
        if chain.errors:
            stage, error = chain.errors[0]
            raise RuntimeError(f"{stage}: {error!r}") from error
        plant.follow(one.frame, last)
        yield Moment(one.frame, last, one.armed)


def framed(stored: Stored, compiled: Compiled) -> Frame:
    """A recorded frame, tied to the layout and the constants that it was made with."""
    header, matrices = stored.header, stored.matrices
    dt = float(header["dt"])
    return Frame(
        tick=int(header["tick"]),
        utc_ns=int(header["utc_ns"]),
        mono_s=0.0,
        dt=dt,
        dt_ramp=min(dt, 2.0 * compiled.definition.site.cycle),
        layout=compiled.layout,
        constants=compiled.constants,
        **{name: matrices[name] for name in MATRICES},
        before=None,
        sealed=True,
    )


def _remembered(plant: RecordedPlant, recorded: Past, then: Frame | None, now: Frame) -> Past:
    """What a start finds: what was found then, and where another latch stood at the end, that one."""
    past, latched = plant.renamed.past(recorded), carry(_stored(now), plant.new.layout)[0]
    before = None if then is None else plant.renamed.past(then.past())
    for name, rows in (("values", plant.new.layout.values), ("codes", plant.new.layout.codes),
                       ("site", plant.new.layout.site_values)):  # fmt: skip
        found, ours, mine = getattr(past, name), getattr(latched, name), getattr(now, name)
        for i in [i for i, row in enumerate(rows) if row.latch]:
            if before is None or not np.array_equal(mine[i], getattr(before, name)[i], equal_nan=name != "codes"):
                found[i] = ours[i]
    return past


def _stored(frame: Frame) -> Stored:
    layout = frame.layout
    header = {
        "assets": layout.assets,
        "rows": [row.name for row in layout.values],
        "code_rows": [row.name for row in layout.codes],
        "site_rows": [row.name for row in layout.site_values],
    }
    return Stored(header, {"values": frame.values, "codes": frame.codes, "site": frame.site})
