"""An asset: one battery that can be commanded, with its ratings, bands, ramps and start-up.

`defaults:` holds the same keys for every asset; an asset's own key stands above it, mappings key by key.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Self

from pydantic import Field, model_validator

from config.quantity import (
    ApparentPower,
    EfficiencyPercent,
    Energy,
    Percent,
    PositiveDuration,
    PositivePower,
    PositiveReactivePower,
    Power,
    Ramp,
    ReactiveRamp,
    Secret,
    StopRamp,
    Temperature,
    TemperatureDifference,
    refusal,
)
from config.section import Connect, Section, Text, Topic
from config.topics import AssetTopics


class Rated(Section):
    """What the asset can do at most: never above the profile's own ratings."""

    charge: PositivePower = Field(description="most power while charging", examples=["250 kW"])
    discharge: PositivePower = Field(description="most power while discharging", examples=["250 kW"])
    energy: Energy = Field(description="usable energy between 0 % and 100 %", examples=["500 kWh"])
    apparent: ApparentPower | None = Field(
        None, description="most apparent power of the inverter; without it, active power alone is limited",
        examples=["275 kVA"],
    )  # fmt: skip
    reactive: PositiveReactivePower | None = Field(
        None, description="most reactive power, both ways; without it, what the apparent power leaves",
        examples=["120 kvar"],
    )  # fmt: skip


#: Points of one taper curve at most.
MOST_POINTS = 6
_CURVE = "of the rated power, straight between points and level beyond them; besides the taper"


class SocPoint(Section):
    """A point of a taper curve over the state of charge."""

    at: Percent = Field(description="state of charge", examples=["80 %"])
    power: Percent = Field(description="most power there, of the rated power", examples=["50 %"])


class TemperaturePoint(Section):
    """A point of a taper curve over the temperature."""

    at: Temperature = Field(description="temperature", examples=["10 °C"])
    power: Percent = Field(description="most power there, of the rated power", examples=["50 %"])


class SocBand(Section):
    """The state of charge in which the asset is operated."""

    min: Percent = Field(5.0, description="no discharging at or below", examples=["10 %"])
    max: Percent = Field(95.0, description="no charging at or above", examples=["90 %"])
    charge: list[SocPoint] = Field([], max_length=MOST_POINTS, description=f"most charging power, {_CURVE}")
    discharge: list[SocPoint] = Field([], max_length=MOST_POINTS, description=f"most discharging power, {_CURVE}")

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _rise(self.charge, "charge")
        _rise(self.discharge, "discharge")
        return self


