"""Grid functions of the site: P(f) and reactive power, as the grid operator demands them. They are of rank 2.

    over_frequency    from 50.2 Hz  ▔▔▔╲      discharging is limited, beyond zero charging is due
    under_frequency   from 49.8 Hz  ╱▁▁▁      charging is limited, beyond zero discharging is due
    reactive          one of: q_of_u, cos_phi, fixed

What is not written comes from the preset of `grid_code` (`config.grid_code`). Magnitudes; the key says the direction:
`supply` feeds reactive power into the grid (over-excited, raises the voltage), `absorb` takes it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from config.grid_code import Reference
from config.quantity import (
    Duration,
    Percent,
    PercentRate,
    PositiveReactivePower,
    Quantity,
    ReactivePower,
    refusal,
)
from config.section import Section
from config.units import FREQUENCY, PERCENT

VoltagePercent = Annotated[float, BeforeValidator(Quantity(PERCENT, low=50.0, high=150.0))]
DroopPercent = Annotated[float, BeforeValidator(Quantity(PERCENT, low=1.0, high=12.0))]
GridFrequency = Annotated[float, BeforeValidator(Quantity(FREQUENCY, low=45.0, high=65.0))]


class FrequencyFunction(Section):
    """P(f) on one side of the nominal frequency. What is not written is the preset's."""

    from_: GridFrequency | None = Field(
        None, alias="from", description="frequency at which it begins", examples=["50.2 Hz"]
    )
    droop: DroopPercent | None = Field(
        None, description="5 % is 40 % of the reference power per Hz", examples=["5 %"]
    )  # fmt: skip
    of: Reference | None = Field(
        None, description="the reference: the power when it began (`momentary`), or the rated power, beyond zero too"
    )
    return_: PercentRate | None = Field(
        None, alias="return", description="how fast power may come back after the event, of the rated power",
        examples=["10 %/min"],
    )  # fmt: skip
    return_after: Duration | None = Field(
        None, description="how long the frequency must be back before power comes back", examples=["60 s"]
    )


class Share(Section):
    """A point of a curve: reactive power as a share of `of`. Exactly one of `supply` and `absorb`."""

    supply: Percent | None = Field(None, description="fed into the grid, over-excited", examples=["33 %"])
    absorb: Percent | None = Field(None, description="taken from the grid, under-excited", examples=["33 %"])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.supply is None) == (self.absorb is None):
            raise refusal("E343", "a point of a curve supplies or absorbs", "write one of `supply`, `absorb`; 0 % too")
        return self

    @property
    def signed_pct(self) -> float:
        """+ = supplied."""
        return self.supply if self.supply is not None else -(self.absorb or 0.0)


class VoltageShare(Share):
    """A point of Q(U)."""

    voltage: VoltagePercent = Field(description="voltage at the point of connection, of the nominal one",
                                    examples=["92 %"])  # fmt: skip


class PowerFactor(Section):
    """A point of cos φ (P)."""

    power: Percent = Field(0.0, description="active power of the site's batteries, of their rated power",
                           examples=["50 %"])  # fmt: skip
    cos_phi: float = Field(ge=0.5, le=1.0, description="power factor there", examples=[0.95])
    excited: Literal["over", "under"] = Field("over", description="over-excited supplies, under-excited absorbs")

    @property
    def distance(self) -> float:
        """1 − cos φ, + = over-excited: what the curve is linear in."""
        size = 1.0 - self.cos_phi
        return size if self.excited == "over" else 0.0 - size


class FixedReactive(Section):
    """Reactive power of one value. Exactly one of `supply` and `absorb`."""

    supply: ReactivePower | None = Field(None, description="fed into the grid, over-excited", examples=["100 kvar"])
    absorb: ReactivePower | None = Field(None, description="taken from the grid, under-excited", examples=["100 kvar"])

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.supply is None) == (self.absorb is None):
            raise refusal("E343", "reactive power is supplied or absorbed", "write one of `supply`, `absorb`")
        return self

    @property
    def signed_kvar(self) -> float:
        """+ = supplied."""
        return self.supply if self.supply is not None else -(self.absorb or 0.0)


class ReactiveFunction(Section):
    """Reactive power of the site's batteries together. Exactly one of `q_of_u`, `cos_phi` and `fixed`."""

    q_of_u: list[VoltageShare] | None = Field(
        None, min_length=2, max_length=16,
        description="Q(U): points by rising voltage, level beyond the ends; two points at 0 % make the dead band",
    )  # fmt: skip
    cos_phi: list[PowerFactor] | None = Field(
        None, min_length=1, max_length=16, description="cos φ (P): points by rising power; one point is a fixed cos φ"
    )
    fixed: FixedReactive | None = Field(None, description="one value")
    of: PositiveReactivePower | None = Field(
        None, description="what 100 % of Q(U) is; without it, what the assets have together", examples=["300 kvar"]
    )
    time_constant: Duration | None = Field(
        None, description="of the first-order filter on the result", examples=["5 s"]
    )
    on_loss: Literal["hold", "zero"] = Field(
        "hold", description="without a voltage: the last reactive power, or none; an alarm either way"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(form is not None for form in (self.q_of_u, self.cos_phi, self.fixed)) != 1:
            how = "write one of `q_of_u`, `cos_phi`, `fixed`"
            raise refusal("E343", "one function of reactive power is needed", how)
        for key, at in (("q_of_u", "voltage"), ("cos_phi", "power")):
            points = getattr(self, key) or []
            for index, (one, other) in enumerate(pairwise(points), start=1):
                if getattr(other, at) <= getattr(one, at):
                    raise refusal("E343", "the points of a curve rise", "write them in order", key, index, at)
        return self


class GridFunctions(Section):
    """What the grid operator demands. A part that is not written is the preset's, or absent without a preset."""

    over_frequency: FrequencyFunction | None = Field(None, description="P(f) above the nominal frequency (LFSM-O)")
    under_frequency: FrequencyFunction | None = Field(None, description="P(f) below the nominal frequency (LFSM-U)")
    reactive: ReactiveFunction | None = Field(None, description="reactive power: Q(U), cos φ or a fixed value")
