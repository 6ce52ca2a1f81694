"""`constrain`: what is desired, projected onto each asset's band, then all together onto transformers and site.

What is missing then of what must be done is `must_short_kw`. One direction for the site first, so that no battery
charges while another discharges. While a stage's fault bit is set every band is [0, 0] (design rule 10). Reactive power
gets what the apparent-power circle leaves beside that.
"""

from __future__ import annotations

from jit import project as kernels
from jit import reactive
from jit.frame import Frame
from jit.rows import transformer_row
from operators.stage import stage


@stage(
    reads=(
        "desired_kw",
        "asked_kvar",
        "asked_kvar_by",
        "low_kw",
        "high_kw",
        "low_by",
        "high_by",
        "site_low_kw",
        "site_high_kw",
        "site_low_by",
        "site_high_by",
        "must_low_kw",
        "must_high_kw",
        "must_high_by",
        "transformers.*",
        "fault",
        "proven",
        "may_charge",
        "may_discharge",
    ),
    writes=("limited_kw", "limited_kvar", "limited_kvar_by", "limited_by", "limited_why", "direction", "must_short_kw"),
)
def constrain(frame: Frame) -> None:
    """Band, direction, transformers, site; then Q beside P."""
    shared, band = frame.constants.shared, transformer_row(frame.layout)
    kernels.constrain(frame.values, frame.codes, frame.site, frame.site_codes, shared.starts, shared.members, band)
    reactive.constrain_kvar(frame.values, frame.codes, frame.constants.ratings)
