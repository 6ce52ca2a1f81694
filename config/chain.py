"""The chain's stages: always present and in this order. A section tunes one, and none can be left out or switched off.

    snapshot ► state_machine ► limits ► resolve ► ancillary ► constrain ► ramp ► command
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from config.quantity import Duration, Percent, PercentRate, PositiveDuration, Power, Ramp
from config.section import NodeId, Section

#: The stages that every graph has, in their order: nodes of these ids are the chain's own.
STAGES = ("validate", "snapshot", "state_machine", "limits", "resolve", "ancillary", "constrain", "ramp", "command")


class Jump(Section):
    """Rates of change beyond which a value is implausible; one that stays for 3 s is believed again."""

    soc: PercentRate = Field(5.0, description="fastest plausible change of the state of charge", examples=["5 %/s"])
    power: Ramp | None = Field(None, description="fastest plausible change of power", examples=["600 kW/s"])


class Physics(Section):
    """The state of charge must follow the energy: what efficiencies, ageing and rest do not explain is implausible."""

    tolerance: Percent = Field(
        4.0, description="charge that is let pass without energy, of the capacity, beside a quarter of what was moved",
        examples=["4 %"],
    )  # fmt: skip
    window: PositiveDuration = Field(
        900.0, description="time along which it is forgotten; drift counts over 16 of them", examples=["15 min"]
    )


class SnapshotChain(Section):
    """What a decision needs, and what is plausible."""

    require: list[NodeId] = Field(
        [], description="devices without which no asset has permission and 0 kW is written", examples=[["site.poc"]]
    )
    jump: Jump = Field(Jump(), description="rates of change beyond which a value is implausible")
    physics: Physics = Field(Physics(), description="the state of charge must follow the energy")
    frozen_after: Duration = Field(
        60.0, description="time after which an unchanged reading is frozen; for devices without proof of freshness",
        examples=["60 s"],
    )  # fmt: skip


class StateMachineChain(Section):
    """When permission comes back, and when a latch may be acknowledged."""

    fresh_for: Duration = Field(3.0, description="fresh data before permission comes back", examples=["3 s"])
    clear_for: Duration = Field(
        10.0, description="all clear this long before an acknowledgement is accepted", examples=["10 s"]
    )
    reentry_delay: Duration | None = Field(
        None,
        description="everything fine this long before permission returns that was lost while running; "
        "by `site.grid_code`: 60 s, without one 0 s",
        examples=["60 s"],
    )
    calm_for: Duration = Field(
        60.0, description="time in which lost permission returns by itself once at most", examples=["60 s"]
    )


class SocTaper(Section):
    """Power falls to 0 toward the ends of the SoC band."""

    within: Percent = Field(3.0, description="width over which power falls to 0", examples=["3 %"])


class SiteMargin(Section):
    """Kept away from the limits at the point of connection."""

    import_: Power = Field(0.0, alias="import", description="below the import limit", examples=["10 kW"])
    export: Power = Field(0.0, description="below the export limit", examples=["10 kW"])


class LimitsChain(Section):
    """How the named limits are made."""

    soc_taper: SocTaper = Field(SocTaper(), description="power toward the ends of the SoC band")
    energy_horizon: PositiveDuration = Field(
        15.0, description="power that the energy to the end of the band lasts for", examples=["15 s"]
    )
    margin: SiteMargin = Field(SiteMargin(), description="kept away from the limits at the point of connection")


class ResolveChain(Section):
    """How a request for the site is split over its assets."""

    split: Literal["soc_balanced"] = Field(
        "soc_balanced",
        description="by energy above `min` (discharging) or below `max` (charging), capped by headroom, "
        "the rest shared again",
    )


class Readback(Section):
    """The device must hold the set-point that was written."""

    within: PositiveDuration = Field(2.0, description="time for it to be read back", examples=["2 s"])
    else_: Literal["hold"] = Field(
        "hold", alias="else",
        description="`hold`: permission goes and returns by itself; twice as long, or a second time before an hour has "
        "passed in which it held what was written, latches FAULT",
    )  # fmt: skip


class Effect(Section):
    """The measured power must follow the command, as the profile's `response` says."""

    tolerance: Percent = Field(3.0, description="difference that is let pass, of the rating", examples=["3 %"])
    for_: PositiveDuration = Field(5.0, alias="for", description="how long it must differ", examples=["5 s"])
    else_: Literal["derate", "hold", "stop"] = Field("derate", alias="else", description="the first reaction")
    then: Literal["hold", "stop"] = Field("stop", description="the reaction when that does not help")


class CommandChain(Section):
    """How a command is bounded in time and how its effect is watched."""

    valid_for: PositiveDuration = Field(
        3.0, description="end of a command; shorter than the device's own reversion", examples=["3 s"]
    )
    readback: Readback = Field(Readback(), description="the device must hold what was written")
    effect: Effect = Field(Effect(), description="the measured power must follow the command")


class Chain(Section):
    """The stages are fixed, always present and in this order; a section tunes one."""

    snapshot: SnapshotChain = Field(SnapshotChain(), description="what a decision needs, and what is plausible")
    state_machine: StateMachineChain = Field(StateMachineChain(), description="permission and latches")
    limits: LimitsChain = Field(LimitsChain(), description="the named limits")
    resolve: ResolveChain = Field(ResolveChain(), description="who is followed, and how it is split")
    command: CommandChain = Field(CommandChain(), description="what leaves for the devices")
