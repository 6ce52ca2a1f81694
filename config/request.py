"""Requests: who may ask for power. The first in the list with something to say wins.

    relief ► commitment ► intraday ► day_ahead ► controllers ► idle   the order refines the kinds' priority (LH-MKT-006)

What comes from outside has a `ttl`: a request that cannot expire is a way to lose control. A controller with nothing
to say leaves its request absent. `relief` is no wish but a duty: what it asks for is added to nothing and taken
back by nothing but a limit.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictFloat, StrictInt, StrictStr

from config.quantity import Duration, Percent, PositiveDuration, PositivePower, Power
from config.section import NodeId, OneKey, Section, Text, Topic
from config.transform import Transform

Steps = Annotated[list[Transform], Field(max_length=16)]


class ScheduleRequest(Section):
    """A request from outside: a schedule or commitments in JSON on a topic, in a file, or from the endpoint."""

    from_: Text = Field(
        alias="from", description="a connection's name, `file` or `endpoint`", examples=["broker", "file"]
    )
    topic: Topic | None = Field(None, description="topic to read from", examples=["site/day-ahead"])
    path: Text | None = Field(None, description="file to read, with `from: file`", examples=["schedules/today.csv"])
    ttl: PositiveDuration = Field(
        description="how long it counts after `issued_at` in its payload; schedules hold for their windows and only "
        "raise an alarm after it",
        examples=["26 h"],
    )
    transform: Steps = Field([], description="steps on the asked power, in order")


class Relief(Section):
    """Run against what everything else draws or feeds in beyond the site's limits or the grid operator's ceilings.

    Without it such a limit only forbids the batteries to make it worse.
    """

    power: PositivePower | None = Field(
        None, description="most power used for it, all batteries together", examples=["200 kW"]
    )


class PeakShaving(Section):
    """Discharge so that the power drawn from the grid stays below a peak, as a mean over a window."""

    meter: NodeId = Field(description="the meter that is watched", examples=["site.poc"])
    import_peak: Power = Field(description="power drawn from the grid that is not exceeded", examples=["900 kW"])
    window: PositiveDuration = Field(900.0, description="time over which the mean counts", examples=["15 min"])
    transform: Steps = Field([], description="steps on the meter's power, in order")


class SelfConsumption(Section):
    """Charge from surplus and discharge into load, so that the meter stays at its target."""

    meter: NodeId = Field(description="the meter that is watched", examples=["site.poc"])
    target: Power = Field(0.0, description="power drawn from the grid that is aimed at", examples=["0 kW"])
    transform: Steps = Field([], description="steps on the meter's power, in order")


class ExportLimit(Section):
    """Charge so that the power fed into the grid stays below a limit; the limit itself is `site.export_limit`."""

    meter: NodeId = Field(description="the meter that is watched", examples=["site.poc"])
    export_peak: Power = Field(description="power fed into the grid that is not exceeded", examples=["400 kW"])
    transform: Steps = Field([], description="steps on the meter's power, in order")


class TargetSoc(Section):
    """Bring the state of charge to a target, slowly."""

    soc: Percent = Field(description="state of charge that is aimed at", examples=["50 %"])
    power: Power = Field(description="most power used for it", examples=["20 kW"])
    within: Duration = Field(0.0, description="distance in time over which it slows down", examples=["15 min"])


class PluginRequest(Section):
    """An operator that another package brings: `docs/plugins.md`. Its request has its name."""

    name: Text = Field(description="its name, as the package gives it", examples=["night-charge"])
    options: Annotated[dict[Text, StrictStr | StrictInt | StrictFloat], Field(max_length=32)] = Field(
        {}, description="what it lets you say, each with its unit", examples=[{"power": "20 kW"}]
    )
    transform: Steps = Field([], description="steps on the asked power, in order")


RequestKind = Literal[
    "relief", "commitment", "intraday", "day_ahead", "peak_shaving", "export_limit", "self_consumption", "target_soc",
    "plugin", "idle",
]  # fmt: skip


class Request(OneKey):
    """One entry of `requests:`: its key is the kind; `idle` carries a power."""

    forms: ClassVar[dict[str, str]] = {
        "relief": "relief",
        "commitment": "schedule",
        "intraday": "schedule",
        "day_ahead": "schedule",
        "peak_shaving": "peak_shaving",
        "export_limit": "export_limit",
        "self_consumption": "self_consumption",
        "target_soc": "target_soc",
        "plugin": "plugin",
        "idle": "power",
    }
    noun: ClassVar[str] = "request"

    kind: RequestKind
    relief: Relief | None = Field(None, description="relieve the point of connection")
    schedule: ScheduleRequest | None = Field(None, description="a request from outside")
    peak_shaving: PeakShaving | None = Field(None, description="keep the power drawn from the grid below a peak")
    export_limit: ExportLimit | None = Field(None, description="keep the power fed into the grid below a limit")
    self_consumption: SelfConsumption | None = Field(None, description="keep the meter at its target")
    target_soc: TargetSoc | None = Field(None, description="bring the state of charge to a target")
    plugin: PluginRequest | None = Field(None, description="an operator that another package brings")
    power: Power | None = Field(None, description="what happens when nobody asks: `0 kW`", examples=["0 kW"])

    @property
    def name(self) -> str:
        """What it is called in `requests.<name>`: its kind, or the plug-in behind it."""
        return self.kind if self.plugin is None else self.plugin.name

    @property
    def transform(self) -> list[Transform]:
        """The steps on the power that it asks for."""
        asked = self.schedule or self.plugin
        return [] if asked is None else asked.transform

    @property
    def controller(self) -> PeakShaving | SelfConsumption | ExportLimit | TargetSoc | None:
        """The local controller behind this request, if one is."""
        return self.peak_shaving or self.export_limit or self.self_consumption or self.target_soc
