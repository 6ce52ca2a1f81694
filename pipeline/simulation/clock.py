"""What the machine's clock showed, and in which times nobody may go by it (reliability F7).

A clock that jumps by more than a second is distrusted: schedules stand as they were in the last tick before, until the
clock is where it would be without the jump, or has stayed there for a minute. A new process takes it at its word.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

JUMP_S, BELIEVED_S = 1.0, 60.0


class Held(NamedTuple):
    """From the tick at `from_s` on, until the one at `until_s`, what was asked for at `shown_s` by the machine's clock
    stands.
    """

    shown_s: float
    from_s: float
    until_s: float


def held(ticks: Sequence[float], shown_ns: Sequence[int], boots: Sequence[float]) -> Iterator[Held]:
    """From what the clock showed at each tick, in ns after the ticks' zero; `boots` are the starts of processes."""
    life, last_s, right_ns = -1, 0.0, 0
    since_s: float | None = None
    stood_ns = 0
    for now_s, said_ns in zip(ticks, shown_ns, strict=False):
        born = bisect_right(boots, now_s)
        going_on_ns = right_ns + round((now_s - last_s) * 1e9)
        jumped = born == life and abs(said_ns - going_on_ns) > JUMP_S * 1e9
        if since_s is not None and (not jumped or now_s - since_s >= BELIEVED_S):
            yield Held(stood_ns * 1e-9, since_s, now_s)
            since_s, jumped = None, False
        elif since_s is None and jumped:
            since_s, stood_ns = now_s, right_ns
        life, last_s, right_ns = born, now_s, going_on_ns if jumped else said_ns
    if since_s is not None:
        yield Held(stood_ns * 1e-9, since_s, float("inf"))
