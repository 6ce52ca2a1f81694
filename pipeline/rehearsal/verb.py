"""`bess-pipeline test`: the tests of definitions, in virtual time against the real chain.

    bess-pipeline test site.yaml                  its `tests:` and those of site_test.yaml, site_*_test.yaml beside it
    bess-pipeline test site.yaml -k ramp --junit results.xml

No network, no device and no secrets are needed. Exit codes: 0 all passed, 1 a test failed, 78 a file is refused.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.diagnostics import errors
from pipeline.console import as_json, chosen, fail, note, say, show
from pipeline.exits import Exit

if TYPE_CHECKING:
    from pipeline.rehearsal.files import Suite
    from pipeline.rehearsal.report import Result


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("-k", "name", metavar="NAME", default="", help="Only tests whose name contains NAME.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write the results as JUnit XML.")
@as_json
def test(files: tuple[Path, ...], name: str, junit: Path | None, in_json: bool) -> None:
    """Run the tests of definitions in virtual time. No network, no device, no secrets."""
    from pipeline.rehearsal import report
    from pipeline.rehearsal.files import gather

    named = files or (chosen(None, in_json=in_json),)
    suites = {suite.file: suite for file in named for suite in gather(file)}  # a file named twice runs once
    refused = [diagnostic for suite in suites.values() for diagnostic in suite.diagnostics]
    if errors(refused):
        show(errors(refused), in_json=in_json)
        sys.exit(Exit.INVALID)
    results = [result for suite in suites.values() for result in _run(suite, name.casefold(), in_json=in_json)]
    if not results:
        _nothing(name, [*suites], in_json=in_json)
    if junit is not None:
        _write(junit, report.junit(results), in_json=in_json)
    if in_json:
        say(report.as_json(results))
    elif results:
        click.echo(report.text(results))
    sys.exit(Exit.OK if all(result.outcome.passed for result in results) else Exit.FAILED)


def _run(suite: Suite, name: str, *, in_json: bool) -> list[Result]:
    from pipeline.compile import compile_definition
    from pipeline.rehearsal.report import Result
    from pipeline.rehearsal.runner import run
    from pipeline.rehearsal.world import ChainError

    wanted = [script for script in suite.scripts if name in script.name.casefold()]
    if not wanted or suite.definition is None:
        return []
    compiled = compile_definition(suite.definition, suite.profiles)
    try:
        return [Result(str(suite.file), run(script, compiled)) for script in wanted]
    except ChainError as error:
        fail(f"{suite.file}: a defect of the program, not of the test: {error}", Exit.INTERNAL, in_json=in_json)


def _nothing(name: str, files: list[Path], *, in_json: bool) -> None:
    """No test at all is no failure; a name that no test has is."""
    where = ", ".join(map(str, files))
    if name:
        fail(f"no test in {where} has `{name}` in its name", Exit.FAILED, in_json=in_json)
    if not in_json:
        note(f"there are no tests in {where}; write `tests:`, see `bess-pipeline docs test`")


def _write(path: Path, text: bytes, *, in_json: bool) -> None:
    try:
        path.write_bytes(text)
    except OSError as error:
        fail(f"{path}: {error.strerror}", Exit.FAILED, in_json=in_json)


