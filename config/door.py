"""Doors: named connections, the endpoint for people and programs, and outputs, which only ever record.

Devices that can be commanded stand under `assets:`; an output cannot reach one.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import Field, StrictBool, field_validator

from config.quantity import Duration, PositiveDuration, Secret, Size, refusal
from config.section import Listen, NodeId, PushUrl, Section, Text, Topic, Url
from config.topics import Service


class Connection(Section):
    """A named connection: a broker (`mqtt://`, `mqtts://`), a database (`postgresql://`), an OPC UA server."""

    url: Url = Field(description="where it is; never with a password", examples=["mqtts://broker.lan:8883"])
    user: Text | None = Field(None, description="name to sign in with", examples=["ems"])
    password: Secret | None = Field(None, description="password, from a file", examples=["!secret mqtt_password"])
    ca: Text | None = Field(None, description="PEM file of the certificate authority", examples=["/etc/ems/ca.pem"])
    security: (
        Literal["None", "Basic256Sha256/Sign", "Basic256Sha256/SignAndEncrypt", "Aes256Sha256RsaPss/SignAndEncrypt"]
        | None
    ) = Field(None, description="OPC UA security policy and mode", examples=["Basic256Sha256/SignAndEncrypt"])
    certificate: Secret | None = Field(
        None, description="client certificate, from a file", examples=["!secret opcua_client_cert"]
    )
    key: Secret | None = Field(
        None, description="private key of the client certificate, from a file", examples=["!secret opcua_client_key"]
    )
    user_certificate: Secret | None = Field(
        None, description="OPC UA: certificate to sign in with instead of name and password, from a file",
        examples=["!secret opcua_user_cert"],
    )  # fmt: skip
    user_key: Secret | None = Field(
        None, description="its private key, from a file; it may stand in the certificate's",
        examples=["!secret opcua_user_key"],
    )  # fmt: skip


class Tls(Section):
    """Certificate and key of the endpoint, from files."""

    certificate: Secret = Field(description="certificate chain, PEM", examples=["!secret web_cert"])
    key: Secret = Field(description="private key, PEM", examples=["!secret web_key"])


class Tokens(Section):
    """One token per role, from files, of at least 16 characters; each role may do what those before it may."""

    viewer: Secret | None = Field(None, description="may look", examples=["!secret viewer_token"])
    operator: Secret | None = Field(None, description="may stop, release and acknowledge",
                                    examples=["!secret operator_token"])  # fmt: skip
    engineer: Secret | None = Field(None, description="may import schedules and change operation",
                                    examples=["!secret engineer_token"])  # fmt: skip


class Endpoint(Section):
    """Page, REST and websocket. A loopback listener may set `anonymous_viewer`; any other needs tokens and TLS."""

    listen: Listen = Field("127.0.0.1:8088", description="host and port", examples=["127.0.0.1:8088"])
    tls: Tls | None = Field(None, description="certificate and key, when it is reached from elsewhere")
    behind_proxy: StrictBool = Field(False, description="a proxy in front terminates TLS")
    anonymous_viewer: StrictBool = Field(False, description="look without a token; on a loopback address only")
    tokens: Tokens = Field(Tokens(), description="one token per role")


Publish = Literal["snapshot", "decision", "command", "alarms"]
ALL: list[Publish] = ["snapshot", "decision", "command", "alarms"]
Published = Annotated[list[Publish], Field(min_length=1)]

Retained = Literal[
    "telemetry", "site_telemetry", "commands", "state_changes", "alarms", "operator_acts", "schedule_withdrawals"
]


class PostgresOutput(Section):
    """History in PostgreSQL, with a buffer on disk for when it is away."""

    type: Literal["postgres"] = Field(description="history in PostgreSQL")
    to: Text = Field(description="the connection", examples=["db"])
    publish: Published = Field(ALL, description="what is recorded", examples=[["snapshot", "alarms"]])
    buffer: Duration = Field(
        72 * 3600.0, description="how long an outage of the database loses nothing", examples=["72 h"]
    )
    retention: dict[Retained, Duration] = Field(
        {}, description="how long the rows of a table are kept; a table not named: for ever",
        examples=[{"telemetry": "400 d"}],
    )  # fmt: skip


class MqttOutput(Section):
    """State as JSON on topics of a broker."""

    type: Literal["mqtt"] = Field(description="state as JSON on MQTT")
    to: Text = Field(description="the connection", examples=["broker"])
    topic: Topic = Field(description="topic below which it is published", examples=["site/state"])
    publish: Published = Field(ALL, description="what is published", examples=[["command"]])
    points: dict[NodeId, PositiveDuration] = Field(
        {}, description="points of assets and meters and how often each is published, below `points/`",
        examples=[{"bess1.soc": "10 s", "site.poc.power": "1 s"}],
    )  # fmt: skip
    every: PositiveDuration = Field(1.0, description="least time between two publications", examples=["5 s"])
    qos: Service = Field(0, description="quality of service of what is not retained; `state` always has 1")


class HttpOutput(Section):
    """Documents as JSON, pushed to an HTTPS server, with a buffer on disk for when it is away: `docs/exports.md`."""

    type: Literal["http"] = Field(description="documents pushed as JSON over HTTPS")
    url: PushUrl = Field(
        description="where each document is posted; TLS is needed off this machine",
        examples=["https://cloud.example/sites/north"],
    )
    token: Secret | None = Field(None, description="shown as bearer, from a file", examples=["!secret cloud_token"])
    ca: Text | None = Field(
        None, description="PEM file of the only authorities trusted; by default those of the system",
        examples=["/etc/ems/cloud.pem"],
    )  # fmt: skip
    publish: list[Publish] = Field(
        ALL, description="what is pushed besides the state of the site", examples=[["snapshot", "alarms"]]
    )
    points: dict[NodeId, PositiveDuration] = Field(
        {}, description="points of assets and meters and how often each is pushed",
        examples=[{"bess1.soc": "1 min", "site.poc.power": "1 min"}],
    )
    every: PositiveDuration = Field(10.0, description="time between two documents", examples=["10 s"])
    quota: Size = Field(
        100.0, description="what documents that wait may take on disk; the oldest are dropped first, and counted",
        examples=["100 MB"],
    )  # fmt: skip


class OpcuaServerOutput(Section):
    """An OPC UA server for SCADA: to read from; what is written there is refused."""

    type: Literal["opcua_server"] = Field(description="an OPC UA server for SCADA")
    listen: Listen = Field(description="host and port", examples=["127.0.0.1:4841"])
    publish: Published = Field(ALL, description="what is published", examples=[["snapshot", "command", "alarms"]])
    every: PositiveDuration = Field(1.0, description="how often the values are renewed", examples=["1 s"])


class ModbusServerOutput(Section):
    """A Modbus TCP server for SCADA: blocks of registers that say what they are; what is written there is refused."""

    type: Literal["modbus_server"] = Field(description="a Modbus TCP server for SCADA")
    listen: Listen = Field(description="host and port", examples=["10.20.0.5:1502"])
    clients: list[Text] = Field(
        [], description="networks that may read, besides this machine; needed when it is reached from elsewhere",
        examples=[["10.20.0.0/24"]],
    )  # fmt: skip
    every: PositiveDuration = Field(1.0, description="how often the registers are renewed", examples=["1 s"])

    @field_validator("clients")
    @classmethod
    def _networks(cls, clients: list[str]) -> list[str]:
        for client in clients:
            try:
                ip_network(client, strict=False)
            except ValueError:
                raise refusal("E216", f"`{client[:40]}` is no network", "write e.g. `10.20.0.0/24`") from None
        return clients


class RecordingOutput(Section):
    """Every tick on disk, what it was computed from and what came out: `replay` computes it anew."""

    type: Literal["recording"] = Field(description="every tick on disk, to be replayed")
    folder: Text | None = Field(
        None, description="where its files are, and nothing else; by default a folder of its name in `state_dir`",
        examples=["/var/lib/bess/recording"],
    )
    rotate: PositiveDuration = Field(86_400.0, description="a file is closed when it is so old", examples=["1 d"])
    rotate_size: Size = Field(256.0, description="or so large", examples=["256 MB"])
    quota: Size = Field(
        10_000.0, description="what all files may take; the oldest are deleted first", examples=["10 GB"]
    )


class PluginOutput(Section):
    """An output that another package brings: `docs/plugins.md`. It gets copies of documents and nothing else."""

    type: Literal["plugin"] = Field(description="an output that another package brings")
    name: Text = Field(description="its name, as the package gives it", examples=["acme-cloud"])
    publish: Published = Field(ALL, description="what it gets", examples=[["snapshot", "alarms"]])


OUTPUT_TYPES = ("postgres", "mqtt", "http", "opcua_server", "modbus_server", "recording", "plugin")
Output = Annotated[
    PostgresOutput | MqttOutput | HttpOutput | OpcuaServerOutput | ModbusServerOutput | RecordingOutput
    | PluginOutput,
    Field(discriminator="type"),
]
