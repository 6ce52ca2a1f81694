"""What a device said and was told, as columns: thousands of replies are looked through in one go.

    column = said_column(station.said, "soc")        # at_s[n], values[n], NaN where it said "not implemented"
    column.most(from_s, to_s)                        # the largest value within each of these times

A check looks for what is suspicious in columns, and judges each suspect by the replies themselves: a column may find
too much, never too little. Times are s of the loop; values are in the chain's units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.page import Layout, Meaning
from simulator.station import Said

F8 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One point of one device, in the order of its replies."""

    at_s: F8
    values: F8

    def most(self, from_s: F8, to_s: F8) -> F8:
        """The largest value said in each of these times, −inf where none was."""
        first, last = np.searchsorted(self.at_s, from_s, "left"), np.searchsorted(self.at_s, to_s, "right")
        found = np.full(len(from_s), -np.inf)
        if not len(self.values):
            return found
        known = np.where(np.isnan(self.values), -np.inf, self.values)
        for step in range(int((last - first).max(initial=0))):
            place = first + step
            inside = np.where(place < last, known[np.minimum(place, len(known) - 1)], -np.inf)
            found = np.maximum(found, inside)
        return found

    def least(self, from_s: F8, to_s: F8) -> F8:
        """The smallest value said in each of these times, inf where none was."""
        return -Column(self.at_s, -self.values).most(from_s, to_s)

    def says(self, value: float | None) -> bool:
        """Whether it ever said this."""
        return bool(np.count_nonzero(np.isnan(self.values) if value is None else self.values == value))


def said_column(said: Sequence[Said], name: str) -> Column:
    """Every reply in which the point is. Bytes of one layout are decoded together."""
    pages: dict[Layout, list[int]] = {}
    at, values = np.full(len(said), np.nan), np.full(len(said), np.nan)
    for place, reply in enumerate(said):
        meaning = reply.values
        if isinstance(meaning, Meaning):
            pages.setdefault(meaning.layout, []).append(place)
        elif name in meaning:
            told = meaning[name]
            at[place], values[place] = reply.at_s, np.nan if told is None else told
    for layout, places in pages.items():
        if name in layout.offsets:
            at[places] = [said[place].at_s for place in places]
            values[places] = layout.column([said[place].values.octets for place in places], name)  # type: ignore[attr-defined]
    there = ~np.isnan(at)
    return Column(at[there], values[there])


@dataclass(frozen=True, slots=True, eq=False)
class Wrote:
    """The set-points of one asset in the order in which they were sent (`Trace.writes`), as columns."""

    sent_s: F8
    power_kw: F8
    heartbeat: F8
    ticks: F8
    boot: F8


def said_text(said: Sequence[Said]) -> str:
    """`repr` of these replies, of which those of one layout are decoded together."""
    texts: list[str] = [""] * len(said)
    pages: dict[Layout, list[int]] = {}
    for place, reply in enumerate(said):
        if isinstance(reply.values, Meaning):
            pages.setdefault(reply.values.layout, []).append(place)
        else:
            texts[place] = repr(reply)
    for layout, places in pages.items():
        octets = [said[place].values.octets for place in places]  # type: ignore[attr-defined]
        columns = [layout.column(octets, name).tolist() for name in layout.offsets]
        lines = zip(*columns, strict=True) if columns else [()] * len(places)  # registers between two points
        for place, values in zip(places, lines, strict=True):
            told = {name: value if value == value else None for name, value in zip(layout.offsets, values, strict=True)}
            texts[place] = f"Said(at_s={said[place].at_s!r}, values={told!r})"
    return f"[{', '.join(texts)}]"
