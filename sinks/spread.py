"""How durations are spread: counts per bucket in plain numbers, for what happens in every tick.

    spread.observe(0.0012) ──► counts[le 0.0025] += 1, total += 0.0012

The same numbers as a histogram of prometheus_client, which takes two locks and asks bucket after bucket. One thread
observes, any thread may read: a scrape sees each number as it is at that moment. Durations are in s.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

BUCKETS = (5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_NAMES = (*map(str, BUCKETS), "+Inf")


class Spread:
    """`total` is the sum of everything that was observed (s)."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0] * len(_NAMES)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """(upper bound, how many were at most that), the last one without a bound."""
        return list(zip(_NAMES, map(float, accumulate(self._counts)), strict=True))
