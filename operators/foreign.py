"""A plug-in operator as a stage: copies in, arrays out, checked before the first one is written.

    declared rows ──copy, read-only──► compute ──► every row there? its type, shape, NaN? ──► rows of the stage

All or nothing: when anything is wrong, no row is written by it, its rows take their fail values and its fault bit is
set, as for any stage that raises. It never holds a frame, and what it keeps of its copies or of the arrays that it
returned is not looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jit.arrange import Added
from jit.codes import Why
from jit.frame import Frame, Past
from jit.layout import Layout, Row
from operators.plugin import ASKED, SITE, Array, Moment, Operator, Writes, refusal
from operators.stage import Stage


class ForeignError(RuntimeError):
    """A plug-in has raised, or has returned what it had not declared."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A plug-in at its place: `id` is `requests.<name>`. Its request's rows belong to it, and what it remembers."""

    id: str
    operator: Operator
    options: Mapping[str, float]

    def rows(self) -> Added:
        """The rows that it has beside those of its request."""
        kept = [row for row in self.operator.writes if row.name not in (ASKED, SITE)]
        named = {of: tuple(self._row(row) for row in kept if row.of == of) for of in ("assets", "site")}
        return Added(values=named["assets"], site_values=named["site"])

    def _row(self, row: Writes) -> Row:
        return Row(f"{self.id}.{row.name}", row.unit, self.id, row.fail)

    def _named(self, name: str) -> str:
        return f"{self.id}.{ {ASKED: 'asked_kw', SITE: 'site_kw'}.get(name, name)}"

    def stage(self, layout: Layout) -> Stage:
        """The stage on a layout that has the rows."""
        asked, site, why = f"{self.id}.asked_kw", f"{self.id}.site_kw", f"{self.id}.why"
        own = tuple(dict.fromkeys((asked, site, why, *(self._named(row.name) for row in self.operator.writes))))
        return Stage(
            self.id,
            _step(self, layout),
            reads=self.operator.reads,
            before=tuple(self._named(name) for name in self.operator.before),
            writes=own,
            file=getattr(self.operator.compute, "__module__", ""),
        )


Read = Callable[[Frame | Past], Array]


def _step(foreign: Foreign, layout: Layout) -> Callable[[Frame], None]:
    operator, options = foreign.operator, dict(foreign.options)
    reads = {name: _reader(layout, name) for name in operator.reads}
    recalls = {name: _reader(layout, foreign._named(name)) for name in operator.before}
    asked = layout.value_index[f"{foreign.id}.asked_kw"]
    site = layout.site_value_index[f"{foreign.id}.site_kw"]
    why = layout.code_index[f"{foreign.id}.why"]
    places = [(row, _place(layout, foreign._named(row.name), row)) for row in operator.writes]

    def step(frame: Frame) -> None:
        now = {name: read(frame) for name, read in reads.items()}
        before = {name: read(frame.prior) for name, read in recalls.items()}
        made = _computed(operator, now, before, Moment(frame.utc_ns, frame.dt), dict(options), len(layout.assets))
        frame.values[asked], frame.site[site] = np.nan, np.nan
        for row, place in places:
            (frame.values if row.of == "assets" else frame.site)[place] = made[row.name]
        opinion = (frame.values[asked] == frame.values[asked]) | (frame.site[site] == frame.site[site])
        frame.codes[why] = np.where(opinion, int(Why.OFFERS), int(Why.NO_OPINION))

    return step


def _computed(
    operator: Operator,
    now: Mapping[str, Array],
    before: Mapping[str, Array],
    moment: Moment,
    options: Mapping[str, float],
    assets: int,
) -> Mapping[str, Array]:
    """What the plug-in makes, copied and held against its declaration. Raises `ForeignError`, and nothing else."""
    try:
        made = dict(operator.compute(now, before, moment, options))
    except BaseException as error:  # it is somebody else's code: even an exit is a fault of its stage alone
        raise ForeignError(f"it raised {type(error).__name__}: {error}") from error
    names = {row.name for row in operator.writes}
    if set(made) != names:
        odd = sorted(map(str, set(made) ^ names))
        raise ForeignError(f"it returned other rows than it declared: {', '.join(odd)}")
    for row in operator.writes:
        wrong = refusal(row, made[row.name], assets)
        if wrong:
            raise ForeignError(wrong)
        made[row.name] = made[row.name].copy()
    return made


def _reader(layout: Layout, name: str) -> Read:
    """A function that copies one row, whole and read-only."""
    for matrix, index in (
        ("values", layout.value_index),
        ("codes", layout.code_index),
        ("site", layout.site_value_index),
        ("site_codes", layout.site_code_index),
    ):
        if name in index:
            whole = slice(index[name], index[name] + 1) if matrix.startswith("site") else index[name]
            return _read(matrix, whole)
    raise KeyError(name)


def _read(matrix: str, place: int | slice) -> Read:
    def read(frame: Frame | Past) -> Array:
        copy: Array = getattr(frame, matrix)[place].copy()
        copy.flags.writeable = False
        return copy

    return read


def _place(layout: Layout, name: str, row: Writes) -> Any:
    index = layout.value_index if row.of == "assets" else layout.site_value_index
    return index[name] if row.of == "assets" else slice(index[name], index[name] + 1)

