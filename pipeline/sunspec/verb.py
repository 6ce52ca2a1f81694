"""`profile find` and `profile generate`: who answers behind an address, and a profile from what it has."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import click

from pipeline.console import as_json, fail, note, say, show
from pipeline.exits import Exit

UNITS = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")


@click.command("find")
@click.argument("url")
@click.option("--units", default="1-10", show_default=True, help="Units to ask; a silent one costs 0.4 s.")
@as_json
def find_devices(url: str, units: str, *, in_json: bool) -> None:
    """Ask the units behind a Modbus address who they are. Nothing is written."""
    from pipeline.sunspec.discovery import units as asked

    match = UNITS.fullmatch(units)
    if match is None:
        fail(f"`{units}` are no units; write e.g. `1-20`", Exit.USAGE, in_json=in_json)
    span = range(int(match[1]), int(match[2] or match[1]) + 1)
    found = _run(url, lambda connection, _: asked(connection, span), in_json=in_json)
    if in_json:
        say([{"unit": unit, "says": text} for unit, text in found])
    for unit, text in [] if in_json else found:
        click.echo(f"unit {unit:<4} {text}")
    sys.exit(Exit.OK if found else Exit.UNREACHABLE)


@click.command("generate")
@click.argument("kind", type=click.Choice(["storage", "inverter", "meter"]))
@click.option("--name", required=True, help="The profile's name.")
@click.option("--from", "url", help="The device; its models are read, nothing is written.")
@click.option("--models", help="Without a device: the models in their order, e.g. `1,701,704,713,715,802`.")
@click.option("--base", type=click.IntRange(0, 65000), default=40000, show_default=True, help="Where they begin.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to, if not to the terminal.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
@as_json
def generate_profile(
    kind: str, name: str, url: str | None, models: str | None, base: int, output: Path | None,
    *, force: bool, in_json: bool,
) -> None:  # fmt: skip
    """Make a profile from the SunSpec models that a device has."""
    from config.catalogue import load_profile
    from config.source import Source
    from pipeline.profile_file import as_file, write_file
    from pipeline.sunspec.generate import CannotGenerateError, generate, standard
    from pipeline.sunspec.models import NoSuchModelError

    if (url is None) == (models is None):
        fail("write either --from a device or its --models", Exit.USAGE, in_json=in_json)
    try:
        if models is not None:
            made = generate(standard([int(part) for part in models.split(",")], base), kind, name)  # type: ignore[arg-type]
        else:
            made = _run(str(url), lambda connection, unit: _live(connection, unit, kind, name), in_json=in_json)
    except (CannotGenerateError, NoSuchModelError, ValueError) as error:
        fail(str(error), Exit.FAILED, in_json=in_json)
    head = [
        f"Made from the SunSpec models of {url or 'their published lengths, without a device'}.",
        "Model definitions: SunSpec Alliance, Apache License 2.0.", "", "To look at before it is used:",
        "- the sign of power: prove it with a small pulse", "- `response` and `ratings`, which no model says",
        "- alarms: which of them are critical",
    ]  # fmt: skip
    text = as_file(made, head)
    _, refused = load_profile(Source(str(output or name), text))
    if refused:
        show(refused, in_json=in_json)
        sys.exit(Exit.FAILED)
    if output is not None:
        write_file(output, text, force=force, in_json=in_json)
        note(f"written: {output}")
    elif in_json:
        say(made)
    else:
        click.echo(text, nl=False)


async def _live(connection: Any, unit: int, kind: str, name: str) -> dict[str, Any]:
    from config.profile import Profile
    from pipeline.sunspec.discovery import discover
    from pipeline.sunspec.generate import generate
    from pipeline.sunspec.recording import most_of, recorded

    chain = await discover(connection, unit)
    made = generate(chain, kind, name, most=await most_of(chain, connection, unit))  # type: ignore[arg-type]
    return made | {"sample": await recorded(Profile.model_validate(made), connection, unit)}


def _run(url: str, ask: Any, *, in_json: bool) -> Any:
    """What `ask(connection, unit)` finds out; the end of the program when the device does not answer."""
    from config.address import AddressError, parse_url
    from pipeline.sunspec.discovery import NoSunSpecError
    from sources.modbus.connection import MAX_TIMEOUT, Connection
    from sources.modbus.errors import ModbusFault

    async def asked() -> Any:
        clock = asyncio.get_running_loop().time
        connection = Connection(place.host, place.port, clock=clock, timeout=MAX_TIMEOUT)
        try:
            if not await connection.connect():
                raise ConnectionError(f"nothing answers at {connection.place}")
            return await ask(connection, place.unit)
        finally:
            connection.close()

    try:
        place = parse_url(url)
        if place.scheme != "modbus-tcp":
            fail("SunSpec devices speak Modbus TCP", Exit.USAGE, in_json=in_json)
        if place.units:
            fail("name one unit; `profile find --units 1-20` asks several", Exit.USAGE, in_json=in_json)
        return asyncio.run(asked())
    except AddressError as error:
        fail(f"{error}; {error.help}", Exit.USAGE, in_json=in_json)
    except (ModbusFault, NoSunSpecError, OSError) as error:
        fail(str(error), Exit.UNREACHABLE, in_json=in_json)
