"""`resolve`: the highest request that has something to say gets the asset, sold reserve kept free.

Priority is the order of `requests:`, which `check` holds against LH-MKT-006. A request without an opinion is absent,
never 0. Reserve is kept free in power and in energy, inside the band; it is no part of the band itself.
"""

from __future__ import annotations

from jit import resolve as kernels
from jit.frame import Frame
from jit.rows import request_rows
from operators.stage import stage


@stage(
    reads=("requests.*", "soc_pct", "low_kw", "high_kw", "may_charge", "may_discharge"),
    writes=("asked_kw", "base_kw", "reserve_kw", "request_by", "resolve_by"),
)
def resolve(frame: Frame) -> None:
    """Choose per asset, split what is asked of the site, keep the reserve free."""
    constants, layout = frame.constants, frame.layout
    first, _, site_first = request_rows()
    kernels.resolve(
        frame.values,
        frame.codes,
        frame.site,
        constants.ratings,
        constants.split,
        constants.service,
        first,
        site_first,
        len(layout.requests),
        len(layout.services),
    )
