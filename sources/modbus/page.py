"""The newest words of one block, and what they say: a number is scaled anew only where it has changed.

    words ──► in the order of the points, wide ones big end first ──► numbers ──► changed? ──► value, quality

Of a device at rest little changes between two polls but its heartbeat, and scaling is exact, which costs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import compress
from math import nan
from operator import itemgetter, ne
from typing import Any

from jit.codes import Quality
from sources.modbus.blocks import Block
from sources.modbus.codec import FORMAT


class Page:
    """Takes the words of each poll of `block`; what a device says is never an error."""

    def __init__(self, block: Block) -> None:
        points = [(offset, point) for _, offset, point in block.points]
        places = [offset + (point.words - 1 - k if point.little else k) for offset, point in points
                  for k in range(point.words)]  # fmt: skip
        self.block = block
        self._arranged: Any = itemgetter(*places, places[0])  # one more, so that it gives a tuple of one point, too
        self._words = struct.Struct(f">{len(places) + 1}H")
        self._numbers = struct.Struct(">" + "".join(FORMAT[point.type][1:] for _, point in points) + "2x")
        swapped = [point.swapped for _, point in points for _ in range(point.words)]
        self._swapped = [place for place, swap in enumerate(swapped) if swap]
        self._scaled = tuple((k, index) for k, (index, _, point) in enumerate(block.points) if point.factor is not None)
        self._points = tuple((index, point) for index, _, point in block.points)
        self._known: Sequence[float | None] = [None] * len(points)

    def take(self, words: Sequence[int], values: list[float], quality: list[int]) -> None:
        """Put what has changed since the last words where the points are in `values` and `quality`."""
        arranged = self._arranged(words)
        if self._swapped:
            arranged = list(arranged)
            for place in self._swapped:
                arranged[place] = (arranged[place] & 0xFF) << 8 | arranged[place] >> 8
        numbers = self._numbers.unpack(self._words.pack(*arranged))
        said = zip(self._points, numbers, strict=True)
        for (index, point), number in compress(said, map(ne, numbers, self._known)):
            values[index], valid = point.number(number)
            quality[index] = int(valid)
        for k, index in self._scaled:  # `Scaled` makes values of them, when every exponent is read
            values[index], quality[index] = numbers[k], int(Quality.VALID)
        self._known = numbers

    def refused(self, values: list[float], quality: list[int]) -> None:
        """The device does not say these registers: nobody knows what is in them."""
        for index, _ in self._points:
            values[index], quality[index] = nan, int(Quality.PROTOCOL)
        self._known = [None] * len(self._points)
