"""An output that another package brings: the newest documents as plain data, in a thread of its own.

    sealed frame ──► documents, cut between ticks ──JSON──► thread of the plug-in ──► take(documents)

It has nothing but data: no frame, no writer, no command. Newest wins per topic; while `take` is busy nothing piles up,
and what was replaced unseen is counted. What it raises ends its task, which is started again after a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import orjson

from sinks.plugin import Sink
from sinks.state import Document, Kind
from sources.pause import pause
from sources.thread import in_thread

_JSON = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_LOOK_S = 0.2


class ForeignSink:
    """The output `name`. It is offered what a `StateOutput` is offered. `run()` must run."""

    def __init__(self, name: str, sink: Sink, *, publish: Collection[Kind], every_s: float = 1.0) -> None:
        self.name = name
        self.taken = 0
        self.dropped = 0
        self._sink = sink
        self._publish = frozenset(publish)
        self._every_s = every_s
        self._newest: dict[str, Document] = {}
        self._asked: Callable[[], Iterator[object]] | None = None

    def offer(self, kind: Kind, asset: str | None, document: Document) -> None:
        """Hand it over next time, unless a newer one of the same kind and asset comes first."""
        if kind in self._publish:
            self._newest["/".join(part for part in (kind, asset) if part)] = document

    def offer_state(self, site: Mapping[str, object]) -> None:
        """The site's state."""
        self._newest["state"] = site

    def ask(self, offers: Callable[[], Iterator[object]]) -> None:
        """Run through `offers` before the next hand-over: what goes out once a second is not cut in every tick."""
        self._asked = offers

    async def run(self) -> None:
        """Hand over every `every_s`, until cancelled or until the plug-in raises: `ForeignError`."""
        waiting: queue.Queue[bytes] = queue.Queue(1)
        thread = asyncio.ensure_future(in_thread(f"outputs.{self.name}", lambda stop: self._work(waiting, stop)))
        try:
            while not thread.done():
                await self._cut(waiting)
                await pause(self._every_s)
            await thread
        finally:
            thread.cancel()

    async def close(self) -> None:
        """Nothing is said at the end: its task has ended."""
        self._newest.clear()

    async def _cut(self, waiting: queue.Queue[bytes]) -> None:
        offers, self._asked = self._asked, None
        for _ in offers() if offers is not None else ():
            await pause(0.0)
        if not self._newest:
            return
        documents, self._newest = self._newest, {}
        if waiting.full():
            self.dropped += 1
            with contextlib.suppress(queue.Empty):  # taken in between
                waiting.get_nowait()
        waiting.put_nowait(orjson.dumps(documents, option=_JSON))

    def _work(self, waiting: queue.Queue[bytes], stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                documents: dict[str, Any] = orjson.loads(waiting.get(timeout=_LOOK_S))
            except queue.Empty:
                continue
            self._sink.take(documents)
            self.taken += 1
