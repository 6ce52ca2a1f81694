"""`bess-pipeline record`: run a definition in shadow and keep every tick, or say what a recording holds.

    bess-pipeline record site.yaml --output recordings --for 10m
    bess-pipeline record --show recordings
    bess-pipeline record --as-test 60s --at 2026-11-22T14:03:30Z recordings > site_incident_test.yaml

In shadow nothing is written to a device. Nothing else is published either: outputs and the endpoint of the definition
are left out, and the state directory is one of the recording's own, so that it may run beside a process that is armed.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.console import as_json, checked, chosen, definition_file, endpoint, fail, say, secrets_folder, slow
from pipeline.exits import Exit
from pipeline.explaining import folder_of_running
from pipeline.incident.verb import as_test
from pipeline.replay.verb import Instant

if TYPE_CHECKING:
    from pipeline.check import Checked
    from sources.recording.part import Part
    from sources.recording.recording import Recording

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


class Span(click.ParamType[float]):
    """`60s`, `10m`, `2 h`: seconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m|min|h|d)", str(value))
        if found is None or float(found[1]) == 0.0:
            self.fail("write a time, e.g. `60s`, `10m`, `2h`", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


@click.command()
@definition_file
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path("recording"),
              show_default=True, help="Folder of the recording.")  # fmt: skip
@click.option("--for", "for_s", type=Span(), help="End by itself after this time.  [default: on Ctrl-C]")
@click.option("--show", type=click.Path(exists=True, path_type=Path), metavar="RECORDING",
              help="Say what a recording (a file or a folder) holds.")  # fmt: skip
@click.option("--as-test", "test_s", type=Span(), help="Write the last TIME of a recording (FILE; without one that of"
              " the running process) as a test.")  # fmt: skip
@click.option("--at", "at_ns", type=Instant(), help="With --as-test: end at this instant.  [default: the newest tick]")
@endpoint
@secrets_folder
@as_json
def record(file: Path | None, output: Path, for_s: float | None, show: Path | None, test_s: float | None,
           at_ns: int | None, url: str, token_file: Path | None, secrets_dir: Path, in_json: bool) -> None:  # fmt: skip
    """Record every tick of a definition that runs in shadow; with --show, look at what was recorded."""
    if test_s is not None:
        as_test(file or folder_of_running(url, token_file, in_json=in_json), test_s, at_ns, in_json=in_json)
        return
    if show is not None:
        _show(show, in_json=in_json)
        return
    found = checked(chosen(file, in_json=in_json), secrets_dir, to_run=True, in_json=in_json)
    with slow("kernels are compiled, once; this can take a minute", json_log=in_json):
        from pipeline.run import run

    code = run(alone(found, output), json_log=in_json, state_dir=output / "state", for_s=for_s)
    if code == Exit.OK:
        _show(output, in_json=in_json)
    sys.exit(code)


def alone(found: Checked, output: Path) -> Checked:
    """The definition with a recording and no other output, and without a door."""
    from config.definition import RecordingOutput

    if found.definition is None:
        raise ValueError("a definition with errors is refused before it is run")
    kept = {"recording": RecordingOutput(type="recording", folder=str(output))}
    return replace(found, definition=found.definition.model_copy(update={"outputs": kept, "endpoint": None}))


def _show(path: Path, *, in_json: bool) -> None:
    from sources.recording.form import RecordingError
    from sources.recording.recording import Recording

    try:
        said = contents(Recording.open(path))
    except (RecordingError, OSError) as error:
        fail(str(error), Exit.FAILED, in_json=in_json)
    if in_json:
        say(said)
        return
    click.echo(f"{said['site']}: {', '.join(said['assets'])}; version {said['version']}, kernels {said['kernels']}, "
               f"definition {said['definition'][:12]}")  # fmt: skip
    for part in said["parts"]:
        closed = "" if part["closed"] else ", not closed"
        lost = f", {part['lost']:,} lost" if part["lost"] else ""
        click.echo(f"{part['file']}: {part['ticks']:,} ticks{lost}, {part['from']} to {part['to']}, "
                   f"{part['bytes'] / 1e6:.2f} MB{closed}")  # fmt: skip
    for line in said["unreadable"]:
        click.echo(line, err=True)


def contents(recording: Recording) -> dict[str, Any]:
    """What a recording holds, as JSON."""
    header = recording.header
    return {
        "site": header.site,
        "assets": list(header.layout.assets),
        "version": header.version,
        "kernels": header.kernels,
        "definition": header.definition_hash,
        "parts": [_part(part) for part in recording.parts],
        "unreadable": list(recording.unreadable),
    }


def _part(part: Part) -> dict[str, Any]:
    from sources.instant import format_utc

    ticks = lost = 0
    first = last = None
    for chunk in part.chunks():
        ticks += len(chunk)
        lost += chunk.lost
        if len(chunk):
            first = int(chunk.rows[0, 1]) if first is None else first
            last = int(chunk.rows[-1, 1])
    return {
        "file": part.path.name,
        "boot": part.header.boot,
        "ticks": ticks,
        "lost": lost,
        "from": None if first is None else format_utc(first),
        "to": None if last is None else format_utc(last),
        "bytes": part.path.stat().st_size,
        "closed": part.whole,
    }
