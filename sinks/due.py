"""Points that are published one by one, each in its own interval (s): those whose interval is over, and when next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import inf

Shown = Callable[[str], Iterable[Mapping[str, object]]]


class Due:
    """`points` says how often each is due, by "asset.point" or "site.meter.point"; all are at first."""

    def __init__(self, points: Mapping[str, float], clock: Callable[[], float]) -> None:
        self._points, self._clock = dict(points), clock
        self._next_s = dict.fromkeys(self._points, -inf)

    def cut(self, points_of: Shown, at: object) -> Iterator[tuple[str, str, Mapping[str, object]]]:
        """Device, point and entry of what is due; `points_of` tells those of a device, `at` is their instant."""
        now_s = self._clock()
        due = [point for point, next_s in self._next_s.items() if now_s >= next_s]
        devices = {point.rpartition(".")[0] for point in due}
        shown = {device: {str(entry["point"]): entry for entry in points_of(device)} for device in devices}
        for point in due:
            device, _, name = point.rpartition(".")
            if name in shown[device]:
                self._next_s[point] = now_s + self._points[point]
                yield device, name, {**shown[device][name], "at": at}
