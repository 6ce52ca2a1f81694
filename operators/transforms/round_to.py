"""`round_to`: toward zero, to a multiple.

    transform: [ { round_to: 5 kW } ]        27.4 kW ──► 25 kW        −27.4 kW ──► −25 kW
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, transform


@transform(measure=lambda step_kw, _cycle_s: (step_kw,))
def round_to(at: Lane, frame: Frame, step_kw: float) -> None:
    """The multiple that is not above |value|."""
    kernels.round_to(at.values(frame), at.source, at.row, step_kw)
