"""Raw register words to engineering values and back, for every type, word order and byte order.

    words big:  1234 5678 ──► 0x12345678    little:  5678 1234 ──► 0x12345678    bytes little:  3412 7856 ──► 0x12345678

Decoding checks sentinels before scaling; NaN, infinities and sentinels are *missing*, never 0. Encoding rounds toward
zero, so that a set-point never exceeds what was asked; it clamps to what the type can hold, never produces a sentinel,
and refuses NaN with `EncodeError`. Units and sign: `sources.points`; rounding: `sources.rounding`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isnan, nan

from config.profile import Point, Profile, RegisterType, Table
from jit.codes import Quality
from sources.points import Scaling, scaling
from sources.rounding import raw_number

FORMAT: dict[RegisterType, str] = {
    "uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "uint64": ">Q", "int64": ">q",
    "float32": ">f", "float64": ">d", "bool": ">H",
}  # fmt: skip
#: Exponents of ten beyond this are no scale (SunSpec: −10 to 10).
MOST_EXPONENT = 10


class EncodeError(ValueError):
    """A value that cannot be said in registers: NaN."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One point, compiled: where it is in the request, how its words read, and its scaling."""

    name: str
    table: Table
    address: int
    words: int
    type: RegisterType
    little: bool
    scaling: Scaling
    swapped: bool = False
    bits: tuple[int, int] | None = None
    factor: tuple[Table, int] | None = None

    def decode(self, words: Sequence[int]) -> tuple[float, Quality]:
        """`self.words` register words (0 to 65535) → value in the chain's unit and VALID, or NaN and MISSING."""
        ordered = words[::-1] if self.little else words
        packed = struct.pack(f"{'<' if self.swapped else '>'}{self.words}H", *ordered)
        return self.number(struct.unpack(FORMAT[self.type], packed)[0])

    def number(self, raw: float) -> tuple[float, Quality]:
        """The same for the number that the words are."""
        if self.bits is not None:
            return self._part(int(raw), *self.bits)
        return self.scaling.value(bool(raw) if self.type == "bool" else raw)

    def _part(self, raw: int, low: int, count: int) -> tuple[float, Quality]:
        """Some bits of an integer: a sentinel is the whole of it."""
        if float(raw) in self.scaling.sentinels:
            return nan, Quality.MISSING
        return replace(self.scaling, sentinels=frozenset()).value(raw >> low & (1 << count) - 1)

    def encode(self, value: float) -> tuple[int, ...]:
        """Value in the chain's unit → register words, rounded toward zero. Raises `EncodeError` on NaN."""
        if isnan(value):
            raise EncodeError(f"`{self.name}`: NaN cannot be written")
        raw = raw_number(self.type, self.scaling, value)
        words = struct.unpack(f"{'<' if self.swapped else '>'}{self.words}H", struct.pack(FORMAT[self.type], raw))
        return words[::-1] if self.little else words


def codec(profile: Profile, name: str, point: Point) -> Codec:
    """Compile one Modbus point of a profile."""
    table, address = profile.address(point)
    return Codec(
        name, table, address, point.words, point.type, point.word_order == "little", scaling(profile, name, point),
        point.byte_order == "little", point.bits,
        None if point.scale_register is None else profile.place(point.scale_register),
    )  # fmt: skip


def factor_codec(place: tuple[Table, int]) -> Codec:
    """An exponent of ten as a device says it: SunSpec's `sunssf`."""
    return Codec("", *place, 1, "int16", little=False, scaling=Scaling(1, 0, 1, frozenset({-32768.0})))


@lru_cache(maxsize=4096)
def scaled(point: Codec, exponent: int) -> Codec:
    """The codec of a point whose device counts it in 10^exponent."""
    return replace(point, scaling=point.scaling.times(exponent), factor=None)
