"""Where a frame that was computed anew differs from the recorded one: the first stage, and its first row.

Rows are compared as the bits they are. Of all rows that differ those of the stage that comes first in the chain tell
what went wrong; the rest follows from them. `fault`, which every stage writes, is looked at last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from jit.frame import MATRICES, Frame
from jit.layout import Layout
from sources.recording.chunk import Chunk
from sources.recording.form import Form

FrameBytes = bytes


def bytes_of(frame: Frame) -> FrameBytes:
    """The matrices of a frame in the order of a recording."""
    return b"".join(
        (
            frame.values.data,
            frame.codes.data,
            frame.site.data,
            frame.site_codes.data,
            frame.points.data,
            frame.point_codes.data,
        )
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of one tick. `asset` is empty for the site and for points; `rows` differ in this tick altogether."""

    tick: int
    utc_ns: int
    stage: str
    row: str
    asset: str
    recorded: float | int
    recomputed: float | int
    rows: int

    def as_json(self) -> dict[str, Any]:
        found = asdict(self)
        return found | {name: _plain(found[name]) for name in ("recorded", "recomputed")}


def difference(chunk: Chunk, place: int, frame: Frame, order: Sequence[str]) -> Difference | None:
    """The first difference of a tick; None when the frames are equal. `order`: ids of the stages, as they run."""
    row = chunk.rows[place]
    then = row[chunk.form.frame]
    now = np.frombuffer(bytes_of(frame), np.int64)
    at = np.flatnonzero(then != now)
    if not at.size:
        return None
    ranks = {name: rank for rank, name in enumerate(("snapshot", *order))}
    owners = list(_owners(chunk.form))
    first = min(at.tolist(), key=lambda word: (owners[word][1] == "fault", ranks.get(owners[word][0], 99), word))
    stage, name, asset, kind = owners[first]
    recorded, recomputed = (words[first : first + 1].view(kind)[0].item() for words in (then, now))
    return Difference(int(row[0]), int(row[1]), stage, name, asset, recorded, recomputed, int(at.size))


def _owners(form: Form) -> Iterator[tuple[str, str, str, type]]:
    """Per word of the frame: stage, row, asset and type."""
    layout = form.layout
    blocks = dict(zip(MATRICES, (layout.values, layout.codes, layout.site_values, layout.site_codes), strict=False))
    for name in MATRICES:
        kind, _, _ = form.matrices[name]
        if name in blocks:
            columns = layout.assets if name in ("values", "codes") else ("",)
            for row in blocks[name]:
                yield from ((row.owner, row.name, asset, kind) for asset in columns)
        else:
            yield from (("snapshot", _point(layout, i, name), "", kind) for i in range(len(layout.points)))


def _point(layout: Layout, i: int, matrix: str) -> str:
    return layout.points[i] if matrix == "points" else f"quality of {layout.points[i]}"


def _plain(number: float) -> float | int | str:
    """JSON knows neither NaN nor infinity."""
    return number if isinstance(number, int) or abs(number) < float("inf") else str(number)
