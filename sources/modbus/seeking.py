"""Which of several units behind an address a device is: the one that holds what the profile expects and says who it is.

    modbus-tcp://10.20.0.11:502/1-9 ─► connected ─► each is asked, once ─┬─ one fits  ─► it is read and written to
                                                                        └─ none, two ─► NotFound, asked again after 5 s

Only reads, one turn each, so that a write to a neighbour goes before the next one. A silent unit takes a time-out:
20 units of 0.4 s are 8 s at most. Nothing is read from, or written to, a unit that was not found in this connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from loguru import logger

from config.profile import Profile
from sources.identity import mismatch
from sources.modbus.connection import Connection
from sources.modbus.errors import LinkDown, NotFound
from sources.modbus.text import text

AGAIN_S = 5.0


class Seeking:
    """`unit` stands in for one of `candidates`; `asked` are the texts of the asset's `identity`, by name."""

    def __init__(
        self, profile: Profile, connection: Connection, unit: int, candidates: tuple[int, ...],
        asked: Mapping[str, str], clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._profile, self._connection, self._unit, self._clock = profile, connection, unit, clock
        self._candidates, self._asked = candidates, asked
        self._answered = False
        self._refused: NotFound | None = None
        self._again_s = -inf
        if candidates:
            connection.renewed.append(self._anew)

    async def find(self) -> None:
        """Ask them, unless that is done in this connection. Call it outside of a turn. Raises `ModbusFault`."""
        if not self._candidates or self._connection.unit(self._unit) is not None:
            return
        if self._refused is not None and self._clock() < self._again_s:
            raise self._refused
        connects, self._answered = self._connection.connects, False
        fits = [unit for unit in self._candidates if await self._is_it(unit)]
        if self._connection.connects != connects or not self._connection.connected:
            raise LinkDown(self._connection.place, "connection lost while its unit was looked for")
        if not self._answered:
            self._connection.close()  # perhaps nobody is there any more
        if len(fits) != 1:
            self._refused, self._again_s = self._none(fits), self._clock() + AGAIN_S
            raise self._refused
        logger.info("modbus {}: found at unit {}", self._connection.place, fits[0])
        self._connection.found(self._unit, fits[0])

    def _anew(self) -> None:
        self._refused = None

    def _none(self, fits: list[int]) -> NotFound:
        tried = f"{len(self._candidates)} units from {min(self._candidates)} to {max(self._candidates)}"
        both = f"units {' and '.join(map(str, fits))} are all what is asked for: name the right one"
        return NotFound(self._connection.place, both if fits else f"none of its {tried} is what is asked for")

    async def _is_it(self, unit: int) -> bool:
        for register, words in self._profile.expects.items():
            if await self._probe(unit, register, len(words)) != words:
                return False
        found = {}
        for name in self._asked:
            point = self._profile.identity[name]  # type: ignore[index]
            found[name] = text(await self._probe(unit, str(point.register), point.words) or [])
        return mismatch(self._asked, found) is None

    async def _probe(self, unit: int, register: str, count: int) -> list[int] | None:
        async with self._connection.turn():
            words = await self._connection.probe(unit, *self._profile.place(register), count)
        self._answered = self._answered or words is not None
        return words
