"""What a simulated second costs: the whole process on bytes, the plant, and every invariant judged from the wire.

A thousand times real time is 1,000 µs a second for one asset at a cycle of 1 s, three thousand times 333 µs.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from time import process_time_ns
from typing import Any

import pytest

from pipeline.simulation.direct import Direct
from pipeline.simulation.site import definition
from pipeline.simulation.world import World
from sources.modbus.connection import Connection
from sources.modbus.device import Link
from tests.benchmarks.chain import Chain
from tests.benchmarks.ledger import Ledger, times_us

SECONDS, LIVES = 600, 3


def life_us(folder: Path, link: Link) -> float:
    """µs of this process per simulated second, invariants and all."""
    with World(definition(), folder, link=link) as world:
        world.schedule(80.0)
        world.run(30.0)
        began = process_time_ns()
        world.run(SECONDS)
        world.verify()
        return (process_time_ns() - began) / 1e3 / SECONDS


@pytest.mark.parametrize(
    ("how", "link", "target_us"),
    [("with the production client", Connection, 1_000.0), ("with the codec alone", Direct, 333.3)],
)
def test_a_simulated_second(
    how: str, link: Link, target_us: float, tmp_path: Path, ledger: Ledger, benchmark: Any
) -> None:
    chain = Chain(1)
    lives: list[float] = []
    benchmark.pedantic(lambda: lives.append(life_us(tmp_path / str(len(lives)), link)), rounds=LIVES)
    ledger.add(
        f"simulation: 1 s of 1 asset, {how}",
        min(lives),
        "µs",
        target_us,
        reference="the bare chain",
        reference_figure=median(times_us(chain.bare, 500, chain.measure)),
    )
    assert not chain.errors
