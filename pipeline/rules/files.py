"""Rules about files that the definition names: certificates can be used, the state directory can be one.

With `--env-stub` none of them is looked at. Nothing of a secret is ever in a message.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

from config.address import AddressError
from config.definition import Connection, HttpOutput, RecordingOutput
from config.diagnostics import Diagnostic
from config.plain import Location
from config.quantity import Secret
from pipeline.rules.subject import Subject
from sources.mqtt.address import context


def certificates(subject: Subject) -> Iterator[Diagnostic]:
    """The endpoint's certificate fits its key; the file of an authority holds certificates (E321)."""
    if subject.stub:
        return
    for name, connection in subject.definition.connections.items():
        yield from _authority(subject, connection.ca, ("connections", name, "ca"))
        yield from _client(subject, name, connection)
    for name, output in subject.definition.outputs.items():
        if isinstance(output, HttpOutput):
            yield from _authority(subject, output.ca, ("outputs", name, "ca"))
    door = subject.definition.endpoint
    if door is None or door.tls is None or not _read(door.tls.certificate) or not _read(door.tls.key):
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(str(door.tls.certificate.path), str(door.tls.key.path))
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or "they are not PEM"
        message = f"the certificate and its key cannot be used: {str(reason).replace('_', ' ').lower()}"
        first = (("endpoint", "tls", "key"), "its key")
        advice = "both in PEM, the key without a password and of this certificate"
        yield subject.problem("E321", message, advice, "endpoint", "tls", "certificate", first=first)


def _authority(subject: Subject, ca: str | None, at: Location) -> Iterator[Diagnostic]:
    if ca is not None and Path(ca).is_file():
        try:
            ssl.create_default_context(cafile=ca)
        except (OSError, ssl.SSLError):
            yield subject.problem(
                "E321", "this file holds no certificates", "name a file of certificates in PEM", *at
            )


def _client(subject: Subject, name: str, connection: Connection) -> Iterator[Diagnostic]:
    """A client certificate for a broker fits its key, and its connection is encrypted."""
    certificate, key, address = connection.certificate, connection.key, subject.address(name)
    if certificate is None or address is None or address.scheme not in ("mqtt", "mqtts", "modbus-tls"):
        return
    if address.scheme == "mqtt":
        message, advice = "a certificate is shown over TLS only", "write `mqtts://`, or remove `certificate`"
        yield subject.problem("E321", message, advice, "connections", name, "certificate")
    elif _read(certificate) and (key is None or _read(key)):
        try:
            context(None, (Path(str(certificate.path)), None if key is None else Path(str(key.path))))
        except AddressError as error:
            yield subject.problem("E321", error.message, error.help, "connections", name, "certificate")


def _read(secret: Secret) -> bool:
    return secret.path is not None and bool(secret.reveal())


def state(subject: Subject) -> Iterator[Diagnostic]:
    """The state directory and the folders of recordings are none of an existing file's (E322)."""
    if subject.stub:
        return
    folders: list[tuple[str, Location]] = [(subject.definition.state_dir, ("state_dir",))]
    for name, output in subject.definition.outputs.items():
        if isinstance(output, RecordingOutput) and output.folder is not None:
            folders.append((output.folder, ("outputs", name, "folder")))
    for folder, at in folders:
        path = Path(folder)
        taken = next((place for place in (path, *path.parents) if place.exists() and not place.is_dir()), None)
        if taken is not None:
            yield subject.problem("E322", f"`{taken}` is a file", "name a folder, or a place for one", *at)
