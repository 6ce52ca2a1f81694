"""The field of a running process: connections, sources and device writers, built from a compiled definition.

    connections ── brokers (one per named connection), one Modbus connection per host and port
    sources     ── post Readings, Schedules and Receipts into the graph, in the loop's thread
    writers     ── one per asset, offered the command that was cut from the sealed frame; none when it is silent

Source and writer of a device share its one connection. Nothing is connected before `run`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from config.address import canonical_host, parse_url
from config.asset import Identity
from config.definition import Asset, Input, Meter
from config.definition import Connection as Declared
from config.login import login
from config.topics import MEASURED, Qos, whole
from jit.frame import Frame
from operators.cut import Command, cut
from operators.offers import TYPE_OF_KIND
from pipeline.compile import Compiled
from pipeline.joint import ceiling_name
from pipeline.plugins import source_of
from pipeline.servers import DAY_NS, Servers
from sinks.alarms.condition import MEDIUM, Condition
from sinks.modbus.wear import Wear
from sinks.modbus.writer import ModbusWriter
from sinks.mqtt import MqttWriter
from sources.foreign import ForeignSource
from sources.modbus.connection import Connection
from sources.modbus.device import Link, ModbusDevice
from sources.mqtt.address import Client, context
from sources.mqtt.ceiling import CeilingTopic
from sources.mqtt.connection import Broker
from sources.mqtt.identity import Introduced
from sources.mqtt.level import Level
from sources.mqtt.notices import Notices
from sources.mqtt.saying import Saying
from sources.mqtt.schedule import ScheduleTopic
from sources.mqtt.telemetry import Telemetry
from sources.said import Said

Clock = Callable[[], float]
Post = Callable[[Any], None]
Job = Callable[[], Awaitable[None]]


class Writer(Protocol):
    """What the graph asks of a device writer."""

    def offer(self, command: Command) -> None: ...

    def silence(self) -> None: ...

    async def run(self) -> None: ...

    async def stop(self, within_s: float, /) -> bool: ...

    @property
    def closed(self) -> Command | None: ...


@dataclass(slots=True, eq=False)
class Field:
    """`jobs` are the tasks to keep running, by name. `writers` by asset id; `wrote` notes who was ever written to.

    `directory` keeps what a device's writes of today were; `utc_ns` is the wall clock.
    """

    compiled: Compiled
    clock: Clock
    post: Post
    armed: bool = False
    jitter: Callable[[], float] = lambda: 0.5
    directory: Path | None = None
    utc_ns: Callable[[], int] = lambda: 0
    link: Link = Connection
    client: str = "-shadow"  # beside an armed process, which it must not evict
    brokers: dict[str, Broker] = field(default_factory=dict)
    devices: dict[str, ModbusDevice] = field(default_factory=dict)
    gateways: dict[tuple[str, str, int], Connection] = field(default_factory=dict)
    writers: dict[str, Writer] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    wrote: set[str] = field(default_factory=set)
    wear: dict[str, Wear] = field(default_factory=dict)
    declared: dict[str, Declared] = field(init=False)
    said: dict[str, Said] = field(default_factory=dict)
    servers: Servers = field(init=False)

    def __post_init__(self) -> None:
        self.declared = self.compiled.definition.connections
        self.servers = Servers(self.declared, self.clock, self.jitter, self.directory, self.utc_ns)

    @classmethod
    def of(
        cls, compiled: Compiled, clock: Clock, post: Post, *, armed: bool, jitter: Callable[[], float],
        directory: Path | None = None, utc_ns: Callable[[], int] = lambda: 0, link: Link = Connection,
        client: str = "-shadow",
    ) -> Field:  # fmt: skip
        made = cls(compiled, clock, post, armed, jitter, directory, utc_ns, link, client)
        definition = compiled.definition
        for name, asset in definition.assets.items():
            made._asset(name, asset)
        for name, meter in definition.site.meters.items():
            made._meter(f"site.{name}", meter)
        for name, signal in definition.inputs.items():
            made._input(f"inputs.{name}", signal)
        made._schedules()
        made._ceilings()
        for name, broker in made.brokers.items():
            made.jobs[f"connections.{name}"] = broker.run
        for name, server in made.servers.connections.items():
            made.jobs[f"connections.{name}"] = server.keep
        return made

    def broker(self, name: str, role: str = "control") -> Broker:
        """The client for a named connection in a role; one client per connection and role."""
        key = name if role == "control" else f"{name}.{role}"
        if key not in self.brokers:
            connection = self.declared[name]
            suffix = "" if self.armed else self.client
            self.brokers[key] = Broker(
                key,
                connection.url,
                client_id=f"bess-pipeline-{self.compiled.definition.site.name}-{key}{suffix}",
                clock=self.clock,
                user=connection.user,
                password=secret(connection),
                ca=connection.ca,
                client=client(connection),
            )
            if role != "control":
                self.jobs[f"connections.{key}"] = self.brokers[key].run
        return self.brokers[key]

    def _asset(self, name: str, asset: Asset) -> None:
        profile, rated = self.compiled.profiles[name], asset.rated
        if profile.protocol == "modbus":
            device = self._modbus(name, asset.connect, asset.identity)
            path = None if self.directory is None else self.directory / f"writes-{name}.json"
            wear = self.wear[name] = Wear(profile, rated, asset.write_budget, lambda: self.utc_ns() // DAY_NS, path)
            writer: Writer = ModbusWriter(
                device, rated, self.post, self.post, identity=asset.identity, budget=asset.write_budget, wear=wear,
                password=login(profile, asset),
            )  # fmt: skip
        elif profile.protocol == "opcua":
            self._opcua(name, asset.connect, asset.node)
            writer = self.servers.writer(name, asset, rated, self.post)
        else:
            broker = self.broker(asset.connect)
            topics = whole(name, asset.topic, profile.topics, asset.topics)
            qos = profile.topics.qos if asset.topics is None or asset.topics.qos is None else asset.topics.qos
            self._telemetry(name, broker, topics, qos)
            told = topics["telemetry"]
            writer = MqttWriter(
                name, profile, rated, broker, topics["command"], topics["acknowledge"], self.post, self.clock,
                introduced=Introduced(name, profile, asset.identity, broker, told, self.post, self.clock),
                budget=asset.write_budget, ack_qos=qos.acknowledge,
            )  # fmt: skip
        self.writers[name] = writer
        self.jobs[f"{name}.writer"] = writer.run

    def _meter(self, name: str, meter: Meter) -> None:
        profile = self.compiled.profiles[name]
        if profile.protocol == "modbus":
            self._modbus(name, meter.connect)
        elif profile.protocol == "opcua":
            self._opcua(name, meter.connect, meter.node)
        else:
            topics = whole(name, meter.topic, profile.topics, parts=MEASURED)
            self._telemetry(name, self.broker(meter.connect), topics, profile.topics.qos)

    def _input(self, name: str, signal: Input) -> None:
        if signal.node is not None:
            self._opcua(name, signal.connect, signal.node)
        elif signal.topic is None:
            self._modbus(name, signal.connect)
        else:
            Level(name, signal.topic, self.broker(signal.connect), self.post)
            self.topics.append(signal.topic)

    def _modbus(self, name: str, connect: str, identity: Identity | None = None) -> ModbusDevice:
        named = self.declared.get(connect)
        url, tls = (connect, None) if named is None else (named.url, context(named.ca, client(named)))
        profile, place = self.compiled.profiles[name], parse_url(url)
        line = (place.scheme, canonical_host(place.host), place.port)  # what wants TLS never shares a line without it
        device = ModbusDevice(
            name, profile, url, self.clock, jitter=self.jitter, link=self.link, identity=identity, tls=tls,
            connection=self.gateways.get(line),
        )  # fmt: skip
        self.gateways[line] = device.connection
        self.devices[name], self.said[name] = device, device.said
        self.jobs[name] = device.source(self.post).run
        return device

    def _opcua(self, name: str, connect: str, node: str | None) -> None:
        device = self.servers.device(name, self.compiled.profiles[name], connect, str(node))
        self.jobs[name] = device.source(self.post).run

    def _telemetry(self, name: str, broker: Broker, topics: dict[str, str], qos: Qos) -> None:
        profile = self.compiled.profiles[name]
        self.said[name] = Said(profile)
        Saying(profile, broker, topics["telemetry"], self.said[name])
        notices = Notices(name, profile, topics, broker, qos.telemetry)
        Telemetry(name, profile, topics["telemetry"], broker, self.post, qos=qos.telemetry, notices=notices)
        self.topics += topics.values()

    def _ceilings(self) -> None:
        """Topics of the grid operator; what comes over the endpoint is `pipeline.ceilings`."""
        for limit in self.compiled.definition.limits:
            told = limit.grid_operator
            if told.topic is not None and told.from_ in self.compiled.definition.connections:
                name, broker = ceiling_name(told.direction), self.broker(told.from_)
                CeilingTopic(name, told.direction, told.of, told.topic, broker, self.post)

    def _schedules(self) -> None:
        for request in self.compiled.definition.requests:
            schedule = request.schedule
            name = f"requests.{request.kind}"
            if schedule is None or schedule.from_ in ("file", "endpoint"):
                continue
            if schedule.from_ not in self.compiled.definition.connections:
                kind, assets = TYPE_OF_KIND[request.kind], self.compiled.layout.assets
                brought = source_of(schedule.from_)
                self.jobs[name] = ForeignSource(name, kind, schedule.from_, brought, self.post, assets).run
                continue
            if schedule.topic is None:
                continue
            source = ScheduleTopic(
                name,
                TYPE_OF_KIND[request.kind],
                schedule.topic,
                self.broker(schedule.from_),
                self.post,
                self.compiled.layout.assets,
            )
            self.jobs[name] = source.run

    def texts(self, device: str) -> list[dict[str, str]]:
        """What a device says of itself in words, for a page."""
        return self.said[device].listed() if device in self.said else []

    def contested(self) -> list[str]:
        """Connections that another client takes away from us again and again."""
        brokers = [f"connections.{name}" for name, broker in self.brokers.items() if broker.second_master()]
        devices = [name for name, device in self.devices.items() if device.connection.second_master()]
        return brokers + devices + self.servers.contested()

    def conditions(self, frame: Frame) -> Iterator[Condition]:
        """What the devices alone say: no reversion that would cover the gap, writes that are spent."""
        for asset in frame.layout.assets:
            if self.compiled.profiles[asset].watchdog is None:
                text = "its profile declares no reversion: it may keep its last set-point when this process is gone"
                yield Condition("reversion.unproven", asset, MEDIUM, text, "Provide a second way of stopping it")
            spent = self.wear[asset].spent if asset in self.wear else []
            if spent:
                text = f"today's writes to {', '.join(spent)} are spent: the rest of the UTC day is 0 kW"
                yield Condition("writes.spent", asset, MEDIUM, text, "Ask for fewer changes, or raise `per_day`")

    def write(self, asset: str) -> Callable[[Frame], None]:
        """The subscriber of one asset's writer: cut its command from the sealed frame and offer it.

        A silent tick takes back what still waits on a slow link: silence begins with the tick that decided it.
        """
        column, writer = self.compiled.layout.column[asset], self.writers[asset]
        told = self.compiled.profiles[asset].protocol != "modbus"  # registers hold no sentences

        def subscriber(frame: Frame) -> None:
            command = cut(frame, column, told=told)
            if command is None:
                writer.silence()
            else:
                self.wrote.add(asset)
                writer.offer(command)

        return subscriber


def secret(connection: Declared) -> str | None:
    """The password of a connection, if it has one."""
    return None if connection.password is None else connection.password.reveal()


def client(connection: Declared) -> Client | None:
    """Certificate and key with which we introduce ourselves, if the connection has them."""
    if connection.certificate is None or connection.certificate.path is None:
        return None
    return connection.certificate.path, None if connection.key is None else connection.key.path
