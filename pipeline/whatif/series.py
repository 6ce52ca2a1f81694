"""Curves of any length in bounded memory, for plots: every bucket keeps its least and its most, so no peak is lost.

    tick by tick ─► buckets of 1 tick ─► full: pairs become one ─► buckets of 2 ticks ─► …
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import inf, nan

#: A plot is about as many points wide.
MOST = 1024


@dataclass(slots=True)
class Curve:
    """`least` and `most` of every bucket, NaN where nothing was known."""

    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def add(self, low: float, high: float, *, begins: bool) -> None:
        if begins:
            self.least.append(nan)
            self.most.append(nan)
        if low == low:
            self.least[-1] = low if self.least[-1] != self.least[-1] else min(low, self.least[-1])
        if high == high:
            self.most[-1] = high if self.most[-1] != self.most[-1] else max(high, self.most[-1])

    def halve(self) -> None:
        pairs = list(zip(self.least, self.most, strict=True))
        self.least, self.most = [], []
        for i, (low, high) in enumerate(pairs):
            self.add(low, high, begins=i % 2 == 0)

    @property
    def extent(self) -> tuple[float, float]:
        """Least and most of all; (inf, −inf) when nothing was known."""
        known = [v for v in (*self.least, *self.most) if v == v and abs(v) < inf]
        return (min(known), max(known)) if known else (inf, -inf)


@dataclass(slots=True)
class Strip:
    """How long which code stood, per bucket."""

    buckets: list[Counter[int]] = field(default_factory=list)

    def add(self, code: int, *, begins: bool) -> None:
        if begins:
            self.buckets.append(Counter())
        self.buckets[-1][code] += 1

    def halve(self) -> None:
        pairs = [sum(self.buckets[i : i + 2], Counter()) for i in range(0, len(self.buckets), 2)]
        self.buckets = pairs

    def runs(self) -> list[tuple[int, int, int]]:
        """(first bucket, past-last bucket, code) of the code that stood longest in each."""
        found: list[tuple[int, int, int]] = []
        for i, bucket in enumerate(self.buckets):
            code = bucket.most_common(1)[0][0]
            if found and found[-1][2] == code:
                found[-1] = (found[-1][0], i + 1, code)
            else:
                found.append((i, i + 1, code))
        return found


@dataclass(slots=True)
class Series:
    """Named curves and strips over the same ticks. `instants_ns`: when each bucket begins."""

    curves: dict[str, Curve] = field(default_factory=dict)
    strips: dict[str, Strip] = field(default_factory=dict)
    instants_ns: list[int] = field(default_factory=list)
    until_ns: int = 0
    _ticks: int = 1
    _filled: int = 0

    def see(self, utc_ns: int, values: dict[str, float], codes: dict[str, int]) -> None:
        """One tick. The same names every time."""
        if self._filled == 0 and len(self.instants_ns) >= MOST:
            self._halve()
        begins = self._filled == 0
        if begins:
            self.instants_ns.append(utc_ns)
        for name, value in values.items():
            self.curves.setdefault(name, Curve()).add(value, value, begins=begins)
        for name, code in codes.items():
            self.strips.setdefault(name, Strip()).add(code, begins=begins)
        self._filled = (self._filled + 1) % self._ticks
        self.until_ns = utc_ns

    def _halve(self) -> None:
        self._ticks *= 2
        self.instants_ns = self.instants_ns[::2]
        for curve in self.curves.values():
            curve.halve()
        for strip in self.strips.values():
            strip.halve()
