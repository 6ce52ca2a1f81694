"""The form of a recording: what one tick is as a row of 64-bit words, and what a file is made of.

    row of a tick    head (7 words) │ sample │ the six matrices of the sealed frame
    file             MAGIC │ record │ record │ …
    record           length and kind (uint32) │ CRC-32 (uint32) │ payload

    kind   payload
    HEADER zlib of JSON: `sources.recording.header`
    KEY    tick and utc_ns (int64), then the beginning of a deflate stream: the past, held documents, what was lost
    TICK   the next piece of that stream, flushed: words that changed since the tick before, and documents that came
    INDEX  zlib of JSON, at an orderly end: [offset, tick, utc_ns] of every key; behind it END with its place

All numbers are little-endian. A record whose length or CRC does not fit ends what can be read: a file that was torn at
any byte loses the record that was torn, and nothing before it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from math import prod
from typing import Any
from zlib import crc32

import numpy as np

from jit.frame import I8, MATRICES, Past
from jit.layout import Layout
from sources.recording import sample
from sources.tick import Tick

MAGIC = b"BESSREC1"
SUFFIX = ".bessrec"
#: Head of every record; head of a tick within its stream: words that changed, bytes of them, bytes of documents.
RECORD, PIECE = struct.Struct("<II"), struct.Struct("<III")
#: Head of a key: its first tick, and when. Within its stream: bytes of JSON, bytes of the past.
KEY, KEY_HEAD = struct.Struct("<qq"), struct.Struct("<II")
#: At the end of a whole file: where the index is.
END, END_MAGIC = struct.Struct("<Q8s"), b"BESSEND1"
LONGEST = (1 << 28) - 1

#: index, utc_ns, mono_s, dt_s, missed, trusted and armed, tick of the past
HEAD = struct.Struct("<qqddqqq")
HEAD_WORDS = HEAD.size // 8
TRUSTED, ARMED = 1, 2


class Kind(IntEnum):
    HEADER = 1
    KEY = 2
    TICK = 3
    INDEX = 4


class RecordingError(Exception):
    """A file that is no recording, of another version, or too damaged to say anything. The text names the file."""


def record(kind: Kind, payload: bytes) -> bytes:
    """One record. ValueError when it is too long to be written."""
    if len(payload) > LONGEST:
        raise ValueError(f"a record of {len(payload)} bytes is longer than {LONGEST}")
    head = kind << 28 | len(payload)
    return RECORD.pack(head, crc32(payload, head)) + payload


def head_of(tick: Tick, *, armed: bool, past: int) -> bytes:
    flags = TRUSTED * tick.trusted | ARMED * armed
    return HEAD.pack(tick.index, tick.utc_ns, tick.mono_s, tick.dt_s, tick.missed, flags, past)


def tick_of(row: I8) -> tuple[Tick, bool, int]:
    """The tick, whether the process was armed, and the tick whose frame was its past."""
    index, utc_ns, mono_s, dt_s, missed, flags, past = HEAD.unpack_from(row.data)
    return Tick(index, mono_s, utc_ns, dt_s, missed, bool(flags & TRUSTED)), bool(flags & ARMED), past


@dataclass(frozen=True)
class Form:
    """Where everything is in the row of a tick of this layout."""

    layout: Layout

    @cached_property
    def sample(self) -> slice:
        return slice(HEAD_WORDS, HEAD_WORDS + sample.size(self.layout))

    @cached_property
    def frame(self) -> slice:
        words = sum(prod(shape) for shape in self.shapes.values())
        return slice(self.sample.stop, self.sample.stop + words)

    @cached_property
    def words(self) -> int:
        return int(self.frame.stop)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        layout, assets = self.layout, len(self.layout.assets)
        points = (len(layout.points),)
        return {
            "values": (len(layout.values), assets),
            "codes": (len(layout.codes), assets),
            "site": (len(layout.site_values),),
            "site_codes": (len(layout.site_codes),),
            "points": points,
            "point_codes": points,
        }

    @cached_property
    def matrices(self) -> dict[str, tuple[type, tuple[int, ...], int]]:
        """Type, shape, and first word in the row of every matrix of the frame."""
        found: dict[str, tuple[type, tuple[int, ...], int]] = {}
        at = self.sample.stop
        for name in MATRICES:
            found[name] = (np.int64 if "codes" in name else np.float64, self.shapes[name], at)
            at += prod(self.shapes[name])
        return found

    def matrix(self, row: I8, name: str) -> Any:
        kind, shape, at = self.matrices[name]
        return np.ndarray(shape, kind, row, 8 * at)

    def past(self, row: I8) -> Past:
        """The frame of this row as the past of the next tick."""
        return Past(int(row[0]), *(self.matrix(row, name) for name in MATRICES[:4]))

    def past_of(self, raw: bytes, tick: int) -> Past:
        """The past from its matrices in bytes."""
        parts: list[Any] = []
        at = 0
        for name in MATRICES[:4]:
            kind, shape, _ = self.matrices[name]
            parts.append(np.frombuffer(raw, kind, prod(shape), at).reshape(shape))
            at += 8 * prod(shape)
        values, codes, site, site_codes = parts
        return Past(tick, values, codes, site, site_codes)


def past_bytes(past: Past) -> bytes:
    return b"".join((past.values.data, past.codes.data, past.site.data, past.site_codes.data))
