"""What every test gets: failures of tasks and sinks made visible, requirement markers checked, results kept.

An exception in a background task, a `call_soon` callback or an Rx sink never reaches the test that caused it: the
event loop only logs it, and the test passes. `loop_exceptions` listens on every loop of the process and fails the
test; exceptions of threads and in finalisers fail it through pytest itself (warnings are errors).
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings

from tests.trace.case import ROWS
from tests.trace.table import read_requirements

# how long an example takes is the machine's affair; a mutant's first failure is enough, nobody reads the smallest one
PHASES = (Phase.explicit, Phase.generate) if os.environ.get("BESS_PIPELINE_MUTANT") else tuple(Phase)
settings.register_profile("house", deadline=None, phases=PHASES)
settings.load_profile("house")
pytest_plugins = ["pytester"]  # for the test of this file

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "var" / "trace" / "results.json"
OUTCOMES = pytest.StashKey[dict[str, str]]()
HAZARDS = frozenset(row.id for row in ROWS)
RANK = ("passed", "skipped", "failed")


@pytest.fixture(autouse=True)
def loop_exceptions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Fail the test when something raised inside a loop; one that provokes it on purpose clears the list."""
    seen: list[str] = []

    def note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not _forgotten_by_a_library(context):
            seen.append(f"{context.get('message')}: {context.get('exception')!r} {context.get('future', '')}")

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_exception_handler", note)
    yield seen
    if inspect.iscoroutinefunction(getattr(request.node, "function", None)):
        gc.collect()  # a task's exception that nobody retrieved is reported when the task is collected
    assert not seen, f"raised in a task, a callback or a sink: {seen}"


def _forgotten_by_a_library(context: dict[str, Any]) -> bool:
    """A plain future that a transport told of its lost connection, when nobody waited any more: asyncpg leaves such
    when the server ends between two commands, and asyncio's streams when theirs is collected before its protocol.
    Nothing of ours is lost: whoever uses the connection gets the error. A task, or any other error, is none of these.
    """
    future = context.get("future")
    lost = isinstance(context.get("exception"), ConnectionError) and "never retrieved" in context.get("message", "")
    return lost and future is not None and not isinstance(future, asyncio.Task)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[OUTCOMES] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`req` and `hazard` name at least one, and only such as docs/requirements.md and tests/trace/case.py list."""
    known = {row.id for row in read_requirements(ROOT / "docs" / "requirements.md")}
    for item in items:
        for mark in item.iter_markers("req"):
            unknown = [name for name in mark.args if name not in known]
            if unknown or not mark.args:
                raise pytest.UsageError(f"{item.nodeid}: no such requirement: {', '.join(unknown) or '(none named)'}")
        for mark in item.iter_markers("hazard"):
            strange = [name for name in mark.args if name not in HAZARDS]
            if strange or not mark.args:
                raise pytest.UsageError(f"{item.nodeid}: no such hazard: {', '.join(strange) or '(none named)'}")


def pytest_collection_finish() -> None:
    gc.freeze()  # imported modules are no longer walked by the collections after each test


class _Outcomes:
    """Keeps the worst outcome over the phases of each test."""

    def __init__(self, outcomes: dict[str, str]) -> None:
        self.outcomes = outcomes

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            before = self.outcomes.get(report.nodeid, "passed")
            self.outcomes[report.nodeid] = max(before, report.outcome, key=RANK.index)


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(_Outcomes(session.config.stash[OUTCOMES]), "outcomes")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Merge the outcomes into the file that `make trace` reads; under xdist the controlling process alone writes."""
    outcomes = session.config.stash[OUTCOMES]
    if hasattr(session.config, "workerinput") or not outcomes:
        return
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps({**kept, **outcomes}, indent=0, sort_keys=True))
