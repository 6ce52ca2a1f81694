"""What was recorded under one layout, said in another: by device and point, by name and unit of a row, by asset.

Nothing is made up here: what the other layout has and the recording has not stays as it is in `Sample.blank` and
`first_past`, unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jit.frame import I8, Past, first_past
from jit.layout import Layout, Row
from sources.recording.sample import Sample

_PER_ASSET = ("status", "proved", "contested", "acts", "answered", "trips", "local")


def _pairs(old: Sequence[Any], new: Sequence[Any]) -> tuple[I8, I8]:
    """Where the same things are: their places in the old order and in the new one."""
    place = {name: i for i, name in enumerate(old)}
    common = [(place[name], i) for i, name in enumerate(new) if name in place]
    return np.array([a for a, _ in common], np.int64), np.array([b for _, b in common], np.int64)


def _named(rows: tuple[Row, ...]) -> list[tuple[str, str]]:
    return [(row.name, row.unit) for row in rows]


@dataclass(frozen=True, slots=True, eq=False)
class Renamed:
    """From `old` to `new`. With one layout for both, everything is copied as it is."""

    old: Layout
    new: Layout
    points: tuple[I8, I8]
    devices: tuple[I8, I8]
    assets: tuple[I8, I8]

    @classmethod
    def of(cls, old: Layout, new: Layout) -> Renamed:
        return cls(
            old,
            new,
            _pairs(old.points, new.points),
            _pairs(list(old.devices), list(new.devices)),
            _pairs(old.assets, new.assets),
        )

    def sample(self, recorded: Sample, into: Sample) -> None:
        """Everything that both know, written to `into`."""
        if self.old is self.new:
            into.words[:] = recorded.words
            return
        old, new = self.points
        into.points[new], into.quality[new] = recorded.points[old], recorded.quality[old]
        old, new = self.devices
        into.arrived_s[new], into.stamps_ns[new] = recorded.arrived_s[old], recorded.stamps_ns[old]
        old, new = self.assets
        for name in _PER_ASSET:
            getattr(into, name)[new] = getattr(recorded, name)[old]
        into.outcomes[:, new], into.manual[:, new] = recorded.outcomes[:, old], recorded.manual[:, old]
        into.told_kw[:], into.issued_s[:] = recorded.told_kw, recorded.issued_s

    def past(self, recorded: Past) -> Past:
        """What the chain remembered, as the past of another one."""
        past = first_past(self.new)
        past.tick = recorded.tick
        columns = np.ix_
        for name, old_rows, new_rows in (
            ("values", self.old.values, self.new.values), ("codes", self.old.codes, self.new.codes)
        ):  # fmt: skip
            from_, to = _pairs(_named(old_rows), _named(new_rows))
            getattr(past, name)[columns(to, self.assets[1])] = getattr(recorded, name)[columns(from_, self.assets[0])]
        for name, old_rows, new_rows in (
            ("site", self.old.site_values, self.new.site_values),
            ("site_codes", self.old.site_codes, self.new.site_codes),
        ):
            from_, to = _pairs(_named(old_rows), _named(new_rows))
            getattr(past, name)[to] = getattr(recorded, name)[from_]
        return past
