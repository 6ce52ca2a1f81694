"""`bess-pipeline why`: the way from what was asked to what was sent, of a running process or out of a recording.

    bess-pipeline why bess1                                          the running process, now
    bess-pipeline why bess1 --at 2026-11-22T13:03:07Z                its recording output, at that instant
    bess-pipeline why bess1 --from recordings --at 2026-11-22T13:03:07Z

Both show the same rows. A process remembers the newest tick alone: an instant of the past needs a recording.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipeline.console import as_json, endpoint, fail, note, say, screen, slow, talking
from pipeline.exits import Exit
from pipeline.replay.verb import Instant
from pipeline.terminal import why_view
from pipeline.watching import assets_of

#: An explained tick this much older than the instant asked for is said to be so (s).
APART_S = 2.0


@click.command()
@click.argument("asset", required=False)
@click.option("--at", "at_ns", type=Instant(), help="At this instant: the newest tick up to it.  [default: the newest]")
@click.option("--from", "recording", type=click.Path(exists=True, path_type=Path), metavar="RECORDING",
              help="Out of a recording (a file or a folder) instead of the running process.")  # fmt: skip
@endpoint
@as_json
def why(asset: str | None, at_ns: int | None, recording: Path | None, url: str, token_file: Path | None,
        in_json: bool) -> None:  # fmt: skip
    """Explain the command of ASSET, or of every asset."""
    if recording is None and at_ns is None:
        decisions = _now(asset, url, token_file, in_json=in_json)
    else:
        folder = recording or folder_of_running(url, token_file, in_json=in_json)
        decisions = _recorded(folder, asset, at_ns, in_json=in_json)
    if in_json:
        say(decisions[0] if asset else decisions)
        return
    console = screen()
    for decision in decisions:
        console.print(why_view(decision), "")


def _now(asset: str | None, url: str, token_file: Path | None, *, in_json: bool) -> list[Any]:
    with talking(url, token_file, in_json=in_json) as remote:
        named = assets_of(remote)
        if asset is not None and asset not in named:
            fail(f"there is no asset `{asset}`; there is {', '.join(named) or 'none'}", Exit.FAILED, in_json=in_json)
        return [remote.once(f"decisions.{name}") for name in ([asset] if asset else named)]


def folder_of_running(url: str, token_file: Path | None, *, in_json: bool) -> Path:
    """Where the running process records to."""
    with talking(url, token_file, in_json=in_json) as remote:
        folders = [Path(folder) for folder in remote.hello.get("recordings") or ()]
    if not folders:
        fail("the running process knows its newest tick alone, and its definition has no output of type `recording`;"
             " leave --at out, or name a recording with --from", Exit.FAILED, in_json=in_json)  # fmt: skip
    here = next((folder for folder in folders if folder.is_dir()), None)
    if here is None:
        fail(f"the running process records to {folders[0]}, which is not on this machine;"
             " ask there, or name a copy with --from", Exit.FAILED, in_json=in_json)  # fmt: skip
    return here


def _recorded(folder: Path, asset: str | None, at_ns: int | None, *, in_json: bool) -> list[dict[str, Any]]:
    from sources.instant import format_utc, parse_utc
    from sources.recording.form import RecordingError

    with slow("kernels are compiled, once; this can take a minute", json_log=in_json):
        from pipeline.recalled import recalled

    try:
        decisions = recalled(folder, at_ns, [asset] if asset else [])
    except (RecordingError, LookupError, OSError) as error:
        fail(f"{folder}: {error.args[0] if isinstance(error, LookupError) else error}", Exit.FAILED, in_json=in_json)
    apart_s = 0.0 if at_ns is None else (at_ns - parse_utc(decisions[0]["at"])) / 1e9
    if apart_s > APART_S and at_ns is not None and not in_json:
        note(f"nothing was recorded at {format_utc(at_ns)}: the newest tick before it is {apart_s:,.0f} s older")
    return decisions
