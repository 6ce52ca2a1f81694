"""`replay MANIFEST.json`: the part of the verb that puts a replay set of the earlier system to our chain."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from config.diagnostics import errors
from pipeline.check import check
from pipeline.console import fail, say, show
from pipeline.earlier.asset import Site
from pipeline.earlier.compared import text
from pipeline.earlier.manifest import ManifestError
from pipeline.earlier.replay import replayed
from pipeline.exits import Exit


def earlier(manifest: Path, definition: Path | None, *, in_json: bool) -> NoReturn:
    """Report, and end: 0 when all is the same or different for a stated reason, else as any replay that differs."""
    try:
        outcome = replayed(manifest, None if definition is None else _site(definition, in_json=in_json))
    except ManifestError as error:
        fail(str(error), Exit.FAILED, in_json=in_json)
    if in_json:
        say(outcome.json())
    else:
        click.echo(text(outcome))
    sys.exit(Exit.OK if outcome.passed else Exit.DIFFERENT)


def _site(definition: Path, *, in_json: bool) -> Site:
    found = check(definition, env_stub=True)
    if found.definition is None:
        show(errors(found.diagnostics), in_json=in_json)
        sys.exit(Exit.INVALID)
    return Site(found.definition, found.profiles)
