"""The definition: what a user writes, checked and in the chain's units.

    site ── meters        connections ── requests, outputs        assets ── profile, connect
                                                                   chain ── one optional section per stage

Every quantity is a float in the unit of its type (kW, kWh, kVA, %, °C, Hz, s, kW/s); `config.quantity` parses
`250 kW` into it. Directions are in the keys: `charge`, `discharge`, `import`, `export` are magnitudes, never signed.
Only shape, units and ranges live here; what needs the catalogue of components is checked in `pipeline.check`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from config.address import AddressError, check_topic, parse_listen, parse_url
from config.quantity import (
    ApparentPower,
    Duration,
    EfficiencyPercent,
    Energy,
    Frequency,
    Percent,
    PositiveDuration,
    PositivePower,
    Power,
    Ramp,
    Secret,
    StopRamp,
    Temperature,
    TemperatureDifference,
    refusal,
)

RESERVED = frozenset({"all", "site", "assets", "requests", "ancillary", "connections", "outputs", "endpoint", "chain"})


def _name(text: str) -> str:
    """Names become node ids, topics, metric labels and file names."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,39}", text):
        raise refusal("E109", "this is not a name", "a letter, then letters, digits, `_` or `-`, at most 40")
    if text in RESERVED:
        raise refusal("E109", f"`{text}` has a meaning of its own", "choose another name")
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except Exception:  # ZoneInfo raises six kinds for six kinds of nonsense
        raise refusal("E215", "this is not a time zone", "write its name, e.g. `Europe/Berlin` or `UTC`") from None
    return text


def _refused(check: Callable[[str], object]) -> Callable[[str], str]:
    def validate(text: str) -> str:
        try:
            check(text)
        except AddressError as error:
            raise refusal(error.code, error.message, error.help) from None
        return text

    return validate


def _connect(text: str) -> str:
    return _refused(parse_url)(text) if "://" in text else _name(text)


Name = Annotated[str, AfterValidator(_name)]
Zone = Annotated[str, AfterValidator(_zone)]
Url = Annotated[str, AfterValidator(_refused(parse_url))]
Connect = Annotated[str, AfterValidator(_connect)]  # a URL or the name of a connection
Listen = Annotated[str, AfterValidator(_refused(parse_listen))]
Topic = Annotated[str, AfterValidator(_refused(check_topic))]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Section(BaseModel):
    """Base of every section: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class Meter(Section):
    """A meter: measured, never commanded."""

    profile: Text
    connect: Connect
    topic: Topic | None = None
    stale_after: PositiveDuration = 3.0


class Site(Section):
    name: Name
    timezone: Zone = "UTC"
    cycle: PositiveDuration = 1.0  # 1 s, or 100 ms when an asset sells fast reserve
    import_limit: Power | None = None
    export_limit: Power | None = None
    max_load: Power = 0.0  # assumed when the meter is not fresh
    max_pv: Power = 0.0
    meters: dict[Name, Meter] = {}


class Rated(Section):
    charge: PositivePower
    discharge: PositivePower
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
    charge: EfficiencyPercent = 95.0
    discharge: EfficiencyPercent = 95.0


class RampRates(Section):
    """Written as `50 kW/s` (up and down) or as a mapping; `stop: at_once` is stored as None."""

    up: Ramp
    down: Ramp
    stop: StopRamp = None


class MinPower(Section):
    charge: Power = 0.0
    discharge: Power = 0.0


class Asset(Section):
    """One battery that can be commanded. `connect` is a URL or the name of a connection."""

    profile: Text
    connect: Connect
    topic: Topic | None = None
    node: Text | None = None
    rated: Rated
    soc: SocBand = SocBand()
    temperature: TemperatureBand = TemperatureBand()
    efficiency: Efficiency = Efficiency()
    ramp: RampRates
    min_power: MinPower = MinPower()
    stale_after: PositiveDuration = 3.0


class Connection(Section):
    """A named connection: an MQTT broker (`mqtt://`, `mqtts://`) or a database (`postgresql://`)."""

    url: Url
    user: Text | None = None
    password: Secret | None = None
    ca: Text | None = None


class ScheduleRequest(Section):
    """A request from outside: a schedule or commitments in JSON on a topic, in a file, or from the endpoint."""

    from_: Annotated[str, Field(alias="from")]  # a connection's name, `file` or `endpoint`
    topic: Topic | None = None
    path: Text | None = None
    ttl: PositiveDuration


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

    capacity: PositivePower
    split: dict[Name, Power] = {}  # empty: by rating
    frequency: Text  # a point of a meter: `site.poc.frequency`
    full_at: Annotated[Frequency, Field(ge=0.05, le=1.0)] = 0.2
    insensitivity: Frequency = 0.01
    dead_band: Frequency = 0.0
    energy: PositiveDuration = 900.0
    max_age: PositiveDuration = 1.0
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
    energy_horizon: PositiveDuration = 15.0
    margin: SiteMargin = SiteMargin()


class ResolveChain(Section):
    split: Literal["soc_balanced"] = "soc_balanced"


class Readback(Section):
    within: PositiveDuration = 2.0
    else_: Annotated[Literal["hold"], Field(alias="else")] = "hold"


class CommandChain(Section):
    valid_for: PositiveDuration = 3.0
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

    listen: Listen = "127.0.0.1:8088"
    tls: Tls | None = None
    behind_proxy: StrictBool = False
    anonymous_viewer: StrictBool = False
    tokens: Tokens = Tokens()


Publish = Literal["snapshot", "decision", "command", "alarms"]


Retained = Literal[
    "telemetry", "site_telemetry", "commands", "state_changes", "alarms", "operator_acts", "schedule_withdrawals"
]


class PostgresOutput(Section):
    """History. `buffer`: how long an outage of the database loses nothing; `retention` by table, unnamed: for ever."""

    type: Literal["postgres"]
    to: Text
    publish: Annotated[list[Publish], Field(min_length=1)] = ["snapshot", "decision", "command", "alarms"]
    buffer: Duration = 72 * 3600.0
    retention: dict[Retained, Duration] = {}


class MqttOutput(Section):
    type: Literal["mqtt"]
    to: Text
    topic: Topic
    publish: Annotated[list[Publish], Field(min_length=1)] = ["snapshot", "decision", "command", "alarms"]


Output = Annotated[PostgresOutput | MqttOutput, Field(discriminator="type")]


class Definition(Section):
    """A whole file. `x-` keys and `defaults:` are gone when it is built; `profiles` are site-local device profiles."""

    version: Literal[1]
    site: Site
    assets: Annotated[dict[Name, Asset], Field(min_length=1, max_length=10_000)]
    connections: dict[Name, Connection] = {}
    profiles: dict[str, Any] = {}
    requests: Annotated[list[Request], Field(min_length=1)]
    ancillary: list[Service] = []
    chain: Chain = Chain()
    endpoint: Endpoint | None = None
    outputs: dict[Name, Output] = {}
    state_dir: Text = "var"
