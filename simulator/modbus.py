"""A real Modbus TCP server for storage devices and meters, each a unit of its own: built from their profiles.

    Plant ──► refresh(), each step ──► registers ──► any client
    Plant ◄── write(point, value) ◄── action ◄────── any client

Guarantees: every declared point can be read, every undeclared register is an illegal address, a write must cover whole
declared points (else illegal address), and a set-point the device would refuse is refused as an illegal value before
anything of that request acts. `cut` closes the listener and every connection; `restore` listens on the same port again.
With several devices it is their gateway: for one whose cable is pulled it answers that the target does not respond.
"""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.profile import Point, Profile
from simulator.plant import Plant
from simulator.points import from_device, meter_reader, reader, said_text, to_device
from simulator.registers import RANGE, Table, cell, decode, encode, encoder, most, text_words
from simulator.scales import Image, settled

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it reports what its clients do wrong as its own errors

WRITE_CODE: dict[Table, int] = {"coil": 15, "discrete": 2, "holding": 16, "input": 4}
TABLE_OF_CODE: dict[int, Table] = {5: "coil", 6: "holding", 15: "coil", 16: "holding", 22: "holding", 23: "holding"}


class Gauge:
    """One readable point: its number as the device has it, and its bytes, coded anew where the number has changed."""

    __slots__ = ("code", "number", "octets", "read")

    def __init__(self, read: Callable[[Any], float | None], code: Callable[[float | None], bytes]) -> None:
        self.read, self.code = read, code
        self.number: float | None = math.nan
        self.octets = b""


class Unit:
    """One device behind the server: the places of its points and what stands there now."""

    def __init__(self, unit_id: int, profile: Profile, plant: Plant) -> None:
        self.id = unit_id
        profile, self._exponents = settled(profile, plant)
        self.profile = profile
        self.plant = plant
        self.reads = {name: cell(profile, name, point) for name, point in profile.read.items()}
        self.texts = {name: cell(profile, name, point) for name, point in (profile.identity | profile.texts).items()}
        self.writes = {name: cell(profile, name, point) for name, point in profile.write.items()}
        storage = profile.kind == "storage"
        make: Any = reader if storage else meter_reader
        self._view: Callable[[], Any] = (lambda: plant) if storage else plant.metered
        self.gauges = {name: Gauge(make(profile, name, point), _coding(name, point))
                       for name, point in profile.read.items()}  # fmt: skip
        self._covered: dict[tuple[Table, int, int], list[str] | None] = {}
        self._meant: dict[str, tuple[list[int], float | str]] = {}

    def octets(self, gauges: Iterable[Gauge]) -> list[bytes]:
        """What these say now, all of one instant."""
        view, said = self._view(), []
        for gauge in gauges:
            number = gauge.read(view)
            if gauge.number != number:
                gauge.number, gauge.octets = number, gauge.code(number)
            said.append(gauge.octets)
        return said

    def image(self) -> Image:
        """The words of every readable point, now."""
        image: Image = {}
        for (name, place), octets in zip(self.reads.items(), self.octets(self.gauges.values()), strict=True):
            said = struct.unpack(f">{place.words}H", octets)
            spots = {(place.table, a): word for a, word in zip(place.addresses, said, strict=True)}
            if self.profile.read[name].bits is not None:  # others may have the rest of the register
                spots = {spot: word | image.get(spot, 0) for spot, word in spots.items()}
            image |= spots
        for name in self.profile.arm:
            point, place = self.profile.write[name], self.writes[name]
            words = encode(point, to_device(self.profile, name, point, self.plant.reversion.get(name, 0.0)))
            image |= {(place.table, a): word for a, word in zip(place.addresses, words, strict=True)}
        for name, place in self.texts.items():
            words = text_words(said_text(self.plant, name), place.words)
            image |= {(place.table, a): word for a, word in zip(place.addresses, words, strict=True)}
        return image

    @property
    def still(self) -> bool:
        """The device keeps the page it has."""
        effects = self.plant.effects
        return effects.frozen if self.profile.kind == "storage" else self.plant.meter_silent

    def blank(self) -> Image:
        """Every address that is declared or `readable`, written ones at 0, and what the profile expects."""
        written = {(place.table, address): 0 for place in self.writes.values() for address in place.addresses}
        fixed: Image = {}
        for register, words in self.profile.expects.items():
            table, first = self.profile.place(register)
            fixed |= {(table, first + offset): word for offset, word in enumerate(words)}
        between: Image = {}
        for text in self.profile.readable:
            begins, _, ends = text.partition("-")
            table, low = self.profile.place(begins)
            between |= {(table, low + k): 0 for k in range(int(ends) - int(begins.split(" ")[1]) + 1)}
        return between | written | self._exponents | fixed | self.image()

    def covered(self, table: Table, address: int, count: int) -> list[str] | None:
        """The written points in these registers, in the order of their addresses; None unless they cover them all."""
        where = table, address, count
        if where not in self._covered:
            self._covered[where] = self._cover(table, range(address, address + count))
        return self._covered[where]

    def _cover(self, table: Table, span: range) -> list[str] | None:
        names = [
            name for name, place in self.writes.items() if place.table == table and set(place.addresses) <= set(span)
        ]
        names.sort(key=lambda name: self.writes[name].address)
        return names if sum(self.writes[name].words for name in names) == len(span) else None

    def values(self, names: Iterable[str], address: int, words: list[int]) -> dict[str, float | str]:
        """What these words mean, in the chain's units; a mode by its name."""
        values: dict[str, float | str] = {}
        for name in names:
            place = self.writes[name]
            said = words[place.address - address : place.address - address + place.words]
            known = self._meant.get(name)
            if known is None or known[0] != said:
                known = self._meant[name] = said, self._meaning(name, said)
            values[name] = known[1]
        return values

    def _meaning(self, name: str, words: list[int]) -> float | str:
        point = self.profile.write[name]
        raw = decode(point, words)
        if name == "mode":
            return point.values.get(int(raw), f"unknown mode {raw:g}")
        return from_device(self.profile, name, point, raw)


