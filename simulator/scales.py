"""Scales that a device says itself (`scale_register`): which exponents this one has, and its profile with them.

    scale: 1, scale_register: holding 40182 ──► holding 40182 says 2 ──► scale: 100

The exponent is the one that the profile expects, else the one of its recorded sample, else the finest from 10^-3 on in
which twice the battery's power, 1500 V or A, 100 % and 70 Hz fit the points that share it. It stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from config.profile import Point, Profile
from simulator.plant import Plant
from simulator.points import factor
from simulator.registers import RANGE, Table

Place = tuple[Table, int]
Image = dict[Place, int]  # what stands at which address

FINEST, COARSEST = -3, 10
LARGEST = {"%": 100.0, "Hz": 70.0, "mHz": 70.0, "°C": 150.0}
ELECTRIC = ("W", "var", "VA", "Wh")


def settled(profile: Profile, plant: Plant) -> tuple[Profile, Image]:
    """The profile with the scales that the device has, and the registers in which it says them."""
    sharing: dict[Place, list[Point]] = {}
    for point in (*profile.read.values(), *profile.write.values()):
        if point.scale_register is not None:
            sharing.setdefault(profile.place(point.scale_register), []).append(point)
    if not sharing:
        return profile, {}
    known = dict(_known(profile))
    exponents = {place: known.get(place, _finest(points, plant)) for place, points in sharing.items()}

    def fixed(points: dict[str, Point]) -> dict[str, Point]:
        return {name: _scaled(profile, point, exponents) for name, point in points.items()}

    said = {place: exponent & 0xFFFF for place, exponent in exponents.items()}
    return profile.model_copy(update={"read": fixed(profile.read), "write": fixed(profile.write)}), said


def _scaled(profile: Profile, point: Point, exponents: dict[Place, int]) -> Point:
    if point.scale_register is None:
        return point
    exponent = exponents[profile.place(point.scale_register)]
    scale = float(Decimal(repr(point.scale)).scaleb(exponent))
    return point.model_copy(update={"scale": scale, "scale_register": None})


def _known(profile: Profile) -> Iterator[tuple[Place, int]]:
    """Exponents in the recorded sample, and in what is expected: the later ones count."""
    sample = profile.sample.get("registers")
    for registers in (sample if isinstance(sample, dict) else {}, profile.expects):
        for register, words in registers.items():
            table, first = profile.place(register)
            for offset, word in enumerate(words):
                exponent = word - 0x10000 if word >= 0x8000 else word
                if -COARSEST <= exponent <= COARSEST:
                    yield (table, first + offset), exponent


def _finest(points: list[Point], plant: Plant) -> int:
    return max(_fitting(point, plant) for point in points)


def _fitting(point: Point, plant: Plant) -> int:
    if point.type not in RANGE:
        return 0
    battery = plant.model.battery
    rated = 2.0 * max(battery.charge_kw, battery.discharge_kw)
    largest = LARGEST.get(point.unit, rated if point.unit.endswith(ELECTRIC) else 1500.0) / factor(point)
    room = abs(RANGE[point.type][1] * point.scale)
    return next((e for e in range(FINEST, COARSEST) if largest < room * 10.0**e), COARSEST)
