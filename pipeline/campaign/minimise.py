"""Delta debugging: the fewest faults that still break the same invariant.

    breaks(case)  ──►  drop halves, quarters, … single faults while it still breaks  ──►  shorten what is left
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pipeline.campaign.case import Case
from pipeline.simulation.storm import Strike

Breaks = Callable[[Case], bool]
MOST_LIVES = 200


def minimised(case: Case, breaks: Breaks, most_lives: int = MOST_LIVES) -> Case:
    """A case of as few faults as can be found in so many lives. It breaks whatever the given one breaks."""
    left = [most_lives]

    def still(strikes: Sequence[Strike]) -> bool:
        left[0] -= 1
        return left[0] >= 0 and breaks(replace(case, strikes=tuple(strikes)))

    fewest = _fewest(list(case.strikes), still)
    for place, strike in enumerate(fewest):
        for share in (0.25, 0.5):
            shorter = round(strike.begin_s + share * (strike.end_s - strike.begin_s), 3)
            tried = [*fewest[:place], replace(strike, end_s=shorter), *fewest[place + 1 :]]
            if shorter < strike.end_s and still(tried):
                fewest = tried
                break
    sooner = _sooner(fewest)
    if sooner != fewest and still(sooner):
        fewest = sooner
    return replace(case, strikes=tuple(fewest))


def _sooner(strikes: list[Strike]) -> list[Strike]:
    """The storm from its first fault on; what stands before it stays."""
    first = min((strike.begin_s for strike in strikes if strike.begin_s > 0.0), default=0.0)
    return [
        replace(strike, begin_s=round(strike.begin_s - first, 3), end_s=round(strike.end_s - first, 3))
        if strike.begin_s > 0.0
        else strike
        for strike in strikes
    ]


def _fewest(strikes: list[Strike], still: Callable[[Sequence[Strike]], bool]) -> list[Strike]:
    """Chunks go while what is left still breaks (ddmin, over complements)."""
    size = max(1, len(strikes) // 2)
    while True:
        place, gone = 0, False
        while place < len(strikes):
            rest = strikes[:place] + strikes[place + size :]
            if still(rest):
                strikes, gone = rest, True
            else:
                place += size
        if size == 1 and not gone:
            return strikes
        size = max(1, size // 2)
