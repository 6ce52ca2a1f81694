"""A stage: one step of the chain, declared, guarded, timed and tapped, as an Rx operator.

    @stage(reads=("limited_kw",), before=("ramped_kw",), writes=("ramped_kw", "ramp_by"))
    def ramp(frame: Frame) -> None: ...

    frames.pipe(ramp)        # Observable[Frame] → Observable[Frame]

An error never ends the stream and never erases memory (design rule 10): when the step raises, its own rows take their
declared fail values, its bit of the row `fault` is set for every asset, and the frame goes on. While a bit is set,
`constrain` and `command` take every band as [0, 0].

Taps are a tuple inside the wrapper: a Subject between stages would make the chain three times slower. A tap stores a
reference to the frame, which is read after the tick; one that raises is reported and harms nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from reactivex import Observable, abc

from jit.frame import Frame
from jit.layout import Layout, Row
from jit.rows import FAULT

Step = Callable[[Frame], None]
Tap = Callable[[Frame], None]
Clock = Callable[[], float]
Failed = Callable[[str, Exception], None]


@dataclass(frozen=True, slots=True)
class FailRows:
    """Indices of a stage's rows by what they take when the stage raises."""

    hold: np.ndarray[tuple[int], np.dtype[np.int64]]
    zero: np.ndarray[tuple[int], np.dtype[np.int64]]
    unknown: np.ndarray[tuple[int], np.dtype[np.int64]]


#: Rows of one owner in values, codes, site and site_codes.
OwnRows = tuple[FailRows, FailRows, FailRows, FailRows]


def own_rows(layout: Layout, owner: str) -> OwnRows:
    """Every row that the layout gives to `owner`, by what it takes when the owner raises."""

    def of(rows: tuple[Row, ...]) -> FailRows:
        def indices(fail: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
            return np.array([i for i, row in enumerate(rows) if row.owner == owner and row.fail == fail], np.int64)

        return FailRows(indices("hold"), indices("zero"), indices("unknown"))

    return of(layout.values), of(layout.codes), of(layout.site_values), of(layout.site_codes)


def take_fail_values(frame: Frame, own: OwnRows) -> None:
    """Undo what the owner has written so far: `hold` becomes the past's value, `zero` 0, `unknown` NaN or code 0."""
    past = frame.prior
    arrays: tuple[np.ndarray[Any, Any], ...] = (frame.values, frame.codes, frame.site, frame.site_codes)
    for rows, array, old in zip(own, arrays, (past.values, past.codes, past.site, past.site_codes), strict=True):
        array[rows.hold] = old[rows.hold]
        array[rows.zero] = 0
        array[rows.unknown] = np.nan if array.dtype == np.float64 else 0


@dataclass(slots=True, eq=False)
class Stage:
    """A declared step. `reads`, `before` and `writes` name rows; `requests.*` and the like stand for a block's rows."""

    id: str
    step: Step
    reads: tuple[str, ...]
    before: tuple[str, ...]
    writes: tuple[str, ...]
    file: str = ""
    on_fail: Step | None = None
    taps: tuple[Tap, ...] = ()
    errors: int = 0
    ended_s: float = 0.0
    _bit: int = 0
    _clock: Clock = field(default=lambda: 0.0)
    _failed: Failed = field(default=lambda _stage, _error: None)
    _rows: OwnRows | None = None

    def bind(self, layout: Layout, index: int, clock: Clock, failed: Failed) -> Stage:
        """Tie the stage to a layout: its fault bit is 1 << index, `clock` is read once per frame, `failed` reports."""
        self._bit = 1 << index
        self._clock, self._failed = clock, failed
        self._rows = own_rows(layout, self.id)
        return self

    def written(self, layout: Layout) -> tuple[str, ...]:
        """Every row of the layout that this stage owns, blocks spelled out."""
        rows = (*layout.values, *layout.codes, *layout.site_values, *layout.site_codes)
        return tuple(row.name for row in rows if row.owner == self.id)

    def into(self, emit: Tap) -> Tap:
        """What happens to a frame at this stage: step, guard, clock, taps, `emit`. One call less than through a map."""

        def on_next(frame: Frame) -> None:
            try:
                self.step(frame)
            except Exception as error:  # rule 10: no exception of a stage may reach the stream
                self.errors += 1
                self.fail(frame)
                self._failed(self.id, error)
            self.ended_s = self._clock()
            for tap in self.taps:
                try:
                    tap(frame)
                except Exception as error:  # rule 10: whoever watches cannot end the stream
                    self._failed(f"{self.id}.tap", error)
            emit(frame)

        return on_next

    def guarded(self, frame: Frame) -> Frame:
        """The stage alone, outside of a stream."""
        self.into(lambda _frame: None)(frame)
        return frame

    def fail(self, frame: Frame) -> None:
        """Own rows take their fail values, own fault bit is set for every asset, then `on_fail`."""
        if self._rows is None:
            raise RuntimeError(f"stage {self.id!r} must be bound to a layout before it can run")
        take_fail_values(frame, self._rows)
        frame.codes[FAULT] |= self._bit
        try:
            if self.on_fail is not None:
                self.on_fail(frame)
        except Exception as error:  # rule 10, here too: the fail values stand
            self._failed(f"{self.id}.on_fail", error)

    def __call__(self, source: Observable[Frame]) -> Observable[Frame]:
        def subscribe(
            observer: abc.ObserverBase[Frame], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            on_next = self.into(observer.on_next)
            return source.subscribe(on_next, observer.on_error, observer.on_completed, scheduler=scheduler)

        return Observable(subscribe)


def line(stages: Sequence[Stage]) -> Callable[[Observable[Frame]], Observable[Frame]]:
    """Several stages as one operator: what `frames.pipe(*stages)` does, without an observer of the library's between
    any two of them.
    """

    def operator(source: Observable[Frame]) -> Observable[Frame]:
        def subscribe(
            observer: abc.ObserverBase[Frame], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            on_next: Tap = observer.on_next
            for one in reversed(stages):
                on_next = one.into(on_next)
            return source.subscribe(on_next, observer.on_error, observer.on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return operator


def stage(
    *, reads: tuple[str, ...], writes: tuple[str, ...], before: tuple[str, ...] = (), on_fail: Step | None = None
) -> Callable[[Step], Callable[..., Stage]]:
    """Declare a step as a stage. The decorated name is a factory: every graph has stages of its own.

    `on_fail` runs after fail values have been taken, on own rows, from rows that the step reads; it may only silence.
    """

    def declare(step: Step) -> Callable[..., Stage]:
        def build(name: str | None = None) -> Stage:
            file = step.__module__.replace(".", "/") + ".py"
            return Stage(name or step.__name__, step, reads, before, writes, file, on_fail)

        build.__doc__ = step.__doc__
        build.__name__ = step.__name__
        return build

    return declare
