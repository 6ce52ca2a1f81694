"""A chunk of a recording: a key and the ticks that follow it, decoded at once.

    KEY, TICK, TICK, … ─inflate─► changed words ─xor along time─► rows int64[ticks, words]
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jit.frame import I8, MATRICES, Past, Stored
from sources.recording.documents import Document, decoded, from_json
from sources.recording.form import KEY, KEY_HEAD, PIECE, Form, tick_of
from sources.recording.header import Header
from sources.recording.sample import Sample
from sources.schedule import Schedule
from sources.tick import Tick


@dataclass(frozen=True, slots=True)
class Entry:
    """One tick: what it was computed from, and what came out.

    `documents` came since the tick before. At the first tick of a chunk `held` are all that are held, those included,
    and `past` is what the chain remembered; elsewhere both are None, and the past is the frame of the entry before.
    """

    tick: Tick
    armed: bool
    sample: Sample
    documents: tuple[Document, ...]
    frame: Stored
    held: tuple[Schedule, ...] | None = None
    past: Past | None = None


@dataclass(frozen=True, eq=False)
class Chunk:
    """`rows` int64[ticks, words], read-only; `lost` ticks were not recorded before it, because of `reason`."""

    header: Header
    form: Form
    rows: I8
    documents: tuple[tuple[Document, ...], ...]
    held: tuple[Schedule, ...]
    past: Past
    lost: int = 0
    reason: str = ""

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, from_ns: int | None) -> int:
        """The place of the first tick that is not before an instant; the number of ticks when there is none."""
        return 0 if from_ns is None else _first(self.rows[:, 1] >= from_ns, len(self))

    def past_last(self, to_ns: int | None) -> int:
        """The place behind the last tick up to an instant."""
        return len(self) if to_ns is None else _first(self.rows[:, 1] > to_ns, len(self))

    def past_at(self, place: int) -> Past:
        """What the chain remembered when this tick came."""
        return self.past if place == 0 else self.form.past(self.rows[place - 1])

    def entry(self, place: int) -> Entry:
        row = self.rows[place]
        tick, armed, _ = tick_of(row)
        sample = Sample(self.form.layout, row[self.form.sample])
        first = place == 0
        held, past = (self.held, self.past) if first else (None, None)
        return Entry(tick, armed, sample, self.documents[place], self.stored(place), held, past)

    def stored(self, place: int) -> Stored:
        """The sealed frame of a tick, with the header that a frame in a file has."""
        row = self.rows[place]
        tick, _, _ = tick_of(row)
        header = {**self._header, "tick": tick.index, "utc_ns": tick.utc_ns, "dt": tick.dt_s}
        return Stored(header, {name: self.form.matrix(row, name) for name in MATRICES})

    @cached_property
    def _header(self) -> dict[str, object]:
        layout = self.form.layout
        return {
            "layout": layout.digest,
            "assets": layout.assets,
            "rows": [row.name for row in layout.values],
            "code_rows": [row.name for row in layout.codes],
            "site_rows": [row.name for row in layout.site_values],
            "shapes": self.form.shapes,
        }


def _first(found: np.ndarray[tuple[int], np.dtype[np.bool_]], otherwise: int) -> int:
    return int(found.argmax()) if found.any() else otherwise


def decode(header: Header, form: Form, key: bytes, pieces: Sequence[bytes]) -> Chunk:
    """The chunk of these payloads. ValueError, KeyError or zlib.error when it is not what a writer has written."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    before = inflate.decompress(key[KEY.size :])
    said, past_size = KEY_HEAD.unpack_from(before)
    facts = json.loads(before[KEY_HEAD.size : KEY_HEAD.size + said])
    past = form.past_of(before[KEY_HEAD.size + said : KEY_HEAD.size + said + past_size], facts["past"])
    rows, documents = _changes(form, inflate.decompress(b"".join(pieces)), len(pieces))
    np.bitwise_xor.accumulate(rows, axis=0, out=rows)
    rows.flags.writeable = False
    held = tuple(one for one in from_json(facts["held"]) if isinstance(one, Schedule))
    return Chunk(header, form, rows, documents, held, past, facts["lost"], facts["reason"])


def _changes(form: Form, raw: bytes, ticks: int) -> tuple[I8, tuple[tuple[Document, ...], ...]]:
    """What changed in every tick: words[ticks, words], 0 where nothing did; and the documents that came."""
    mask_bytes = (form.words + 7) // 8
    masks, which, changed, documents = [], [], [], []
    at = 0
    for _ in range(ticks):
        words, size, said = PIECE.unpack_from(raw, at)
        at += PIECE.size
        masks.append(raw[at : at + mask_bytes])
        at += mask_bytes
        which.append(raw[at : at + words])
        at += words
        changed.append(raw[at : at + size])
        at += size
        documents.append(decoded(raw[at : at + said]))
        at += said
    if at > len(raw):
        raise ValueError("the last tick is torn")
    words_at = _bits(b"".join(masks)).reshape(ticks, 8 * mask_bytes)[:, : form.words]
    bytes_at = _bits(b"".join(which))
    loose = np.zeros(bytes_at.size, np.uint8)
    loose[bytes_at] = np.frombuffer(b"".join(changed), np.uint8)
    rows = np.zeros((ticks, form.words), np.int64)
    rows[words_at] = loose.view(np.int64)
    return rows, tuple(documents)


def _bits(raw: bytes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.unpackbits(np.frombuffer(raw, np.uint8)).view(np.bool_)
