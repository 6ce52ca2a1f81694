"""Where a SunSpec device keeps its models: the base address and the chain, read from it. Nothing is written.

    40000 "SunS" ─► 40002 model 1, length 66 ─► 40070 model 701, length 153 ─► … ─► 0xFFFF: the end

The bases are tried in the order of the specification's use in the field: 40000, 0, 50000 (numbers in the request).
"""

from __future__ import annotations

from dataclasses import dataclass

from sources.modbus.connection import Connection
from sources.modbus.errors import ModbusFault, Rejected

BASES = (40000, 0, 50000)
MARK = [0x5375, 0x6E53]  # "SunS"
END = 0xFFFF
_MOST = 100  # models; a chain that does not end is none


class NoSunSpecError(LookupError):
    """The device answers, and is laid out in another way; the message says what was found."""


@dataclass(frozen=True, slots=True)
class Place:
    """A model of a device: its first register holds `number`, its second one `length`."""

    number: int
    address: int
    length: int

    @property
    def last(self) -> int:
        """Its last register."""
        return self.address + 1 + self.length


@dataclass(frozen=True, slots=True)
class Chain:
    """The models of a device in their order, from `base` on."""

    base: int
    models: tuple[Place, ...]

    def find(self, number: int) -> Place | None:
        """The first model of this number."""
        return next((place for place in self.models if place.number == number), None)


async def discover(connection: Connection, unit: int) -> Chain:
    """Read the chain. Raises `NoSunSpecError`, or what the connection raises when nobody answers."""
    said = []
    for base in BASES:
        try:
            words = await _read(connection, unit, base)
        except Rejected as refusal:
            said.append(f"{base}: {refusal.what}")
            continue
        if words == MARK:
            return Chain(base, await _models(connection, unit, base + 2))
        said.append(f"{base}: {words[0]:#06x} {words[1]:#06x}")
    raise NoSunSpecError(f"no `SunS` at {', '.join(said)}")


async def _models(connection: Connection, unit: int, address: int) -> tuple[Place, ...]:
    models: list[Place] = []
    while len(models) < _MOST and address + 1 < 65536:
        number, length = await _read(connection, unit, address)
        if number == END:
            return tuple(models)
        models.append(Place(number, address, length))
        address += 2 + length
    raise NoSunSpecError(f"the chain of models does not end: {len(models)} so far, the next at {address}")


async def _read(connection: Connection, unit: int, address: int) -> list[int]:
    async with connection.turn():
        return await connection.read(unit, "holding", address, 2)


async def units(connection: Connection, asked: range) -> list[tuple[int, str]]:
    """Which of the units answer, and how: for a device whose unit nobody wrote down."""
    found = []
    for unit in asked:
        try:
            if not await connection.connect():
                raise ConnectionError(f"nothing answers at {connection.place}")
            chain = await discover(connection, unit)
            found.append((unit, f"SunSpec at {chain.base}: {', '.join(str(place.number) for place in chain.models)}"))
        except NoSunSpecError as other:
            found.append((unit, str(other)))
        except ModbusFault:
            continue
    return found
