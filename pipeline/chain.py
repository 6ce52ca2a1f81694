"""The production chain: which stages, in which order. It is the same in every process, test and replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reactivex import Observable
from reactivex.subject import Subject

from jit.frame import Frame, Past
from operators.ancillary import ancillary
from operators.command import command
from operators.constrain import constrain
from operators.limits import limits
from operators.ramp import ramp
from operators.resolve import resolve
from operators.snapshot import Snapshot, snapshot
from operators.stage import Clock, Stage
from operators.state_machine import state_machine
from operators.validate import validate
from pipeline.compile import Compiled

Report = Callable[[str, Exception], None]


def stages(compiled: Compiled, clock: Clock, failed: Report) -> tuple[Stage, ...]:
    """Fresh stages, bound to the layout. Bit 0 of `fault` is the snapshot's."""
    chain = (state_machine(), limits(), resolve(), ancillary(), constrain(), ramp(), command())
    return tuple(stage.bind(compiled.layout, index + 1, clock, failed) for index, stage in enumerate(chain))


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
    ) -> None:
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
        self.frames: Observable[Frame] = self.signals.pipe(
            validate(compiled.plausible, dropped), snapshot(self.snapshot)
        )
