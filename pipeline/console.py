"""What all verbs share: options with one meaning, JSON or text on the right stream, errors with their exit code."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from pipeline.exits import Exit
from pipeline.remote import Remote, RemoteError

DEFAULT_FILE = Path("site.yaml")
SLOW_S = 2.0
DEFAULT_URL = "http://127.0.0.1:8088"

Verb = Callable[..., Any]

as_json = click.option("--json", "in_json", is_flag=True, help="JSON on standard output instead of text.")
definition_file = click.argument("file", required=False, type=click.Path(path_type=Path))
secrets_folder = click.option("--secrets-dir", type=click.Path(path_type=Path), default=Path("/run/secrets"),
                              envvar="BESS_PIPELINE_SECRETS_DIR", show_envvar=True, show_default=True,
                              help="Where `!secret name` is read from.")  # fmt: skip


def endpoint(verb: Verb) -> Verb:
    """The options of every verb that talks to a running process."""
    verb = click.option("--token-file", type=click.Path(path_type=Path), envvar="BESS_PIPELINE_TOKEN_FILE",
                        help="A file with a viewer's token; or the token in $BESS_PIPELINE_TOKEN.")(verb)  # fmt: skip
    return click.option("--url", default=DEFAULT_URL, envvar="BESS_PIPELINE_URL", show_default=True,
                        help="The address of the running process.")(verb)  # fmt: skip


def screen(columns: int = 120) -> Console:
    """Standard output for tables: as wide as the terminal, else `columns`."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else columns)


def say(value: Any) -> None:
    """One JSON value on one line of standard output."""
    click.echo(json.dumps(value, ensure_ascii=False))


def note(message: str) -> None:
    """A line for people, on standard error."""
    click.echo(message, err=True)


def fail(message: str, code: Exit, *, in_json: bool) -> NoReturn:
    """End with one sentence and an exit code."""
    if in_json:
        say({"error": message, "exit": int(code)})
    else:
        note(f"bess-pipeline: {message}")
    sys.exit(code)


@contextmanager
def slow(message: str, *, json_log: bool) -> Iterator[None]:
    """A log line when what is done here takes more than a moment."""
    from loguru import logger

    from pipeline import logs

    logs.configure("json" if json_log else "human")
    hint = threading.Timer(SLOW_S, logger.info, (message,))
    hint.daemon = True
    hint.start()
    try:
        yield
    finally:
        hint.cancel()


@contextmanager
def talking(url: str, token_file: Path | None, *, in_json: bool) -> Iterator[Remote]:
    """A conversation with a running process. Its errors end the program with their exit code, Ctrl-C with 0."""
    try:
        with Remote(url, token(token_file, in_json=in_json)) as remote:
            yield remote
    except RemoteError as error:
        fail(str(error), error.code, in_json=in_json)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(Exit.OK)


def token(file: Path | None, *, in_json: bool) -> str | None:
    """The token in the file, else the one in the environment, else none."""
    if file is None:
        return os.environ.get("BESS_PIPELINE_TOKEN")
    try:
        return file.read_text().strip()
    except OSError as error:
        fail(f"{file}: {error.strerror}", Exit.REFUSED, in_json=in_json)


def chosen(file: Path | None, *, in_json: bool) -> Path:
    """The definition: the one named, else `site.yaml` here."""
    if file is None and not DEFAULT_FILE.is_file():
        fail("which definition? Name a file, or put a site.yaml into this folder", Exit.USAGE, in_json=in_json)
    return file or DEFAULT_FILE


def checked(file: Path, secrets: Path, *, env_stub: bool = False, to_run: bool = False, in_json: bool) -> Any:
    """The checked definition, or the end of the program with every diagnostic and exit code 78.

    `to_run`: what this version does not act on, a warning elsewhere, refuses the file.
    """
    from pipeline.check import check

    found = check(file, secrets_dir=secrets, env_stub=env_stub)
    if not found.ok or (to_run and found.later):
        show(found.refused_to_run if to_run else found.diagnostics, in_json=in_json)
        sys.exit(Exit.INVALID)
    return found


def show(diagnostics: Any, *, in_json: bool) -> None:
    """All diagnostics, as text on standard error or as one JSON value."""
    from config.diagnostics import as_json as plain
    from config.diagnostics import render

    if in_json:
        say({"diagnostics": [plain(diagnostic) for diagnostic in diagnostics]})
        return
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    click.echo(render(diagnostics, colour=colour), err=True, nl=False, color=colour)
