"""What a reading says that is not so: nan, sentinel, sign, scale, jump, skew. Of one point, or of all of a device.

    nan       the point is "not implemented": NaN with MISSING
    sentinel  a number that means "not implemented" gets through as if it were a value
    sign      the other sign              scale  times a factor              jump  plus a step
    skew      the device's clock is wrong by so many seconds
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from jit.codes import Quality
from operators.faults.edge import Act, Onward
from sources.reading import F8, Reading

#: The points that are meant: one place, or all.
Where = slice


def changed(where: Where, change: Callable[[F8], F8 | float]) -> Act:
    """The values at `where` become what `change` makes of them."""

    def act(reading: Reading, onward: Onward) -> None:
        values = reading.values.copy()
        values[where] = change(values[where])
        onward.emit(replace(reading, values=values))

    return act


def nan(where: Where) -> Act:
    def act(reading: Reading, onward: Onward) -> None:
        values, quality = reading.values.copy(), reading.quality.copy()
        values[where], quality[where] = np.nan, int(Quality.MISSING)
        onward.emit(replace(reading, values=values, quality=quality))

    return act


def sentinel(where: Where, value: float) -> Act:
    return changed(where, lambda _values: value)


def sign(where: Where) -> Act:
    return changed(where, lambda values: -values)


def scale(where: Where, factor: float) -> Act:
    return changed(where, lambda values: values * factor)


def jump(where: Where, step: float) -> Act:
    return changed(where, lambda values: values + step)


def skew(seconds: float) -> Act:
    def act(reading: Reading, onward: Onward) -> None:
        stamp = None if reading.stamp_ns is None else reading.stamp_ns + round(seconds * 1e9)
        onward.emit(replace(reading, stamp_ns=stamp))

    return act
