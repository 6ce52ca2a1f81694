"""Units and dimensions: a number and a unit as text, into the chain's unit.

    `250 kW` ──► 250.0        `200 mHz` ──► 0.2        `90 s`, `1.5 min` ──► 90.0        `50 kW/s` ──► 50.0

Chain units: kW, kvar, kVA, kWh, %, %/s, kW/s, kvar/s, °C, K, Hz, V, A, s. Units are case-sensitive, the space is
optional.
A number without a unit, another dimension's unit, `kw`, `1e3 kW` and `010 kW` are errors with advice, never guesses.
The conversion is exact (rational), rounded once to float64. A number has at most 18 digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

_NUMBER_AND_UNIT = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)[ ]?([^\s0-9.,+_-][^\s]*)?")
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True, eq=False)
class Dimension:
    """A kind of quantity. `units` maps a unit to its factor to the chain's unit, the example's unit first in help."""

    name: str
    example: str
    units: dict[str, Fraction]

    @property
    def named(self) -> str:
        """`a power`, `an energy`: for messages."""
        return f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"


def _units(**factors: int | str) -> dict[str, Fraction]:
    return {unit: Fraction(factor) for unit, factor in factors.items()}


POWER = Dimension("power", "kW", _units(W="1/1000", kW=1, MW=1000))
REACTIVE_POWER = Dimension("reactive power", "kvar", _units(var="1/1000", kvar=1, Mvar=1000))
APPARENT_POWER = Dimension("apparent power", "kVA", _units(VA="1/1000", kVA=1, MVA=1000))
ENERGY = Dimension("energy", "kWh", _units(Wh="1/1000", kWh=1, MWh=1000))
DURATION = Dimension("duration", "s", _units(ms="1/1000", s=1, min=60, h=3600, d=86400))
FREQUENCY = Dimension("frequency", "Hz", _units(mHz="1/1000", Hz=1))
VOLTAGE = Dimension("voltage", "V", _units(V=1, kV=1000))
CURRENT = Dimension("current", "A", _units(A=1, kA=1000))
PERCENT = Dimension("percentage", "%", {"%": Fraction(1)})
TEMPERATURE = Dimension("temperature", "°C", {"°C": Fraction(1)})
TEMPERATURE_DIFFERENCE = Dimension("temperature difference", "K", {"K": Fraction(1)})
RAMP = Dimension(
    "ramp rate",
    "kW/s",
    {f"{unit}/{per}": POWER.units[unit] / DURATION.units[per] for unit in ("W", "kW", "MW") for per in ("s", "min")},
)
REACTIVE_RAMP = Dimension(
    "reactive ramp rate",
    "kvar/s",
    {
        f"{unit}/{per}": REACTIVE_POWER.units[unit] / DURATION.units[per]
        for unit in ("var", "kvar", "Mvar")
        for per in ("s", "min")
    },
)
SIZE = Dimension("size", "MB", _units(kB="1/1000", MB=1, GB=1000, TB=1_000_000))
PERCENT_RATE = Dimension("rate in percent", "%/s", {"%/s": Fraction(1), "%/min": Fraction(1, 60)})

DIMENSIONS = (  # in the order in which a foreign unit is recognised
    POWER,
    REACTIVE_POWER,
    APPARENT_POWER,
    ENERGY,
    DURATION,
    FREQUENCY,
    VOLTAGE,
    CURRENT,
    PERCENT,
    TEMPERATURE,
    TEMPERATURE_DIFFERENCE,
    RAMP,
    REACTIVE_RAMP,
    PERCENT_RATE,
    SIZE,
)

_SPELLINGS = {
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "minute": "min",
    "minutes": "min",
    "mins": "min",
    "hr": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "millis": "ms",
    "percent": "%",
    "pct": "%",
    "C": "°C",
    "degC": "°C",
    "℃": "°C",
    "watt": "W",
    "kwatt": "kW",
}


class QuantityError(ValueError):
    """A text that is not the quantity asked for: `code` (E203 to E206), what is wrong, and how to write it."""

    def __init__(self, code: str, message: str, how: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = how


def parse(text: str, dimension: Dimension) -> float:
    """The value of `text` in the chain's unit of `dimension`. Raises `QuantityError`."""
    match = _NUMBER_AND_UNIT.fullmatch(text)
    if match is None:
        raise QuantityError("E203", f"expected {dimension.named}, got `{_short(text)}`", advice(text, dimension))
    number, unit = match.groups()
    if unit is None:
        raise QuantityError("E203", f"expected {dimension.named}, got `{_short(text)}`", _with_unit(number, dimension))
    _check_unit(number, unit, dimension)
    if len(number) > _MAX_DIGITS:
        raise QuantityError("E203", f"`{_short(number)}` has too many digits", f"write at most {_MAX_DIGITS} of them")
    if not _PLAIN_NUMBER.fullmatch(number):
        plain = f"{format_number(float(number))} {unit}"
        raise QuantityError("E203", f"`{number}` is not a plain number", f"write `{plain}`")
    return float(Fraction(number) * dimension.units[unit])


