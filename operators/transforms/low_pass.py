"""`low_pass`: a first order lag, smooth where `average` has corners.

    transform: [ { low_pass: 5 s } ]        y += (x − y) · dt / (lag + dt)

It begins at the first value and forgets when the value is absent.
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, transform


@transform(measure=lambda lag_s, _cycle_s: (lag_s,), recalls=True)
def low_pass(at: Lane, frame: Frame, lag_s: float) -> None:
    """One step of the lag."""
    kernels.low_pass(at.values(frame), at.past(frame), at.source, at.row, lag_s, frame.dt)
