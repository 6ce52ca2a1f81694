"""Outputs for others, made of a definition: they show what people are shown, and take nothing.

Servers for SCADA, what is published over MQTT or pushed over HTTPS, and what other packages bring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from config.address import canonical_host, parse_listen, parse_url
from config.definition import Definition, HttpOutput, ModbusServerOutput, MqttOutput, OpcuaServerOutput, PluginOutput
from pipeline.field import Field
from pipeline.options import Options
from pipeline.plugins import sink_of
from sinks.alarms.condition import LOW, MEDIUM, Condition
from sinks.foreign import ForeignSink
from sinks.metrics import Metrics
from sinks.push.output import PushOutput
from sinks.push.target import Target
from sinks.scada.blocks import View, pages, values
from sinks.scada.opcua import OpcuaServer, Values
from sinks.scada.server import RegisterServer
from sinks.state import StateOutput

MB = 1_000_000
AWAY_S = 60.0  # one push that fails is no alarm
Published = StateOutput | PushOutput | ForeignSink


def states(
    definition: Definition, field: Field, options: Options, directory: Path, boot_id: str
) -> dict[str, Published]:
    """By output. Nothing is opened before they run."""
    made: dict[str, Published] = {}
    for name, output in definition.outputs.items():
        if isinstance(output, PluginOutput):
            made[name] = ForeignSink(name, sink_of(output.name), publish=output.publish)
        elif isinstance(output, HttpOutput):
            made[name] = _push(name, output, definition, field, options, directory, boot_id)
        elif isinstance(output, MqttOutput):
            made[name] = StateOutput(
                name,
                field.broker(output.to, f"outputs.{name}"),
                output.topic,
                device_topics=field.topics,
                publish=output.publish,
                every_s=output.every,
                qos=output.qos,
                points=output.points,
                clock=field.clock,
            )
    return made


def _push(
    name: str, output: HttpOutput, definition: Definition, field: Field, options: Options, directory: Path, boot_id: str
) -> PushOutput:
    never = device_hosts(definition)
    target = Target(output.url, None if output.token is None else output.token.reveal(), output.ca, never=never)
    return PushOutput(
        name, target, directory / name / "push.db", site=definition.site.name, boot_id=boot_id,
        quota=round(output.quota * MB), publish=output.publish, points=output.points, every_s=output.every,
        clock=field.clock, utc_ns=options.utc_ns, jitter=options.jitter,
    )  # fmt: skip


def device_hosts(definition: Definition) -> frozenset[str]:
    """Where devices are that have an address of their own; one on this machine is told by its port, in `check`."""
    connects = [asset.connect for asset in definition.assets.values()]
    connects += [meter.connect for meter in definition.site.meters.values()]
    urls = [definition.connections[name].url if name in definition.connections else name for name in connects]
    found = [parse_url(url) for url in urls if "://" in url]
    return frozenset(
        canonical_host(address.host) for address in found if address.scheme not in ("mqtt", "mqtts")
    ) - {"loopback"}  # fmt: skip


def conditions(made: Mapping[str, Published], _frame: object) -> Iterator[Condition]:
    """What is wrong with what is pushed now; control is not touched by any of it."""
    for name, push in _pushes(made).items():
        if push.dropped or push.rejected:
            text = f"outputs.{name}: {push.dropped} documents were dropped, {push.rejected} refused by the server"
            yield Condition(f"outputs.{name}.dropped", None, MEDIUM, text, "Bring the server back, or raise the quota")
        if push.away_s >= AWAY_S:
            text = f"outputs.{name}: documents wait on disk: {push.problem}"
            yield Condition(f"outputs.{name}.waiting", None, LOW, text, "Check the server and the way to it")


def read_pushes(metrics: Metrics, made: Mapping[str, Published]) -> None:
    """What was pushed, what waits and what was lost, asked for at each scrape."""
    for name, text, number in (
        ("bess_push_documents", "Documents that the server took", lambda one: one.pushed),
        ("bess_push_waiting", "Documents that wait on disk", lambda one: one.spool.filling().rows),
        ("bess_push_bytes", "Bytes that they take", lambda one: one.spool.filling().used_bytes),
        ("bess_push_dropped", "Documents dropped because there was no room", lambda one: one.dropped),
        ("bess_push_rejected", "Documents that the server refused", lambda one: one.rejected),
        ("bess_push_failures", "Pushes that were not taken", lambda one: one.failures),
    ):
        metrics.read(name, text, "output", partial(_of_each, made, number))


def _of_each(made: Mapping[str, Published], number: Callable[[PushOutput], float]) -> dict[str, float]:
    return {name: float(number(push)) for name, push in _pushes(made).items()}


def _pushes(made: Mapping[str, Published]) -> dict[str, PushOutput]:
    return {name: output for name, output in made.items() if isinstance(output, PushOutput)}


def servers(definition: Definition, view: Callable[[], View]) -> dict[str, RegisterServer | OpcuaServer]:
    """By output. `view` is asked whenever a page is made."""
    made: dict[str, RegisterServer | OpcuaServer] = {}
    for name, output in definition.outputs.items():
        if not isinstance(output, ModbusServerOutput | OpcuaServerOutput):
            continue
        host, port = parse_listen(output.listen)
        if isinstance(output, ModbusServerOutput):
            made[name] = RegisterServer(
                name, host, port, output.clients, pages=lambda: pages(view()), every_s=output.every
            )
        else:
            shown = partial(_values, view, frozenset(output.publish))
            made[name] = OpcuaServer(name, host, port, values=shown, every_s=output.every)
    return made


def _values(view: Callable[[], View], publish: frozenset[str]) -> Values:
    return values(view(), publish)
