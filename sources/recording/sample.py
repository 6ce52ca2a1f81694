"""The sample: everything that `snapshot` holds at the instant of a tick, before anything is computed from it.

    per point       points, quality: the newest value and its quality bits
    per device      arrived_s, stamps_ns
    per asset       outcomes, status, contested, answered, proved: what became of writes; and since the last tick
                    acts, trips, local, manual
    per direction   told_kw, issued_s: the grid operator's word

With the documents that are held, the `Tick` and the frame before, it is all that a tick is computed from (design
rule 1). All arrays are views of `words`, a 64-bit word per number: to copy, compare or record them is one operation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any, Self

import numpy as np

from jit import signals
from jit.codes import Permit
from jit.frame import F8, I8
from jit.layout import Layout

_F, _I = np.float64, np.int64
#: What the next tick starts without; they follow one another in `words`.
EVENTS = ("acts", "trips", "local", "manual")


def fields(layout: Layout) -> dict[str, tuple[type, tuple[int, ...]]]:
    """Type and shape of every array, in the order of `words`."""
    points, devices, assets = len(layout.points), len(layout.devices), len(layout.assets)
    per_asset = ("status", "proved", "contested", "answered", "acts", "trips", "local")
    return {
        "points": (_F, (points,)),
        "quality": (_I, (points,)),
        "arrived_s": (_F, (devices,)),
        "stamps_ns": (_I, (devices,)),
        "outcomes": (_F, (3, assets)),
        **dict.fromkeys(per_asset, (_I, (assets,))),
        "manual": (_F, (2, assets)),
        "told_kw": (_F, (2,)),
        "issued_s": (_F, (2,)),
    }


def events(layout: Layout) -> slice:
    """Where in `words` stands what happened since the last tick: acts, trips, local, manual, one behind the other."""
    before, found = 0, 0
    for name, (_, shape) in fields(layout).items():
        if name in EVENTS:
            found += prod(shape)
        elif not found:
            before += prod(shape)
    return slice(before, before + found)


def size(layout: Layout) -> int:
    """How many words a sample has."""
    return sum(prod(shape) for _, shape in fields(layout).values())


@dataclass(slots=True, eq=False)
class Sample:
    """The arrays by name, over `words` int64[n]. A sample out of a recording is read-only; `copy` can be changed."""

    layout: Layout
    words: I8
    points: F8 = field(init=False)
    quality: I8 = field(init=False)
    arrived_s: F8 = field(init=False)
    stamps_ns: I8 = field(init=False)
    outcomes: F8 = field(init=False)
    status: I8 = field(init=False)
    proved: I8 = field(init=False)
    contested: I8 = field(init=False)
    acts: I8 = field(init=False)
    answered: I8 = field(init=False)
    trips: I8 = field(init=False)
    local: I8 = field(init=False)
    manual: F8 = field(init=False)
    told_kw: F8 = field(init=False)
    issued_s: F8 = field(init=False)

    def __post_init__(self) -> None:
        at = 0
        for name, (kind, shape) in fields(self.layout).items():
            array: Any = np.ndarray(shape, kind, self.words, 8 * at)
            setattr(self, name, array)
            at += prod(shape)

    @classmethod
    def blank(cls, layout: Layout) -> Self:
        """Before anything was heard."""
        made = cls(layout, np.zeros(size(layout), _I))
        for array in (made.points, made.outcomes, made.manual, made.told_kw, made.issued_s):
            array[:] = np.nan
        made.arrived_s[:] = made.outcomes[signals.WRITTEN_S] = -np.inf
        made.stamps_ns[:], made.answered[:] = signals.NO_STAMP, -1
        made.contested[:] = Permit.NO
        return made

    def copy(self) -> Sample:
        return Sample(self.layout, self.words.copy())
