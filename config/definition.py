"""The definition: what a user writes, checked and in the chain's units.

    site ── meters        connections ── requests, limits, outputs        assets ── profile, connect
                                                                          chain ── one optional section per stage

Every quantity is a float in the unit of its type (kW, kWh, kVA, %, °C, Hz, s, kW/s); `config.quantity` parses
`250 kW` into it. Directions are in the keys: `charge`, `discharge`, `import`, `export` are magnitudes, never signed.
Only shape, units and ranges live here; what needs the catalogue of components is checked in `pipeline.check`.
The sections have files of their own and are found here too.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from config.alarm import AlarmRule
from config.asset import (
    Asset,
    Efficiency,
    MinPower,
    RampRates,
    Rated,
    SocBand,
    SocPoint,
    TemperatureBand,
    TemperaturePoint,
)
from config.chain import Chain
from config.door import (
    OUTPUT_TYPES,
    Connection,
    Endpoint,
    HttpOutput,
    ModbusServerOutput,
    MqttOutput,
    OpcuaServerOutput,
    Output,
    PluginOutput,
    PostgresOutput,
    RecordingOutput,
    Tls,
    Tokens,
)
from config.rehearsal import Rehearsal
from config.request import Request, ScheduleRequest
from config.reserve import Fcr, GridOperator, Limit, OnLoss, Service
from config.section import RESERVED, Name, Section, Text
from config.site import Clock, Input, Interlock, Meter, Site, Transformer
from config.transform import Transform

__all__ = [
    "OUTPUT_TYPES", "RESERVED", "AlarmRule", "Asset", "Chain", "Clock", "Connection", "Definition", "Efficiency",
    "Endpoint", "Fcr",
    "GridOperator", "HttpOutput", "Input", "Interlock", "Limit", "Meter", "MinPower",
    "ModbusServerOutput", "MqttOutput", "OnLoss", "OpcuaServerOutput",
    "Output", "PluginOutput", "PostgresOutput", "RampRates", "Rated", "RecordingOutput",
    "Rehearsal", "Request", "ScheduleRequest", "Section", "Service", "Site", "SocBand",
    "SocPoint", "TemperatureBand", "TemperaturePoint", "Tls", "Tokens", "Transform", "Transformer",
]  # fmt: skip


class Definition(Section):
    """A whole file: a site, its assets, who may ask for power, what is kept free, watched and recorded.

    `x-` keys and `defaults:` are gone when it is built.
    """

    version: Literal[1] = Field(description="version of this language")
    site: Site = Field(description="the site as a whole")
    assets: dict[Name, Asset] = Field(
        min_length=1, max_length=10_000, description="batteries by name; only these are ever commanded"
    )
    connections: dict[Name, Connection] = Field({}, description="brokers, databases and servers by name")
    profiles: dict[str, Any] = Field({}, description="device profiles of this site, `extends:` one that ships")
    limits: list[Limit] = Field([], max_length=100, description="live ceilings, which only narrow")
    requests: list[Request] = Field(
        min_length=1, max_length=100, description="who may ask for power; the first with something to say wins"
    )
    ancillary: list[Service] = Field([], max_length=100, description="sold services, kept free in power and energy")
    chain: Chain = Field(Chain(), description="tuning of the stages, which are always there and in one order")
    inputs: dict[Name, Input] = Field({}, description="digital signals by name")
    interlocks: dict[Name, Interlock] = Field({}, description="what active inputs forbid")
    alarms: dict[Name, AlarmRule] = Field({}, description="alarms of this site, besides those of the profiles")
    endpoint: Endpoint | None = Field(None, description="page, REST and websocket")
    outputs: dict[Name, Output] = Field({}, description="records; nothing here can command a device")
    time: Clock | None = Field(None, description="how far the machine's clock may be trusted")
    state_dir: Text = Field(
        "var", description="folder of the journal, the checkpoint and the buffers", examples=["/var/lib/bess"]
    )
    tests: list[Rehearsal] = Field([], description="tests in virtual time; `bess-pipeline test` runs them")
