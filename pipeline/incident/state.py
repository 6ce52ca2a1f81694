"""What the tick before the window left behind, as far as a healthy start would have left something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fnmatch import fnmatchcase
from math import inf
from typing import Any

from jit.frame import Past
from jit.layout import Row
from pipeline.chain import stages
from pipeline.compile import Compiled
from pipeline.rehearsal.vocabulary import UNKNOWN, UNLIMITED, UNLIMITED_BELOW, code_words

MOST_DIGITS = 17
Wanted = Callable[[Row], bool]


def state_rows(compiled: Compiled) -> Wanted:
    """The rows that carry state: what stages read of the tick before, what is held when one fails, what latches."""
    read = {name for stage in stages(compiled, lambda: 0.0, lambda *_: None) for name in stage.before}
    return lambda row: row.latch or row.fail == "hold" or any(fnmatchcase(row.name, name) for name in read)


def every_row(_row: Row) -> bool:
    return True


def left_behind(recorded: Past, healthy: Past, compiled: Compiled, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """`bess1.before.ramped_kw`, `80`: wanted rows in which both differ."""
    layout = compiled.layout
    for column, asset in enumerate(layout.assets):
        for rows, now, then in ((layout.values, recorded.values, healthy.values),
                                (layout.codes, recorded.codes, healthy.codes)):  # fmt: skip
            yield from _different(f"{asset}.before", rows, now[:, column], then[:, column], wanted)
    yield from _different("site.before", layout.site_values, recorded.site, healthy.site, wanted)
    yield from _different("site.before", layout.site_codes, recorded.site_codes, healthy.site_codes, wanted)


def _different(
    owner: str, rows: Sequence[Row], found: Any, healthy: Any, wanted: Wanted
) -> Iterator[tuple[str, str]]:
    for row, now, then in zip(rows, found.tolist(), healthy.tolist(), strict=True):
        if wanted(row) and now != then and (now == now or then == then):
            yield f"{owner}.{row.name}", _written(row.unit, now)


def _written(unit: str, value: float) -> str:
    if isinstance(value, int):
        words = {number: word for word, number in code_words(unit).items()}
        if not words:
            return str(value)
        return f'"{words.get(value, UNKNOWN)}"'  # a bare `yes` is read as true by some
    if value != value:
        return UNKNOWN
    return {inf: UNLIMITED, -inf: UNLIMITED_BELOW}.get(value, exactly(value + 0.0))


def exactly(value: float) -> str:
    """The shortest decimal that is this number, without an exponent; at most 17 digits behind the point."""
    text = format(Decimal(repr(value)), "f")
    text = text if len(text.partition(".")[2]) <= MOST_DIGITS else f"{value:.{MOST_DIGITS}f}"
    text = text.removesuffix(".0")
    return f'"{text}"' if 0.0 < abs(value) < 1e-3 else text  # as a number it would be read with an exponent
