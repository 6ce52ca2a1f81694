"""`bess-pipeline replay FILE`: compute recorded ticks anew and compare every frame, byte for byte.

At `--speed max` only the result is printed. At a number, e.g. 10 times real time, it goes through the recording like a
film: a line whenever an asset's reason changes.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.console import as_json, fail, note, say, slow
from pipeline.exits import Exit

if TYPE_CHECKING:
    from jit.frame import Frame
    from pipeline.replay.report import Report


class Instant(click.ParamType[int]):
    """A UTC time such as 2026-01-31T12:00:00Z, in ns."""

    name = "UTC"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from sources.instant import parse_utc

        if isinstance(value, int):
            return value
        try:
            return parse_utc(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Speed(click.ParamType[float]):
    """`max`, or a multiple of real time."""

    name = "max|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            speed = float("inf") if value == "max" else float(value)
        except ValueError:
            speed = 0.0
        if not speed > 0.0:
            self.fail("write `max`, or how many times faster than real time, e.g. 10", param, ctx)
        return speed


@click.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--speed", type=Speed(), default="max", show_default=True,
              help="As fast as it goes, or N times real time.")  # fmt: skip
@click.option("--from", "from_ns", type=Instant(), help="Begin at this instant.")
@click.option("--to", "to_ns", type=Instant(), help="End at this instant.")
@click.option("--definition", metavar="NEW.yaml", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Report what this definition would have done instead.")  # fmt: skip
@click.option("--page", "onto", metavar="OUT.html", type=click.Path(dir_okay=False, path_type=Path),
              help="With --definition: write the report with plots to this file.")  # fmt: skip
@click.option("--differences", metavar="N", type=click.IntRange(0), default=10, show_default=True,
              help="With --definition: how many of the first differences are told.")  # fmt: skip
@as_json
def replay(
    file: Path,
    speed: float,
    from_ns: int | None,
    to_ns: int | None,
    definition: Path | None,
    onto: Path | None,
    differences: int,
    in_json: bool,
) -> None:
    """Compute the ticks of a recording (a file or a folder) anew; every frame must be identical, byte for byte.

    With --definition: what another definition would have done, in a closed loop with the recorded plant. FILE may be a
    replay manifest (JSON) of the earlier system, too: its commands are compared with ours.
    """
    from pipeline.earlier.manifest import is_manifest
    from sources.recording.form import RecordingError
    from sources.recording.recording import Recording

    with slow("kernels are compiled, once; this can take a minute", json_log=in_json):
        from pipeline.replay.report import replay as run

    watch = None if speed == float("inf") else Film(speed, in_json=in_json)
    if onto is not None and definition is None:
        raise click.UsageError("--page shows a comparison: it needs --definition")
    if file.is_file() and is_manifest(file):
        from pipeline.earlier.verb import earlier

        earlier(file, definition, in_json=in_json)
    if definition is not None:
        from pipeline.whatif.verb import what_if

        what_if(file, definition, from_ns=from_ns, to_ns=to_ns, differences=differences, onto=onto, watch=watch,
                in_json=in_json)  # fmt: skip
    try:
        recording = Recording.open(file)
        began = time.perf_counter()
        report = run(recording, from_ns=from_ns, to_ns=to_ns, watch=watch)
    except (RecordingError, OSError) as error:
        fail(str(error), Exit.FAILED, in_json=in_json)
    except KeyboardInterrupt:
        sys.exit(Exit.FAILED)
    if report.ticks == 0:
        fail(f"{file} has no tick there", Exit.FAILED, in_json=in_json)
    _tell(report, time.perf_counter() - began, in_json=in_json)
    sys.exit(Exit.OK if report.identical else Exit.DIFFERENT)


class Film:
    """Shows ticks at their pace: an asset's line when its reason is another one than before."""

    def __init__(self, speed: float, *, in_json: bool) -> None:
        self.speed, self.in_json = speed, in_json
        self._began_s = time.perf_counter()
        self._shown_s: float | None = None
        self._said: dict[str, str] = {}

    def __call__(self, frame: Frame) -> None:
        from operators.sentence import why

        self._shown_s = frame.mono_s if self._shown_s is None else self._shown_s
        due = self._began_s + (frame.mono_s - self._shown_s) / self.speed
        time.sleep(max(0.0, due - time.perf_counter()))
        at = datetime.fromtimestamp(frame.utc_ns / 1e9, UTC)
        for column, asset in enumerate(frame.layout.assets):
            said = why(frame, column)
            if self._said.get(asset) != said:
                self._said[asset] = said
                if self.in_json:
                    say({"at": at.isoformat(), "tick": frame.tick, "asset": asset, "why": said})
                else:
                    click.echo(f"{at:%Y-%m-%d %H:%M:%S}Z  {asset}: {said}")


def _tell(report: Report, seconds: float, *, in_json: bool) -> None:
    if in_json:
        say(report.as_json() | {"seconds": round(seconds, 3)})
        return
    for line in report.notes:
        note(f"note: {line}")
    said = report.as_json()
    click.echo(f"{report.ticks:,} ticks from {said['from']} to {said['to']}, {report.ticks / seconds:,.0f} per second")
    if report.lost:
        click.echo(f"{report.lost:,} ticks in between were not recorded")
    for one in report.differences:
        where = f"{one.asset} " if one.asset else ""
        at = datetime.fromtimestamp(one.utc_ns / 1e9, UTC)
        click.echo(f"tick {one.tick}, {at:%Y-%m-%d %H:%M:%S}Z: {one.stage} wrote {where}{one.row} = {one.recomputed!r},"
                   f" recorded {one.recorded!r} ({one.rows} numbers differ)")  # fmt: skip
    if report.different > len(report.differences):
        click.echo(f"... and {report.different - len(report.differences):,} more ticks")
    click.echo(f"{'identical' if report.identical else f'{report.different:,} ticks differ'}; digest {report.digest}")
