"""A step of `transform:`, declared like a stage and placed by the compiler.

    @transform(measure=lambda band_kw, _cycle_s: (band_kw,), recalls=True)
    def dead_band(at: Lane, frame: Frame, band_kw: float) -> None: ...

    Placed(dead_band, "requests.day_ahead.transform.0", source, (2.0,)) ──► rows of the layout ──► a Stage

A step works on one value, per asset and of the site alike: where both have a row, both get a lane. It reads the rows
of its source, remembers rows of its own, and nothing else; the form never sees a name. When it raises, its output is
absent, so that the next request in the list is asked, and its fault bit is set: until it is well again, 0 kW.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from jit.arrange import Added
from jit.frame import F8, I8, Frame
from jit.layout import Fail, Layout, Row
from jit.transforms import MOST_SLOTS
from operators.stage import Stage

#: What a step computes with: made once, when the definition is compiled.
Numbers = tuple[float | int, ...]


@dataclass(frozen=True, slots=True)
class Port:
    """Where a value stands: its row per asset and its row of the site; "" where there is none."""

    asset: str
    site: str
    unit: str = "kW"


@dataclass(frozen=True, slots=True)
class Memory:
    """A row that a step keeps for its next tick. Without a unit it has that of the value."""

    name: str
    unit: str = ""
    fail: Fail = "hold"


@dataclass(frozen=True, slots=True)
class Lane:
    """The matrix that a step works on and the rows it uses there; the site is a matrix of one column."""

    of_site: bool
    source: int
    row: int
    code: int = -1

    def values(self, frame: Frame) -> F8:
        return frame.site.reshape(-1, 1) if self.of_site else frame.values

    def codes(self, frame: Frame) -> I8:
        return frame.site_codes.reshape(-1, 1) if self.of_site else frame.codes

    def past(self, frame: Frame) -> F8:
        return frame.prior.site.reshape(-1, 1) if self.of_site else frame.prior.values


Work = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of step. `measure` makes its numbers of what the definition says and of the cycle (s)."""

    name: str
    file: str
    work: Work
    measure: Callable[[Any, float], Numbers]
    memory: Callable[..., tuple[Memory, ...]]
    recalls: bool
    marks: bool


def transform(
    *,
    measure: Callable[[Any, float], Numbers],
    memory: Callable[..., tuple[Memory, ...]] = lambda *_numbers: (),
    recalls: bool = False,
    marks: bool = False,
) -> Callable[[Work], Form]:
    """Declare a step. `memory` names its rows by its numbers.

    `recalls`: it reads its own last output. `marks`: it writes the quality of its output beside it.
    """

    def declare(work: Work) -> Form:
        file = work.__module__.replace(".", "/") + ".py"
        return Form(work.__name__, file, work, measure, memory, recalls, marks)

    return declare


@dataclass(frozen=True, slots=True)
class Placed:
    """A step at its place in the definition. `id` is that place: `requests.day_ahead.transform.0`."""

    form: Form
    id: str
    source: Port
    numbers: Numbers

    @property
    def output(self) -> Port:
        """Where the next step finds the value."""
        return Port(_beside(self.id, self.source.asset), _beside(self.id, self.source.site), self.source.unit)

    def rows(self) -> Added:
        """Its rows: per lane the output, then what it remembers, in this order."""
        return Added(*self._lane_rows(self.output.asset, ""), *self._lane_rows(self.output.site, "site_"))

    def _lane_rows(self, output: str, prefix: str) -> tuple[tuple[Row, ...], tuple[Row, ...]]:
        if not output:
            return (), ()
        kept = tuple(
            Row(f"{self.id}.{prefix}{row.name}", row.unit or self.source.unit, self.id, row.fail)
            for row in self.form.memory(*self.numbers)
        )
        marks = (Row(f"{self.id}.{prefix}quality", "Quality", self.id),) if self.form.marks else ()
        return (Row(output, self.source.unit, self.id), *kept), marks

    def stage(self, layout: Layout) -> Stage:
        """The stage on a layout that has the rows."""
        work, numbers, lanes = self.form.work, self.numbers, self._lanes(layout)
        rows = self.rows()
        values, marks = (*rows.values, *rows.site_values), (*rows.codes, *rows.site_codes)
        outputs = tuple(name for name in (self.output.asset, self.output.site) if name)
        kept = tuple(row.name for row in values if row.name not in outputs)

        def step(frame: Frame) -> None:
            for lane in lanes:
                work(lane, frame, *numbers)

        return Stage(
            self.id,
            step,
            reads=tuple(name for name in (self.source.asset, self.source.site) if name),
            before=(*(outputs if self.form.recalls else ()), *kept),
            writes=tuple(row.name for row in (*values, *marks)),
            file=self.form.file,
        )

    def _lanes(self, layout: Layout) -> tuple[Lane, ...]:
        source, output = self.source, self.output
        codes, site_codes = layout.code_index, layout.site_code_index
        lanes = []
        if source.asset:
            values = layout.value_index
            code = codes.get(f"{self.id}.quality", -1)
            lanes.append(Lane(False, values[source.asset], values[output.asset], code))
        if source.site:
            values = layout.site_value_index
            code = site_codes.get(f"{self.id}.site_quality", -1)
            lanes.append(Lane(True, values[source.site], values[output.site], code))
        return tuple(lanes)


def _beside(node: str, source: str) -> str:
    return f"{node}.{source.rpartition('.')[2]}" if source else ""


def slots(window_s: float, cycle_s: float) -> tuple[int, float]:
    """How many slots a window has and how long one is (s): a cycle each, at most `MOST_SLOTS`, at least one."""
    cycles = max(1, ceil(window_s / cycle_s - 1e-9))
    return (cycles, cycle_s) if cycles <= MOST_SLOTS else (MOST_SLOTS, window_s / MOST_SLOTS)
