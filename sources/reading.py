"""A reading: the values of one device from one poll or one message.

    device ──poll/message──► Reading(device, arrived_s, values[], quality[]) ──► validate ──► snapshot

Values are in the units of the chain (kW, %, °C, Hz, …) with + = discharging or feeding in; the adapter that emits the
reading has already translated sign, scale and sentinels. A point that is missing is NaN *and* carries a quality bit:
it is never 0. The order of the points is the device's `points` order in the layout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jit.codes import Quality

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One device's block of values with one arrival time.

    `device` is the node id of the device ("bess1", "site.poc"). `arrived_s` is scheduler time (s). `stamp_ns` is the
    device's own time stamp (UTC, ns since 1970) or None. `values` float64[n], `quality` int64[n] of `Quality` bits;
    an adapter sets VALID or the bit of what went wrong, `validate` may only take VALID away.
    """

    device: str
    arrived_s: float
    values: F8
    quality: I8
    stamp_ns: int | None = None


def lost(device: str, arrived_s: float, points: int, bit: Quality = Quality.PROTOCOL) -> Reading:
    """A reading that says: asked, and nothing usable came back."""
    return Reading(device, arrived_s, np.full(points, np.nan), np.full(points, int(bit), np.int64))


Emit = Callable[[Reading], None]
