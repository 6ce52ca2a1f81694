"""One file of a recording: its header, where its chunks begin, and the chunks themselves.

The index stands at the end of a file that was closed; a file that is being written, or was cut off, is walked through
instead, record by record. Whatever is torn, foreign or rotten at the end of a chunk ends that chunk and no other.
"""

from __future__ import annotations

import json
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zlib import crc32

from sources.recording import header as headers
from sources.recording.chunk import Chunk, decode
from sources.recording.form import END, END_MAGIC, KEY, MAGIC, RECORD, Form, Kind, RecordingError
from sources.recording.header import Header

_LENGTH = (1 << 28) - 1


class Place(NamedTuple):
    """Where a chunk begins: offset in the file, first tick and when that was (ns)."""

    offset: int
    tick: int
    utc_ns: int


@dataclass(frozen=True)
class Part:
    """A file that could be opened. `end`: the byte up to which it can be read; `whole`: it was closed in order."""

    path: Path
    header: Header
    form: Form
    places: tuple[Place, ...]
    end: int
    whole: bool

    @classmethod
    def open(cls, path: Path) -> Part:
        """Raises `RecordingError` for what is no recording of this version, OSError when it cannot be read."""
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise RecordingError(f"{path} is no recording: it does not begin as one")
            first = _record(file)
            if first is None or first[0] is not Kind.HEADER:
                raise RecordingError(f"{path} is torn within its header: nothing of it can be read")
            try:
                header = headers.from_bytes(first[1])
                form = Form(header.layout)
            except (ValueError, KeyError, TypeError, zlib.error) as error:
                raise RecordingError(f"{path} cannot be read: {error}") from error
            indexed = _indexed(file)
            if indexed is not None:
                return cls(path, header, form, *indexed, True)
            return cls(path, header, form, *_walked(file, len(MAGIC) + RECORD.size + len(first[1])), False)

    def chunks(self, from_ns: int | None = None, to_ns: int | None = None) -> Iterator[Chunk]:
        """Chunks that may hold ticks of [from_ns, to_ns], in order."""
        yield from map(self.chunk, self.numbers(from_ns, to_ns))

    def numbers(self, from_ns: int | None = None, to_ns: int | None = None) -> Iterator[int]:
        """The numbers of those chunks."""
        for number, place in enumerate(self.places):
            following = self.places[number + 1] if number + 1 < len(self.places) else None
            late = to_ns is not None and place.utc_ns > to_ns
            early = from_ns is not None and following is not None and following.utc_ns <= from_ns
            if not (late or early):
                yield number

    def chunk(self, number: int) -> Chunk:
        """The chunk of that number, as far as it is sound. RecordingError when not even its key is."""
        start = self.places[number].offset
        end = self.places[number + 1].offset if number + 1 < len(self.places) else self.end
        with self.path.open("rb") as file:
            file.seek(start)
            raw = file.read(end - start)
        pieces = list(_payloads(raw))
        try:
            return decode(self.header, self.form, pieces[0], pieces[1:])
        except (IndexError, ValueError, KeyError, TypeError, zlib.error) as error:
            raise RecordingError(f"{self.path}: the chunk at byte {start} cannot be read: {error}") from error

    def number_at(self, utc_ns: int) -> int:
        """The chunk in which the newest tick up to that instant is; the first one for an earlier instant."""
        return max(0, bisect_right(self.places, utc_ns, key=lambda place: place.utc_ns) - 1)


def _record(file: BinaryIO) -> tuple[Kind, bytes] | None:
    """The next record; None when it is torn or none."""
    head = file.read(RECORD.size)
    if len(head) < RECORD.size:
        return None
    word, check = RECORD.unpack(head)
    payload = file.read(word & _LENGTH)
    if len(payload) < word & _LENGTH or crc32(payload, word) != check or word >> 28 not in list(Kind):
        return None
    return Kind(word >> 28), payload


def _payloads(raw: bytes) -> Iterator[bytes]:
    """Payloads of a key and its ticks, up to the first that is not sound."""
    at, expected = 0, Kind.KEY
    while at + RECORD.size <= len(raw):
        word, check = RECORD.unpack_from(raw, at)
        at += RECORD.size
        payload = raw[at : at + (word & _LENGTH)]
        if len(payload) < word & _LENGTH or word >> 28 != expected or crc32(payload, word) != check:
            return
        yield payload
        at += len(payload)
        expected = Kind.TICK


def _indexed(file: BinaryIO) -> tuple[tuple[Place, ...], int] | None:
    """Places of the index and where it begins; None without a sound one."""
    size = file.seek(0, 2)
    if size < END.size:
        return None
    file.seek(size - END.size)
    offset, magic = END.unpack(file.read(END.size))
    if magic != END_MAGIC or offset >= size:
        return None
    file.seek(offset)
    found = _record(file)
    if found is None or found[0] is not Kind.INDEX:
        return None
    try:
        return tuple(Place(*place) for place in json.loads(zlib.decompress(found[1]))), offset
    except (ValueError, TypeError, zlib.error):
        return None


def _walked(file: BinaryIO, start: int) -> tuple[tuple[Place, ...], int]:
    """Places of the keys and the end of the last record that fits, by walking from head to head."""
    size = file.seek(0, 2)
    places: list[Place] = []
    at = start
    while at + RECORD.size <= size:
        file.seek(at)
        word, _ = RECORD.unpack(file.read(RECORD.size))
        following = at + RECORD.size + (word & _LENGTH)
        if word >> 28 not in (Kind.KEY, Kind.TICK) or following > size:
            break
        if word >> 28 == Kind.KEY:
            places.append(Place(at, *KEY.unpack(file.read(KEY.size))))
        at = following
    return tuple(places), at
