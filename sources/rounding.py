"""A value in the chain's unit as the number that a device's type can hold: rounded toward zero, never a sentinel.

So a set-point never exceeds what was asked. It is clamped to what the type can hold; an infinity is the largest number
of its sign. The caller has refused NaN. Scaling: `sources.points`.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from math import inf, nextafter

from config.profile import RegisterType
from sources.points import Scaling

INTEGER: dict[RegisterType, tuple[int, int]] = {
    "uint16": (0, 2**16 - 1), "int16": (-(2**15), 2**15 - 1), "uint32": (0, 2**32 - 1), "int32": (-(2**31), 2**31 - 1),
    "uint64": (0, 2**64 - 1), "int64": (-(2**63), 2**63 - 1), "bool": (0, 1),
}  # fmt: skip
_FLOAT_MAX: dict[RegisterType, float] = {"float32": 3.4028234663852886e38, "float64": 1.7976931348623157e308}


def raw_number(kind: RegisterType, scaling: Scaling, value: float) -> int | float:
    """The number of this type that says `value`, or the nearest one that is not further from zero."""
    return _integer(kind, scaling, value) if kind in INTEGER else _float(kind, scaling, value)


def _integer(kind: RegisterType, scaling: Scaling, value: float) -> int:
    low, high = INTEGER[kind]
    if value in (inf, -inf):
        raw = high if (value > 0) == (scaling.numerator > 0) else low
    else:
        raw = min(max(_toward_zero(scaling, value), low), high)
    if float(raw) in scaling.sentinels:
        zero = min(max(_toward_zero(scaling, 0.0), low), high)
        while float(raw) in scaling.sentinels and raw != zero:
            raw += 1 if raw < zero else -1
    return raw


def _float(kind: RegisterType, scaling: Scaling, value: float) -> float:
    top = _FLOAT_MAX[kind]
    if value in (inf, -inf):
        return top if (value > 0) == (scaling.numerator > 0) else -top
    exact = scaling.raw(value)
    if abs(exact) >= top:
        return top if exact > 0 else -top
    raw = float(exact)
    if kind == "float64":
        return nextafter(raw, 0.0) if _beyond(scaling, raw, value) else raw
    near = _float32(raw)
    return _smaller32(near) if _beyond(scaling, near, value) else near


def _toward_zero(scaling: Scaling, value: float) -> int:
    """The raw integer whose engineering value is nearest to `value` without being further from zero."""
    top, bottom = scaling.exact(value)
    down = (value >= 0) == (scaling.numerator > 0)
    return top // bottom if down else -(-top // bottom)


def _beyond(scaling: Scaling, raw: float, value: float) -> bool:
    """Whether the engineering value of `raw` is further from zero than `value`, as numbers that we can tell apart."""
    engineering = float((Fraction(raw) * scaling.numerator + scaling.offset) / scaling.denominator)
    return engineering > value if value >= 0 else engineering < value


def _float32(raw: float) -> float:
    return float(struct.unpack(">f", struct.pack(">f", raw))[0])


def _smaller32(raw: float) -> float:
    """The next single-precision number toward zero (the bit pattern of a float32 orders by magnitude)."""
    bits = struct.unpack(">I", struct.pack(">f", raw))[0]
    return float(struct.unpack(">f", struct.pack(">I", bits - 1))[0]) if bits & 0x7FFFFFFF else raw
