"""One tick of the site's cycle, as the scheduler hands it to the graph.

Time enters the graph here and nowhere else: nothing below the scheduler reads a clock.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tick:
    """`index` counts from 0; `mono_s` is scheduler time (s, monotonic), `utc_ns` the wall clock (ns since 1970, UTC).

    `dt_s` is the true time since the previous tick (s), `missed` the deadlines that passed in between. A wall clock
    that is not `trusted` starts no window and ends none.
    """

    index: int
    mono_s: float
    utc_ns: int
    dt_s: float
    missed: int = 0
    trusted: bool = True
