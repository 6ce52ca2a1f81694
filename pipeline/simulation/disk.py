"""The disk under the state directory, in two halves: what was forced to it, and what only looks as if it were there.

    write, rename ─► volatile ── fsync of the file, fsync of the directory ─► durable
    power cut     ─► the durable half, and of the rest a random beginning: a last record may be torn

Real files in the world's folder, so that the product opens, locks and renames as it always does; only `os.fsync` is
heard, while the world lives. `error` is what the disk answers instead (ENOSPC, EIO). A process that is killed loses
nothing of all this: only `cut_power` does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Disk:
    """Everything below `folder`. Between `plug` and `unplug` every fsync of this process passes here."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng = folder.resolve(), rng
        self.error: int | None = None
        self.forced = 0
        self.blocked: Callable[[], None] = lambda: None  # called with every file that is forced
        self._contents: dict[int, bytes] = {}  # of a file, by its number, as it was last forced
        self._names: dict[Path, int] = {}  # which file a name means, as its directory was last forced
        self._fsync: Any = os.fsync

    def plug(self) -> None:
        self._fsync, os.fsync = os.fsync, self.fsync  # type: ignore[assignment]

    def unplug(self) -> None:
        os.fsync = self._fsync

    def fsync(self, fd: int) -> None:
        """Move a file, or the names of a directory, to the durable half. OSError while the disk is broken."""
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if not path.is_relative_to(self.folder):
            self._fsync(fd)
            return
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        self.forced += 1
        self.blocked()
        if path.is_dir():
            self._names = {p: n for p, n in self._names.items() if p.parent != path}
            with os.scandir(path) as found:
                self._names |= {Path(entry.path): entry.inode() for entry in found if entry.is_file()}
        else:
            number = os.fstat(fd).st_ino
            self._contents[number] = path.read_bytes()
            self._names.setdefault(path, number)

    def cut_power(self) -> None:
        """Leave what a machine would find when it comes up again. Nobody may hold a file open."""
        now = {path: path.stat().st_ino for path in sorted(self.folder.rglob("*")) if path.is_file()}
        left = {path: self._left(path, now.get(path)) for path in sorted({*now, *self._names})}
        for path, octets in left.items():
            if octets is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(octets)
        self._contents = {path.stat().st_ino: octets for path, octets in left.items() if octets is not None}
        self._names = {path: path.stat().st_ino for path, octets in left.items() if octets is not None}

    def _left(self, path: Path, number: int | None) -> bytes | None:
        """What is behind a name: what it meant when it was forced, or, as chance has it, what it means now."""
        forced = self._names.get(path)
        known = self._contents.get(forced, b"") if forced is not None else None
        if number is None or (forced is not None and forced != number and self.rng.random() < 0.5):
            return known
        octets, kept = path.read_bytes(), self._contents.get(number, b"")
        if not octets.startswith(kept):
            return kept
        rest = octets[len(kept) :]
        return kept + rest[: self.rng.randrange(len(rest) + 1)]