class TemperatureBand(Section):
    """The temperature in which the asset is operated; power tapers to 0 over the last `taper`."""

    min: Temperature = Field(-10.0, description="no power at or below", examples=["-10 °C"])
    max: Temperature = Field(50.0, description="no power at or above", examples=["50 °C"])
    taper: TemperatureDifference = Field(5.0, description="width over which power falls to 0", examples=["5 K"])
    charge: list[TemperaturePoint] = Field([], max_length=MOST_POINTS, description=f"most charging power, {_CURVE}")
    discharge: list[TemperaturePoint] = Field(
        [], max_length=MOST_POINTS, description=f"most discharging power, {_CURVE}"
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        _rise(self.charge, "charge")
        _rise(self.discharge, "discharge")
        return self


def _rise(points: Sequence[SocPoint | TemperaturePoint], key: str) -> None:
    for index, (one, other) in enumerate(pairwise(points), start=1):
        if other.at <= one.at:
            raise refusal("E344", "the points of a taper curve rise", "write them in order", key, index, "at")


class Efficiency(Section):
    """One way each; used to look ahead in energy."""

    charge: EfficiencyPercent = Field(95.0, description="stored per drawn energy", examples=["95 %"])
    discharge: EfficiencyPercent = Field(95.0, description="delivered per taken energy", examples=["95 %"])


class RampRates(Section):
    """How fast power moves. `ramp: 50 kW/s` is short for the same rate up and down."""

    up: Ramp = Field(description="toward discharging", examples=["50 kW/s"])
    down: Ramp = Field(description="toward charging", examples=["50 kW/s"])
    reactive: ReactiveRamp | None = Field(
        None, description="reactive power, both ways; without it, as many kvar/s as `up` has kW/s",
        examples=["100 kvar/s"],
    )  # fmt: skip
    stop: StopRamp = Field(
        None, description="toward 0 kW when data are lost; `at_once`, or a rate that ends before the device reverts",
        examples=["at_once", "100 kW/s"],
    )  # fmt: skip


class MinPower(Section):
    """The least power other than 0 at which the inverter runs."""

    charge: Power = Field(0.0, description="least power while charging", examples=["10 kW"])
    discharge: Power = Field(0.0, description="least power while discharging", examples=["10 kW"])


class Identity(Section):
    """What the device says about itself; another answer means another device, and nothing is written to it."""

    serial: Text | None = Field(None, description="serial number as the device reports it", examples=["ACME-004711"])
    manufacturer: Text | None = Field(None, description="manufacturer as reported", examples=["Acme"])
    model: Text | None = Field(None, description="model as reported", examples=["Rack 2"])


class SocDwell(Section):
    """How long the battery may stand at a high state of charge before an alarm is raised."""

    above: Percent = Field(description="state of charge that counts as high", examples=["95 %"])
    at_most: PositiveDuration = Field(description="longest stay above it without power", examples=["12 h"])


class WriteBudget(Section):
    """How often the device may be written to; only what matters is sent when the budget runs low."""

    per_second: float = Field(2.0, gt=0, le=50, description="most writes in a second", examples=[2])
    per_day: int | None = Field(
        None, gt=0, description="most writes to a register kept in flash memory in a day", examples=[10]
    )


class StartStep(Section):
    """One step of starting up: write a point of the profile, then wait until the device says so."""

    write: Text | None = Field(None, description="write point of the profile", examples=["close_contactor"])
    until: Text = Field(description="read point that must say yes", examples=["available"])
    within: PositiveDuration = Field(description="time-out; after it the asset is in FAULT", examples=["30 s"])
    when: Text | None = Field(
        None, description="read point that must say yes before it is written", examples=["ready_to_connect"]
    )


class StopStep(Section):
    """One step of shutting down, at 0 kW only: write a point of the profile, then wait until the device says so."""

    write: Text | None = Field(None, description="write point of the profile", examples=["open_contactor"])
    until_not: Text = Field(description="read point that must say no", examples=["available"])
    within: PositiveDuration = Field(description="time-out; after it the asset is in FAULT", examples=["30 s"])


class Asset(Section):
    """One battery that can be commanded. Nothing else than an asset is ever written to."""

    profile: Text = Field(
        description="device profile, built in or from `profiles:`; `bess-pipeline profile list` names them",
        examples=["sunspec-storage"],
    )
    connect: Connect = Field(
        description="where the device is: a Modbus URL, or the name of a connection",
        examples=["modbus-tcp://10.20.0.11:502/1", "broker"],
    )
    topic: Topic | None = Field(None, description="topic of a device on MQTT", examples=["plant/bess1"])
    topics: AssetTopics | None = Field(None, description="whole topics of a device on MQTT, instead of the profile's")
    node: Text | None = Field(None, description="node of a device on OPC UA", examples=["ns=2;s=ESS"])
    rated: Rated = Field(description="what it can do at most")
    soc: SocBand = Field(SocBand(), description="state of charge in which it is operated")
    temperature: TemperatureBand = Field(TemperatureBand(), description="temperature in which it is operated")
    efficiency: Efficiency = Field(Efficiency(), description="losses, one way each")
    ramp: RampRates = Field(description="how fast power moves; one rate, or `up`, `down` and `stop`")
    min_power: MinPower = Field(MinPower(), description="least power other than 0")
    stale_after: PositiveDuration = Field(
        3.0, description="age from which its values count as unknown and permission goes", examples=["3 s"]
    )
    identity: Identity | None = Field(None, description="what the device must say about itself before it is written to")
    password: Secret | None = Field(
        None, description="what the profile's `secret` write point is to hold: a whole number, from a file",
        examples=["!secret bess1_grid_guard"],
    )  # fmt: skip
    soc_dwell: SocDwell | None = Field(None, description="longest stay at a high state of charge")
    write_budget: WriteBudget | None = Field(None, description="how often it may be written to")
    start_sequence: list[StartStep] = Field([], description="steps of starting up, in order", max_length=20)
    stop_sequence: list[StopStep] = Field(
        [], description="steps of shutting down, in order, once power has been 0 kW for 3 s", max_length=20
    )


#: The keys that `defaults:` shares with every asset.
SHARED = (
    "soc", "temperature", "efficiency", "ramp", "min_power", "stale_after", "soc_dwell", "write_budget",
    "start_sequence", "stop_sequence",
)  # fmt: skip
