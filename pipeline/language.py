"""The verbs about the language itself: `schema`, `list`, `show`. Nothing is connected, compiled or started.

    bess-pipeline schema > bess-pipeline.schema.json      bess-pipeline schema --markdown > docs/definition.md
    bess-pipeline show site.yaml --expanded --origin      the effective definition, each value with where it came from
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from pipeline.console import as_json, checked, chosen, definition_file, fail, note, say, secrets_folder
from pipeline.exits import Exit

MODELINE = "# yaml-language-server: $schema=./bess-pipeline.schema.json"


@click.command()
@click.option("--markdown", is_flag=True, help="The reference as Markdown instead.")
@click.option("--profile", is_flag=True, help="The schema of a device profile in a file of its own.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file.  [default: standard output]")
@as_json
def schema(*, markdown: bool, profile: bool, output: Path | None, in_json: bool) -> None:
    """Write the JSON Schema of the language, for editors (draft 2020-12), or its reference."""
    from config.reference import reference
    from config.schema import definition_schema, profile_schema

    if markdown:
        text = reference()
    else:
        found = profile_schema() if profile else definition_schema()
        text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if output is None:
        if in_json and markdown:
            say({"markdown": text})
        else:
            click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{output}: {error.strerror}", Exit.FAILED, in_json=in_json)
    if in_json:
        say({"written": str(output)})
    else:
        note(f"written: {output}")


@click.command("list")
@as_json
def listing(*, in_json: bool) -> None:
    """List what a definition can be made of: profiles, requests, services, limits, outputs, transforms, units."""
    from pipeline.inventory import inventory

    found = inventory()
    if in_json:
        say(found)
        return
    for heading, entries in found.items():
        width = max(map(len, entries))
        click.echo(f"{heading}\n" + "\n".join(f"  {name:<{width}}  {said}".rstrip() for name, said in entries.items()))


@click.command()
@definition_file
@click.option("--expanded", is_flag=True, help="Also what is not written: defaults, and the profiles in full.")
@click.option("--origin", is_flag=True, help="Each value with where it came from.")
@click.option("--reactions", is_flag=True, help="Instead: what is done about a deviation, and within how many seconds.")
@click.option("--env-stub", is_flag=True, help="Do without environment variables and secrets.")
@secrets_folder
@as_json
def show(
    file: Path | None, *, expanded: bool, origin: bool, reactions: bool, env_stub: bool, secrets_dir: Path,
    in_json: bool,
) -> None:  # fmt: skip
    """Print the effective definition: itself a valid file; secrets are never printed."""
    from pipeline import reactions as answered
    from pipeline.effective import as_values, as_yaml

    found = checked(chosen(file, in_json=in_json), secrets_dir, env_stub=env_stub, in_json=in_json)
    if found.definition is None:
        sys.exit(Exit.INVALID)
    if reactions:
        times = answered.reactions(found)
        say(answered.as_values(times)) if in_json else click.echo(answered.as_text(times))
    elif in_json:
        say(as_values(found, expanded=expanded, origin=origin))
    else:
        click.echo(as_yaml(found, expanded=expanded, origin=origin), nl=False)
