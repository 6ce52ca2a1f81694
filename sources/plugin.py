"""What a package declares to bring a source of schedules: one function, which runs in a thread of its own.

    market = Source(run)

    def run(send: Send, stop: threading.Event) -> None:
        while not stop.wait(60.0):
            send(fetch())                  # JSON text, bytes, or a dict in the form of docs/protocol.md

`send` takes schedule documents and nothing else; each is judged like one from a topic, and must be of the type of the
request that names the source. An empty text says that what was sent is no longer meant.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Send = Callable[[str | bytes | Mapping[str, object]], None]


@dataclass(frozen=True, slots=True)
class Source:
    """The declaration that the entry point names."""

    run: Callable[[Send, threading.Event], None]
