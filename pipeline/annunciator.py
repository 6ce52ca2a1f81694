"""The alarms of a process, from what is wrong to the book, the history and the disk.

    frame ─► conditions, device bits, the definition's alarms, the process itself ─► book ─► page, REST, history
                                                                                      └─► alarms.json (in a thread)

Called with every sealed frame; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from jit.frame import Frame
from pipeline.compile import Compiled
from sinks.alarms.bits import DeviceAlarms
from sinks.alarms.book import AlarmBook
from sinks.alarms.condition import Condition
from sinks.alarms.conditions import Conditions
from sinks.alarms.keeper import AlarmKeeper, load
from sinks.alarms.rules import SiteRules
from sinks.history import History
from sinks.records import AlarmEvent


class Annunciator:
    """`sources` are asked in their order; whoever has something to say adds one. `keeper.run` is a task."""

    def __init__(self, compiled: Compiled, directory: Path, histories: Mapping[str, History]) -> None:
        self._histories = histories
        self.book = AlarmBook(self._record)
        load(directory / "alarms.json", self.book)
        self.keeper = AlarmKeeper(directory / "alarms.json", self.book)
        self.sources: list[Callable[[Frame], Iterable[Condition]]] = [
            Conditions(),
            DeviceAlarms(compiled.layout, compiled.profiles),
            SiteRules(compiled.layout, compiled.definition.alarms),
        ]

    def offer(self, frame: Frame) -> None:
        found: list[Condition] = []
        for source in self.sources:
            found += source(frame)
        self.book.update(found, frame.utc_ns, frame.mono_s)
        self.keeper.offer()

    def _record(self, event: AlarmEvent) -> None:
        for history in self._histories.values():
            history.alarm(event)
