"""A tick out of a recording, as people see it: the same decision trace that the running process gave of it.

The frame is the recorded one, tied to what was recorded beside it (definition, profiles, ratings); nothing is computed
anew. The slot comes from the documents that were held at that tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from operators.decision import decision
from operators.offers import Offers
from pipeline.replay.chain import Replayer
from pipeline.replay.report import compiled_of
from pipeline.whatif.loop import framed
from sources.recording.chunk import Chunk
from sources.recording.recording import Recording
from sources.schedule import Schedule

NEWEST_NS = 2**63 - 1


def recalled(path: Path, at_ns: int | None = None, assets: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Decisions of the newest tick up to an instant, of all assets or of those named.

    Raises RecordingError, OSError, or LookupError where there is nothing so early, or no such asset.
    """
    chunk, place = Recording.open(path).find(utc_ns=NEWEST_NS if at_ns is None else at_ns)
    column = chunk.form.layout.column
    for asset in assets:
        if asset not in column:
            raise LookupError(f"there is no asset `{asset}`; there is {', '.join(column)}")
    frame, config = framed(chunk.stored(place), compiled_of(chunk.header)), chunk.header.definition_hash[:12]
    held = held_at(chunk, place)
    return [decision(frame, column[asset], config, schedules=held) for asset in assets or tuple(column)]


def held_at(chunk: Chunk, place: int) -> tuple[Schedule, ...]:
    """The schedules that were held when this tick was computed."""
    offers = Offers((), chunk.form.layout.assets)
    offers.hold(chunk.held)
    for documents in chunk.documents[1 : place + 1]:
        Replayer.hears(offers, documents)
    return tuple(offers.schedules.values())
