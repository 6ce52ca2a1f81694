"""`average`: the mean over a time, of what was known within it.

    transform: [ { average: 10 s } ]

    in    10 10 10 40 40 40 40      slots of one cycle, newest first; a window of more than 120 cycles has 120 slots
    out   10 10 10 20 30 40 40      over 3 s at a cycle of 1 s

A gap weighs nothing; while the value is absent the mean is absent too.
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, Memory, slots, transform


def _memory(count: int, _slot_s: float) -> tuple[Memory, ...]:
    ring = tuple(Memory(f"slot_{k}") for k in range(count))
    return (Memory("filled_s", "s"), *ring, Memory("sum_kws", "kWs"), Memory("known_s", "s"))


@transform(measure=slots, memory=_memory)
def average(at: Lane, frame: Frame, count: int, slot_s: float) -> None:
    """One tick of the window."""
    kernels.average(at.values(frame), at.past(frame), at.source, at.row, count, slot_s, frame.dt)
