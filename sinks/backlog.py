"""Backlog: the bounded queue between the event loop and the spool's thread.

    loop ─put─► [audit][command][status][telemetry] ─take─► thread

`put` never waits and never fails. When `limit` records are waiting, the oldest of the lowest class makes room; what
arrives at a queue full of higher classes is itself dropped. Audit is never dropped. Every drop is counted by class.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable

from sinks.records import Piece, RecordClass


class Backlog:
    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.dropped: Counter[RecordClass] = Counter()
        self._ready = threading.Condition()
        self._queues: dict[RecordClass, deque[Piece]] = {klass: deque() for klass in sorted(RecordClass, reverse=True)}
        self._records = 0
        self._out = 0
        self._woken = False

    def __len__(self) -> int:
        """Records that are not settled: waiting, or taken and not yet stored."""
        return self._records + self._out

    def put(self, pieces: Iterable[Piece]) -> None:
        """Add pieces, from any thread."""
        with self._ready:
            for piece in pieces:
                self._queues[piece.klass].append(piece)
                self._records += piece.count
            self._make_room()
            self._ready.notify()

    def put_back(self, pieces: Iterable[Piece]) -> None:
        """Return pieces that could not be stored, to the front, without waking the thread."""
        with self._ready:
            for piece in reversed(list(pieces)):
                self._queues[piece.klass].appendleft(piece)
                self._records += piece.count
            self._make_room()

    def take(self, timeout_s: float | None, limit: int = 5000) -> list[Piece]:
        """Wait for pieces or for `wake`; then as many as hold about `limit` records, highest class first."""
        with self._ready:
            self._ready.wait_for(lambda: self._records or self._woken, timeout_s)
            self._woken = False
            taken = self._taken(limit)
            self._out = sum(piece.count for piece in taken)
            return taken

    def settle(self) -> None:
        """What was taken last is stored, or was put back."""
        self._out = 0

    def wake(self) -> None:
        """Let `take` return, with nothing if there is nothing."""
        with self._ready:
            self._woken = True
            self._ready.notify()

    def pause(self, timeout_s: float) -> None:
        """Wait for `wake` alone: after a failure new pieces are no reason to try again at once."""
        with self._ready:
            self._ready.wait_for(lambda: self._woken, timeout_s)

    def _taken(self, limit: int) -> list[Piece]:
        found: list[Piece] = []
        for queue in self._queues.values():
            while queue and limit > 0:
                found.append(queue.popleft())
                limit -= found[-1].count
                self._records -= found[-1].count
        return found

    def _make_room(self) -> None:
        for klass in sorted(RecordClass)[:-1]:
            queue = self._queues[klass]
            while queue and self._records > self.limit:
                piece = queue.popleft()
                self._records -= piece.count
                self.dropped[klass] += piece.count
