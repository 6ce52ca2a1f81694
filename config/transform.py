"""Transforms: steps that a user composes on requests and on the inputs of controllers, before `resolve` only.

    transform: [ { average: 10 s }, { dead_band: 2 kW }, { rate_limit: 20 kW/s } ]

They run in the order of the list; their state is in rows of the frame. What decides about safety (`state_machine`,
`limits`, `constrain`) reads the untransformed points. An unknown value stays unknown through every step but
`hold_last`, whose result is marked as substituted.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from config.quantity import Percent, PositiveDuration, Power, Ramp
from config.section import OneKey, Section

TransformKind = Literal[
    "average", "low_pass", "hold_last", "delay", "dead_band", "clamp", "scale", "offset", "rate_limit", "round_to",
    "smooth",
]  # fmt: skip


class Magnitudes(Section):
    """One size per direction."""

    charge: Power = Field(0.0, description="size while charging", examples=["50 kW"])
    discharge: Power = Field(0.0, description="size while discharging", examples=["100 kW"])


class Smooth(Section):
    """A first order lag that rejects a jump until it has stayed."""

    lag: PositiveDuration = Field(description="time constant", examples=["5 s"])
    jump: Power = Field(description="a step larger than this is not followed at once", examples=["50 kW"])
    reseed_after: PositiveDuration = Field(
        10.0, description="a jump that stays for this long is the truth", examples=["10 s"]
    )


class Transform(OneKey):
    """One step of `transform:`."""

    forms: ClassVar[dict[str, str]] = {
        name: name
        for name in (
            "average", "low_pass", "hold_last", "delay", "dead_band", "clamp", "scale", "offset", "rate_limit",
            "round_to", "smooth",
        )
    }  # fmt: skip
    noun: ClassVar[str] = "transform step"

    kind: TransformKind
    average: PositiveDuration | None = Field(None, description="mean over this time", examples=["10 s"])
    low_pass: PositiveDuration | None = Field(None, description="first order lag of this time", examples=["5 s"])
    hold_last: PositiveDuration | None = Field(
        None, description="bridge a gap with the last value, at most this long", examples=["15 min"]
    )
    delay: PositiveDuration | None = Field(None, description="the value of this long ago", examples=["2 s"])
    dead_band: Power | None = Field(None, description="changes smaller than this are not followed", examples=["2 kW"])
    clamp: Magnitudes | None = Field(None, description="at most these sizes; a direction left out is 0")
    scale: Percent | None = Field(None, description="this share of the value", examples=["90 %"])
    offset: Magnitudes | None = Field(None, description="added to the value, one direction")
    rate_limit: Ramp | None = Field(None, description="the value moves no faster", examples=["20 kW/s"])
    round_to: Power | None = Field(None, description="rounded toward zero to a multiple of this", examples=["5 kW"])
    smooth: Smooth | None = Field(None, description="first order lag that rejects a jump until it has stayed")
