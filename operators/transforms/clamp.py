"""`clamp`: at most these sizes. It shapes a wish; the limits that protect anything are the chain's.

    transform: [ { clamp: { charge: 50 kW, discharge: 100 kW } } ]

A direction left out is 0.
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, transform


@transform(measure=lambda most, _cycle_s: (0.0 - most.charge, most.discharge))
def clamp(at: Lane, frame: Frame, low_kw: float, high_kw: float) -> None:
    """Onto [low, high]."""
    kernels.clamp(at.values(frame), at.source, at.row, low_kw, high_kw)
