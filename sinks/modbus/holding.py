"""What a device holds, read in the turn of a write: the exponents that it counts in, and what was just written.

Raises what the connection raises, and `Withheld` when the device does not say how it counts: a set-point in unknown
powers of ten is not written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from config.profile import Profile
from jit.codes import Quality
from sources.modbus.blocks import Place, Run, factors
from sources.modbus.codec import MOST_EXPONENT, Codec, factor_codec
from sources.modbus.connection import Connection
from sources.modbus.errors import Withheld


class Holding:
    """Of one unit; `points` are those whose exponents are needed."""

    def __init__(self, connection: Connection, unit: int, points: Iterable[Codec]) -> None:
        self._connection, self._unit = connection, unit
        self._factors = [factor_codec(place) for place in factors(tuple(points))]

    async def exponents(self) -> dict[Place, int]:
        """The exponents that stand now, by place. Call it inside a turn."""
        found: dict[Place, int] = {}
        for factor in self._factors:
            words = await self._connection.read(self._unit, factor.table, factor.address, 1)
            exponent, quality = factor.decode(words)
            if quality != Quality.VALID or abs(exponent) > MOST_EXPONENT:
                place = f"{factor.table} {factor.address}"
                raise Withheld(self._connection.place, f"the device does not say its scale ({place}: {words[0]:#06x})")
            found[factor.table, factor.address] = int(exponent)
        return found

    async def differs(self, profile: Profile, sent: Sequence[tuple[Run, list[int]]]) -> str:
        """The first point with `read_back` that does not hold what was written to it; empty when all do."""
        for run, words in sent:
            start = 0
            for point in run.points:
                wanted = words[start : start + point.words]
                start += point.words
                if profile.write[point.name].read_back:
                    held = await self._connection.read(self._unit, point.table, point.address, point.words)
                    if held != wanted:
                        return f"`{point.name}` holds {_number(held)}, not {_number(wanted)}"
        return ""


def _number(words: Sequence[int]) -> str:
    return " ".join(f"{word:#06x}" for word in words) if len(words) > 1 else str(words[0])
