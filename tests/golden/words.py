"""A second codec for Modbus words, written from the standards alone and with integers alone: the judge of ours.

    number ──► bits (two's complement, IEEE 754) ──► words, most significant first ──► word order ──► bytes in the words

It shares nothing with the product: no struct, no scaling code, no profile. Whoever changes one of the two codecs must
find the other one against him.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf, isinf, isnan, nan

BITS = {
    "uint16": 16, "int16": 16, "uint32": 32, "int32": 32, "uint64": 64, "int64": 64, "float32": 32, "float64": 64,
}  # fmt: skip
_EXPONENT = {32: 8, 64: 11}


def words(kind: str, raw: float, word_order: str = "big", byte_order: str = "big") -> list[int]:
    """The registers that say `raw`, in the order in which they are sent."""
    width = BITS[kind]
    pattern = _ieee(float(raw), width) if kind.startswith("float") else int(raw) % (1 << width)
    return arranged(pattern, width, word_order, byte_order)


def arranged(pattern: int, width: int, word_order: str, byte_order: str) -> list[int]:
    """A bit pattern as registers."""
    found = [pattern >> shift & 0xFFFF for shift in range(width - 16, -1, -16)]
    if byte_order == "little":
        found = [(word & 0xFF) * 256 + word // 256 for word in found]
    return found if word_order == "big" else found[::-1]


def number(kind: str, registers: list[int], word_order: str = "big", byte_order: str = "big") -> Fraction | float:
    """What registers say: an exact number, or NaN or an infinity."""
    ordered = registers if word_order == "big" else registers[::-1]
    pattern: int = 0
    for word in ordered:
        pattern = pattern * 65536 + ((word & 0xFF) * 256 + word // 256 if byte_order == "little" else word)
    width = BITS[kind]
    if kind.startswith("float"):
        return _meaning(pattern, width)
    return Fraction(pattern - (1 << width) if kind.startswith("i") and pattern >= 1 << width - 1 else pattern)


def _meaning(pattern: int, width: int) -> Fraction | float:
    exponent_bits = _EXPONENT[width]
    fraction_bits = width - 1 - exponent_bits
    sign = -1 if pattern >> (width - 1) else 1
    exponent = pattern >> fraction_bits & ((1 << exponent_bits) - 1)
    fraction = pattern & ((1 << fraction_bits) - 1)
    if exponent == (1 << exponent_bits) - 1:
        return nan if fraction else sign * inf
    bias = (1 << exponent_bits - 1) - 1
    significand = Fraction(fraction, (1 << fraction_bits)) + (1 if exponent else 0)
    return sign * significand * _two(max(exponent, 1) - bias)


def _ieee(value: float, width: int) -> int:
    """The nearest pattern, ties to even."""
    exponent_bits = _EXPONENT[width]
    fraction_bits = width - 1 - exponent_bits
    top = ((1 << exponent_bits) - 1) << fraction_bits
    if isnan(value):
        return top | 1 << (fraction_bits - 1)
    sign = 1 << (width - 1) if value < 0 else 0
    if isinf(value):
        return sign | top
    magnitude, bias = abs(Fraction(value)), (1 << exponent_bits - 1) - 1
    if magnitude == 0:
        return sign
    exponent = max(_log2(magnitude), 1 - bias)
    steps = magnitude / _two(exponent - fraction_bits)
    whole = _half_even(steps)
    # the hidden bit of `whole`, where it has one, adds the missing 1
    return sign | ((exponent + bias - 1) << fraction_bits) + whole


def _two(exponent: int) -> Fraction:
    return Fraction(1 << exponent) if exponent >= 0 else Fraction(1, 1 << -exponent)


def _log2(magnitude: Fraction) -> int:
    """The exponent of the power of two at or below it."""
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    return exponent if magnitude >= _two(exponent) else exponent - 1


def _half_even(steps: Fraction) -> int:
    whole, rest = divmod(steps.numerator, steps.denominator)
    twice = 2 * rest
    up = twice > steps.denominator or (twice == steps.denominator and whole % 2)
    return whole + 1 if up else whole
