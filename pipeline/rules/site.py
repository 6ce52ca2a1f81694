"""Rules about the site as a whole: its cycle, its limits, its connections, what the chain requires."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from config.address import parse_url
from config.diagnostics import Diagnostic
from config.shape import suggestion
from pipeline.rules.subject import Subject

CYCLES_S = (1.0, 0.1)


def cycle(subject: Subject) -> Iterator[Diagnostic]:
    """The cycle is 1 s or 100 ms."""
    if subject.definition.site.cycle not in CYCLES_S:
        message = f"a cycle of {subject.definition.site.cycle:g} s is not possible"
        yield subject.problem("E309", message, "`1 s`, or `100 ms` when an asset sells fast reserve", "site", "cycle")


def observed(subject: Subject) -> Iterator[Diagnostic]:
    """A limit at the point of connection is watched by the meter `poc`."""
    site = subject.definition.site
    for key in ("import_limit", "export_limit"):
        if getattr(site, key) is not None and "poc" not in site.meters:
            message = f"`{key}` is watched by no meter: `max_load` and `max_pv` always stand in"
            advice = "name the meter at the point of connection `poc`"
            yield subject.key_problem("E318", message, advice, "site", key, severity="warning")


def connections(subject: Subject) -> Iterator[Diagnostic]:
    """Connections are brokers and databases; a named authority's file is there."""
    for name, connection in subject.definition.connections.items():
        at = ("connections", name)
        if parse_url(connection.url).scheme == "modbus-tcp":
            advice = "write it under the device's own `connect:`"
            yield subject.problem("E505", "a connection is a broker or a database", advice, *at, "url")
        if parse_url(connection.url).scheme == "modbus-tls" and (connection.user or connection.password):
            advice = "remove it; devices on Modbus know us by our `certificate`"
            which = "user" if connection.user else "password"
            yield subject.key_problem("E505", "nobody signs in to a device on Modbus", advice, *at, which)
        if connection.ca is not None and not subject.stub and not Path(connection.ca).is_file():
            message = "the file of the certificate authority does not exist"
            yield subject.problem("E105", message, "name a PEM file, or remove `ca`", *at, "ca")


def required(subject: Subject) -> Iterator[Diagnostic]:
    """`chain.snapshot.require` names devices that exist."""
    known = [device.id for device in subject.devices]
    for index, name in enumerate(subject.definition.chain.snapshot.require):
        if name not in known:
            message = f"there is no device `{name}`"
            yield subject.problem("E105", message, suggestion(name, known), "chain", "snapshot", "require", index)
