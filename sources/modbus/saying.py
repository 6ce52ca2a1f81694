"""The texts of a Modbus device, read one after the other between its polls: in each connection, and every 60 s.

    poll ─► reading ─► one text ─► poll ─► reading ─► the next text ─► …          so that no value waits for words

A text that the device refuses is not known. One that costs the connection twice is never asked for again by this
process: words are not worth what is measured and commanded.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from loguru import logger

from config.profile import Profile
from sources.modbus.connection import Connection
from sources.modbus.errors import LeftAlone, ModbusFault, NotFound, Rejected
from sources.modbus.text import text
from sources.said import Said

AGAIN_S = 60.0
MOST_LOST = 2


class Saying:
    """Fills `said` with the texts of `unit`; of a profile without any, nothing is read."""

    def __init__(
        self, profile: Profile, connection: Connection, unit: int, clock: Callable[[], float], said: Said
    ) -> None:
        self._points = {name: (*profile.address(point), point.words) for name, point in profile.texts.items()}
        self._connection, self._unit, self._clock, self._said = connection, unit, clock, said
        self._asked_s = dict.fromkeys(self._points, -inf)
        self._lost = dict.fromkeys(self._points, 0)
        if self._points:
            connection.renewed.append(self._renewed)

    async def read_one(self) -> None:
        """Read the text that was asked for longest ago, when it is time to. Never raises what the connection raises."""
        name = min(self._asked_s, key=self._asked_s.__getitem__, default=None)
        if name is None or self._clock() - self._asked_s[name] < AGAIN_S or not self._connection.connected:
            return
        self._asked_s[name] = self._clock()
        try:
            async with self._connection.turn():
                words = await self._connection.read(self._unit, *self._points[name])
        except (Rejected, LeftAlone, NotFound):
            self._said.take(name, None)
        except ModbusFault as fault:
            self._said.take(name, None)
            self._lost[name] += 1
            if self._lost[name] == MOST_LOST:
                del self._asked_s[name]
                logger.warning("modbus {}: the text `{}` is not asked for again: {}", fault.place, name, fault.what)
        else:
            self._lost[name] = 0
            self._said.take(name, text(words))

    def _renewed(self) -> None:
        self._said.forget()
        self._asked_s = dict.fromkeys(self._asked_s, -inf)
