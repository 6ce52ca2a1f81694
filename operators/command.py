"""`command`: the last projection, rounding toward zero, minimum power, mode and heartbeat.

It reads unknown as 0. When it raises itself, its rows take their fail values, which are the zero command of that tick;
`cut` turns them into a stop. The heartbeat counts ticks that reached this stage with authority, never wall time.
"""

from __future__ import annotations

from jit import project as kernels
from jit import reactive
from jit.frame import Frame
from jit.rows import transformer_row
from operators.stage import stage


@stage(
    reads=(
        "ramped_kw",
        "limited_kvar",
        "limited_kvar_by",
        "ramped_kvar",
        "low_kw",
        "high_kw",
        "site_low_kw",
        "site_high_kw",
        "site_low_by",
        "site_high_by",
        "transformers.*",
        "state",
        "authority",
        "fault",
        "proven",
        "may_charge",
        "may_discharge",
    ),
    before=("heartbeat",),
    writes=("command_kw", "command_kvar", "mode", "command_by", "kvar_by", "heartbeat", "total_kw", "total_kvar"),
)
def command(frame: Frame) -> None:
    """Commands of all assets, jointly within the limits of transformers and site; Q beside the final P."""
    shared = frame.constants.shared
    kernels.command(
        frame.values,
        frame.codes,
        frame.site,
        frame.site_codes,
        frame.prior.codes,
        frame.constants.ratings,
        shared.starts,
        shared.members,
        transformer_row(frame.layout),
    )
    reactive.command_kvar(frame.values, frame.codes, frame.site, frame.constants.ratings)
