"""The cyclic source of one Modbus device: one poll, one reading.

    deadline ──► block ──► block ──► … ──► Reading        every `poll`, on absolute deadlines
                   ├── time-out, no connection, busy, device failure ──► Reading, all PROTOCOL, at once
                   └── illegal function, address or value ──► the points of this block PROTOCOL, the others as read

`arrived_s` is the arrival of the first block, so that an age is never understated. A late poll skips the deadlines
that passed; they are not caught up. Nothing that a device sends raises here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import floor, nan

import numpy as np

from config.profile import Profile
from jit.codes import Quality
from sources.modbus.blocks import read_blocks
from sources.modbus.connection import Connection
from sources.modbus.errors import ModbusFault, Rejected
from sources.modbus.expected import Expected
from sources.modbus.page import Page
from sources.modbus.saying import Saying
from sources.modbus.scaled import Scaled
from sources.modbus.seeking import Seeking
from sources.pause import pause
from sources.points import point_names
from sources.reading import I8, Emit, Reading, lost

#: Exceptions that speak of the registers asked for; all others speak of the device or of the way to it.
_OF_THE_BLOCK = (1, 2, 3)


class ModbusSource:
    """Polls `device` and hands every reading to `emit`, in the loop's thread. `fault` is the newest failure, or empty.

    `polls` and `failures` count since the start.
    """

    def __init__(
        self, device: str, profile: Profile, connection: Connection, unit: int, clock: Callable[[], float], emit: Emit,
        expected: Expected | None = None, seeking: Seeking | None = None, saying: Saying | None = None,
    ) -> None:  # fmt: skip
        self.device = device
        self.polls = 0
        self.failures = 0
        self.fault = ""
        self._names = point_names(profile)
        self._pages = [Page(block) for block in read_blocks(profile)]
        self._expected = expected or Expected(profile, connection, unit, clock)
        self._seeking, self._saying = seeking, saying
        self._scaled = Scaled.of(profile)
        places = len(self._names) + len(self._scaled.factors)  # points, and the exponents that scale some of them
        self._values, self._quality = [nan] * places, [int(Quality.PROTOCOL)] * places
        self._said: tuple[list[int], I8] = [], np.zeros(0, np.int64)  # the newest quality, as numbers and as a row
        self._period = profile.poll
        self._connection, self._unit, self._clock, self._emit = connection, unit, clock, emit

    async def run(self) -> None:
        """Keep the connection and poll until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._connection.keep(), name=f"{self.device} connection")
            group.create_task(self._cycle(), name=f"{self.device} poll")

    async def poll(self) -> Reading:
        """One reading, now."""
        self.polls += 1
        arrived: float | None = None
        self.fault = ""
        try:
            if self._seeking is not None:
                await self._seeking.find()
            for page in self._pages:
                await self._read(page)
                arrived = self._clock() if arrived is None else arrived
        except ModbusFault as fault:
            self.fault = str(fault)
            return lost(self.device, self._clock(), len(self._names), Quality.PROTOCOL)
        finally:
            self.failures += bool(self.fault)
        arrived = self._clock() if arrived is None else arrived
        self._scaled.scale(self._values, self._quality)
        values, quality = self._values[: len(self._names)], self._quality[: len(self._names)]
        if quality != self._said[0]:
            self._said = quality, np.array(quality, np.int64)
            self._said[1].flags.writeable = False  # many readings share it
        return Reading(self.device, arrived, np.array(values, np.float64), self._said[1])

    async def _read(self, page: Page) -> None:
        """One block, in a turn that begins with the proof: a connection may have come up since the block before."""
        block = page.block
        async with self._connection.turn():
            await self._expected.prove()
            try:
                words = await self._connection.read(self._unit, block.table, block.address, block.count)
            except Rejected as refusal:
                if refusal.code not in _OF_THE_BLOCK:
                    raise
                self.fault = f"{block.table} {block.address}: {refusal}"
                page.refused(self._values, self._quality)
                return
        page.take(words, self._values, self._quality)

    async def _cycle(self) -> None:
        start = self._clock()
        await self._connection.connect()
        while True:
            self._emit(await self.poll())
            if self._saying is not None:
                await self._saying.read_one()
            passed = floor((self._clock() - start) / self._period) + 1
            await pause(max(0.0, start + passed * self._period - self._clock()))
