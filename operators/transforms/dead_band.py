"""`dead_band`: changes smaller than a size are not followed.

    transform: [ { dead_band: 2 kW } ]

    in    10.0 10.5 11.9 12.0 11.0
    out   10.0 10.0 10.0 12.0 12.0
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, transform


@transform(measure=lambda band_kw, _cycle_s: (band_kw,), recalls=True)
def dead_band(at: Lane, frame: Frame, band_kw: float) -> None:
    """Follow, or stay."""
    kernels.dead_band(at.values(frame), at.past(frame), at.source, at.row, band_kw)
