"""Registers that must hold what the profile says, before anything else of a device is believed or written.

    SunSpec: 40000 "SunS", 40070 model 701, length 153   ── after an update: 40070 model 702 ──► OtherLayout

Read in each connection and every `VERIFY_S` by the source, which has the time for it; a writer reads it itself only in
a connection in which nobody has, or when nobody has for twice as long. So an update of the device, or another
device, is found before a neighbouring register is taken for a power. Raises what the connection raises, and
`OtherLayout`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from config.profile import Profile
from sources.modbus.connection import Connection
from sources.modbus.errors import OtherLayout

VERIFY_S = 60.0


class Expected:
    """What `profile.expects` of the unit; of a profile without any, nothing is read."""

    def __init__(self, profile: Profile, connection: Connection, unit: int, clock: Callable[[], float]) -> None:
        self._wanted = [(text, *profile.place(text), words) for text, words in profile.expects.items()]
        self._connection, self._unit, self._clock = connection, unit, clock
        self._proved_s = -inf
        if self._wanted:
            connection.renewed.append(self.forget)

    def forget(self) -> None:
        """The device may be another one."""
        self._proved_s = -inf

    def due(self, after_s: float = VERIFY_S) -> bool:
        return bool(self._wanted) and self._clock() - self._proved_s >= after_s

    async def prove(self, after_s: float = VERIFY_S) -> None:
        """Read and compare, when it is time to. Call it inside a turn."""
        if not self.due(after_s):
            return
        for text, table, address, words in self._wanted:
            held = await self._connection.read(self._unit, table, address, len(words))
            if held != words:
                raise OtherLayout(self._connection.place, f"{text} holds {held}, not {words}: another layout")
        self._proved_s = self._clock()
