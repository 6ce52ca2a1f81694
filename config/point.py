"""One value of a device: where it is, how it is encoded, in which unit, and what "not implemented" looks like.

    soc: { register: "holding 1120", type: uint16, scale: 0.1, unit: "%", sentinels: [0xFFFF] }

Engineering value = (raw · scale · 10^factor + offset) in `unit`, then in the chain's unit; the factor is read from
`scale_register`, where there is one, and 0 elsewhere. A raw value in `sentinels` means that
the device has no such value: it becomes *missing*, never 0. A point that contradicts itself is refused at its own key.
"""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from config.canonical import dimension_of
from config.quantity import PositiveDuration, refusal
from config.section import Section

RegisterType = Literal["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "bool"]
Table = Literal["holding", "input", "coil", "discrete"]

REGISTER = re.compile(r"(holding|input|coil|discrete) (\d{1,5})")
_WORD = re.compile(r"(holding|input) \d{1,5}")
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
    byte_order: Literal["big", "little"] = Field(
        "big", description="which byte of a register comes first; little is against the standard, and happens"
    )
    bits: tuple[int, int] | None = Field(
        None, description="the point is a part of the register's integer: its lowest bit, from 0, and how many bits; "
        "read points only; sentinels are compared with the whole", examples=[[4, 2]],
    )  # fmt: skip
    scale_register: str | None = Field(
        None, description="register with an exponent of ten (int16) by which the value is multiplied as well; where it "
        "says 0x8000 there is no value, and nothing is written", examples=["holding 40182"],
    )  # fmt: skip
    sentinels: list[float] = Field([], description="raw values that mean: no such value", examples=[[0xFFFF]])
    range: tuple[float, float] | None = Field(
        None, description="lowest and highest plausible value, in the chain's unit", examples=[[0, 100]]
    )
    values: dict[int, str] = Field({}, description="names of an enumeration's values")
    yes: list[int] = Field([], description='raw values that mean "yes", for `available` and `remote`', examples=[[3]])
    constant: float | None = Field(None, description="always this value, in `unit`; write points only", examples=[1])
    secret: bool = Field(
        False, description="write points only: a constant that no profile knows, the asset's `password`; a whole number"
    )
    of: Literal["power", "reactive_power"] | None = Field(
        None, description="write points only: a second register of that value, with a scale of its own"
    )
    cadence: Literal["cyclic", "once", "daily"] = Field(
        "cyclic", description="when a constant is written: with every command; once in each connection, before what "
        "follows it in `write_order`, and again after a refusal (a login, a mode); once a day (UTC)",
    )  # fmt: skip
    cooldown: PositiveDuration | None = Field(
        None, description="least time between two writes of a constant, the mode or the reactive power",
        examples=["60 s"],
    )  # fmt: skip
    read_back: bool = Field(
        False, description="after each write its register must hold what was written, else the receipt is `different`"
    )
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

    @property
    def fixed(self) -> bool:
        """Whether every command writes the same to it."""
        return self.constant is not None or self.secret

    def _check_register(self, register: str) -> None:
        match = REGISTER.fullmatch(register)
        if match is None or int(match[2]) > 65536:
            said = f"register `{register}` is not `holding|input|coil|discrete` and a number up to 65536"
            raise refusal("E509", said, "write e.g. `holding 40072`", "register")
        if match[1] in ("coil", "discrete") and self.type != "bool":
            said = f"register `{register}` holds one bit: its type is bool, not {self.type}"
            raise refusal("E509", said, "write `type: bool`", "type")
        if self.scale_register is not None and not _WORD.fullmatch(self.scale_register):
            said = f"`{self.scale_register}` is not `holding|input` and a number up to 65536"
            raise refusal("E509", said, "write e.g. `holding 40182`", "scale_register")
        self._check_bits(self.bits)
        if self.words > 1 and self.word_order is None:
            said = f"register `{register}` has {self.words} words: `word_order` is needed, big or little"
            raise refusal("E509", said, "there is no default: both are common", "register")

    def _check_bits(self, bits: tuple[int, int] | None) -> None:
        if bits is None:
            return
        if not self.type.startswith("u"):
            raise refusal("E509", f"bits of {self.type}", "write an unsigned `type`, e.g. `uint16`", "type")
        low, count = bits
        if low < 0 or count < 1 or low + count > 16 * self.words:
            said = f"bits {low} to {low + count - 1} are not within {self.type}"
            raise refusal("E509", said, "write the lowest bit, from 0, and how many", "bits")

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
    label: str = Field("", description="name to show", examples=["Firmware"])

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.register_ is not None and _WORD.fullmatch(self.register_) is None:
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
