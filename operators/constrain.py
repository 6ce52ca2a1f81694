"""`constrain`: what is desired, projected onto each asset's band, then all assets together onto the site's.

One direction for the site first, so that no battery charges while another discharges. While a stage's fault bit is set
every band is [0, 0] (design rule 10).
"""

from __future__ import annotations

from jit import project as kernels
from jit.frame import Frame
from operators.stage import stage


@stage(
    reads=(
        "desired_kw",
        "low_kw",
        "high_kw",
        "low_by",
        "high_by",
        "site_low_kw",
        "site_high_kw",
        "fault",
        "quality",
        "conditions",
        "may_charge",
        "may_discharge",
    ),
    writes=("limited_kw", "limited_by", "limited_why", "direction"),
)
def constrain(frame: Frame) -> None:
    """Band, direction, site."""
    kernels.constrain(frame.values, frame.codes, frame.site, frame.site_codes)