def format_number(value: float) -> str:
    """`250.0` → `250`, `0.5` → `0.5`: a number as a person writes it."""
    return f"{value:.10f}".rstrip("0").rstrip(".") if isfinite(value) else str(value)


def show(value: float, dimension: Dimension) -> str:
    """A value in the chain's unit as text: `show(250.0, POWER)` is `250 kW`."""
    return f"{format_number(value)} {dimension.example}"


def brief(value: float, dimension: Dimension) -> str:
    """The way a person writes a value, losing nothing: `72 h`, `200 mHz`, `1.2 MW`; the chain's unit where equal."""
    best = show(value, dimension)
    for unit, factor in dimension.units.items():
        text = f"{format_number(value / float(factor))} {unit}"
        if value and _effort(text) < _effort(best) and parse(text, dimension) == value:
            best = text
    return best


def _effort(text: str) -> int:
    """Characters of the number; a leading `0.` reads badly."""
    number = text.partition(" ")[0].lstrip("-")
    return len(number) + 2 * number.startswith("0.")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:37]}..."


def _with_unit(number: str, dimension: Dimension) -> str:
    if dimension is PERCENT and len(number) < _MAX_DIGITS and 0 < abs(float(number)) < 1:
        return f"a fraction? did you mean `{format_number(float(number) * 100)} %`?"
    return f"write a number and a unit, e.g. `{number} {dimension.example}`"


def advice(text: str, dimension: Dimension) -> str:
    if "," in text:
        return f"the decimal mark is a point, and there is no mark for thousands: e.g. `1250.5 {dimension.example}`"
    return f"write a number and a unit, e.g. `10 {dimension.example}`"


def _check_unit(number: str, unit: str, dimension: Dimension) -> None:
    if unit in dimension.units:
        return
    for other in DIMENSIONS:
        if unit in other.units:
            raise QuantityError(
                "E204",
                f"expected {dimension.named}, got {other.named}: `{_short(number)} {unit}`",
                f"write one of {_listed(dimension)}",
            )
    help_text = f"write one of {_listed(dimension)}"
    likely = _likely(unit, dimension)
    if likely is not None:
        help_text = f"did you mean `{_short(number)} {likely}`? units are case-sensitive"
    elif unit == "m" and dimension is DURATION:
        help_text = "minutes are `min`, milliseconds are `ms`"
    raise QuantityError("E205", f"`{_short(unit)}` is not a unit of {dimension.name}", help_text)


def _likely(unit: str, dimension: Dimension) -> str | None:
    """The one unit that was surely meant. `mW` gets none: it could be a factor of 10⁹ off."""
    spelled = _SPELLINGS.get(unit, _SPELLINGS.get(unit.lower()))
    if spelled in dimension.units:
        return spelled
    found = [u for u in dimension.units if u.lower() == unit.lower()]
    if len(found) != 1 or (unit[0] in "mM" and found[0][0] != unit[0]):
        return None
    return found[0]


def _listed(dimension: Dimension) -> str:
    return ", ".join(f"`{unit}`" for unit in dimension.units)
