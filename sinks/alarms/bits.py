"""The alarm bits of devices, each an alarm of its own with the text of the profile.

    codes row `alarms` of the sealed frame ─► bit by bit ─► Condition("device.3", "bess1", …, "Fan failed")

Which came first is seen in the list, not lost in one number. A bit that the profile does not know is an alarm too.
While a device's bits cannot be read they are as they were: unknown is not "returned to normal".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from config.profile import Alarm, Profile
from jit import rows as r
from jit.codes import Quality
from jit.constants import I8
from jit.frame import Frame
from jit.layout import Layout
from sinks.alarms.condition import HIGH, LOW, MEDIUM, Condition

PRIORITY = {"high": HIGH, "medium": MEDIUM, "low": LOW}
VALID = np.int64(Quality.VALID)


class DeviceAlarms:
    """Called with every sealed frame. `profiles` by device id."""

    def __init__(self, layout: Layout, profiles: Mapping[str, Profile]) -> None:
        self._alarms = [profiles[asset].alarms for asset in layout.assets]
        places = [layout.point_index.get(f"{asset}.alarms", -1) for asset in layout.assets]
        self._places = np.array(places, np.int64)
        self._promised = self._places >= 0
        self._known: I8 = np.zeros(len(layout.assets), np.int64)
        self._said: dict[tuple[int, int], Condition] = {}

    def __call__(self, frame: Frame) -> Iterator[Condition]:
        now = frame.codes[r.ALARMS]
        if not (np.count_nonzero(now) or np.count_nonzero(self._known)):
            return
        readable = self._promised & ((frame.point_codes[self._places] & VALID) != 0)
        self._known = np.where(readable, now, self._known | now)
        for column in np.flatnonzero(self._known).tolist():
            bits = int(self._known[column])
            while bits:
                lowest = bits & -bits
                bits ^= lowest
                yield self._condition(frame.layout.assets[column], column, lowest.bit_length() - 1)

    def _condition(self, asset: str, column: int, bit: int) -> Condition:
        said = self._said.get((column, bit))
        if said is None:
            known = self._alarms[column].get(bit) or Alarm(text=f"alarm bit {bit}, which its profile does not know")
            priority = PRIORITY[known.priority] if known.priority else HIGH if known.critical else MEDIUM
            response = known.response or f"Look bit {bit} up in the device's manual, and look at the device"
            said = Condition(f"device.{bit}", asset, priority, known.text, response, consequence_of=("maintenance",))
            self._said[column, bit] = said
        return said
