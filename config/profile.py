"""A device profile: everything that is known about one kind of device, as data.

    read:  name → where it is, how it is encoded, in which unit, what "not implemented" looks like
    write: name → the same, plus the order of writing
    sign, addressing, word_order: what THE DEVICE means; no defaults for a device that is written to

Canonical read and write points with their units: `config.canonical`. Further write points are a `constant` each.
Register numbers are the numbers in the request when `zero_based`, one more than those when `one_based`.
A point with `yes` (available, remote) is 1 or 0 in a reading; enumerations (state) and bit sets (alarms) stay raw.
Everything after the adapter is in chain units and + = discharging / feeding in.

A profile that contradicts itself is refused when it is read, with the point's name in the message.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import combinations
from typing import Literal, Self

from pydantic import Field, model_validator

from config.canonical import WRITE, canonical, dimension_of
from config.definition import Section
from config.quantity import ApparentPower, Duration, PositiveDuration, PositivePower
from config.units import Dimension

RegisterType = Literal["uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "bool"]
Table = Literal["holding", "input", "coil", "discrete"]

_REGISTER = re.compile(r"(holding|input|coil|discrete) (\d{1,5})")
_WORDS = {"16": 1, "32": 2, "64": 4, "bool": 1}


class Point(Section):
    """One value of a device. Modbus points have `register` ("holding 40072"), MQTT points have `path` ("battery.soc").

    Engineering value = (raw * scale + offset) in `unit`, then converted to the chain's unit.
    A raw value in `sentinels` means the device has no such value: it becomes *missing*, never 0.
    """

    register_: str | None = Field(default=None, alias="register")  # the base class has a `register` of its own
    path: str | None = None
    type: RegisterType = "float64"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    word_order: Literal["big", "little"] | None = None
    sentinels: list[float] = []
    range: tuple[float, float] | None = None  # in the chain's unit
    values: dict[int, str] = {}  # names of an enumeration's values
    yes: list[int] = []  # raw values that mean "yes" for available and remote
    constant: float | None = None  # write points only: always this value, in `unit`
    label: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not 1e-9 <= abs(self.scale) <= 1e9:
            raise ValueError(f"scale {self.scale:g} is out of range, 1e-9 to 1e9 in magnitude")
        if self.unit and dimension_of(self.unit) is None:
            raise ValueError(f"unknown unit `{self.unit}`")
        if self.range is not None and self.range[0] > self.range[1]:
            raise ValueError(f"range is upside down: {self.range[0]:g} is above {self.range[1]:g}")
        if self.register_ is not None:
            self._check_register(self.register_)
        return self

    @property
    def register(self) -> str | None:
        """Table and number, "holding 40072"; None for a point of a message."""
        return self.register_

    def _check_register(self, register: str) -> None:
        match = _REGISTER.fullmatch(register)
        if match is None or int(match[2]) > 65536:
            raise ValueError(f"register `{register}` is not `holding|input|coil|discrete` and a number up to 65536")
        if match[1] in ("coil", "discrete") and self.type != "bool":
            raise ValueError(f"register `{register}` holds one bit: its type is bool, not {self.type}")
        if self.words > 1 and self.word_order is None:
            raise ValueError(f"register `{register}` has {self.words} words: `word_order` is needed, big or little")

    @property
    def words(self) -> int:
        """Registers that the value takes (a coil takes one bit)."""
        return _WORDS.get(self.type, 0) or _WORDS[self.type[-2:]]


class Alarm(Section):
    """One bit of `alarms`. A critical alarm latches FAULT."""

    text: str
    critical: bool = False


class Watchdog(Section):
    """What the device does without us: `point` is written every `every`; unwritten, it goes to `reverts_to_kw`."""

    point: str = "heartbeat"
    every: PositiveDuration = 1.0
    reverts_after: PositiveDuration
    reverts_to_kw: float = 0.0


class Response(Section):
    """How the device follows a command: pure delay, then first order lag (s)."""

    dead_time: Duration = 1.0
    lag: Duration = 1.0


class Ratings(Section):
    """What the device can do at most; a definition may rate it lower, never higher."""

    charge: PositivePower
    discharge: PositivePower
    apparent: ApparentPower | None = None


class Topics(Section):
    """MQTT topics below the asset's `topic` prefix; `{asset}` is the asset's id."""

    telemetry: str = "telemetry"
    command: str = "command"
    acknowledge: str = "command/ack"


class Profile(Section):
    """One kind of device. `kind` storage can be commanded; a meter never is."""

    name: str
    version: int = Field(ge=1)
    title: str = ""
    protocol: Literal["modbus", "mqtt"]
    kind: Literal["storage", "meter"]
    sign: Literal["positive_is_discharge", "positive_is_charge"]
    addressing: Literal["zero_based", "one_based"] | None = None
    read: dict[str, Point]
    write: dict[str, Point] = {}
    write_order: list[str] = []
    stamp: str | None = None  # MQTT: path of the device's own time stamp (RFC 3339, UTC)
    fresh_by: str | None = None  # None: weak, freshness relies on replies and `frozen_after`
    poll: PositiveDuration = 0.5
    timeout: PositiveDuration = 0.4
    alarms: dict[int, Alarm] = {}
    watchdog: Watchdog | None = None
    response: Response = Response()
    ratings: Ratings | None = None  # None: one profile for devices of many sizes
    resolution_kw: float = Field(default=0.1, gt=0)  # one step of the set-point as written
    promises_limits: bool = True  # charge_limit and discharge_limit are promised: missing = 0
    topics: Topics = Topics()
    block_gap: int = Field(default=0, ge=0)  # undeclared registers that may be read along (0: never bridge)
    max_block: int = Field(default=100, ge=4, le=125)
    sample: dict[str, object] = {}  # recorded raw values and what they decode to, for `profile lint`

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_names()
        self._check_writes()
        for way, points in (("read", self.read), ("write", self.write)):
            for name, point in points.items():
                self._check_place(f"{way} point `{name}`", point)
        for name, point in self.read.items():
            _check_unit(f"read point `{name}`", point.unit, canonical(self.kind).get(name))
        return self

    def address(self, point: Point) -> tuple[Table, int]:
        """Where a Modbus point is: its table and the address in the request, from 0."""
        table, number = (point.register or "").split(" ")
        return table, int(number) - (self.addressing == "one_based")  # type: ignore[return-value]

    def _check_names(self) -> None:
        if not self.read:
            raise ValueError("a profile without read points measures nothing")
        if self.protocol == "modbus" and self.addressing is None:
            raise ValueError("`addressing` is needed: zero_based or one_based, both are common")
        if self.fresh_by is not None and self.fresh_by not in self.read:
            raise ValueError(f"`fresh_by: {self.fresh_by}` is not a read point")
        if self.watchdog is not None and self.watchdog.point not in self.write:
            raise ValueError(f"the watchdog's point `{self.watchdog.point}` is not a write point")
        if any(not 0 <= bit < 53 for bit in self.alarms):
            raise ValueError("alarm bits are 0 to 52")

    def _check_writes(self) -> None:
        if self.kind == "meter" and self.write:
            raise ValueError("a meter is never written to")
        if self.kind == "storage" and "power" not in self.write:
            raise ValueError("a storage device needs the write point `power`")
        if sorted(self.write_order) != sorted(self.write):
            raise ValueError("`write_order` must name every write point once")
        for name, point in self.write.items():
            if point.constant is None and name not in WRITE:
                raise ValueError(f"write point `{name}` needs a `constant`: only {', '.join(WRITE)} are computed")
            _check_unit(f"write point `{name}`", point.unit, WRITE.get(name))
        if self.kind == "storage":
            self._check_power(self.write["power"])
        if self.protocol == "modbus":
            self._check_overlap()

    def _check_power(self, power: Point) -> None:
        zero = -Fraction(repr(power.offset)) / Fraction(repr(power.scale))  # the raw number that says 0 kW
        bits = 16 * power.words - (not power.type.startswith("u"))
        if power.type == "bool" or power.constant is not None:
            raise ValueError("write point `power` is a number, neither a bit nor a constant")
        if zero.denominator != 1 or abs(zero) >= 2**bits or (zero < 0 and power.type.startswith("u")):
            raise ValueError("write point `power` cannot say 0 kW with this type, scale and offset")

    def _check_overlap(self) -> None:
        for (a, first), (b, second) in combinations(self.write.items(), 2):
            if first.register and second.register:
                (table, low), (other, high) = self.address(first), self.address(second)
                if table == other and low < high + second.words and high < low + first.words:
                    raise ValueError(f"write points `{a}` and `{b}` overlap")

    def _check_place(self, what: str, point: Point) -> None:
        if self.protocol == "mqtt":
            if point.path is None or point.register is not None:
                raise ValueError(f"{what} of an MQTT device needs `path`, and no `register`")
            return
        if point.register is None or point.path is not None:
            raise ValueError(f"{what} of a Modbus device needs `register`, and no `path`")
        table, address = self.address(point)
        if address < 0 or address + point.words > 65536:
            raise ValueError(f"{what} lies outside the {table} registers")
        if what.startswith("write") and table not in ("holding", "coil"):
            raise ValueError(f"{what} is in a table that cannot be written ({table})")
        if what.startswith("read") and point.constant is not None:
            raise ValueError(f"{what} cannot be a constant")


def _check_unit(what: str, unit: str, dimension: Dimension | None) -> None:
    if dimension is not None and unit not in dimension.units:
        raise ValueError(f"{what} needs {dimension.named}, e.g. `{dimension.example}`, not `{unit or 'no unit'}`")
