"""`smooth`: a low-pass that rejects a jump until it has stayed: the step for measured values.

    transform: [ { smooth: { lag: 5 s, jump: 50 kW, reseed_after: 10 s } } ]

While a jump is rejected the last level goes on, marked as substituted; a jump that stays becomes the new level.
"""

from __future__ import annotations

from config.transform import Smooth
from jit import filter as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, Memory, Numbers, transform


def _measure(smooth: Smooth, _cycle_s: float) -> Numbers:
    return smooth.lag, smooth.jump, smooth.reseed_after


def _memory(*_numbers: float) -> tuple[Memory, ...]:
    return Memory("level"), Memory("away_s", "s")


@transform(measure=_measure, memory=_memory, marks=True)
def smooth(at: Lane, frame: Frame, lag_s: float, jump: float, reseed_s: float) -> None:
    """One step of the filter."""
    kernels.smooth(
        at.values(frame), at.codes(frame), at.past(frame), at.source, at.row, at.code, lag_s, jump, reseed_s, frame.dt
    )
