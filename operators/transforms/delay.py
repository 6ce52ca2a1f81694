"""`delay`: the value of some time ago.

    transform: [ { delay: 2 s } ]

A request that is absent now is absent now: what was withdrawn does not act on. A delay of more than 120 cycles is
sampled 120 times.
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, Memory, slots, transform


@transform(
    measure=slots,
    memory=lambda count, _slot_s: (Memory("filled_s", "s"), *(Memory(f"slot_{k}") for k in range(count + 1))),
)
def delay(at: Lane, frame: Frame, count: int, slot_s: float) -> None:
    """One tick along the line."""
    kernels.delay(at.values(frame), at.past(frame), at.source, at.row, count, slot_s, frame.dt)
