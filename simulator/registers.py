"""Modbus words of one point, packed and unpacked with `struct` alone.

`word_order` says which word of a wide value comes first, `byte_order` which byte of a word; a point with `bits` is a
part of its register, and the rest of the word is 0. A number that does not fit is clamped to what the type or the bits
hold without meaning "not implemented". No value at all becomes the point's sentinel, and 0 in a code that has none.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from config.profile import Point, Profile, TextPoint
from simulator.points import ProfileError

Table = Literal["coil", "discrete", "holding", "input"]
TABLES: dict[str, Table] = {"coil": "coil", "discrete": "discrete", "holding": "holding", "input": "input"}
FORMAT = {
    "uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q", "int64": "q",
    "float32": "f", "float64": "d", "bool": "H",
}  # fmt: skip
RANGE = {
    "uint16": (0, 2**16 - 1), "int16": (-(2**15), 2**15 - 1), "uint32": (0, 2**32 - 1),
    "int32": (-(2**31), 2**31 - 1), "uint64": (0, 2**64 - 1), "int64": (-(2**63), 2**63 - 1), "bool": (0, 1),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a point lives: table, address as sent in the request, number of words."""

    table: Table
    address: int
    words: int

    @property
    def addresses(self) -> range:
        return range(self.address, self.address + self.words)


def cell(profile: Profile, name: str, point: Point | TextPoint) -> Cell:
    """The place of a point, e.g. `holding 40072`. Raises ProfileError when it has none."""
    table, _, number = (point.register or "").partition(" ")
    if table not in TABLES or not number.strip().isdigit():
        raise ProfileError(f"{profile.name}.{name}: `{point.register}` is not a register such as `holding 40072`")
    address = int(number) - (1 if profile.addressing == "one_based" else 0)
    words = point.length if isinstance(point, TextPoint) else struct.calcsize(FORMAT[point.type]) // 2
    if not 0 <= address <= 0x10000 - words:
        raise ProfileError(f"{profile.name}.{name}: register {number} is outside the table")
    return Cell(TABLES[table], address, words)


def encode(point: Point, number: float | None) -> list[int]:
    """The words of a device's number; None is the point's "not implemented"."""
    raw = _sentinel(point) if number is None else _fitted(point, number)
    return _words(point, int(raw) << point.bits[0] if point.bits and number is not None else raw)


def encoder(point: Point) -> Callable[[float | None], bytes]:
    """`encode`, as bytes, of one point; whole numbers that stay the same are packed once."""
    if point.type not in RANGE:
        return lambda number: octets(encode(point, number))
    low, high = RANGE[point.type]
    known = low - 1, b""

    def integer(number: float | None) -> bytes:
        nonlocal known
        if number is None or not low < number < high:
            return octets(encode(point, number))
        raw = round(number)
        if raw != known[0]:
            known = raw, octets(encode(point, raw))
        return known[1]

    return integer


def octets(words: Sequence[int]) -> bytes:
    return struct.pack(f">{len(words)}H", *words)


def text_words(text: str, words: int) -> list[int]:
    """A text as SunSpec spells it: two characters a register, filled with NUL."""
    octets = text.encode()[: 2 * words].ljust(2 * words, b"\0")
    return list(struct.unpack(f">{words}H", octets))


def whole(point: Point, words: Sequence[int]) -> float:
    """The number in these words, of which a point with `bits` is a part (NaN stays NaN)."""
    return float(struct.unpack(f">{FORMAT[point.type]}", octets(_turned(point, words)))[0])


def part(point: Point, raw: float) -> float:
    """The device's number in a whole number of its words."""
    return raw if point.bits is None else float(int(raw) >> point.bits[0] & (1 << point.bits[1]) - 1)


def decode(point: Point, words: Sequence[int]) -> float:
    """The device's number in these words (NaN stays NaN)."""
    return part(point, whole(point, words))


def most(point: Point) -> int:
    """The highest number that an integer point can say."""
    return (1 << point.bits[1]) - 1 if point.bits else RANGE[point.type][1]


def _words(point: Point, raw: float) -> list[int]:
    packed = struct.pack(f">{FORMAT[point.type]}", int(raw) if point.type in RANGE else raw)
    return _turned(point, struct.unpack(f">{len(packed) // 2}H", packed))


def _turned(point: Point, words: Sequence[int]) -> list[int]:
    """Words as the device has them from words as they read, and the other way round."""
    ordered = list(words[::-1] if point.word_order == "little" else words)
    return ordered if point.byte_order == "big" else [(word & 0xFF) << 8 | word >> 8 for word in ordered]


def _fitted(point: Point, number: float) -> float:
    if point.type not in RANGE:
        return number
    if not math.isfinite(number):
        return _sentinel(point)
    raw = max(RANGE[point.type][0], min(most(point), round(number)))
    while raw in point.sentinels and point.bits is None:
        raw += -1 if raw > 0 else 1
    return raw


def _sentinel(point: Point) -> float:
    if point.sentinels:
        return point.sentinels[0]
    if point.type not in RANGE:
        return math.nan
    if point.bits or not point.unit:
        return 0  # a code: nothing is wrong
    low, high = RANGE[point.type]
    return low if low < 0 else high  # SunSpec's convention: 0x8000 signed, 0xFFFF unsigned
