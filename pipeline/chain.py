"""The production chain: which stages, in which order. It is the same in every process, test and replay.

    state_machine ► limits ► [what the definition composes] ► resolve ► ancillary ► constrain ► ramp ► command
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reactivex import Observable
from reactivex.subject import Subject

from jit.frame import Frame, Past
from operators.ancillary import ancillary
from operators.command import command
from operators.constrain import constrain
from operators.faults.edge import Operator
from operators.limits import limits
from operators.ramp import ramp
from operators.resolve import resolve
from operators.snapshot import Snapshot, snapshot
from operators.stage import Clock, Stage
from operators.state_machine import state_machine
from operators.validate import validate
from pipeline.compile import Compiled

Report = Callable[[str, Exception], None]


#: Bits of `fault` that stages have; the last one is shared when a definition composes more.
BITS = 62


def stages(compiled: Compiled, clock: Clock, failed: Report) -> tuple[Stage, ...]:
    """Fresh stages, bound to the layout. Bit 0 of `fault` is the snapshot's, then those of the chain, then composed."""
    chain = (state_machine(), limits(), resolve(), ancillary(), constrain(), ramp(), command())
    composed = tuple(part.stage(compiled.layout) for part in compiled.composed)
    for bit, stage in enumerate((*chain, *composed), start=1):
        stage.bind(compiled.layout, min(bit, BITS), clock, failed)
    return (*chain[:2], *composed, *chain[2:])


class Entry:
    """Where signals and ticks enter: one subject, validated, sampled into frames."""

    def __init__(
        self,
        compiled: Compiled,
        *,
        armed: bool,
        dropped: Callable[[str, str], None],
        failed: Report = lambda _stage, _error: None,
        past: Past | None = None,
        edges: Sequence[Operator] = (),
    ) -> None:
        """`edges`: what is inserted between the sources and `validate`, for a test."""
        self.signals: Subject[Any] = Subject()
        self.snapshot = Snapshot.of(
            compiled.layout,
            compiled.constants,
            compiled.places,
            compiled.offers(),
            armed=armed,
            failed=failed,
            past=past,
        )
        spoiled: Observable[Any] = self.signals
        for edge in edges:
            spoiled = edge(spoiled)
        self.frames: Observable[Frame] = spoiled.pipe(
            validate(compiled.plausible, dropped), snapshot(self.snapshot)
        )
