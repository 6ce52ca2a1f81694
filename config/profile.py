"""A device profile: everything that is known about one kind of device, as data.

    read:  name → where it is, how it is encoded, in which unit, what "not implemented" looks like
    write: name → the same, plus the order of writing
    sign, addressing, word_order: what THE DEVICE means; no defaults for a device that is written to

Canonical read and write points with their units: `config.canonical`. Further write points are a `constant` each.
Register numbers are the numbers in the request when `zero_based`, one more than those when `one_based`.
A point with `yes` (available, remote) is 1 or 0 in a reading; enumerations (state) and bit sets (alarms) stay raw.
Everything after the adapter is in chain units and + = discharging / feeding in.

A profile that contradicts itself is refused when it is read (E509), at the key that is wrong.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from config.canonical import WRITE, canonical, dimension_of
from config.point import REGISTER, Point, RegisterType, Table, TextPoint
from config.quantity import (
    ApparentPower,
    Duration,
    PositiveDuration,
    PositivePower,
    PositiveReactivePower,
    SignedPower,
)  # fmt: skip
from config.registers import (
    check_cadence,
    check_factor,
    check_none,
    check_overlap,
    check_ranges,
    check_secret,
    check_table,
    wrong,
)
from config.section import Section
from config.topics import PART, PARTS, Topics
from config.units import DURATION, POWER, Dimension

__all__ = [
    "Alarm", "Point", "Profile", "Ratings", "RegisterType", "Response", "Table", "TextPoint", "Topics", "Watchdog",
]  # fmt: skip

_PLACES = {"modbus": "register", "mqtt": "path", "opcua": "node"}
_SPOKEN = {"modbus": "a Modbus", "mqtt": "an MQTT", "opcua": "an OPC UA"}


class Alarm(Section):
    """One bit of `alarms`. A critical alarm latches FAULT."""

    text: str = Field(description="what the bit means", examples=["Ground fault"])
    critical: bool = Field(False, description="latches FAULT")
    priority: Literal["low", "medium", "high"] | None = Field(
        None, description="how soon an answer is needed; high for a critical one, else medium", examples=["low"]
    )
    response: str | None = Field(None, description="what the operator does about it", examples=["Clean the filter"])


class Watchdog(Section):
    """What the device does without us: `point` is written every `every`; unwritten, it goes to `reverts_to`."""

    point: str = Field("heartbeat", description="write point that keeps it quiet", examples=["heartbeat"])
    register_: str | None = Field(
        None, alias="register", description="where that point is, instead of listing it under `write`",
        examples=["holding 2110"],
    )  # fmt: skip
    type: RegisterType = Field("uint16", description="how that register is encoded")
    word_order: Literal["big", "little"] | None = Field(None, description="which of several registers comes first")
    every: PositiveDuration = Field(1.0, description="how often it is written", examples=["1 s"])
    reverts_after: PositiveDuration = Field(description="time without it until the device acts", examples=["10 s"])
    reverts_to_kw: SignedPower = Field(
        0.0, alias="reverts_to", description="power it then goes to; + is discharging", examples=["0 kW"]
    )
    arm: list[str] = Field(
        [], description="write points that arm it, in this order: time, value, enable; written when what is read back "
        "differs, never with a command; without them the device reverts by itself and nothing can be read back",
        examples=[["revert_after", "revert_power", "revert_enable"]],
    )  # fmt: skip


class Response(Section):
    """How the device follows a command: pure delay, then first order lag."""

    dead_time: Duration = Field(1.0, description="time until power begins to move", examples=["300 ms"])
    lag: Duration = Field(1.0, description="time constant of the movement", examples=["500 ms"])


class Ratings(Section):
    """What the device can do at most; a definition may rate it lower, never higher."""

    charge: PositivePower = Field(description="most power while charging", examples=["250 kW"])
    discharge: PositivePower = Field(description="most power while discharging", examples=["250 kW"])
    apparent: ApparentPower | None = Field(None, description="most apparent power", examples=["275 kVA"])


class Profile(Section):
    """One kind of device. `kind` storage can be commanded; a meter never is."""

    name: str = Field(description="its name; under `profiles:` the key is the name", examples=["sunspec-storage"])
    version: int = Field(ge=1, description="version of the profile; a change of meaning makes a new one", examples=[3])
    title: str = Field("", description="one line about it")
    protocol: Literal["modbus", "mqtt", "opcua"] = Field(description="what it speaks")
    kind: Literal["storage", "meter"] = Field(description="storage can be commanded, a meter never is")
    sign: Literal["positive_is_discharge", "positive_is_charge"] = Field(
        description="what the device means by +; everywhere else + is discharging"
    )
    addressing: Literal["zero_based", "one_based"] | None = Field(
        None, description="whether registers count from 0 or 1; needed on Modbus"
    )
    read: dict[str, Point] = Field(description="points that are read, by name")
    write: dict[str, Point] = Field({}, description="points that are written, by name; never inherited in part")
    identity: dict[Literal["serial", "manufacturer", "model"], TextPoint] = Field(
        {}, description="what the device says of itself; an asset's `identity` is compared with it"
    )
    texts: dict[str, TextPoint] = Field(
        {}, description="what else the device says in words, e.g. its firmware: shown, and used for nothing; on Modbus "
        "and MQTT", max_length=20,
    )  # fmt: skip
    write_order: list[str] = Field(
        [], description="order of writing, without what is armed or a step; needed when there are more than two"
    )
    steps: list[str] = Field(
        [], description="constants that only a step of a start or stop sequence writes, never a command by itself",
        examples=[["close_contactor", "open_contactor"]],
    )  # fmt: skip
    stamp: str | None = Field(
        None, description="the device's own time stamp: on MQTT its path in the message, RFC 3339 in UTC or a number "
        "(`stamp_unit`), without it the age counts from the arrival; on OPC UA the read point whose source time stamp "
        "it is", examples=["timestamp", "heartbeat"],
    )  # fmt: skip
    stamp_unit: Literal["s", "ms", "us", "ns"] | None = Field(
        None, description="the time stamp is a number, the time since 1970 in this unit", examples=["ms"]
    )
    fresh_by: str | None = Field(
        None, description="point whose change proves fresh data; without one the device is weak: `frozen_after` counts"
    )
    poll: PositiveDuration = Field(0.5, description="time between two readings", examples=["500 ms"])
    timeout: PositiveDuration = Field(0.4, description="longest wait for an answer", examples=["400 ms"])
    alarms: dict[int, Alarm] = Field({}, description="bits of the point `alarms`, 0 to 52")
    watchdog: Watchdog | None = Field(None, description="what the device does without us")
    response: Response = Field(Response(), description="how it follows a command")
    ratings: Ratings | None = Field(None, description="what it can do at most; none: devices of many sizes")
    resolution_kw: PositivePower = Field(
        0.1, alias="resolution", description="one step of the set-point as written", examples=["100 W"]
    )
    resolution_kvar: PositiveReactivePower = Field(
        0.1, alias="reactive_resolution", description="one step of the reactive set-point as written",
        examples=["100 var"],
    )  # fmt: skip
    promises_limits: bool = Field(True, description="`charge_limit` and `discharge_limit` are promised: missing is 0")
    topics: Topics = Field(Topics(), description="MQTT topics below the asset's own")
    block_gap: int = Field(0, ge=0, description="undeclared registers that may be read along")
    readable: list[str] = Field(
        [], description="registers that may be read along although no point is there, first to last", max_length=100,
        examples=[["holding 40070-40222"]],
    )  # fmt: skip
    expects: dict[str, list[int]] = Field(
        {}, description="registers that must hold these words, read in each connection and every 60 s: a device that "
        "is laid out in another way is neither believed nor written to", examples=[{"holding 40070": [701, 153]}],
    )  # fmt: skip
    write_function: Literal["multiple", "single"] = Field(
        "multiple", description="single: the device takes one register or coil at a time (FC6, FC5)"
    )
    max_block: int = Field(100, ge=4, le=125, description="most registers in one request")
    sample: dict[str, object] = Field(
        {}, description="recorded raw values and what they decode to; `profile lint` replays it"
    )

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, values: Any) -> Any:
        return with_order(with_watchdog(values)) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_names()
        self._check_writes()
        self._check_topics()
        for way, points in (("read", self.read), ("write", self.write)):
            for name, point in points.items():
                self._check_place(f"{way} point `{name}`", point, way, name)
        for name, text in self.identity.items():
            self._check_place(f"identity point `{name}`", text, "identity", name)
        for name, text in self.texts.items():
            self._check_place(f"text `{name}`", text, "texts", name)
            if name in self.read or self.protocol == "opcua":
                said = "is a read point already" if name in self.read else "is not read over OPC UA"
                raise wrong(f"the text `{name}` {said}", "texts", name)
        for name, point in self.read.items():
            _check_unit("read", name, point.unit, canonical(self.kind).get(name))
        return self

    @property
    def arm(self) -> tuple[str, ...]:
        """Write points that arm the device's reversion, in order; none when it reverts by itself."""
        return tuple(self.watchdog.arm) if self.watchdog is not None else ()

    def address(self, point: Point | TextPoint) -> tuple[Table, int]:
        """Where a Modbus point is: its table and the address in the request, from 0."""
        return self.place(point.register or "")

    def place(self, register: str) -> tuple[Table, int]:
        """The same of a register as it is written, "holding 40072"."""
        table, number = register.split(" ")
        return table, int(number) - (self.addressing == "one_based")  # type: ignore[return-value]

    def _check_names(self) -> None:
        if not self.read:
            raise wrong("a profile without read points measures nothing", "read")
        if self.protocol == "modbus" and self.addressing is None:
            raise wrong("`addressing` is needed: zero_based or one_based, both are common")
        if self.fresh_by is not None and self.fresh_by not in self.read:
            raise wrong(f"`fresh_by: {self.fresh_by}` is not a read point", "fresh_by")
        if self.protocol == "opcua" and self.stamp is not None and self.stamp not in self.read:
            raise wrong(f"`stamp: {self.stamp}` is not a read point", "stamp")
        if self.watchdog is not None and self.watchdog.point not in self.write:
            raise wrong(f"the watchdog's point `{self.watchdog.point}` is not a write point", "watchdog", "point")
        if self.watchdog is not None:
            check_arm(self.watchdog, self.protocol, self.write)
        if any(not 0 <= bit < 53 for bit in self.alarms):
            raise wrong("alarm bits are 0 to 52", "alarms")

    def _check_topics(self) -> None:
        for name in PARTS:
            if not PART.fullmatch(getattr(self.topics, name) or ""):
                raise wrong("this is not the end of a topic: no `+`, `#`, `$`, spaces", "topics", name)
        published = [getattr(self.topics, name) for name in PARTS if name != "command"]
        if self.kind == "storage" and self.topics.command in published:
            raise wrong("what the device listens to is not what it publishes", "topics", "command")

    def _check_writes(self) -> None:
        if self.kind == "meter" and self.write:
            raise wrong("a meter is never written to", "write")
        if self.kind == "storage" and "power" not in self.write:
            raise wrong("a storage device needs the write point `power`", "write")
        self._check_steps()
        if sorted(self.write_order) != sorted(set(self.write) - set(self.arm) - set(self.steps)):
            said = "`write_order` must name every write point once, and none that is armed or a step"
            raise wrong(said, "write_order")
        for name, point in self.write.items():
            same = point.of or name
            odd = point.fixed or not point.volatile or name in WRITE or point.of not in self.write
            if point.of is not None and odd:
                raise wrong(f"`{name}` is not a second register of `{point.of}`", "write", name, "of")
            if not point.fixed and same not in WRITE:
                said = f"write point `{name}` needs a `constant`: only {', '.join(WRITE)} are computed"
                raise wrong(said, "write", name)
            if not point.volatile and self.protocol != "modbus":
                raise wrong("only a register is kept in flash memory", "write", name, "volatile")
            _check_unit("write", name, point.unit, WRITE.get(same))
        if self.kind == "storage":
            for name, point in self.write.items():
                if "power" in (name, point.of):
                    self._check_power(point, name)
        if self.protocol == "modbus":
            check_overlap(self.write, self.address)
            check_cadence(self.write, self.write_order, single=self.write_function == "single")
            check_ranges(self.readable, self.expects)
            check_secret({"read": self.read, "texts": self.texts, "identity": self.identity}, self.write, self.address)
        else:
            single = self.write_function != "multiple"
            check_none(
                self.read, self.write, {"readable": self.readable, "expects": self.expects, "write_function": single}
            )

    def _check_steps(self) -> None:
        for name in self.steps:
            point = self.write.get(name)
            if point is None or point.constant is None or not point.volatile:
                raise wrong(f"the step `{name}` is no write point with a `constant`, outside of flash memory", "steps")
            if self.steps.count(name) > 1 or name in self.arm:
                raise wrong(f"the step `{name}` is named twice, or armed", "steps")

    def _check_power(self, power: Point, name: str) -> None:
        zero = -Fraction(repr(power.offset)) / Fraction(repr(power.scale))  # the raw number that says 0 kW
        bits = 16 * power.words - (not power.type.startswith("u"))
        if power.type == "bool" or power.constant is not None:
            raise wrong(f"write point `{name}` is a number, neither a bit nor a constant", "write", name)
        if zero.denominator != 1 or abs(zero) >= 2**bits or (zero < 0 and power.type.startswith("u")):
            raise wrong(f"write point `{name}` cannot say 0 kW with this type, scale and offset", "write", name)

    def _check_place(self, what: str, point: Point | TextPoint, way: str, name: str) -> None:
        wanted = _PLACES[self.protocol]
        for key, written in (("register", point.register), ("path", point.path), ("node", point.node)):
            if (written is None) == (key == wanted):
                others = " or ".join(f"`{other}`" for other in _PLACES.values() if other != wanted)
                said = f"{what} of {_SPOKEN[self.protocol]} device needs `{wanted}`, and no {others}"
                raise wrong(said, way, name, key)
        if wanted == "register":
            check_table(what, point, self.address(point), way, name)
        factor = getattr(point, "scale_register", None)
        if factor is not None:
            check_factor(what, self.place(factor), way, name)


