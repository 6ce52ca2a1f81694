"""Snapshot to sealed frame, per number of assets, and where the time goes."""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from tests.benchmarks.chain import Chain
from tests.benchmarks.ledger import Ledger, times_us

ROUNDS = {1: 4000, 50: 1500, 1_000: 200, 10_000: 40}
TARGET_US = {1: 60.0, 1_000: 1_000.0, 10_000: 5_000.0}


@pytest.mark.parametrize("assets", ROUNDS)
def test_snapshot_to_sealed_frame(assets: int, benchmark: Any, ledger: Ledger) -> None:
    chain = Chain(assets)
    rounds = ROUNDS[assets]
    bare = list(times_us(chain.bare, rounds // 4, chain.measure))
    benchmark.pedantic(chain.tick, setup=chain.measure, rounds=rounds)
    bare += times_us(chain.bare, rounds // 4, chain.measure)
    ledger.add(
        f"tick: snapshot to sealed frame, {assets:,} asset(s)",
        benchmark.stats.stats.median * 1e6,
        "µs",
        TARGET_US.get(assets),
        reference="the same steps in a plain loop",
        reference_figure=median(bare),
    )
    assert not chain.errors
