"""What the tick before 0 s left behind: rows that a test is given, so that it begins in the middle of something.

    given: { bess1.before.ramped_kw: 80, bess1.before.state: discharging }  ──►  the past of the tick at 0 s

All state is in the frame (design rule 2), so these rows are the whole difference between a healthy start and an
incident. Rows that are not given are those of the healthy start.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, nan
from typing import Any

from jit.frame import Past
from pipeline.rehearsal.script import Level
from pipeline.rehearsal.vocabulary import UNKNOWN, UNLIMITED, UNLIMITED_BELOW, code_words
from pipeline.rehearsal.world import World
from sources.instant import parse_utc

_NUMBERS = {UNKNOWN: nan, UNLIMITED: inf, UNLIMITED_BELOW: -inf}


def recall(given: Iterable[Level], world: World) -> str:
    """Set the past and the clock; what is wrong with them, or nothing."""
    snapshot = world.entry.snapshot
    past = snapshot.past
    past = Past(past.tick, past.values.copy(), past.codes.copy(), past.site.copy(), past.site_codes.copy())
    for level in given:
        if level.target.kind == "clock":
            world.set_clock(parse_utc(str(level.value)))
        elif level.target.kind == "before" and not _put(level, past, world):
            return f"there is no row `{level.target.path}`"
    snapshot.past = past
    return ""


def _put(level: Level, past: Past, world: World) -> bool:
    layout, target, value = world.compiled.layout, level.target, level.value
    if target.device:
        column = layout.column[target.device]
        places: Any = ((layout.value_index, layout.values, past.values), (layout.code_index, layout.codes, past.codes))
    else:
        column = None
        places = ((layout.site_value_index, layout.site_values, past.site),
                  (layout.site_code_index, layout.site_codes, past.site_codes))  # fmt: skip
    for index, rows, matrix in places:
        if target.point in index:
            row = index[target.point]
            at = row if column is None else (row, column)
            matrix[at] = _number(value, rows[row].unit, matrix is past.values or matrix is past.site)
            if target.point == "command_kw" and target.device:
                world.plant.batteries[target.device].take(float(matrix[at]))
            return True
    return False


def _number(value: float | str, unit: str, is_value: bool) -> float | int:
    if isinstance(value, str):
        return _NUMBERS.get(value, nan) if is_value else code_words(unit).get(value, 0)
    return value if is_value else int(value)
