"""`resolve`: the highest request that has something to say gets the asset, sold reserve kept free.

Priority is the order of `requests:`, which `check` holds against LH-MKT-006. A request without an opinion is absent,
never 0. Of a request with a `transform:` list, the last step's rows are read. Reserve is kept free in power and in
energy, inside the band; it is no part of the band itself. What the grid code or `relief` demands of all assets
together beats every request and the reserve, and never the band (`jit.sharing`).
"""

from __future__ import annotations

from jit import resolve as kernels
from jit.frame import Frame
from operators.stage import stage


@stage(
    reads=(
        "requests.*",
        "manual_kw",
        "soc_pct",
        "low_kw",
        "high_kw",
        "may_charge",
        "may_discharge",
        "must_low_kw",
        "must_high_kw",
        "must_low_by",
        "must_high_by",
        "site_low_kw",
        "site_high_kw",
    ),
    writes=("asked_kw", "base_kw", "reserve_kw", "request_by", "resolve_by"),
)
def resolve(frame: Frame) -> None:
    """Choose per asset, split what is asked of the site, keep the reserve free, do what must be done."""
    constants, layout = frame.constants, frame.layout
    kernels.resolve(
        frame.values,
        frame.codes,
        frame.site,
        frame.site_codes,
        constants.ratings,
        constants.split,
        constants.service,
        layout.asked_rows,
        len(layout.services),
    )
