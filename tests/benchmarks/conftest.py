"""Benchmarks are run by `make bench` alone: `make test` skips whatever asks for the `benchmark` fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.benchmarks.ledger import SUMMARY, Ledger


@pytest.fixture(scope="session")
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """Where figures go; the summary is written when the session ends, also after a failure."""
    capturing = request.config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capturing.global_and_fixture_disabled():
            print(f"\n{line}", flush=True)

    kept = Ledger(say)
    yield kept
    if kept.entries:
        kept.write()
        say(f"summary: {SUMMARY.relative_to(SUMMARY.parent.parent.parent)} and summary.txt beside it")
