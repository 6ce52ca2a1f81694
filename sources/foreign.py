"""A plug-in source of schedules: its thread sends documents, the loop judges them like those of a topic.

    thread of the plug-in ──send(document)──► loop ──► Documents ──► post(Schedule)

It can post schedules of one type and nothing else: no reading, no tick, no act, no command. What it sends beside is a
`TypeError` in its own thread. When it ends or raises, its task ends with it and is started again after a while.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Collection, Mapping

from sources.market.documents import Documents, Post
from sources.plugin import Source
from sources.schedule import ScheduleType
from sources.thread import in_thread

MOST_BYTES = 1 << 20


class ForeignSource:
    """The source behind the request `name`. `run()` must run for anything to be posted."""

    def __init__(self, name: str, kind: ScheduleType, plugin: str, source: Source, post: Post,
                 assets: Collection[str]) -> None:  # fmt: skip
        self.documents = Documents(name, kind, f"the plug-in {plugin}", post, assets)
        self._name, self._source = name, source

    async def run(self) -> None:
        """Until cancelled, or until the plug-in ends: `RuntimeError`, so that it is started again."""
        loop = asyncio.get_running_loop()

        def send(document: str | bytes | Mapping[str, object]) -> None:
            loop.call_soon_threadsafe(self.documents.take, payload(document))

        def work(stop: threading.Event) -> None:
            self._source.run(send, stop)

        judging = asyncio.ensure_future(self.documents.run())
        try:
            await in_thread(self._name, work)
        finally:
            judging.cancel()
        raise RuntimeError(f"{self._name}: the plug-in has ended")


def payload(document: object) -> bytes:
    """The bytes of a document. Raises `TypeError` for what is none, `ValueError` for one that is too large."""
    if isinstance(document, str):
        document = document.encode()
    if isinstance(document, Mapping):
        document = json.dumps(dict(document)).encode()
    if not isinstance(document, bytes):
        raise TypeError(f"a source sends schedule documents, not a {type(document).__name__}")
    if len(document) > MOST_BYTES:
        raise ValueError(f"a document of {len(document)} bytes; at most {MOST_BYTES}")
    return document
