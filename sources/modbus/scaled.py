"""Points whose scale the device itself says, as an exponent of ten in a register of its own (SunSpec's `sunssf`).

    power: 800     power's exponent: 2 ──► 80 000 W         exponent 0x8000, or beyond ±10 ──► missing, never 0

An exponent is read with the values. One that differs from the last poll's is believed from the second poll on: the
value may stem from before the change, and would be wrong by powers of ten (reliability §1.4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan

from config.profile import Profile
from jit.codes import Quality
from sources.modbus.blocks import Place, factors, read_codecs
from sources.modbus.codec import MOST_EXPONENT, Codec, scaled


@dataclass(slots=True, eq=False)
class Scaled:
    """`points` are (position in the reading, codec, position of its exponent)."""

    factors: tuple[Place, ...]
    points: tuple[tuple[int, Codec, int], ...]
    last: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, profile: Profile) -> Scaled:
        if all(point.scale_register is None for point in profile.read.values()):
            return cls((), ())
        codecs = read_codecs(profile)
        places = factors(codecs)
        points = [
            (index, point, len(codecs) + places.index(point.factor))
            for index, point in enumerate(codecs)
            if point.factor is not None
        ]
        return cls(places, tuple(points))

    def scale(self, values: list[float], quality: list[int]) -> None:
        """Make values of the raw numbers of the scaled points; the exponents are behind all points."""
        if not self.factors:
            return
        first = len(values) - len(self.factors)
        now = values[first:]
        last, self.last = self.last or now, now
        for index, point, place in self.points:
            exponent = values[place]
            if quality[index] == Quality.PROTOCOL:
                continue
            if quality[place] == Quality.PROTOCOL:
                values[index], quality[index] = nan, int(Quality.PROTOCOL)
            elif exponent != last[place - first] or not -MOST_EXPONENT <= exponent <= MOST_EXPONENT:
                values[index], quality[index] = nan, int(Quality.MISSING)
            else:
                values[index], valid = scaled(point, int(exponent)).number(values[index])
                quality[index] = int(valid)
