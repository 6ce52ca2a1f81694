"""The checkpoint: the last frame on disk, so that what latches survives a restart.

    sealed frame ── a latch row changed? ──► temporary file, fsync, rename ── in a thread, newest wins

What a restart takes from it is decided by `jit.frame.carry`: rows that latch, by name and asset, and nothing else.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import numpy as np
from loguru import logger

from jit.codes import Latch, Permit
from jit.frame import Frame, Past, carry, first_past, from_bytes
from jit.layout import Layout
from sinks.conflate import Conflating
from sinks.journal import Journal
from sources.ceiling import DIRECTIONS

#: So many starts within this time, none of them ended in order, are a crash loop.
CRASH_LOOP, CRASHES_WITHIN_S = 3, 600.0

#: How much a timer that survives a restart may lose by it (s).
TIMERS_S = 60.0


def store(path: Path, raw: bytes) -> None:
    """Replace the file atomically and durably. OSError when the disk does not take it."""
    draft = path.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def restore(path: Path, layout: Layout) -> Past:
    """The past for the first tick. A missing file is a first start.

    An unreadable one may have held a latch, or that an asset is not to run: every asset stays latched until somebody
    acknowledges that, and activates it.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return first_past(layout)
    except OSError as error:
        return _forgotten(path, layout, error)
    try:
        past, taken = carry(from_bytes(raw), layout)
    except Exception as error:  # whatever the file holds, the process starts
        return _forgotten(path, layout, error)
    if taken:
        logger.info("checkpoint: carried {}", ", ".join(taken))
    return past


def _forgotten(path: Path, layout: Layout, error: Exception) -> Past:
    logger.error("checkpoint {} is unreadable, every asset is latched until acknowledged: {!r}", path, error)
    past = first_past(layout)
    past.codes[layout.code_index["latch"]] = Latch.FORGOTTEN
    past.codes[layout.code_index["activated"]] = Permit.NO
    past.codes[layout.code_index["reentry"]] = Permit.YES
    for direction in DIRECTIONS:  # what the grid operator said last is gone: what follows its loss, not its absence
        past.site[layout.site_value_index[f"ceiling_told_{direction}_kw"]] = np.inf
        past.site[layout.site_value_index[f"ceiling_issued_{direction}_s"]] = 0.0
    return past


def crash_loop(past: Past, layout: Layout) -> None:
    """Latch every asset silent in STANDBY: the process has started too often, and nobody has looked why."""
    past.codes[layout.code_index["latch"]] |= Latch.CRASH_LOOP


def remembered(path: Path, layout: Layout, journal: Journal, at_ns: int) -> Past:
    """What the last process left: its latches, and one more when it and those before it ended in crashes."""
    past = restore(path, layout)
    starts = journal.crashing_since(at_ns - int(CRASHES_WITHIN_S * 1e9))
    if starts >= CRASH_LOOP:
        logger.error("{} starts in {:g} min without an orderly end: every asset stays silent until acknowledged",
                     starts, CRASHES_WITHIN_S / 60.0)  # fmt: skip
        crash_loop(past, layout)
    return past


class Checkpoint:
    """Offered every sealed frame; writes when a latch row changed, and once in `TIMERS_S` for timers that latch.

    `errors` counts writes that failed.

    `problem` says why the newest one is not on disk; empty while it is.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = path
        self._rows = np.array([i for i, row in enumerate(layout.codes) if row.latch], dtype=np.int64)
        self._timers = any(row.latch for row in layout.values)
        self._offered_s = -TIMERS_S
        told = [layout.site_value_index[f"ceiling_told_{direction}_kw"] for direction in DIRECTIONS]
        self._told = np.array(told, dtype=np.int64)
        self.problem = ""
        self._known: tuple[bytes, bytes] | None = None
        self.sink: Conflating[Frame] = Conflating("checkpoint", self._write, self._lost)

    @property
    def errors(self) -> int:
        return self.sink.errors

    def offer(self, frame: Frame) -> None:
        latches = frame.codes.take(self._rows, 0).tobytes(), frame.site.take(self._told).tobytes()
        aged = self._timers and frame.mono_s - self._offered_s >= TIMERS_S
        if aged or latches != self._known:
            self._known, self._offered_s = latches, frame.mono_s
            self.sink.offer(frame)

    async def run(self) -> None:
        await self.sink.run()

    async def _write(self, frame: Frame) -> None:
        await asyncio.to_thread(store, self._path, frame.to_bytes())
        self.problem = ""

    def _lost(self, _frame: Frame, error: Exception) -> None:
        self.problem = str(error) or repr(error)
        self._known = None  # the next frame tries again
