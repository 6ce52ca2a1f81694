"""Raw register words to engineering values and back, for every type and both word orders.

    big:     1234 5678 ──► 0x12345678          little:  5678 1234 ──► 0x12345678       (bytes in a word: big, always)

Decoding checks sentinels before scaling; NaN, infinities and sentinels are *missing*, never 0. Encoding rounds toward
zero, so that a set-point never exceeds what was asked; it clamps to what the type can hold, never produces a sentinel,
and refuses NaN with `EncodeError`. Units and sign: `sources.points`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isnan, nextafter

from config.profile import Point, Profile, RegisterType, Table
from jit.codes import Quality
from sources.points import Scaling, scaling

_FORMAT: dict[RegisterType, str] = {
    "uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "uint64": ">Q", "int64": ">q",
    "float32": ">f", "float64": ">d", "bool": ">H",
}  # fmt: skip
_INTEGER: dict[RegisterType, tuple[int, int]] = {
    "uint16": (0, 2**16 - 1), "int16": (-(2**15), 2**15 - 1), "uint32": (0, 2**32 - 1), "int32": (-(2**31), 2**31 - 1),
    "uint64": (0, 2**64 - 1), "int64": (-(2**63), 2**63 - 1), "bool": (0, 1),
}  # fmt: skip
_FLOAT_MAX: dict[RegisterType, float] = {"float32": 3.4028234663852886e38, "float64": 1.7976931348623157e308}


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
        raw = struct.unpack(_FORMAT[self.type], struct.pack(f">{self.words}H", *ordered))[0]
        return self.scaling.value(bool(raw) if self.type == "bool" else raw)

    def encode(self, value: float) -> tuple[int, ...]:
        """Value in the chain's unit → register words, rounded toward zero. Raises `EncodeError` on NaN."""
        if isnan(value):
            raise EncodeError(f"`{self.name}`: NaN cannot be written")
        raw = self._integer(value) if self.type in _INTEGER else self._float(value)
        words = struct.unpack(f">{self.words}H", struct.pack(_FORMAT[self.type], raw))
        return words[::-1] if self.little else words

    def _integer(self, value: float) -> int:
        low, high = _INTEGER[self.type]
        if value in (inf, -inf):
            raw = high if (value > 0) == (self.scaling.numerator > 0) else low
        else:
            raw = min(max(_toward_zero(self.scaling, value), low), high)
        if float(raw) in self.scaling.sentinels:
            zero = min(max(_toward_zero(self.scaling, 0.0), low), high)
            while float(raw) in self.scaling.sentinels and raw != zero:
                raw += 1 if raw < zero else -1
        return raw

    def _float(self, value: float) -> float:
        top = _FLOAT_MAX[self.type]
        if value in (inf, -inf):
            return top if (value > 0) == (self.scaling.numerator > 0) else -top
        exact = self.scaling.raw(value)
        if abs(exact) >= top:
            return top if exact > 0 else -top
        raw = float(exact)
        if self.type == "float64":
            return nextafter(raw, 0.0) if _beyond(self.scaling, raw, value) else raw
        near = _float32(raw)
        return _smaller32(near) if _beyond(self.scaling, near, value) else near


def codec(profile: Profile, name: str, point: Point) -> Codec:
    """Compile one Modbus point of a profile."""
    table, address = profile.address(point)
    return Codec(
        name, table, address, point.words, point.type, point.word_order == "little", scaling(profile, name, point)
    )


def _toward_zero(scaling: Scaling, value: float) -> int:
    """The raw integer whose engineering value is nearest to `value` without being further from zero."""
    top, bottom = scaling.exact(value)
    down = (value >= 0) == (scaling.numerator > 0)
    return top // bottom if down else -(-top // bottom)


def _beyond(scaling: Scaling, raw: float, value: float) -> bool:
    """Whether the engineering value of `raw` is further from zero than `value`."""
    engineering = (Fraction(raw) * scaling.numerator + scaling.offset) / scaling.denominator
    asked = Fraction(repr(float(value)))
    return engineering > asked if value >= 0 else engineering < asked


def _float32(raw: float) -> float:
    return float(struct.unpack(">f", struct.pack(">f", raw))[0])


def _smaller32(raw: float) -> float:
    """The next single-precision number toward zero (the bit pattern of a float32 orders by magnitude)."""
    bits = struct.unpack(">I", struct.pack(">f", raw))[0]
    return float(struct.unpack(">f", struct.pack(">I", bits - 1))[0]) if bits & 0x7FFFFFFF else raw
