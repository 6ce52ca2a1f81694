"""`hold_last`: bridge a gap with the last value, at most for a time; the only step that makes something of nothing.

    transform: [ { hold_last: 15 min } ]

What it bridges with is marked as substituted in the row `quality`. After the time, and after a restart, the value is
absent until there is one again.
"""

from __future__ import annotations

from jit import transforms as kernels
from jit.frame import Frame
from operators.transforms.transform import Lane, Memory, transform


@transform(
    measure=lambda most_s, _cycle_s: (most_s,),
    memory=lambda _most_s: (Memory("held_s", "s"),),
    recalls=True,
    marks=True,
)
def hold_last(at: Lane, frame: Frame, most_s: float) -> None:
    """The value, or the last one while it is young enough."""
    kernels.hold_last(at.values(frame), at.codes(frame), at.past(frame), at.source, at.row, at.code, most_s, frame.dt)
