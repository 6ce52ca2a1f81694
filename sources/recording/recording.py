"""A recording: what a process knew, computed and decided, tick by tick, out of one file or a folder of them.

    recording = Recording.open(Path("recordings"))
    definition, profiles = recording.definition()
    for entry in recording:                              entry.tick, entry.sample, entry.documents, entry.frame
        ...
    recording.at(utc_ns=1_790_000_000_000_000_000)       the newest tick up to an instant

For tables: `pandas.DataFrame(table(path, "bess1"))` or `polars.DataFrame(table(path, "bess1"))`.
Files that are no recordings, or whose header is torn, are left out of a folder; alone they are an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from config.definition import Definition
from config.profile import Profile
from sources.recording.chunk import Chunk, Entry
from sources.recording.form import SUFFIX, RecordingError
from sources.recording.header import Header
from sources.recording.part import Part


@dataclass(frozen=True)
class Recording:
    """Parts in order of time. `unreadable` names files of the folder that were left out, with the reason."""

    parts: tuple[Part, ...]
    unreadable: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path) -> Recording:
        """A file, or all of a folder. Raises `RecordingError` when there is nothing to read, OSError of the disk."""
        if not path.is_dir():
            return cls((Part.open(path),))
        parts, unreadable = [], []
        for file in sorted(path.glob(f"*{SUFFIX}")):
            try:
                parts.append(Part.open(file))
            except RecordingError as error:
                unreadable.append(str(error))
        if not parts:
            raise RecordingError(unreadable[0] if unreadable else f"{path} holds no recording (*{SUFFIX})")
        return cls(tuple(sorted(parts, key=_began)), tuple(unreadable))

    @property
    def header(self) -> Header:
        """The header of the first part: later ones may have been written by another version or definition."""
        return self.parts[0].header

    def definition(self) -> tuple[Definition, Mapping[str, Profile]]:
        """What ran, with its profiles by device; without secrets."""
        return self.header.definition

    def chunks(self, from_ns: int | None = None, to_ns: int | None = None) -> Iterator[Chunk]:
        for part in self.parts:
            yield from part.chunks(from_ns, to_ns)

    def __iter__(self) -> Iterator[Entry]:
        return self.entries()

    def entries(self, from_ns: int | None = None, to_ns: int | None = None) -> Iterator[Entry]:
        """Ticks of [from_ns, to_ns], in order. The first may be in the middle of a chunk: without a past of its own."""
        for chunk in self.chunks(from_ns, to_ns):
            for place, utc_ns in enumerate(chunk.rows[:, 1].tolist()):
                if (from_ns is None or from_ns <= utc_ns) and (to_ns is None or utc_ns <= to_ns):
                    yield chunk.entry(place)

    def at(self, *, utc_ns: int | None = None, tick: int | None = None) -> Entry:
        """The newest tick up to an instant, or the tick of that index (the newest boot that has it). LookupError."""
        chunk, place = self.find(utc_ns=utc_ns, tick=tick)
        return chunk.entry(place)

    def find(self, *, utc_ns: int | None = None, tick: int | None = None) -> tuple[Chunk, int]:
        """The same as a chunk and a place in it."""
        word, value = (0, tick) if utc_ns is None else (1, utc_ns)
        if value is None:
            raise ValueError("an instant or a tick is needed")
        for part in reversed(self.parts):
            starts = [(place.tick, place.utc_ns)[word] for place in part.places]
            for number in reversed([n for n, start in enumerate(starts) if start <= value]):
                chunk = part.chunk(number)
                found = np.flatnonzero(chunk.rows[:, word] <= value)
                if found.size and (utc_ns is not None or chunk.rows[found[-1], 0] == tick):
                    return chunk, int(found[-1])
        raise LookupError(f"no tick {tick}" if utc_ns is None else "the recording begins later")


def _began(part: Part) -> tuple[int, str]:
    return (part.places[0].utc_ns if part.places else 0), part.path.name


def table(path: Path, asset: str, rows: Collection[str] = ()) -> dict[str, Any]:
    """Columns by name for pandas or polars: `at` (UTC), `tick`, the rows of an asset and, as `site.*`, of the site.

    `rows` names those that are wanted. Ticks of parts with other rows than the first are left out. KeyError names what
    there is not.
    """
    recording = Recording.open(path)
    form = recording.parts[0].form
    layout = form.layout
    column, width = layout.column[asset], len(layout.assets)
    places: dict[str, tuple[type, int]] = {}
    for name, index, step, start in (
        ("values", layout.value_index, width, column),
        ("codes", layout.code_index, width, column),
        ("site", {f"site.{row}": i for row, i in layout.site_value_index.items()}, 1, 0),
        ("site_codes", {f"site.{row}": i for row, i in layout.site_code_index.items()}, 1, 0),
    ):
        kind, _, at = form.matrices[name]
        places |= {row: (kind, at + start + i * step) for row, i in index.items()}
    wanted = {name: places[name] for name in rows} if rows else places
    chunks = [c for part in recording.parts if part.form.layout.digest == layout.digest for c in part.chunks()]

    def words(place: int) -> Any:
        return np.concatenate([chunk.rows[:, place] for chunk in chunks])

    found = {"at": words(1).view("datetime64[ns]"), "tick": words(0)}
    return found | {name: words(place).view(kind) for name, (kind, place) in wanted.items()}
