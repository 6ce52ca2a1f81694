"""`ancillary`: frequency response added to the base, along a ramp of its own.

A service whose input is lost holds for its declared time, then is withdrawn; the base request stands. `undeliverable`
is the sold capacity, in the worse direction, that has no room between the base and the band, activated or not;
`shortfall` is what of an activation does not fit. A service never takes back what the grid code or `relief` demands.
"""

from __future__ import annotations

from jit import resolve as kernels
from jit.frame import Frame
from jit.rows import service_rows
from operators.stage import stage


@stage(
    reads=(
        "frequency_hz",
        "frequency_age_s",
        "frequency_quality",
        "base_kw",
        "low_kw",
        "high_kw",
        "manual_kw",
        "soc_pct",
        "may_charge",
        "may_discharge",
        "must_low_kw",
        "must_high_kw",
        "must_high_by",
        "site_low_kw",
        "site_high_kw",
    ),
    before=("ancillary.*",),
    writes=("ancillary.*", "service_kw", "desired_kw", "shortfall_kw", "service_by"),
)
def ancillary(frame: Frame) -> None:
    """Droop per service and asset, its ramp, and what cannot be delivered."""
    past, constants, layout = frame.prior, frame.constants, frame.layout
    first, code_first, site_first = service_rows(layout)
    kernels.respond(
        frame.values,
        frame.codes,
        frame.site,
        frame.site_codes,
        past.values,
        past.site,
        constants.ratings,
        constants.service,
        constants.split,
        first,
        code_first,
        site_first,
        len(layout.services),
        frame.dt,
        frame.dt_ramp,
    )
