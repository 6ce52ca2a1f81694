"""What checking a definition costs, beside what ruamel.yaml alone needs to parse the same text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.load import load_source
from config.plain import Surroundings
from config.source import Source
from pipeline.check import check_loaded
from tests.benchmarks.ledger import Ledger, times_us
from tests.config.marked import PLANT

ASSET = """\
  b{i}:
    profile: sunspec-storage
    connect: modbus-tcp://10.1.{high}.{low}:502/1
    rated: {{ charge: 250 kW, discharge: 250 kW, energy: 500 kWh }}
    soc: {{ min: 10 %, max: 90 % }}
    temperature: {{ min: -10 °C, max: 50 °C }}
    ramp: {{ up: 50 kW/s, down: 50 kW/s }}
    min_power: {{ charge: 5 kW, discharge: 5 kW }}
    stale_after: 3 s
"""


def plant_of(assets: int) -> str:
    many = "".join(ASSET.format(i=i, high=i // 200, low=i % 200 + 1) for i in range(assets))
    return PLANT.replace("  one:\n", f"{many}  one:\n")


@pytest.mark.parametrize("assets", [1, 200])
def test_a_definition_checks_within_three_times_its_parsing(benchmark: Any, ledger: Ledger, assets: int) -> None:
    text = plant_of(assets)

    def check() -> None:
        loaded = load_source(Source("site.yaml", text), Path("/nonexistent"), Surroundings(stub=True))
        assert check_loaded(loaded, stub=True).ok

    def parse() -> None:
        yaml = YAML(typ="safe", pure=True)
        yaml.constructor.add_constructor("!secret", lambda _constructor, node: node.value)
        assert yaml.load(text)["assets"]

    benchmark.pedantic(check, rounds=3 if assets > 1 else 10, warmup_rounds=1)
    figure, reference = min(times_us(check, 3)) / 1e3, min(times_us(parse, 3)) / 1e3
    ledger.add(
        f"check a definition, {assets} more assets",
        figure,
        "ms",
        target=3 * reference,
        reference="ruamel.yaml alone",
        reference_figure=reference,
    )
