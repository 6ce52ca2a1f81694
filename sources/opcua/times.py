"""When a value says that it was: what a source time stamp does to the quality of its own point, and to nothing else.

    ahead of our clock by more than `AHEAD_S` ──► TIME, and it is no measure for what comes later
    read, and older than what the point said before in this session:
        by up to `BACK_S` ──► taken: a read counts over what was told
        by more           ──► STALE until its time stamp moves on, so that a clock that is set back costs one value
    notified, and older than that ──► nothing: it was overtaken

A stamp in the past says when a value changed last and is not judged by itself: a constant keeps its own for years. How
old a *device* may be by its `stamp` point is judged by `snapshot`, as is that one in the future. Times in ns of UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jit.codes import Quality
from sources.opcua.values import Told

AHEAD_S = 5.0  # as for the time stamp of a device
BACK_S = 10.0
_NS = 1_000_000_000


class Times:
    """The time stamps of `points` points in one session. Without `utc_ns` none of them is in the future."""

    def __init__(self, points: int, utc_ns: Callable[[], int] | None) -> None:
        self._newest: list[int | None] = [None] * points
        self._back: list[int | None] = [None] * points
        self._utc_ns = utc_ns

    def read(self, index: int, told: Told) -> Told:
        """What was read, with the quality that its time leaves it."""
        stamp, newest = told.stamp_ns, self._newest[index]
        if stamp is None or self._ahead(stamp):
            return self._judged(index, told)
        if newest is not None and newest - stamp > BACK_S * _NS:
            self._back[index] = stamp
        self._newest[index] = stamp
        return self._judged(index, told)

    def notified(self, index: int, told: Told) -> Told | None:
        """The same for what was notified; None: it was overtaken."""
        stamp, newest = told.stamp_ns, self._newest[index]
        if stamp is None or self._ahead(stamp):
            return self._judged(index, told)
        if newest is not None and stamp < newest:
            return None
        self._newest[index] = stamp
        return self._judged(index, told)

    def _judged(self, index: int, told: Told) -> Told:
        stamp, back = told.stamp_ns, self._back[index]
        if stamp is not None and self._ahead(stamp):
            return _worse(told, Quality.TIME)
        if back is None or (stamp is not None and stamp > back):
            self._back[index] = None
            return told
        return _worse(told, Quality.STALE)

    def _ahead(self, stamp_ns: int) -> bool:
        return self._utc_ns is not None and stamp_ns - self._utc_ns() > AHEAD_S * _NS


def _worse(told: Told, bit: Quality) -> Told:
    return replace(told, quality=(told.quality & ~Quality.VALID) | bit)
