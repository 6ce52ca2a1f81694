"""Rules about doors: outputs can reach no device, and only those who may come in through the endpoint.

outputs:   never on an asset's topic or address (E301), never on what is read as a measurement or request (E302)
endpoint:  loopback, or tokens and TLS or a proxy in front (E307); anonymous viewing on loopback only (E308)
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from config.address import PUSH_PORTS, Address, canonical_host, is_loopback, parse_listen, parse_push, reaches
from config.definition import (
    Endpoint,
    HttpOutput,
    ModbusServerOutput,
    MqttOutput,
    OpcuaServerOutput,
    PluginOutput,
    RecordingOutput,
)
from config.diagnostics import Diagnostic
from config.plain import Location
from config.shape import suggestion
from pipeline.rules.subject import Subject
from sinks.web.auth import MAX_TOKEN, MIN_TOKEN, weak

_LISTENING = "an OPC UA server has no tokens in this version"
_SCHEMES: dict[str, tuple[str, ...]] = {"mqtt": ("mqtt", "mqtts"), "postgres": ("postgresql",)}
_ROLES = ("viewer", "operator", "engineer")


def outputs(subject: Subject) -> Iterator[Diagnostic]:
    """Each output goes to a connection that exists, of its kind, and away from every device."""
    for name, output in subject.definition.outputs.items():
        at: Location = ("outputs", name)
        if isinstance(output, PluginOutput):
            continue  # it has no address of its own: `rules.plugins`
        if isinstance(output, OpcuaServerOutput | ModbusServerOutput):
            yield from _server(subject, output, at)
            continue
        if isinstance(output, RecordingOutput):
            yield from _folder(subject, output, at)
            continue
        if isinstance(output, HttpOutput):
            yield from _push(subject, output, at)
            continue
        known = [*map(str, subject.definition.connections)]
        address = subject.address(output.to)
        if output.to not in subject.definition.connections or address is None:
            message = f"there is no connection `{output.to}`"
            yield subject.problem("E105", message, suggestion(output.to, known), *at, "to")
            continue
        if address.scheme not in _SCHEMES[output.type]:
            message = f"`{output.to}` is {address.scheme}, and this output is {output.type}"
            yield subject.problem("E505", message, f"name a `{_SCHEMES[output.type][0]}://` connection", *at, "to")
        yield from _own_address(subject, address, (*at, "to"))
        if isinstance(output, MqttOutput):
            yield from _own_topic(subject, output, at)
            yield from _points(subject, output, at)


def _push(subject: Subject, output: HttpOutput, at: Location) -> Iterator[Diagnostic]:
    """A server of its own, encrypted unless it is on this machine; a token that a header can carry."""
    target = parse_push(output.url)
    yield from _own_address(subject, target, (*at, "url"))
    yield from _points(subject, output, at)
    if target.scheme == "http" and not is_loopback(target.host):
        yield subject.problem("E327", "this goes to another machine in clear text", "write `https://`", *at, "url")
    token = "" if output.token is None or subject.stub else output.token.reveal()
    if not (token.isascii() and token.isprintable()) or len(token) > MAX_TOKEN:
        message = f"the token has characters that a header cannot carry, or more than {MAX_TOKEN}"
        yield subject.problem("E320", message, "write the token alone into its file", *at, "token")


def _own_address(subject: Subject, target: Address, at: Location) -> Iterator[Diagnostic]:
    """Not where a device is. A port of a device that is not its protocol's may still be a way to command it."""
    for device in subject.devices:
        address = subject.address(device.section.connect)
        own = "://" in device.section.connect or (address is not None and address.scheme == "modbus-tls")
        if address is None or not (own or target.scheme in PUSH_PORTS):
            continue
        whole = target.scheme in PUSH_PORTS and canonical_host(target.host) != "loopback" and not device.topics
        if (whole or address.port == target.port) and canonical_host(address.host) == canonical_host(target.host):
            first = ((*device.at, "connect"), "the device is reached here")
            message = f"this output reaches the device `{device.id}`"
            yield subject.problem("E301", message, "outputs record, they cannot reach a device", *at, first=first)


