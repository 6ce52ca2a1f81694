"""Quantity fields of the models: text with a unit in, float in the chain's unit out; and secrets, which never print.

Each type fixes a dimension and a range (`Percent` 0 to 100, `Power` a magnitude ≥ 0: the key says the direction).
Errors are pydantic's, whose type is one of this project's codes (E202 to E206, E208) and whose context carries `help`.

In Python (not in YAML) a field also accepts a float that is already in the chain's unit, so that a dumped definition
loads again; the loader passes `context={"literal": True}`, and then a bare number is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from config.units import (
    APPARENT_POWER,
    DURATION,
    ENERGY,
    FREQUENCY,
    PERCENT,
    PERCENT_RATE,
    POWER,
    RAMP,
    REACTIVE_POWER,
    REACTIVE_RAMP,
    SIZE,
    TEMPERATURE,
    TEMPERATURE_DIFFERENCE,
    VOLTAGE,
    Dimension,
    QuantityError,
    advice,
    parse,
    show,
)


def refusal(code: str, message: str, how: str, *at: str | int) -> PydanticCustomError:
    """A validation error with one of this project's codes, a finished message and advice; `at` is a place below."""
    return PydanticCustomError(code, "{message}", {"message": message, "help": how, "at": at})


@dataclass(frozen=True, slots=True)
class Quantity:
    """The validator of a quantity field: text in, float in the chain's unit out, within [low, high]."""

    dimension: Dimension
    low: float | None = 0.0
    high: float | None = None

    def __call__(self, value: Any, validation: ValidationInfo) -> float:
        number = self._number(value, bool(validation.context and validation.context.get("literal")))
        got = show(number, self.dimension)
        if number < 0 and self.low is not None and self.low >= 0:
            raise refusal("E206", f"`{got}` is negative", "write the magnitude; the key says the direction")
        if self.low is not None and number < self.low:
            raise refusal("E202", f"`{got}` is too low", f"at least `{show(self.low, self.dimension)}`")
        if self.high is not None and number > self.high:
            raise refusal("E202", f"`{got}` is too high", f"at most `{show(self.high, self.dimension)}`")
        return number

    def _number(self, value: Any, literal: bool) -> float:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if numeric and not literal:
            if not isfinite(value):
                raise refusal("E203", "expected a finite number", "NaN and infinity are refused")
            return float(value)
        if numeric:
            value = repr(value)
        if not isinstance(value, str):
            raise refusal("E203", f"expected {self.dimension.named}, got {kind_of(value)}", advice("", self.dimension))
        try:
            return parse(value, self.dimension)
        except QuantityError as error:
            raise refusal(error.code, error.message, error.help) from None


def kind_of(value: Any) -> str:
    """What a value is, in the words of YAML, for messages. Texts are named, not repeated: they may be secrets."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"`{value}`"
    kinds: tuple[tuple[type, str], ...] = (
        (str, "a text"), (dict, "a mapping"), (list, "a list"), (Secret, "a secret")
    )  # fmt: skip
    return next((name for kind, name in kinds if isinstance(value, kind)), "something else")


@dataclass(frozen=True, slots=True)
class QuantityOr:
    """A quantity, or a word that stands for None."""

    quantity: Quantity
    word: str

    def __call__(self, value: Any, validation: ValidationInfo) -> float | None:
        return None if value is None or value == self.word else self.quantity(value, validation)


Power = Annotated[float, BeforeValidator(Quantity(POWER))]
SignedPower = Annotated[float, BeforeValidator(Quantity(POWER, low=None))]
PositivePower = Annotated[float, BeforeValidator(Quantity(POWER, low=0.001))]
ReactivePower = Annotated[float, BeforeValidator(Quantity(REACTIVE_POWER))]
ApparentPower = Annotated[float, BeforeValidator(Quantity(APPARENT_POWER, low=0.001))]
Energy = Annotated[float, BeforeValidator(Quantity(ENERGY, low=0.001))]
Duration = Annotated[float, BeforeValidator(Quantity(DURATION))]
PositiveDuration = Annotated[float, BeforeValidator(Quantity(DURATION, low=0.001))]
Percent = Annotated[float, BeforeValidator(Quantity(PERCENT, high=100.0))]
EfficiencyPercent = Annotated[float, BeforeValidator(Quantity(PERCENT, low=50.0, high=100.0))]
PercentRate = Annotated[float, BeforeValidator(Quantity(PERCENT_RATE, low=1e-6))]
Ramp = Annotated[float, BeforeValidator(Quantity(RAMP, low=1e-6))]
ReactiveRamp = Annotated[float, BeforeValidator(Quantity(REACTIVE_RAMP, low=1e-6))]
PositiveReactivePower = Annotated[float, BeforeValidator(Quantity(REACTIVE_POWER, low=0.001))]
StopRamp = Annotated[float | None, BeforeValidator(QuantityOr(Quantity(RAMP, low=1e-6), "at_once"))]
Temperature = Annotated[float, BeforeValidator(Quantity(TEMPERATURE, low=-60.0, high=100.0))]
TemperatureDifference = Annotated[float, BeforeValidator(Quantity(TEMPERATURE_DIFFERENCE))]
PositiveVoltage = Annotated[float, BeforeValidator(Quantity(VOLTAGE, low=1.0))]
Size = Annotated[float, BeforeValidator(Quantity(SIZE, low=1.0))]
Frequency = Annotated[float, BeforeValidator(Quantity(FREQUENCY))]


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret read from the file `path`; it prints as •••, in every form. `reveal()` is the only way to its text."""

    name: str
    _text: str = field(default="", repr=False)
    path: Path | None = field(default=None, repr=False, compare=False)

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "•••"

    __str__ = __repr__

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, inner: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _only_secret, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


def _only_secret(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    raise refusal("E208", "a secret is never written here", "write `!secret name` and put the text into a file `name`")
