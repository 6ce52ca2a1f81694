"""`rate_limit`: the value moves no faster. It shapes a wish; the asset's ramp holds whatever is asked.

    transform: [ { rate_limit: 20 kW/s } ]

It begins at the first value and earns no credit for a pause: a late tick counts for two cycles at most.
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, transform


@transform(measure=lambda kw_per_s, _cycle_s: (kw_per_s,), recalls=True)
def rate_limit(at: Lane, frame: Frame, kw_per_s: float) -> None:
    """One step toward the value."""
    kernels.rate_limit(at.values(frame), at.past(frame), at.source, at.row, kw_per_s, frame.dt_ramp)
