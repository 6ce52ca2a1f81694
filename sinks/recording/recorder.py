"""The recorder: from the tick to the disk, without the tick ever waiting.

    snapshot ─sampled─┐
    sealed frame ─offer─► one row of bytes ─► queue (bounded) ─► thread ─► Store

In the tick it copies: some µs for one asset. When the queue is full a tick is dropped, counted and marked in the file;
the next one begins a new chunk, which stands for itself. So does one in `CHUNK` ticks, and the first after a failure.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from math import inf

from jit.frame import Frame
from operators.snapshot import Snapshot
from sinks.recording.store import Key, Packet, Store
from sources.recording.documents import Document
from sources.recording.form import Form, head_of, past_bytes
from sources.thread import OwnThread
from sources.tick import Tick

#: A chunk has so many ticks at most, or so many bytes before they are compressed.
CHUNK, CHUNK_BYTES = 512, 16_000_000
#: What may wait for the disk (bytes before they are compressed), beside three ticks.
WAITING_BYTES = 8_000_000
#: After a failure the disk is tried again so much later (s).
RETRY_S = 5.0
#: At the end of the process the disk has so long (s).
CLOSE_S = 3.0


class Recorder:
    """A witness of the snapshot and a subscriber of sealed frames. `dropped` counts ticks that found the queue full."""

    def __init__(self, name: str, store: Store, form: Form) -> None:
        self.name, self.store, self.form = name, store, form
        self.dropped = 0
        self._slow = False
        self._documents: list[Document] = []
        self._tick: Tick | None = None
        self._sample = b""
        self._key: Key | None = None
        self._queue: deque[Packet] = deque()
        self._waiting = self._out = 0
        self._since_key, self._key_from_s = CHUNK, -inf
        self._wake = asyncio.Event()
        self._thread = OwnThread(f"recording {name}")

    @property
    def lost(self) -> int:
        """Ticks that are not in the recording."""
        return self.dropped + self.store.lost

    @property
    def problem(self) -> str:
        """Why the newest tick is not, or will not be, in the recording; empty while all is well."""
        return "the disk is too slow" if self._slow else self.store.problem

    # --- in the tick --------------------------------------------------------------------------------------------------

    def heard(self, document: Document) -> None:
        """A document that counts from the next tick on."""
        self._documents.append(document)

    def sampled(self, tick: Tick, snapshot: Snapshot) -> None:
        """Copy what this tick is computed from."""
        past = snapshot.past
        self._tick = tick
        self._sample = head_of(tick, armed=snapshot.armed, past=past.tick) + snapshot.newest.words.tobytes()
        self._key = None
        if self._since_key >= CHUNK or self._since_key * 8 * self.form.words >= CHUNK_BYTES:
            held = tuple(snapshot.offers.schedules.values())
            self._key = None if tick.mono_s < self._key_from_s else Key(past_bytes(past), past.tick, held)

    def offer(self, frame: Frame) -> None:
        """Take the sealed frame of the tick that was sampled."""
        tick, self._tick = self._tick, None
        if tick is None or tick.index != frame.tick:
            return
        documents, self._documents = tuple(self._documents), []
        matrices = (frame.values, frame.codes, frame.site, frame.site_codes, frame.points, frame.point_codes)
        packet = Packet(tick, b"".join((self._sample, *(matrix.data for matrix in matrices))), documents, self._key)
        self._slow = len(self._queue) + self._out >= 3 and self._waiting + len(packet.raw) > WAITING_BYTES
        if self._slow:
            self.dropped += 1
            self._since_key = CHUNK
            return
        self._since_key = 1 if packet.key is not None else self._since_key + 1
        self._waiting += len(packet.raw)
        self._queue.append(packet)
        self._wake.set()

    # --- beside it ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._drain()

    async def close(self) -> None:
        """Write what waits, and close the file; a disk that hangs is left behind. The task of `run` must have ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._drain()
                await asyncio.get_running_loop().run_in_executor(self._thread, self.store.close)
        self._thread.shutdown(wait=False)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            batch = list(self._queue)
            self._queue.clear()
            self._out = len(batch)
            written = loop.run_in_executor(self._thread, self._write, batch)
            if not await asyncio.shield(written):  # who is cancelled meanwhile leaves it to the thread, not out
                self._failed(batch[-1].tick)
            self._out = 0
            self._waiting -= sum(len(packet.raw) for packet in batch)

    def _failed(self, tick: Tick) -> None:
        self._since_key, self._key_from_s = CHUNK, tick.mono_s + RETRY_S

    def _write(self, batch: list[Packet]) -> bool:
        written = [self.store.append(packet) for packet in batch]
        return all(written)
