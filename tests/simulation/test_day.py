"""Recorded days drive the world, and a day is the same day in every process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.simulation.day import DayError, frequency, prices, recorded_prices, trades
from pipeline.simulation.direct import Direct
from pipeline.simulation.site import definition
from pipeline.simulation.world import World

FCR = {"kind": "fcr", "fcr": {"capacity": "100 kW", "frequency": "site.poc.frequency",
                              "on_loss": {"hold": "2 s", "then": "withdraw"}}}  # fmt: skip


def test_the_cheapest_hours_are_charged_in_and_the_dearest_discharged() -> None:
    hours = [50.0] * 24
    hours[3], hours[4], hours[18], hours[19] = 10.0, 20.0, 90.0, 80.0
    assert trades(hours, 200.0, each=2) == [
        (10_800.0, 14_400.0, -200.0), (14_400.0, 18_000.0, -200.0), (64_800.0, 68_400.0, 200.0),
        (68_400.0, 72_000.0, 200.0),
    ]  # fmt: skip


def test_a_day_of_prices_is_read_from_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "xy_day_ahead_hourly.csv"
    rows = "".join(f"2023-06-05 {hour:02}:00:00,{hour}.5\n" for hour in range(24))
    path.write_text(f"timestamp,price\n{rows}2023-06-06 00:00:00,7\n")
    assert recorded_prices({"BESS_PIPELINE_DATA": str(tmp_path)}) == tuple(hour + 0.5 for hour in range(24))
    with pytest.raises(DayError, match="1 hours of 2023-06-06"):
        prices(path, "2023-06-06")
    assert len(recorded_prices({})) == 24


def test_a_day_that_prices_make_is_lived_through_from_the_wire(tmp_path: Path) -> None:
    """Hours of two minutes: energy goes in at the cheap ones and out at the dear ones, within every invariant."""
    with World(definition(), tmp_path, link=Direct) as world:
        world.run(10.0)
        world.plan(trades(recorded_prices(), 200.0, hour_s=120.0))
        world.run(24 * 120.0)
        powers = {power for _, power in world.trace.powers("b1")}
        assert {-200.0, 0.0, 200.0} <= powers
        socs = [moment.soc_pct["b1"] for moment in world.trace.moments]
        assert min(socs) < 50.0 < max(socs) or max(socs) - min(socs) > 3.0
        world.verify()


def test_recorded_frequency_moves_a_battery_that_sells_reserve(tmp_path: Path) -> None:
    """100 kW of FCR: power follows the recorded deviation, and is what the meter's frequency asks for."""
    series = frequency()
    with World(definition(ancillary=[FCR]), tmp_path, link=Direct, frequency=series) as world:
        world.run(300.0)
        powers = [power for _, power in world.trace.powers("b1")]
        assert len(set(powers)) > 20
        asked = [50.0 - series.at(moment.at_s - 1000.0) for moment in world.trace.moments]
        assert max(abs(power) for power in powers) <= 100.0 * max(map(abs, asked)) / 0.2 + 1.0
        world.verify(without=("S12", "L3"))  # it is the grid that asks, and rests at 50 Hz


LIFE = """
import sys
from pathlib import Path
from pipeline.simulation.site import definition
from pipeline.simulation.world import World
with World(definition(2), Path(sys.argv[1]), seed=7) as world:
    world.schedule(120.0)
    world.line("b1").drop, world.line("b2").delay_s = 0.1, 0.1
    print(world.run(60.0).trace.digest())
"""


@pytest.mark.parametrize("hashes", [("1", "2", "3")])
def test_one_seed_is_one_run_in_every_process(hashes: tuple[str, ...], tmp_path: Path) -> None:
    """The same bytes at the same instants and the same plant, whatever the order of Python's sets."""
    lives = [
        subprocess.run(
            [sys.executable, "-c", LIFE, str(tmp_path / seed)], env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True, timeout=240,
        ).stdout
        for seed in hashes
    ]  # fmt: skip
    assert len(set(lives)) == 1
    assert len(lives[0].strip()) == 64
