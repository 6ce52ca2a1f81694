"""One value of a device: where it is, how it is encoded, in which unit, and what "not implemented" looks like.

    soc: { register: "holding 1120", type: uint16, scale: 0.1, unit: "%", sentinels: [0xFFFF] }

Engineering value = (raw · scale + offset) in `unit`, then in the chain's unit. A raw value in `sentinels` means that
the device has no such value: it becomes *missing*, never 0. A point that contradicts itself is refused at its own key.
"""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from config.canonical import dimension_of
from config.quantity import refusal
from config.section import Section

RegisterType = Literal["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "bool"]
Table = Literal["holding", "input", "coil", "discrete"]

REGISTER = re.compile(r"(holding|input|coil|discrete) (\d{1,5})")
_WORDS = {"16": 1, "32": 2, "64": 4, "bool": 1}


class Point(Section):
    """A point has `register` on Modbus, `path` in a JSON message on MQTT, `node` on OPC UA."""

    register_: str | None = Field(
        None, alias="register", description="Modbus table and number", examples=["holding 40072", "input 4"]
    )  # the base class has a `register` of its own
    path: str | None = Field(None, description="place in the JSON message", examples=["battery.soc"])
    node: str | None = Field(None, description="OPC UA node below the asset's own", examples=["SoC"])
    type: RegisterType = Field("float64", description="how the value is encoded", examples=["uint16"])
    scale: float = Field(1.0, description="factor on the raw value; a plain number", examples=[0.1])
    offset: float = Field(0.0, description="added after the factor, in `unit`", examples=[0])
    unit: str = Field("", description="unit of the scaled value; empty for numbers without one", examples=["kW", "%"])
    word_order: Literal["big", "little"] | None = Field(
        None, description="which of several registers comes first; needed on everything of more than one"
    )
    sentinels: list[float] = Field([], description="raw values that mean: no such value", examples=[[0xFFFF]])
    range: tuple[float, float] | None = Field(
        None, description="lowest and highest plausible value, in the chain's unit", examples=[[0, 100]]
    )
    values: dict[int, str] = Field({}, description="names of an enumeration's values")
    yes: list[int] = Field([], description='raw values that mean "yes", for `available` and `remote`', examples=[[3]])
    constant: float | None = Field(None, description="always this value, in `unit`; write points only", examples=[1])
    volatile: bool = Field(
        True, description="false: a register kept in flash memory, which wears out: written on change, and rarely"
    )
    label: str = Field("", description="name to show", examples=["State of charge"])
    exportable: bool = Field(True, description="whether northbound exports may publish it")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not 1e-9 <= abs(self.scale) <= 1e9:
            raise refusal("E509", f"scale {self.scale:g} is out of range", "1e-9 to 1e9 in magnitude", "scale")
        if self.unit and dimension_of(self.unit) is None:
            raise refusal("E509", f"unknown unit `{self.unit}`", "write e.g. `kW`, `%`, `°C`", "unit")
        if self.range is not None and self.range[0] > self.range[1]:
            said = f"range is upside down: {self.range[0]:g} is above {self.range[1]:g}"
            raise refusal("E509", said, "write the lower one first", "range")
        if self.register_ is not None:
            self._check_register(self.register_)
        return self

    @property
    def register(self) -> str | None:
        """Table and number, "holding 40072"; None for a point of a message."""
        return self.register_

    def _check_register(self, register: str) -> None:
        match = REGISTER.fullmatch(register)
        if match is None or int(match[2]) > 65536:
            said = f"register `{register}` is not `holding|input|coil|discrete` and a number up to 65536"
            raise refusal("E509", said, "write e.g. `holding 40072`", "register")
        if match[1] in ("coil", "discrete") and self.type != "bool":
            said = f"register `{register}` holds one bit: its type is bool, not {self.type}"
            raise refusal("E509", said, "write `type: bool`", "type")
        if self.words > 1 and self.word_order is None:
            said = f"register `{register}` has {self.words} words: `word_order` is needed, big or little"
            raise refusal("E509", said, "there is no default: both are common", "register")

    @property
    def words(self) -> int:
        """Registers that the value takes (a coil takes one bit)."""
        return _WORDS.get(self.type, 0) or _WORDS[self.type[-2:]]


class TextPoint(Section):
    """A text that a device says of itself: `register` and `length` on Modbus, `path` on MQTT, `node` on OPC UA."""

    register_: str | None = Field(
        None, alias="register", description="Modbus table and number", examples=["holding 40052"]
    )
    length: int = Field(16, ge=1, le=100, description="registers that it takes, two characters each", examples=[16])
    path: str | None = Field(None, description="place in the JSON message", examples=["device.serial"])
    node: str | None = Field(None, description="OPC UA node below the asset's own", examples=["Serial"])

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.register_ is not None and re.fullmatch(r"(holding|input) \d{1,5}", self.register_) is None:
            said = f"register `{self.register_}` is not `holding|input` and a number up to 65536"
            raise refusal("E509", said, "write e.g. `holding 40052`", "register")
        return self

    @property
    def register(self) -> str | None:
        """Table and number, "holding 40052"; None for a member of a message."""
        return self.register_

    @property
    def words(self) -> int:
        """Registers that the text takes."""
        return self.length