def _server(subject: Subject, output: OpcuaServerOutput | ModbusServerOutput, at: Location) -> Iterator[Diagnostic]:
    """A server listens on an address of its own, for known clients, and never where a device is."""
    host, port = parse_listen(output.listen)
    if isinstance(output, ModbusServerOutput):
        if not is_loopback(host) and not output.clients:
            advice = "write e.g. `clients: [10.20.0.0/24]`, or listen on `127.0.0.1`"
            yield subject.problem("E307", "an address reached from elsewhere needs `clients`", advice, *at, "listen")
    elif not is_loopback(host):
        yield subject.problem("E307", _LISTENING, "listen on a loopback address, e.g. `127.0.0.1:4841`", *at, "listen")
    door = subject.definition.endpoint
    if door is not None and port and parse_listen(door.listen)[1] == port:
        here: tuple[Location, str] = (("endpoint", "listen"), "the endpoint listens here")
        yield subject.problem("E107", "two listeners on one port", "give each its own", *at, "listen", first=here)
    for name, other in subject.definition.outputs.items():
        if not isinstance(other, OpcuaServerOutput | ModbusServerOutput):
            continue
        if name < str(at[1]) and port and parse_listen(other.listen)[1] == port:
            here = (("outputs", name, "listen"), "used here")
            yield subject.problem("E107", "two listeners on one port", "give each its own", *at, "listen", first=here)
    for device in subject.devices:
        address = subject.address(device.section.connect)
        if address is not None and canonical_host(address.host) == "loopback" and address.port == port:
            first = ((*device.at, "connect"), "the device is reached here")
            message = f"this output takes the address of the device `{device.id}`"
            yield subject.problem("E301", message, "outputs record, they are no device", *at, "listen", first=first)


def _folder(subject: Subject, output: RecordingOutput, at: Location) -> Iterator[Diagnostic]:
    """A recording has a folder of its own, with room for two files."""
    if output.quota < 2.0 * output.rotate_size:
        message = f"{output.quota:g} MB are less than two files of {output.rotate_size:g} MB"
        yield subject.problem("E323", message, "raise the quota, or write a smaller `rotate_size`", *at, "quota")
    for name, other in subject.definition.outputs.items():
        if isinstance(other, RecordingOutput) and other.folder and other.folder == output.folder and name < str(at[1]):
            first: tuple[Location, str] = (("outputs", name, "folder"), "used here")
            yield subject.problem("E107", "two outputs in one folder", "give each its own", *at, "folder", first=first)


def _own_topic(subject: Subject, output: MqttOutput, at: Location) -> Iterator[Diagnostic]:
    for device in subject.devices:
        place = next((place for place, own in device.topics.items() if reaches(output.topic, own)), None)
        if place is not None:
            code = "E301" if device.commanded else "E302"
            first = ((*device.at, *place), "the device's topic")
            message = f"this output reaches the topic of `{device.id}`"
            yield subject.problem(code, message, "outputs have topics of their own", *at, "topic", first=first)
    for what, place, topic in _read_topics(subject):
        if reaches(output.topic, topic):
            first = (place, "read here")
            message = f"this output reaches the topic of the {what}"
            yield subject.problem("E302", message, "outputs have topics of their own", *at, "topic", first=first)
    for name, other in subject.definition.outputs.items():
        if name != at[1] and isinstance(other, MqttOutput) and other.topic == output.topic and name < str(at[1]):
            first = (("outputs", name, "topic"), "used here")
            yield subject.problem("E107", "two outputs on one topic", "give each its own", *at, "topic", first=first)