def with_watchdog(values: dict[str, Any]) -> dict[str, Any]:
    """`watchdog: { register: … }` names a write point of its own: the same profile with it under `write`."""
    guard = values.get("watchdog")
    register = guard.get("register") if isinstance(guard, dict) else None
    write = values.get("write", {})
    if not (isinstance(register, str) and REGISTER.fullmatch(register) and isinstance(write, dict)):
        return values
    name = guard.get("point", "heartbeat")  # type: ignore[union-attr]
    point = {"register": register, "type": guard.get("type", "uint16"), "word_order": guard.get("word_order")}  # type: ignore[union-attr]
    return {**values, "write": {**write, name: point}}


def with_order(values: dict[str, Any]) -> dict[str, Any]:
    """One or two write points go out as listed; more than that need `write_order`."""
    write, guard = values.get("write"), values.get("watchdog")
    armed = guard.get("arm") if isinstance(guard, dict) else None
    apart = [*(armed or ()), *(values.get("steps") or ())]
    told = [name for name in write if name not in apart] if isinstance(write, dict) else []
    return values if values.get("write_order") or len(told) > 2 else {**values, "write_order": told}


def check_arm(watchdog: Watchdog, protocol: str, write: dict[str, Point]) -> None:
    """What arms the reversion are constants in registers, and they say the watchdog's own time and power."""
    for name in watchdog.arm:
        point, at = write.get(name), ("write", name, "constant")
        if protocol != "modbus" or watchdog.arm.count(name) > 1:
            raise wrong("`arm` names registers, each once", "watchdog", "arm")
        if point is None or point.constant is None:
            raise wrong(f"`{name}` is armed and is no write point with a `constant`", "watchdog", "arm")
        dimension = dimension_of(point.unit)
        value = 0.0 if dimension is None else float(Fraction(repr(point.constant)) * dimension.units[point.unit])
        if dimension is DURATION and value != watchdog.reverts_after:
            raise wrong(f"`{name}` arms {value:g} s, and `reverts_after` is {watchdog.reverts_after:g} s", *at)
        if dimension is POWER and value != watchdog.reverts_to_kw:
            raise wrong(f"`{name}` arms {value:g} kW, and `reverts_to` is {watchdog.reverts_to_kw:g} kW", *at)


def _check_unit(way: str, name: str, unit: str, dimension: Dimension | None) -> None:
    if dimension is not None and unit not in dimension.units:
        said = f"{way} point `{name}` needs {dimension.named}, e.g. `{dimension.example}`, not `{unit or 'no unit'}`"
        raise wrong(said, way, name, "unit")
