"""Raw register words to engineering values and back, for every type and both word orders.

    big:     1234 5678 ──► 0x12345678          little:  5678 1234 ──► 0x12345678       (bytes in a word: big, always)

Decoding checks sentinels before scaling; NaN, infinities and sentinels are *missing*, never 0. Encoding rounds toward
zero, so that a set-point never exceeds what was asked; it clamps to what the type can hold, never produces a sentinel,
and refuses NaN with `EncodeError`. Units and sign: `sources.points`; rounding: `sources.rounding`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

from config.profile import Point, Profile, RegisterType, Table
from jit.codes import Quality
from sources.points import Scaling, scaling
from sources.rounding import raw_number

FORMAT: dict[RegisterType, str] = {
    "uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "uint64": ">Q", "int64": ">q",
    "float32": ">f", "float64": ">d", "bool": ">H",
}  # fmt: skip


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

    def decode(self, words: Sequence[int]) -> tuple[float, Quality]:
        """`self.words` register words (0 to 65535) → value in the chain's unit and VALID, or NaN and MISSING."""
        ordered = words[::-1] if self.little else words
        return self.number(struct.unpack(FORMAT[self.type], struct.pack(f">{self.words}H", *ordered))[0])

    def number(self, raw: float) -> tuple[float, Quality]:
        """The same for the number that the words are."""
        return self.scaling.value(bool(raw) if self.type == "bool" else raw)

    def encode(self, value: float) -> tuple[int, ...]:
        """Value in the chain's unit → register words, rounded toward zero. Raises `EncodeError` on NaN."""
        if isnan(value):
            raise EncodeError(f"`{self.name}`: NaN cannot be written")
        raw = raw_number(self.type, self.scaling, value)
        words = struct.unpack(f">{self.words}H", struct.pack(FORMAT[self.type], raw))
        return words[::-1] if self.little else words


def codec(profile: Profile, name: str, point: Point) -> Codec:
    """Compile one Modbus point of a profile."""
    table, address = profile.address(point)
    return Codec(
        name, table, address, point.words, point.type, point.word_order == "little", scaling(profile, name, point)
    )
