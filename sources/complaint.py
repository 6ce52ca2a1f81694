"""What is wrong with what comes from outside, said in the log: when it begins and when it changes, never as a flood.

    wrong: A A A ─► one line      A B A ─► three lines      A1 A2 A3 … or A, well, A, well … ─► 8 lines, then few

Whoever sends decides what is wrong and how often, and must not fill a disk with it: of `MOST` lines each one costs a
place, and only `WELL` good messages give one back. A line says how many others were not said before it.
"""

from __future__ import annotations

from collections.abc import Callable

MOST = 8
WELL = 1000


class Complaints:
    """`say` writes one line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last = ""
        self._said = self._unsaid = self._good = 0

    def wrong(self, text: str) -> None:
        """Something is wrong, in words."""
        if text == self._last:
            return
        self._last = text
        if self._said >= MOST:
            self._unsaid += 1
            return
        self._said += 1
        before, self._unsaid = self._unsaid, 0
        self._say(f"{text} ({before} others were not said)" if before else text)

    def well(self) -> None:
        """What came was good."""
        self._last = ""
        self._good += 1
        if self._good >= WELL:
            self._good, self._said = 0, max(0, self._said - 1)
