"""`scale`: a share of the value.

    transform: [ { scale: 90 % } ]
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, transform


@transform(measure=lambda share_pct, _cycle_s: (share_pct / 100.0,))
def scale(at: Lane, frame: Frame, factor: float) -> None:
    """The value times the share."""
    kernels.linear(at.values(frame), at.source, at.row, factor, 0.0)
