"""What history costs: the loop's share per tick, the spool's commit, the journal's fsync."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from operators.cut import cut
from sinks.backlog import Backlog
from sinks.journal import Journal
from sinks.sample import Cutter
from sinks.spool_file import SpoolFile
from sources.act import ActKind, OperatorAct
from tests.sinks.frames import sealed, site


@pytest.mark.parametrize("assets", [1, 50, 1000, 10_000])
def test_offer_in_the_loop(benchmark: Any, assets: int) -> None:
    """Budget: 100 µs for one asset."""
    layout = site(*(f"bess{n}" for n in range(assets)))
    by, backlog, frame = Cutter("boot", {}, cut), Backlog(20_000), sealed(layout)
    benchmark(lambda: backlog.put(by.pieces(frame)))


@pytest.mark.parametrize("assets", [1, 50])
def test_encode_and_commit_in_the_thread(benchmark: Any, tmp_path: Path, assets: int) -> None:
    layout = site(*(f"bess{n}" for n in range(assets)))
    by, file, frame = Cutter("boot", {}, cut), SpoolFile(tmp_path / "h.db", 1 << 30), sealed(layout)

    def tick() -> None:
        with file.transaction():
            for piece in by.pieces(frame):
                file.insert(piece.klass, piece.cut())
            file.keep_quota()

    benchmark(tick)
    file.close()


def test_a_stop_on_disk(benchmark: Any, tmp_path: Path) -> None:
    journal, n = Journal(tmp_path / "acts.journal", "boot"), count()
    with asyncio.Runner() as runner:
        benchmark(lambda: runner.run(journal.append(OperatorAct(f"{next(n)}", ActKind.STOP, None, "kim", "op", "", 1))))
        runner.run(journal.close())
