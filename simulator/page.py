"""What the words of one range of registers mean, read by the simulator and by nothing of the product.

    layout = Layout(unit, 3, "holding", 100, 17)
    layout.octets()                    # what the device says now, where it tells the truth
    Meaning(layout, octets)["soc"]     # decoded when somebody asks: most of what is said nobody looks at

Units: the chain's. None is "not implemented" or no number.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from simulator.modbus import Unit
from simulator.points import from_device
from simulator.registers import Table, part, whole

KIND = {
    "uint16": "u2", "int16": "i2", "uint32": "u4", "int32": "i4", "uint64": "u8", "int64": "i8",
    "float32": "f4", "float64": "f8", "bool": "u2",
}  # fmt: skip


class Layout:
    """`count` registers from `address`: which points are in them, and whether they are nothing but whole points."""

    def __init__(self, unit: Unit, code: int, table: Table, address: int, count: int) -> None:
        self.unit, self.table, self.address, self.count = unit, table, address, count
        self.head = struct.pack(">HBBB", 2 * count + 3, unit.id, code, 2 * count)  # of a reply, behind its transaction
        self.cells = tuple((table, address + offset) for offset in range(count))
        inside = [(place.address, name) for name, place in unit.reads.items() if place.table == table]
        ends = address + count
        self.offsets = {
            name: at - address for at, name in sorted(inside) if address <= at and at + unit.reads[name].words <= ends
        }
        self.gauges = [unit.gauges[name] for name in self.offsets]
        covered = [at for name in self.offsets for at in unit.reads[name].addresses]
        self.plain = len(covered) == len(set(covered)) == count
        self._packed = struct.Struct(f">{count}H")

    def octets(self) -> bytes:
        """The bytes of this instant; only where the range is `plain`."""
        return b"".join(self.unit.octets(self.gauges))

    def words(self, octets: bytes) -> tuple[int, ...]:
        """The words that these bytes are."""
        return self._packed.unpack(octets)

    def value(self, octets: bytes, name: str) -> float | None:
        """What a point says in these bytes."""
        point, offset = self.unit.profile.read[name], self.offsets[name]
        words = self._packed.unpack(octets)[offset : offset + self.unit.reads[name].words]
        said = whole(point, words)
        if said in point.sentinels or not isfinite(said):
            return None
        raw = part(point, said)
        return float(raw in point.yes) if point.yes else from_device(self.unit.profile, name, point, raw)

    def column(self, pages: Sequence[bytes], name: str) -> npt.NDArray[np.float64]:
        """What a point says in each of these replies, NaN for None: `value`, of thousands at once."""
        point, offset = self.unit.profile.read[name], self.offsets[name]
        words = np.frombuffer(b"".join(pages), ">u2").reshape(len(pages), self.count)
        mine = words[:, offset : offset + self.unit.reads[name].words]
        ordered = np.ascontiguousarray(mine[:, ::-1] if point.word_order == "little" else mine)
        kind = KIND[point.type]
        said: Any = (ordered if point.byte_order == "big" else ordered.byteswap()).view(f">{kind}")[:, 0]
        lost = ~np.isfinite(said) | np.isin(said.astype(np.float64), list(point.sentinels))
        bits = point.bits
        raw = (said if bits is None else said >> bits[0] & (1 << bits[1]) - 1).astype(np.float64)
        numbers: Any = raw  # the same operations as on one number, in the same order
        told = np.isin(raw, point.yes) * 1.0 if point.yes else from_device(self.unit.profile, name, point, numbers)
        return np.where(lost, np.nan, told)


class Meaning(Mapping[str, float | None]):
    """The points in the bytes of one reply, by name."""

    __slots__ = ("layout", "octets")

    def __init__(self, layout: Layout, octets: bytes) -> None:
        self.layout, self.octets = layout, octets

    def __getitem__(self, name: str) -> float | None:
        return self.layout.value(self.octets, name)

    def __contains__(self, name: object) -> bool:
        return name in self.layout.offsets

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.offsets)

    def __len__(self) -> int:
        return len(self.layout.offsets)

    def __repr__(self) -> str:
        return repr(dict(self))
