"""`bess-pipeline record --as-test 60s`: a window of a recording as an entry of `tests:`.

    bess-pipeline record --as-test 60s --at 2026-11-22T14:03:30Z recordings > site_incident_test.yaml
    bess-pipeline record --as-test 60s                      the last minute of the running process's recording output

The entry goes to standard output, what is to be known about it to standard error. A test is only written after it has
passed against the recorded definition; where the window cannot be said exactly, it is told why, with exit code 1.
"""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.console import fail, note, say, slow
from pipeline.exits import Exit


def as_test(path: Path, lasts_s: float, at_ns: int | None, *, in_json: bool) -> None:
    """Write the window that ends at the instant (default: at the newest tick) as a test."""
    from sources.recording.form import RecordingError
    from sources.recording.recording import Recording

    with slow("kernels are compiled, once; this can take a minute", json_log=in_json):
        from pipeline.incident.made import incident
        from pipeline.incident.window import UnfitError, window

    try:
        found = window(Recording.open(path), lasts_s, at_ns)
        made = incident(found)
    except UnfitError as error:
        fail(f"no test is written: {error}", Exit.FAILED, in_json=in_json)
    except (RecordingError, LookupError, OSError) as error:
        fail(f"{path}: {error.args[0] if isinstance(error, LookupError) else error}", Exit.FAILED, in_json=in_json)
    if in_json:
        say({"test": made.text, "how": made.how, "ticks": len(found.ticks)})
        return
    click.echo(made.text, nl=False)
    note(f"{len(found.ticks)} ticks; it passes against what was recorded; {made.how}")
