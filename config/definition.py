"""The definition: what a user writes, checked and in the chain's units.

    site ── meters        connections ── requests, outputs        assets ── profile, connect
                                                                   chain ── one optional section per stage

Every quantity is a float in the unit of its type (kW, kWh, kVA, %, °C, Hz, s, kW/s); `config.quantity` parses
`250 kW` into it. Directions are in the keys: `charge`, `discharge`, `import`, `export` are magnitudes, never signed.
Only shape, units and ranges live here; what needs the catalogue of components is checked in `pipeline.check`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from config.quantity import (
    ApparentPower,
    Duration,
    Energy,
    Frequency,
    Percent,
    Power,
    Ramp,
    Secret,
    Temperature,
    TemperatureDifference,
)


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class Meter(Section):
    """A meter: measured, never commanded."""

    profile: str
    connect: str
    topic: str | None = None
    stale_after: Duration = 3.0


class Site(Section):
    name: str
    timezone: str = "UTC"
    cycle: Duration = 1.0  # 1 s, or 100 ms when an asset sells fast reserve
    import_limit: Power | None = None
    export_limit: Power | None = None
    max_load: Power = 0.0  # assumed when the meter is not fresh
    max_pv: Power = 0.0
    meters: dict[str, Meter] = {}


class Rated(Section):
    charge: Power
    discharge: Power
    energy: Energy
    apparent: ApparentPower | None = None


class SocBand(Section):
    min: Percent = 5.0
    max: Percent = 95.0


class TemperatureBand(Section):
    min: Temperature = -10.0
    max: Temperature = 50.0
    taper: TemperatureDifference = 5.0


class Efficiency(Section):
    charge: Percent = 95.0
    discharge: Percent = 95.0


class RampRates(Section):
    """Written as `50 kW/s` (up and down) or as a mapping; `stop: at_once` is stored as None."""

    up: Ramp
    down: Ramp
    stop: Ramp | None = None


class MinPower(Section):
    charge: Power = 0.0
    discharge: Power = 0.0


class Asset(Section):
    """One battery that can be commanded. `connect` is a URL or the name of a connection."""

    profile: str
    connect: str
    topic: str | None = None
    node: str | None = None
    rated: Rated
    soc: SocBand = SocBand()
    temperature: TemperatureBand = TemperatureBand()
    efficiency: Efficiency = Efficiency()
    ramp: RampRates
    min_power: MinPower = MinPower()
    stale_after: Duration = 3.0


class Connection(Section):
    """A named connection: an MQTT broker (`mqtt://`, `mqtts://`) or a database (`postgresql://`)."""

    url: str
    user: str | None = None
    password: Secret | None = None
    ca: str | None = None


class ScheduleRequest(Section):
    """A request from outside: a schedule or commitments in JSON on a topic, in a file, or from the endpoint."""

    from_: Annotated[str, Field(alias="from")]
    topic: str | None = None
    path: str | None = None
    ttl: Duration


RequestKind = Literal["commitment", "intraday", "day_ahead", "idle"]


class Request(Section):
    """One entry of `requests:`: a one-key mapping whose key is the kind; `idle` carries a power."""

    kind: RequestKind
    schedule: ScheduleRequest | None = None
    power: Power | None = None


class OnLoss(Section):
    hold: Duration = 0.0
    then: Literal["withdraw"] = "withdraw"


class Fcr(Section):
    """Frequency containment reserve: droop around 50 Hz (Regulation (EU) 2017/1485, annex V)."""

    capacity: Power
    split: dict[str, Power] = {}  # empty: by rating
    frequency: str
    full_at: Frequency = 0.2
    insensitivity: Frequency = 0.01
    dead_band: Frequency = 0.0
    energy: Duration = 900.0
    max_age: Duration = 1.0
    ramp: Ramp | None = None  # None: full capacity within 5 s
    on_loss: OnLoss = OnLoss()


class Service(Section):
    """One entry of `ancillary:`: a one-key mapping whose key is the kind."""

    kind: Literal["fcr"]
    fcr: Fcr


class SnapshotChain(Section):
    require: list[str] = []
    frozen_after: Duration = 60.0


class StateMachineChain(Section):
    fresh_for: Duration = 3.0
    clear_for: Duration = 10.0


class SocTaper(Section):
    within: Percent = 3.0


class SiteMargin(Section):
    import_: Annotated[Power, Field(alias="import")] = 0.0
    export: Power = 0.0


class LimitsChain(Section):
    soc_taper: SocTaper = SocTaper()
    energy_horizon: Duration = 15.0
    margin: SiteMargin = SiteMargin()


class ResolveChain(Section):
    split: Literal["soc_balanced"] = "soc_balanced"


class Readback(Section):
    within: Duration = 2.0
    else_: Annotated[Literal["hold"], Field(alias="else")] = "hold"


class CommandChain(Section):
    valid_for: Duration = 3.0
    readback: Readback = Readback()


class Chain(Section):
    """The stages are fixed, always present and in this order; a section tunes one."""

    snapshot: SnapshotChain = SnapshotChain()
    state_machine: StateMachineChain = StateMachineChain()
    limits: LimitsChain = LimitsChain()
    resolve: ResolveChain = ResolveChain()
    command: CommandChain = CommandChain()


class Tls(Section):
    certificate: Secret
    key: Secret


class Tokens(Section):
    viewer: Secret | None = None
    operator: Secret | None = None
    engineer: Secret | None = None


class Endpoint(Section):
    """Page, REST and websocket. A loopback listener may set `anonymous_viewer`; any other needs tokens and TLS."""

    listen: str = "127.0.0.1:8088"
    tls: Tls | None = None
    behind_proxy: bool = False
    anonymous_viewer: bool = False
    tokens: Tokens = Tokens()


Publish = Literal["snapshot", "decision", "command", "alarms"]


class PostgresOutput(Section):
    type: Literal["postgres"]
    to: str
    publish: list[Publish] = ["snapshot", "decision", "command", "alarms"]
    buffer: Duration = 72 * 3600.0


class MqttOutput(Section):
    type: Literal["mqtt"]
    to: str
    topic: str
    publish: list[Publish] = ["snapshot", "decision", "command", "alarms"]


Output = Annotated[PostgresOutput | MqttOutput, Field(discriminator="type")]


class Definition(Section):
    """A whole file. `extra` keeps `x-` keys out of the way; `profiles` are site-local device profiles."""

    version: Literal[1]
    site: Site
    assets: dict[str, Asset]
    connections: dict[str, Connection] = {}
    profiles: dict[str, Any] = {}
    requests: list[Request]
    ancillary: list[Service] = []
    chain: Chain = Chain()
    endpoint: Endpoint | None = None
    outputs: dict[str, Output] = {}
    state_dir: str = "var"
