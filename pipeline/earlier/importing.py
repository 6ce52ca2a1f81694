"""`profile import FILE.json`: a mapping file of the earlier system as a device profile, checked before it is told."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from config.catalogue import load_profile
from config.source import Source
from pipeline.console import as_json, fail, note, say, show
from pipeline.earlier.manifest import ManifestError
from pipeline.earlier.mapping import mapping
from pipeline.earlier.profile import Imported, NoProfileError, imported
from pipeline.exits import Exit
from pipeline.profile_file import as_file, write_file


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="The profile's name; without it, the name that the file gives.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to, if not to the terminal.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
@as_json
def import_profile(file: Path, name: str | None, output: Path | None, *, force: bool, in_json: bool) -> None:
    """Make a profile from a mapping file (Modbus, MQTT or OPC UA) of the earlier system."""
    try:
        theirs = mapping(file)
        made = imported(theirs, name or theirs.profile_name)
    except (ManifestError, NoProfileError) as error:
        fail(str(error), Exit.FAILED, in_json=in_json)
    text = as_text(made, file.name)
    _, refused = load_profile(Source(str(output or file.with_suffix(".yaml")), text))
    if refused:
        show(refused, in_json=in_json)
        sys.exit(Exit.FAILED)
    if output is not None:
        write_file(output, text, force=force, in_json=in_json)
    if in_json:
        say({"profile": made.values, "connect": made.connect, "notes": made.notes, "written": output and str(output)})
    elif output is None:
        click.echo(text, nl=False)
    else:
        note(f"written: {output}\n" + "\n".join(f"look at: {said}" for said in made.notes))


def as_text(made: Imported, origin: str) -> str:
    """The profile's file: what to look at in its head, then its keys in the order in which profiles are written."""
    head = [f"Imported from {origin}. connect: {made.connect}", "", "To look at:"]
    return as_file(made.values, [*head, *(f"- {said}" for said in made.notes)])
