"""`replay FILE --definition NEW.yaml`: the part of the verb that asks what another definition would have done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from config.diagnostics import errors
from jit.frame import Frame
from pipeline.check import check
from pipeline.compile import Compiled, compile_definition
from pipeline.console import fail, note, say, show
from pipeline.exits import Exit
from pipeline.whatif.page import page
from pipeline.whatif.report import compared
from pipeline.whatif.wording import notes, text
from sources.recording.form import RecordingError
from sources.recording.recording import Recording


def what_if(
    recorded: Path,
    definition: Path,
    *,
    from_ns: int | None,
    to_ns: int | None,
    differences: int,
    onto: Path | None,
    watch: Callable[[Frame], None] | None,
    in_json: bool,
) -> NoReturn:
    """Report, and end: 0 whether or not anything changes, 78 when the definition is refused."""
    new = _compiled(definition, in_json=in_json)
    try:
        recording = Recording.open(recorded)
        report = compared(recording, new, from_ns=from_ns, to_ns=to_ns, most=differences, watch=watch)
        if report.ticks == 0:
            fail(f"{recorded} has no tick there", Exit.FAILED, in_json=in_json)
        if onto is not None:
            onto.write_text(page(report, recorded.name, definition.name), encoding="utf-8")
    except (RecordingError, OSError) as error:
        fail(str(error), Exit.FAILED, in_json=in_json)
    if in_json:
        say(report.json() | {"notes": notes(report)})
    else:
        click.echo(text(report))
        if onto is not None:
            note(f"plots in {onto}")
    sys.exit(Exit.OK)


def _compiled(definition: Path, *, in_json: bool) -> Compiled:
    """NEW, checked as `run` would, without its secrets and its surroundings."""
    found = check(definition, env_stub=True)
    if found.definition is None:
        show(errors(found.diagnostics), in_json=in_json)
        sys.exit(Exit.INVALID)
    return compile_definition(found.definition, found.profiles)