def _points(subject: Subject, output: MqttOutput | HttpOutput, at: Location) -> Iterator[Diagnostic]:
    """What is published point by point are points of assets and meters, and none that its profile keeps to itself."""
    known = {
        f"{device.id}.{name}": point.exportable
        for device in subject.devices
        if device.profile is not None and not device.id.startswith("inputs.")
        for name, point in device.profile.read.items()
    }
    for name in output.points:
        of = name.rpartition(".")[0]
        if name not in known and any(device.id == of and device.profile is None for device in subject.devices):
            continue  # its profile is refused already
        if name not in known:
            message, advice = f"there is no point `{name}` of an asset or meter", suggestion(name, [*known])
            yield subject.key_problem("E506", message, advice, *at, "points", name)
        elif not known[name]:
            message = f"the profile keeps `{name}` to itself (`exportable: false`)"
            yield subject.key_problem("E506", message, "leave it out", *at, "points", name)


def _read_topics(subject: Subject) -> Iterator[tuple[str, Location, str]]:
    """What is read from topics and is no device: what it is, where its topic stands, and the topic."""
    for index, request in enumerate(subject.definition.requests):
        if request.schedule is not None and request.schedule.topic is not None:
            yield f"request `{request.kind}`", ("requests", index, "schedule", "topic"), request.schedule.topic
    for index, limit in enumerate(subject.definition.limits):
        if limit.grid_operator.topic is not None:
            yield f"limit `{limit.kind}`", ("limits", index, limit.kind, "topic"), limit.grid_operator.topic
    for name, signal in subject.definition.inputs.items():
        if signal.topic is not None:
            yield f"input `{name}`", ("inputs", name, "topic"), signal.topic


def request_topics(subject: Subject) -> Iterator[Diagnostic]:
    """A request, a limit or an input is never read from a device's own topic."""
    for what, at, topic in _read_topics(subject):
        for device in subject.devices:
            place = next((place for place, own in device.topics.items() if reaches(topic, own)), None)
            if place is not None:
                first = ((*device.at, *place), "the device's topic")
                message = f"the {what} is read from the topic of `{device.id}`"
                yield subject.problem("E302", message, "give it a topic of its own", *at, first=first)


def endpoint(subject: Subject) -> Iterator[Diagnostic]:
    """The endpoint is on loopback, or has tokens and encryption."""
    door = subject.definition.endpoint
    if door is None:
        return
    host, _ = parse_listen(door.listen)
    tokens = [role for role in _ROLES if getattr(door.tokens, role) is not None]
    at: Location = ("endpoint", "listen")
    local = is_loopback(host)
    if not local or door.behind_proxy:
        if door.anonymous_viewer:
            message = "anonymous viewing is for a loopback address without a proxy only"
            why: Location = ("endpoint", "behind_proxy") if local else at
            first = (why, "a proxy brings others here" if local else "this address is reached from elsewhere")
            yield subject.problem(
                "E308", message, "remove it, or listen on `127.0.0.1`", "endpoint", "anonymous_viewer", first=first
            )
        if not tokens:
            advice = "write e.g. `tokens: { viewer: !secret viewer_token }`"
            yield subject.problem("E307", "an address reached from elsewhere needs tokens", advice, *at)
        if door.tls is None and not door.behind_proxy:
            advice = "write `tls:`, or `behind_proxy: true` when a proxy in front has it, or listen on `127.0.0.1`"
            yield subject.problem("E307", "an address reached from elsewhere needs TLS", advice, *at)
    elif not tokens and not door.anonymous_viewer:
        advice = "write `tokens:`, or `anonymous_viewer: true`"
        yield subject.key_problem("E307", "nobody can look", advice, "endpoint", severity="warning")
    if not subject.stub:
        yield from _tokens(subject, door, tokens)


def _tokens(subject: Subject, door: Endpoint, roles: list[str]) -> Iterator[Diagnostic]:
    texts = {role: getattr(door.tokens, role).reveal() for role in roles}
    for first, second in combinations(roles, 2):
        if texts[first] == texts[second]:
            message = f"the tokens of {first} and {second} are the same"
            advice = "give each role a token of its own"
            yield subject.problem("E319", message, advice, "endpoint", "tokens", second)
    for role in roles:
        if weak(texts[role]):
            message = f"the token of {role} is easily guessed, or not {MIN_TOKEN} to {MAX_TOKEN} characters long"
            advice = "make one with `openssl rand -hex 32`"
            yield subject.problem("E320", message, advice, "endpoint", "tokens", role)
