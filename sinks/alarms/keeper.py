"""The book on disk: since when, acknowledged by whom, shelved until when survive a restart.

    a change of the book ─► at most once a second: temporary file, fsync, rename ─► alarms.json
    start ─► load ─► AlarmBook.restore

The file is written in a thread, newest wins; a disk that refuses is an alarm itself (`problem`) and is tried again. A
file that cannot be read loses acknowledgements and shelves, so everything asks anew; it never keeps the process from
starting. More than `KEPT` alarms are not kept: of a flood only what somebody has touched and what is most urgent.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
from loguru import logger

from sinks.alarms.alarm import Alarm, Shelf
from sinks.alarms.book import AlarmBook
from sinks.alarms.chart import AlarmState
from sinks.alarms.condition import Condition
from sinks.checkpoint import store
from sinks.conflate import Conflating
from sources.pause import pause

KEPT = 2_000
PACE_S = 1.0

Cut = tuple[tuple[Alarm, ...], dict[str, Shelf]]


class AlarmKeeper:
    """`offer` after every tick; `run` is its task. `problem` says why the newest book is not on disk."""

    def __init__(self, path: Path, book: AlarmBook) -> None:
        self._path, self._book = path, book
        self._known = book.version
        self.problem = ""
        self.sink: Conflating[Cut] = Conflating("alarms", self._write, self._lost)

    def offer(self) -> None:
        if self._book.version != self._known:
            self._known = self._book.version
            self.sink.offer((tuple(self._book.alarms.values()), dict(self._book.shelves)))

    async def run(self) -> None:
        await self.sink.run()

    async def _write(self, cut: Cut) -> None:
        await asyncio.to_thread(lambda: store(self._path, encode(*cut)))
        self.problem = ""
        await pause(PACE_S)

    def _lost(self, _cut: Cut, error: Exception) -> None:
        self.problem = str(error) or repr(error)
        self._known = -1  # the next tick tries again


def encode(alarms: tuple[Alarm, ...], shelves: dict[str, Shelf]) -> bytes:
    touched = sorted(alarms, key=lambda a: (not a.by, a.condition.id not in shelves, a.condition.priority, -a.since_ns))
    put_away = {name: [shelf.by, shelf.reason, shelf.at_ns, shelf.until_ns] for name, shelf in shelves.items()}
    return orjson.dumps({"alarms": [_alarm(alarm) for alarm in touched[:KEPT]], "shelves": put_away})


def _alarm(alarm: Alarm) -> dict[str, Any]:
    c = alarm.condition
    return {"condition": [c.key, c.asset, c.priority, c.text, c.response, c.delay_s, c.off_delay_s, c.latched,
                          c.consequence_of], "state": str(alarm.state), "since_ns": alarm.since_ns,
            "first": alarm.first, "by": alarm.by, "seen_ns": alarm.seen_ns}  # fmt: skip


def load(path: Path, book: AlarmBook) -> None:
    """Give the book what it held before the restart."""
    try:
        found = orjson.loads(path.read_bytes())
        alarms = [_restored(entry) for entry in found["alarms"]]
        shelves = {str(name): Shelf(str(by), str(reason), int(at), int(until))
                   for name, (by, reason, at, until) in found["shelves"].items()}  # fmt: skip
    except FileNotFoundError:
        return
    except Exception as error:  # whatever the file holds, the process starts
        logger.error("alarms {} are unreadable: acknowledgements and shelves are lost: {!r}", path, error)
        return
    book.restore(alarms, shelves)


def _restored(entry: dict[str, Any]) -> Alarm:
    key, asset, priority, text, response, delay_s, off_delay_s, latched, causes = entry["condition"]
    condition = Condition(str(key), asset, int(priority), str(text), str(response), float(delay_s), float(off_delay_s),
                          bool(latched), tuple(map(str, causes)))  # fmt: skip
    return Alarm(condition, AlarmState(entry["state"]), int(entry["since_ns"]), bool(entry["first"]),
                 str(entry["by"]), int(entry["seen_ns"]))  # fmt: skip
