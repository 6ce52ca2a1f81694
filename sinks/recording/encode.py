"""From rows of ticks to records: what changed since the tick before, through one deflate stream per chunk.

    row ─xor with the row before─► words that changed ─► bytes of them that changed ─deflate, flushed─► TICK

A flush per tick costs some bytes, and makes every tick readable that was written. What does not change costs nothing.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

import numpy as np

from jit.frame import I8
from sources.recording.documents import Document, encoded, to_json
from sources.recording.form import KEY, KEY_HEAD, PIECE, Kind, record
from sources.schedule import Schedule
from sources.tick import Tick

LEVEL = 6


class Encoder:
    """Makes the records of a file, in order: `key` begins a chunk, then `tick` per tick."""

    def __init__(self) -> None:
        self._before: I8 | None = None
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)

    def key(self, tick: Tick, past: bytes, of: int, held: Sequence[Schedule], *, lost: int, reason: str) -> bytes:
        """Before the first tick of a chunk. `past`: the matrices that this tick starts from, those of tick `of`."""
        self._deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._before = None
        facts = {"past": of, "held": to_json(held), "lost": lost, "reason": reason}
        said = json.dumps(facts, separators=(",", ":")).encode()
        begins = self._flushed(KEY_HEAD.pack(len(said), len(past)) + said + past)
        return record(Kind.KEY, KEY.pack(tick.index, tick.utc_ns) + begins)

    def tick(self, raw: bytes, documents: Sequence[Document]) -> bytes:
        row = np.frombuffer(raw, np.int64)
        changed = row.copy() if self._before is None else row ^ self._before
        self._before = row
        words_at = changed != 0
        words = changed[words_at].view(np.uint8)
        bytes_at = words != 0
        loose, said = words[bytes_at].tobytes(), encoded(documents)
        parts = (
            PIECE.pack(words.size // 8, len(loose), len(said)),
            np.packbits(words_at).tobytes(),
            np.packbits(bytes_at).tobytes(),
            loose,
            said,
        )
        return record(Kind.TICK, self._flushed(b"".join(parts)))

    def _flushed(self, raw: bytes) -> bytes:
        return self._deflate.compress(raw) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
