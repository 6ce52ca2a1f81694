"""Rules about OPC UA: every node is a node id; a secured connection has what it needs to be one; a user is one."""

from __future__ import annotations

from collections.abc import Iterator

from config.address import AddressError
from config.definition import Connection
from config.diagnostics import Diagnostic
from config.node import below, check_node
from config.plain import Location
from config.profile import Profile
from pipeline.rules.subject import Subject
from pipeline.servers import pin


def nodes(subject: Subject) -> Iterator[Diagnostic]:
    """The node of each device and input is one, and its points can stand below it (E221)."""
    for device in subject.devices:
        node, profile = device.section.node, device.profile
        if node is not None and profile is not None and profile.protocol == "opcua":
            yield from _below(subject, profile, node, (*device.at, "node"))
    for name, signal in subject.definition.inputs.items():
        address = subject.address(signal.connect)
        if signal.node is not None and address is not None and address.scheme == "opc.tcp":
            try:
                check_node(signal.node)
            except AddressError as error:
                yield subject.problem(error.code, error.message, error.help, "inputs", name, "node")


def _below(subject: Subject, profile: Profile, node: str, at: Location) -> Iterator[Diagnostic]:
    places = [point.node for point in (*profile.read.values(), *profile.write.values())]
    places += [text.node for text in profile.identity.values()]
    try:
        check_node(node)
        for place in places:
            below(node, str(place))
    except AddressError as error:
        yield subject.problem(error.code, error.message, error.help, *at)


def security(subject: Subject) -> Iterator[Diagnostic]:
    """A secured connection has a certificate with its key, and somebody vouches for the server (E326)."""
    for name, connection in subject.definition.connections.items():
        at: Location = ("connections", name)
        yield from _user(subject, name, connection)
        if connection.security in (None, "None"):
            continue
        if connection.ca is None and not subject.stub and not pin(subject.definition.state_dir, name).exists():
            message = "nothing vouches for this server: the first certificate that it shows is kept and trusted"
            advice = "write `ca:`, a PEM file of its certificate or of who has signed it"
            yield subject.key_problem("E326", message, advice, *at, "security", severity="warning")
        if connection.certificate is None:
            advice = "write `certificate: !secret name`, a file with certificate and key in PEM"
            yield subject.key_problem("E326", "`security` needs a `certificate`", advice, *at, "security")
        elif not subject.stub and "PRIVATE KEY" not in (connection.key or connection.certificate).reveal():
            message = "there is no private key of this certificate: no session will be opened"
            advice = "put it into the certificate's file, or name it under `key`"
            yield subject.problem("E326", message, advice, *at, "certificate", severity="warning")


def _user(subject: Subject, name: str, connection: Connection) -> Iterator[Diagnostic]:
    """Who signs in by certificate does it on OPC UA, with its key, and under no other name (E326)."""
    certificate, key, address = connection.user_certificate, connection.user_key, subject.address(name)
    at: Location = ("connections", name)
    if certificate is None:
        if key is not None:
            advice = "write `user_certificate`, or remove `user_key`"
            yield subject.key_problem("E326", "a `user_key` without its `user_certificate`", advice, *at, "user_key")
        return
    where = (*at, "user_certificate")
    if address is not None and address.scheme != "opc.tcp":
        message = "a `user_certificate` is for OPC UA"
        yield subject.key_problem("E326", message, "write `certificate` for a broker", *where)
    if connection.user is not None or connection.password is not None:
        message = "a user is known by name and password, or by certificate: not by both"
        yield subject.key_problem("E326", message, "remove `user` and `password`, or `user_certificate`", *where)
    if not subject.stub and "PRIVATE KEY" not in (key or certificate).reveal():
        message, advice = "there is no private key of this certificate", "put it into its file, or name `user_key`"
        yield subject.problem("E326", message, advice, *where, severity="warning")
