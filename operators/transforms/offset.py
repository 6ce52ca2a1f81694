"""`offset`: a power added to the value, in one direction.

    transform: [ { offset: { charge: 5 kW } } ]
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, transform


@transform(measure=lambda size, _cycle_s: (size.discharge - size.charge,))
def offset(at: Lane, frame: Frame, power_kw: float) -> None:
    """The value plus the offset."""
    kernels.linear(at.values(frame), at.source, at.row, 1.0, power_kw)
