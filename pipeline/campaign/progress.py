"""How far a campaign is: bars on a terminal, else a line now and then on standard error; nothing with --json."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pipeline.campaign.runner import Tell
from pipeline.console import note


@contextmanager
def progress(*, in_json: bool) -> Iterator[Tell]:
    """What to tell how far it is."""
    if in_json:
        yield lambda _phase, _done, _of, _said: None
    elif sys.stderr.isatty():
        with _bars() as tell:
            yield tell
    else:
        yield _line


def _line(phase: str, done: int, of: int, said: str) -> None:
    if said or done % 50 == 0 or done == of:
        note(f"campaign: {phase} {done:,} of {of:,}{f'  {said}' if said else ''}")


@contextmanager
def _bars() -> Iterator[Tell]:
    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(phase: str, done: int, of: int, said: str) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=of)
            bars.update(tasks[phase], completed=done)
            if said:
                bars.console.print(f"{phase}: {said}", highlight=False)

        yield tell