def _coding(name: str, point: Point) -> Callable[[float | None], bytes]:
    """The bytes of a number. A heartbeat goes round, and is never the sentinel of an unsigned counter."""
    code = encoder(point)
    if name != "heartbeat" or point.type not in RANGE:
        return code
    ends = most(point)
    return lambda number: code(None if number is None else number % ends)


class ModbusDevice:
    """The server; its units are numbered from 1. `port` is known once `start` has returned."""

    def __init__(self, devices: Iterable[tuple[Plant, Profile]], host: str, port: int) -> None:
        self.host, self.port = host, port
        self.units = [Unit(number, profile, plant) for number, (plant, profile) in enumerate(devices, start=1)]
        self.gateway = sum(unit.profile.kind == "storage" for unit in self.units) > 1
        self._server: ModbusTcpServer | None = None
        self._own = False  # the server calls `action` for our own refresh as well

    @property
    def serving(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        """Listen. Raises OSError when the port cannot be had."""
        devices = [
            SimDevice(id=unit.id, simdata=_memory(unit.blank()), action=partial(self._action, unit))
            for unit in self.units
        ]
        server = ModbusTcpServer(devices, address=(self.host, self.port))
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self.host}:{self.port}") from error
        listening: Any = server.transport
        self.port = listening.sockets[0].getsockname()[1]
        self._server = server

    async def cut(self) -> None:
        """Close every connection and refuse new ones."""
        server, self._server = self._server, None
        if server is not None:
            await server.shutdown()  # type: ignore[no-untyped-call]

    async def restore(self) -> None:
        """Listen again on the same port. Raises OSError when someone else took it."""
        if self._server is None:
            await self.start()

    async def refresh(self) -> None:
        """Bring the registers up to the plant. A frozen device keeps the page it has."""
        server = self._server
        if server is None:
            return
        for unit in self.units:
            if unit.still:
                continue
            self._own = True
            try:
                for table, address, words in _runs(unit.image()):
                    await server.async_setValues(unit.id, WRITE_CODE[table], address, _typed(table, words))
            finally:
                self._own = False

    async def _action(
        self,
        unit: Unit,
        code: int,
        start: int,
        address: int,
        _count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by the server before it answers. Nothing here may wait."""
        if self._own:
            return None
        if self.gateway and unit.profile.kind == "storage" and unit.plant.effects.cable:
            return ExcCodes.GATEWAY_NO_RESPONSE
        if values is None:
            return None
        table = TABLE_OF_CODE.get(code)
        names = unit.covered(table, address, len(values)) if table is not None else None
        if not names:
            return ExcCodes.ILLEGAL_ADDRESS
        written = unit.values(names, address, [int(word) for word in values])
        refused = [name for name, value in written.items() if unit.plant.refusal(name, value) is not None]
        for name in refused[:1]:
            unit.plant.write(name, written[name])  # counts it; takes nothing
        if refused:
            return ExcCodes.ILLEGAL_VALUE
        for name, value in written.items():
            unit.plant.write(name, value)
        if table == "holding":
            _show_held(unit, address, cast("list[int]", values), registers[address - start :])
        return None


def _show_held(unit: Unit, address: int, values: list[int], before: list[int]) -> None:
    """What is read back is what the device holds, not what was sent to it."""
    image = None if unit.still else unit.image()
    for offset in range(len(values)):
        if image is None:
            values[offset] = before[offset]
        elif ("holding", address + offset) in image:
            values[offset] = image["holding", address + offset]


def _runs(image: Image) -> list[tuple[Table, int, list[int]]]:
    """Neighbouring addresses of one table as (table, first address, words)."""
    runs: list[tuple[Table, int, list[int]]] = []
    for (table, address), word in sorted(image.items()):
        if runs and runs[-1][0] == table and runs[-1][1] + len(runs[-1][2]) == address:
            runs[-1][2].append(word)
        else:
            runs.append((table, address, [word]))
    return runs


def _typed(table: Table, words: list[int]) -> list[int] | list[bool]:
    return [word != 0 for word in words] if table in ("coil", "discrete") else words


def _memory(image: Image) -> tuple[list[SimData], list[SimData], list[SimData], list[SimData]]:
    """The four tables for the server: coils, discrete inputs, holding registers, input registers."""
    tables: dict[Table, list[SimData]] = {"coil": [], "discrete": [], "holding": [], "input": []}
    for table, address, words in _runs(image):
        bits = table in ("coil", "discrete")
        kind = DataType.BITS if bits else DataType.REGISTERS
        tables[table].append(SimData(address, values=_typed(table, words), datatype=kind))
    for table, blocks in tables.items():  # the server refuses a table without any block
        if not blocks:
            kind = DataType.BITS if table in ("coil", "discrete") else DataType.INVALID
            blocks.append(SimData(0, values=False if kind is DataType.BITS else 0, datatype=kind))
    return tables["coil"], tables["discrete"], tables["holding"], tables["input"]
