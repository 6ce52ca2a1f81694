"""The verb `profile`: device profiles as data: list, show, prove one with its sample, try one on a device, make one.

    bess-pipeline profile list
    bess-pipeline profile show sunspec-storage
    bess-pipeline profile lint acme-rack-2.yaml          replays the recorded sample
    bess-pipeline profile try sunspec-storage modbus-tcp://10.0.0.11:502/1
    bess-pipeline profile import modbus-mapping.json     from the earlier system
    bess-pipeline profile find modbus-tcp://10.0.0.11:502/1 --units 1-20
    bess-pipeline profile generate storage --name acme --from modbus-tcp://10.0.0.11:502/1      from its SunSpec models
"""

from __future__ import annotations

import asyncio
import sys
from math import isnan
from pathlib import Path
from typing import Any

import click

from pipeline.console import as_json, fail, say, show
from pipeline.earlier.importing import import_profile
from pipeline.exits import Exit
from pipeline.sunspec.verb import find_devices, generate_profile


@click.group()
def profile() -> None:
    """Device profiles: list, show, lint, try, import, find, generate."""


profile.add_command(import_profile)
profile.add_command(generate_profile)
profile.add_command(find_devices)


@profile.command("list")
@as_json
def names(*, in_json: bool) -> None:
    """List the profiles that ship."""
    from config import catalogue

    found = [catalogue.profile(name) for name in catalogue.names()]
    if in_json:
        say([{"name": p.name, "version": p.version, "kind": p.kind, "protocol": p.protocol, "title": p.title}
             for p in found])  # fmt: skip
        return
    width = max(len(p.name) for p in found)
    for p in found:
        click.echo(f"{p.name:<{width}}  {p.kind:<8}{p.protocol:<8}{p.title}")


@profile.command("show")
@click.argument("name")
@as_json
def one(name: str, *, in_json: bool) -> None:
    """Show a profile by name or file: points, registers, units, watchdog."""
    from pipeline import manual

    found = _found(name, in_json=in_json)
    if in_json:
        say(found.model_dump(mode="json", by_alias=True, exclude_none=True))
    else:
        click.echo(manual.of_profile(found))


@profile.command("lint")
@click.argument("given", nargs=-1, metavar="[NAME|FILE]...")
@as_json
def lint(given: tuple[str, ...], *, in_json: bool) -> None:
    """Replay the recorded sample of profiles; without a name, of all that ship. Exit 1 when one does not decode."""
    from config import catalogue
    from pipeline.lint import lint as findings

    results = {name: findings(_found(name, in_json=in_json)) for name in given or catalogue.names()}
    if in_json:
        say({name: [{"severity": f.severity, "point": f.point, "message": f.message} for f in found]
             for name, found in results.items()})  # fmt: skip
    else:
        for name, found in results.items():
            click.echo(f"{name}: {'ok' if not found else ''}".rstrip())
            for finding in found:
                click.echo(f"  {finding.severity}: {f'`{finding.point}` ' if finding.point else ''}{finding.message}")
    failed = any(finding.severity == "error" for found in results.values() for finding in found)
    sys.exit(Exit.FAILED if failed else Exit.OK)


@profile.command("try")
@click.argument("name")
@click.argument("url")
@click.option("--topic", default="", help="The device's own topic, on MQTT.")
@click.option("--node", default="", help="The device's own node, on OPC UA.")
@click.option("--user", help="Name to sign in with, on MQTT and OPC UA.")
@click.option("--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its password.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM file of the authority.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=5.0, show_default=True, help="Longest wait (s).")
@as_json
def attempt(
    name: str, url: str, topic: str, node: str, user: str | None, password_file: Path | None, ca: Path | None,
    timeout: float, *, in_json: bool,
) -> None:  # fmt: skip
    """Read a live device once with a profile and print what it says. Nothing is written to it."""
    from config.address import AddressError, parse_url
    from pipeline.trying import Target, TryError, read_once

    found = _found(name, in_json=in_json)
    try:
        scheme = parse_url(url).scheme
    except AddressError as error:
        fail(f"{error}; {error.help}", Exit.USAGE, in_json=in_json)
    if not scheme.startswith({"modbus": "modbus", "mqtt": "mqtt", "opcua": "opc"}[found.protocol]):
        fail(f"`{found.name}` speaks {found.protocol}, and this is {scheme}", Exit.USAGE, in_json=in_json)
    password = None if password_file is None else password_file.read_text(encoding="utf-8").strip("\r\n")
    try:
        seen = asyncio.run(read_once(found, Target(url, topic, node, user, password, ca), timeout))
    except TryError as error:
        fail(str(error), Exit.UNREACHABLE, in_json=in_json)
    if in_json:
        say([{"point": s.name, "value": None if isnan(s.value) else s.value, "shown": s.shown, "quality": s.quality}
             for s in seen])  # fmt: skip
        return
    width = max(len(s.name) for s in seen)
    for s in seen:
        click.echo(f"{s.name:<{width}}  {s.shown:<26} {s.quality:<10} {s.label}".rstrip())


def _found(name: str, *, in_json: bool) -> Any:
    """The profile of a name or a file; the end of the program when there is none or it is broken."""
    from config import catalogue
    from config.diagnostics import Diagnostic
    from config.document import read

    if name in catalogue.names():
        return catalogue.profile(name)
    if not name.endswith((".yaml", ".yml")):
        fail(str(catalogue.UnknownProfile(name)) + f"; {catalogue.UnknownProfile(name).suggestion}", Exit.FAILED,
             in_json=in_json)  # fmt: skip
    source = read(Path(name))
    if isinstance(source, Diagnostic):
        show([source], in_json=in_json)
        sys.exit(Exit.INVALID)
    found, problems = catalogue.load_profile(source)
    if found is None:
        show(problems, in_json=in_json)
        sys.exit(Exit.INVALID)
    return found
