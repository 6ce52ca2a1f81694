"""The points of a device as a reading carries them: their order, their ranges, their scaling.

    raw ──► sentinel? ──► (raw · scale + offset) in `unit` ──► the chain's unit ──► + = discharging ──► value, quality
                 └─► NaN, MISSING

Every number of a profile (`0.1`, `100`) is taken as the decimal that was written and the whole path is one fraction,
so a value is rounded once, to the nearest float64, and a value that goes out and comes back is the same value.
A point with `yes` becomes 1 (the raw value is one of them) or 0. Nothing here raises on what a device says: a value
that is not a finite number is NaN with the bit MISSING.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import inf, isfinite, nan

import numpy as np

from config.asset import Rated
from config.canonical import SIGNED, canonical, dimension_of
from config.profile import Point, Profile
from jit.codes import Quality
from sources.reading import F8

#: What a quantity can be at all, whatever a profile says or leaves out (LH-SAFE-006).
POSSIBLE = {
    "soc": (0.0, 100.0),
    "soh": (0.0, 100.0),
    "temperature": (-90.0, 200.0),
    "dc_voltage": (0.0, inf),
    "charge_limit": (0.0, inf),  # a magnitude: a negative one is no limit, and no limit is 0
    "discharge_limit": (0.0, inf),
}
#: Up to here a whole number is its shortest decimal.
WHOLE = 2**53
#: Times the rating that measured power may show at most.
BEYOND = 2.0


def point_names(profile: Profile) -> tuple[str, ...]:
    """The read points of a profile in the order of `Reading.values`: canonical ones first, then as declared."""
    known = [name for name in canonical(profile.kind) if name in profile.read]
    return (*known, *(name for name in profile.read if name not in known))


def point_ranges(profile: Profile, rated: Rated | None = None) -> tuple[F8, F8]:
    """Lowest and highest plausible value per point, float64[n], in chain units: as declared, within what can be.

    `rated`: of an asset. What it is measured at beyond `BEYOND` times that is misread, and must not be taken for
    power that flows: the meter would be explained by a load or a generation that is not there.
    """
    possible = POSSIBLE
    if rated is not None:
        own = profile.ratings or rated
        most = BEYOND * max(rated.charge, rated.discharge, own.charge, own.discharge)
        possible = POSSIBLE | {"power": (-most, most)}
    ranges = [_within(profile.read[name].range, possible.get(name)) for name in point_names(profile)]
    return np.array([low for low, _ in ranges], np.float64), np.array([high for _, high in ranges], np.float64)


def _within(declared: tuple[float, float] | None, possible: tuple[float, float] | None) -> tuple[float, float]:
    (low, high), (least, most) = declared or (-inf, inf), possible or (-inf, inf)
    return max(low, least), min(high, most)


@dataclass(frozen=True, slots=True)
class Scaling:
    """value = (raw · numerator + offset) / denominator, sign and unit included; `sentinels` and `yes` are raw."""

    numerator: int
    offset: int
    denominator: int
    sentinels: frozenset[float] = frozenset()
    yes: frozenset[float] = frozenset()

    def value(self, raw: float) -> tuple[float, Quality]:
        """The engineering value in the chain's unit, or NaN and MISSING."""
        if not isfinite(raw) or float(raw) in self.sentinels:
            return nan, Quality.MISSING
        if self.yes:
            return float(raw in self.yes), Quality.VALID
        top, bottom = raw.as_integer_ratio()
        try:
            return (top * self.numerator + self.offset * bottom) / (bottom * self.denominator), Quality.VALID
        except OverflowError:
            return nan, Quality.MISSING

    def times(self, exponent: int) -> Scaling:
        """The same with raw numbers that count 10^exponent."""
        up, down = (10**exponent, 1) if exponent >= 0 else (1, 10**-exponent)
        return replace(
            self, numerator=self.numerator * up, offset=self.offset * down, denominator=self.denominator * down
        )

    def raw(self, value: float) -> Fraction:
        """The exact raw number of a value in the chain's unit, the value taken as its shortest decimal."""
        return Fraction(*self.exact(value))

    def exact(self, value: float) -> tuple[int, int]:
        """The same as numerator and denominator, not in lowest terms."""
        value = float(value)
        whole = value.is_integer() and -WHOLE <= value <= WHOLE
        top, bottom = (int(value), 1) if whole else Decimal(repr(value)).as_integer_ratio()
        return top * self.denominator - self.offset * bottom, bottom * self.numerator


def scaling(profile: Profile, name: str, point: Point) -> Scaling:
    """The scaling of a read or write point, with the device's sign translated where the point is a signed one."""
    dimension = dimension_of(point.unit)
    unit = dimension.units[point.unit] if dimension is not None else Fraction(1)
    sign = -1 if profile.sign == "positive_is_charge" and (point.of or name) in SIGNED else 1
    scale, offset = Fraction(repr(point.scale)) * unit * sign, Fraction(repr(point.offset)) * unit * sign
    denominator = scale.denominator * offset.denominator
    return Scaling(
        numerator=int(scale * denominator),
        offset=int(offset * denominator),
        denominator=denominator,
        sentinels=frozenset(_as_read(point, sentinel) for sentinel in point.sentinels),
        yes=frozenset(map(float, point.yes)),
    )


def _as_read(point: Point, sentinel: float) -> float:
    """A sentinel as the device's type can hold it: 9999.9 in a float32 is 9999.900390625."""
    if point.type != "float32":
        return float(sentinel)
    try:
        return float(struct.unpack(">f", struct.pack(">f", sentinel))[0])
    except OverflowError:
        return float(sentinel)
