"""Sold services and live ceilings: what is kept free for the grid, and what the grid operator may forbid.

    ancillary: [ { fcr: … } ]             droop around 50 Hz on top of the base request
    limits:    [ { grid_operator: … } ]   live ceilings; they can only narrow
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from config.quantity import (
    Duration,
    Frequency,
    Percent,
    PercentRate,
    PositiveDuration,
    PositivePower,
    Power,
    Quantity,
    Ramp,
)
from config.section import Name, NodeId, OneKey, Section, Text, Topic
from config.units import FREQUENCY

Droop = Annotated[float, BeforeValidator(Quantity(FREQUENCY, low=0.05, high=1.0))]


class OnLoss(Section):
    """What a service does when its input is unknown: hold, then be withdrawn with an alarm; the base stands."""

    hold: Duration = Field(0.0, description="how long the last answer is held", examples=["2 s"])
    then: Literal["withdraw"] = Field("withdraw", description="then the service is withdrawn, with an alarm")


class Fcr(Section):
    """Frequency containment reserve: droop around 50 Hz (Regulation (EU) 2017/1485, annex V)."""

    capacity: PositivePower = Field(description="sold, in both directions; power and energy are kept free",
                                    examples=["200 kW"])  # fmt: skip
    split: dict[Name, Power] = Field({}, description="share per asset; without it, by rating",
                                     examples=[{"bess_a": "150 kW", "bess_b": "50 kW"}])  # fmt: skip
    frequency: NodeId = Field(description="point of a meter that measures frequency", examples=["site.poc.frequency"])
    full_at: Droop = Field(0.2, description="deviation at which the whole capacity is given", examples=["200 mHz"])
    insensitivity: Frequency = Field(0.01, description="deviation that is not answered", examples=["10 mHz"])
    dead_band: Frequency = Field(
        0.0, description="further deviation that is not answered; both together at most 10 mHz", examples=["0 mHz"]
    )
    energy: PositiveDuration = Field(
        900.0, description="time for which full capacity must be deliverable in each direction", examples=["15 min"]
    )
    max_age: PositiveDuration = Field(1.0, description="age from which frequency is unknown", examples=["1 s"])
    ramp: Ramp | None = Field(
        None, description="rate of the answer; without it, full capacity within 5 s", examples=["40 kW/s"]
    )
    on_loss: OnLoss = Field(OnLoss(), description="what happens when frequency is unknown")


class Service(OneKey):
    """One entry of `ancillary:`: its key is the kind."""

    forms: ClassVar[dict[str, str]] = {"fcr": "fcr"}
    noun: ClassVar[str] = "service"

    kind: Literal["fcr"]
    fcr: Fcr = Field(description="frequency containment reserve")


class CeilingLoss(Section):
    """What a ceiling becomes when it is not renewed; counted from the end of `ttl`, never above the last value."""

    hold: Duration = Field(0.0, description="how long the last value stands", examples=["15 min"])
    then: Percent = Field(description="ceiling after that, of `of`", examples=["60 %"])


class GridOperator(Section):
    """A ceiling that the grid operator sets at the point of connection, in percent of `of`."""

    from_: Text = Field(alias="from", description="a connection's name, or `endpoint`", examples=["broker"])
    topic: Topic | None = Field(None, description="topic to read from", examples=["dso/curtailment"])
    ttl: PositiveDuration = Field(description="how long a value counts after it was issued", examples=["5 min"])
    direction: Literal["import", "export"] = Field(description="which direction it limits")
    of: PositivePower = Field(description="power that is 100 %", examples=["800 kW"])
    before_first: Percent = Field(
        100.0, description="only if none was ever received; the last value survives a restart", examples=["100 %"]
    )
    on_loss: CeilingLoss = Field(description="what it becomes when it is not renewed")
    rise: PercentRate | None = Field(
        None, description="how fast a ceiling that rises is followed, of `of`; without it, at once; it drops at once",
        examples=["0.66 %/s"],
    )


class Limit(OneKey):
    """One entry of `limits:`: its key is the kind."""

    forms: ClassVar[dict[str, str]] = {"grid_operator": "grid_operator"}
    noun: ClassVar[str] = "limit"

    kind: Literal["grid_operator"]
    grid_operator: GridOperator = Field(description="a ceiling set by the grid operator")
