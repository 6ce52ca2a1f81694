"""`ramp`: from the previous ramped power toward the limited power, no faster than the asset's ramp.

A limit beats the ramp: the origin is the previous unrounded ramped power projected onto today's band, so a limit that
drops acts at once. What comes out is projected jointly onto the site's band and remembered so: when that limit goes,
power rises from what was sent. One battery rises into the room of another only when that one is known to hold less:
its write may have been refused. While its own writes are not taken it does not rise at all: the first that is taken
again were a jump. After silence the origin is measured power, so that becoming armed is bumpless. A pause earns no
credit: `dt_ramp` is at most two cycles.
"""

from __future__ import annotations

from jit import project as kernels
from jit import reactive
from jit.frame import Frame
from jit.rows import transformer_row
from operators.stage import stage


@stage(
    reads=(
        "limited_kw",
        "limited_kvar",
        "reactive_kvar",
        "low_kw",
        "high_kw",
        "site_low_kw",
        "site_high_kw",
        "site_low_by",
        "site_high_by",
        "transformers.*",
        "holds_low_kw",
        "holds_high_kw",
        "service_kw",
        "power_kw",
        "fault",
        "quality",
        "proven",
        "write_status",
        "may_charge",
        "may_discharge",
    ),
    before=("ramped_kw", "ramped_kvar", "service_kw", "authority", "fault"),
    writes=("ramped_kw", "ramped_kvar", "ramp_by"),
)
def ramp(frame: Frame) -> None:
    """One step of the ramp for every asset."""
    past, shared = frame.prior, frame.constants.shared
    ratings, dt = frame.constants.ratings, frame.dt_ramp
    kernels.ramp(
        frame.values,
        frame.codes,
        frame.site,
        frame.site_codes,
        past.values,
        past.codes,
        ratings,
        shared.starts,
        shared.members,
        transformer_row(frame.layout),
        dt,
    )
    reactive.ramp_kvar(frame.values, frame.codes, past.values, past.codes, ratings, dt)
