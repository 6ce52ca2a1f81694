"""The folder of a recording: one file at a time, rotated, its oldest files deleted when they exceed the quota.

    20260922T101500Z.bessrec   closed, with an index        20260923T101530Z.bessrec   being written

Guarantees: what was appended is in the file when `append` returns, and on the disk after `SYNC_S` at most; a process
that is killed loses nothing of it, a machine that loses power what it wrote since. A disk that fails or is full costs
ticks, which are counted and marked in the file (`lost` of a key), never more: the next key tries again. Used by one
thread at a time.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sinks.recording.encode import Encoder
from sources.instant import format_utc
from sources.recording.documents import Document
from sources.recording.form import END, END_MAGIC, MAGIC, SUFFIX, Kind, record
from sources.recording.header import Header
from sources.recording.part import Place
from sources.schedule import Schedule
from sources.tick import Tick

SYNC_S = 10.0


@dataclass(frozen=True, slots=True)
class Key:
    """What a chunk begins with: matrices of the past, its tick, and every document that is held."""

    past: bytes
    of: int
    held: tuple[Schedule, ...]


@dataclass(frozen=True, slots=True)
class Packet:
    """One tick on its way to the disk. Without a `key` it follows the tick before it in the same chunk."""

    tick: Tick
    raw: bytes
    documents: tuple[Document, ...] = ()
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long a file becomes (s, bytes) and how much all of them may be (bytes)."""

    rotate_s: float = 86_400.0
    rotate_bytes: int = 256_000_000
    quota_bytes: int = 10_000_000_000


@dataclass(slots=True)
class Store:
    """`problem` says why the newest tick is not in a file; empty while it is. `written` and `lost` count ticks."""

    folder: Path
    header: Header
    keeping: Keeping = field(default_factory=Keeping)
    problem: str = ""
    written: int = 0
    lost: int = 0
    used_bytes: int = 0
    _file: BinaryIO | None = None
    _path: Path | None = None
    _encoder: Encoder = field(default_factory=Encoder)
    _places: list[Place] = field(default_factory=list)
    _size: int = 0
    _began_s: float = 0.0
    _synced_s: float = 0.0
    _last: int | None = None

    def append(self, packet: Packet) -> bool:
        """Write a tick. False when that failed: what follows is lost too, until a packet with a key tries again."""
        try:
            if packet.key is not None:
                self._begin(packet, packet.key)
            elif self._file is None:
                self.lost += 1
                return True
            self._write(self._encoder.tick(packet.raw, packet.documents))
            self._sync(packet.tick.mono_s)
        except (OSError, ValueError) as error:
            self.problem = _said(error)
            self.lost += 1
            self.abandon()
            return False
        self.problem = ""
        self.written += 1
        self._last = packet.tick.index
        return True

    def close(self) -> None:
        """Close the file with its index."""
        try:
            self._finish()
        except OSError as error:
            self.problem = _said(error)
            self.abandon()

    def _begin(self, packet: Packet, key: Key) -> None:
        """A chunk, in a new file when there is none or the present one is long enough."""
        tick = packet.tick
        old = tick.mono_s - self._began_s >= self.keeping.rotate_s
        if self._file is not None and (old or self._size >= self.keeping.rotate_bytes):
            self._finish()
        if self._file is None:
            self._open(tick)
        self._keep_quota()
        place = Place(self._size, tick.index, tick.utc_ns)
        lost = 0 if self._last is None else max(0, tick.index - self._last - 1)
        reason = (self.problem or "the disk was too slow") if lost else ""
        self._write(self._encoder.key(tick, key.past, key.of, key.held, lost=lost, reason=reason))
        self._places.append(place)

    def _open(self, tick: Tick) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        name = format_utc(tick.utc_ns)[:19].replace("-", "").replace(":", "") + "Z"
        path, number = self.folder / f"{name}{SUFFIX}", 1
        while path.exists():
            number += 1
            path = self.folder / f"{name}-{number}{SUFFIX}"
        self._file, self._path = path.open("xb", buffering=0), path
        self._size, self._places, self._began_s = 0, [], tick.mono_s
        self._write(MAGIC + record(Kind.HEADER, self.header.to_bytes()))

    def _write(self, raw: bytes) -> None:
        if self._file is None:
            raise OSError("no file is open")
        view = memoryview(raw)
        while view:
            view = view[self._file.write(view) :]
        self._size += len(raw)

    def _sync(self, now_s: float) -> None:
        if self._file is not None and abs(now_s - self._synced_s) >= SYNC_S:
            self._synced_s = now_s
            os.fsync(self._file.fileno())

    def _finish(self) -> None:
        if self._file is None:
            return
        offset = self._size
        index = json.dumps(self._places, separators=(",", ":")).encode()
        self._write(record(Kind.INDEX, zlib.compress(index, 9)) + END.pack(offset, END_MAGIC))
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = self._path = None

    def abandon(self) -> None:
        """Leave the file as far as it is sound; the next key begins another one. An empty one is removed."""
        file, path, self._file, self._path = self._file, self._path, None, None
        if file is None or path is None:
            return
        try:
            if self._places:
                file.truncate(self._size)
            else:
                path.unlink(missing_ok=True)
        except OSError:
            pass  # the reader stops at what is torn
        finally:
            file.close()

    def _keep_quota(self) -> None:
        """Delete the oldest closed files until the rest fits."""
        files = sorted(path for path in self.folder.glob(f"*{SUFFIX}") if path != self._path)
        sizes = {path: path.stat().st_size for path in files}
        self.used_bytes = sum(sizes.values()) + self._size
        for path in files:
            if self.used_bytes <= self.keeping.quota_bytes:
                return
            path.unlink(missing_ok=True)
            self.used_bytes -= sizes[path]


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or repr(error)
