"""Chattering: an alarm that comes and goes so often that nobody can answer it.

    5 times within 60 s ──► marked, and its off delay grows: 5 s, 10 s, 20 s … at most 300 s
    10 min without coming again ──► as before

So it stays in the list, is counted once, and leaves room for the others. The first time it comes is never held back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

TIMES, WITHIN_S = 5, 60.0
FIRST_S, MOST_S = 5.0, 300.0
QUIET_S = 600.0


@dataclass(slots=True)
class _Track:
    came: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES))
    hold_s: float = 0.0


class Chatter:
    """Times are those of the frames, in s. It remembers nothing of an alarm that has been quiet."""

    def __init__(self) -> None:
        self._tracks: dict[str, _Track] = {}
        self._swept_s = 0.0

    def came(self, name: str, now_s: float) -> None:
        track = self._tracks.setdefault(name, _Track())
        track.came.append(now_s)
        if len(track.came) == TIMES and now_s - track.came[0] <= WITHIN_S:
            track.hold_s = min(max(FIRST_S, 2 * track.hold_s), MOST_S)
            track.came.clear()
            track.came.append(now_s)

    def hold_s(self, name: str) -> float:
        """How much longer than declared it stays; 0 when it does not chatter."""
        track = self._tracks.get(name)
        return track.hold_s if track else 0.0

    def sweep(self, now_s: float) -> None:
        """Forget what has been quiet; once a minute is enough."""
        if now_s - self._swept_s < WITHIN_S:
            return
        self._swept_s = now_s
        for name in [name for name, track in self._tracks.items() if now_s - track.came[-1] > QUIET_S]:
            del self._tracks[name]
