"""The site: its limits at the point of connection, its meters, its transformers, its clock and its digital signals.

    site ── meters: poc, pv, …        transformers: t1 ── feeds: assets
    inputs: digital signals ──► interlocks: what they forbid
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.grid import GridFunctions
from config.grid_code import GridCode
from config.quantity import ApparentPower, Duration, PositiveDuration, PositiveVoltage, Power
from config.section import Connect, Name, Section, Text, Topic, Zone


class Meter(Section):
    """A meter: measured, never commanded."""

    profile: Text = Field(description="device profile, built in or from `profiles:`", examples=["grid-meter"])
    connect: Connect = Field(
        description="where the meter is: a Modbus URL, or the name of a connection",
        examples=["modbus-tcp://10.20.0.12:502/1"],
    )
    topic: Topic | None = Field(None, description="topic of a meter on MQTT", examples=["site/pv/meter"])
    node: Text | None = Field(None, description="node of a meter on OPC UA", examples=["ns=2;s=METER"])
    stale_after: PositiveDuration = Field(
        3.0, description="age from which its values count as unknown", examples=["3 s"]
    )


class Transformer(Section):
    """A transformer between assets and the point of connection; its limit joins the others in `constrain`."""

    limit: ApparentPower = Field(description="what it carries at most, in both directions", examples=["1 MVA"])
    feeds: list[Name] = Field(min_length=1, description="the assets behind it", examples=[["bess_a", "bess_b"]])


class Mean(Section):
    """A limit on the mean power of a window, as it is billed: from whole multiples of its length in UTC on."""

    limit: Power = Field(description="mean power that is not exceeded", examples=["900 kW"])
    window: PositiveDuration = Field(900.0, description="time over which the mean counts", examples=["15 min"])


class Site(Section):
    """The site as a whole. Limits are magnitudes at the point of connection; the key says the direction."""

    name: Name = Field(description="short name: node ids, topics, metrics and files carry it", examples=["nordhafen"])
    timezone: Zone = Field("UTC", description="time zone of local times; inside all is UTC", examples=["Europe/Berlin"])
    cycle: PositiveDuration = Field(
        1.0, description="time between two decisions; `100 ms` when an asset sells fast reserve", examples=["1 s"]
    )
    import_limit: Power | None = Field(
        None, description="most power drawn from the grid; without one, none is enforced", examples=["300 kW"]
    )
    export_limit: Power | None = Field(
        None, description="most power fed into the grid; without one, none is enforced", examples=["250 kW"]
    )
    import_mean: Mean | None = Field(
        None, description="most power drawn from the grid as a mean; what is left of a window may be used in it"
    )
    export_mean: Mean | None = Field(None, description="most power fed into the grid as a mean")
    max_load: Power = Field(0.0, description="load assumed when the meter is not fresh", examples=["900 kW"])
    max_pv: Power = Field(0.0, description="generation assumed when the meter is not fresh", examples=["400 kW"])
    meters: dict[Name, Meter] = Field(
        {}, description="meters by name; `poc` is the one at the point of connection", examples=[]
    )
    transformers: dict[Name, Transformer] = Field({}, description="transformers by name, each with a limit of its own")
    grid_code: GridCode | None = Field(
        None, description="preset of mandatory functions, gradients and re-entry delay", examples=["vde-ar-n-4110"]
    )
    grid_functions: GridFunctions = Field(
        GridFunctions(), description="P(f) and reactive power as the grid operator demands them, beside the preset"
    )
    nominal_voltage: PositiveVoltage | None = Field(
        None, description="100 % of Q(U): the nominal voltage that the meter `poc` measures", examples=["20 kV"]
    )
    pq_priority: Literal["p", "q"] = Field(
        "p", description="which of active and reactive power keeps its value when the other must give way"
    )


class Clock(Section):
    """How far the machine's clock may be trusted; schedules are UTC instants."""

    max_offset: PositiveDuration = Field(
        1.0, description="offset from true time beyond which schedules are not followed", examples=["500 ms"]
    )
    on_loss: Literal["hold", "withdraw"] = Field(
        "hold", description="without a trusted clock: hold the present step for 15 min at most, or withdraw schedules"
    )


class Input(Section):
    """A digital signal. What it says is unknown counts as active: an unreadable door is an open door."""

    connect: Connect = Field(
        description="where it is read: a Modbus URL, or the name of a connection", examples=["modbus-tcp://10.0.0.30/1"]
    )
    register_: str | None = Field(
        None,
        alias="register",
        pattern=r"(coil|discrete|holding|input) [0-9]{1,5}",
        description="its Modbus register, counted from 0",
        examples=["discrete 4"],
    )
    topic: Topic | None = Field(None, description="its topic on MQTT; payload `0` or `1`", examples=["site/door"])
    node: Text | None = Field(None, description="its node on OPC UA", examples=["ns=2;s=DOOR"])
    active: Literal["high", "low"] = Field(description="which level means that it is active; there is no default")
    stale_after: PositiveDuration = Field(3.0, description="age from which it counts as active", examples=["3 s"])


class Interlock(Section):
    """What an active input forbids. An interlock only takes permission away, and never commands."""

    input: Name = Field(description="the signal, from `inputs:`", examples=["fire_alarm"])
    then: Literal["stop", "no_charge", "no_discharge", "no_power"] = Field(
        description="what it forbids; `stop` takes the power away at once and latches FAULT until acknowledged"
    )
    assets: list[Name] = Field([], description="for which assets; empty: for all", examples=[["bess_a"]])
    release_after: Duration = Field(
        0.0, description="time for which the signal must be gone before permission returns", examples=["10 s"]
    )
