"""Registers in flash memory: written on change, rarely, never beyond what was asked, counted over restarts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.asset import WriteBudget
from config.definition import Rated
from config.profile import Profile
from jit.codes import WriteStatus
from sinks.modbus.wear import Wear
from sources.modbus.blocks import Run, write_runs
from tests.real.modbus import load
from tests.sinks.modbus.test_writer import bench

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-PROT-001", "LH-SAFE-007")]

RATED = Rated(charge=200.0, discharge=250.0, energy=500.0)
BUDGET = WriteBudget(per_day=10)


def flash(*names: str) -> Profile:
    base = load("sunspec-storage").model_dump(by_alias=True)
    write = {name: {**point, "volatile": name not in (names or ("power",))} for name, point in base["write"].items()}
    return load("sunspec-storage", write=write)


class Device:
    """What is written to flash when `asked` is commanded."""

    def __init__(self, profile: Profile, **wear: Any) -> None:
        self.wear = Wear(profile, RATED, BUDGET, **wear)
        self.run: Run = next(run for run in write_runs(profile, profile.write_order) if run.address == 40247)
        self.writes: list[float] = []
        self.held = 0.0

    def command(self, asked_kw: float) -> float:
        power = self.wear.settle(asked_kw)
        words = [1, 1, *self.run.points[2].encode(power)]
        if not self.wear.needless(self.run, words):
            self.wear.sent(self.run, words)
            self.writes.append(power)
            self.held = power
        return self.held


def test_a_set_point_in_ram_is_written_as_it_is_asked() -> None:
    device = Device(load("sunspec-storage"))
    assert [device.command(power) for power in (80.0, 80.1, 80.0)] == [80.0, 80.1, 80.0]
    assert len(device.writes) == 3  # also when nothing changed: it keeps the device's watchdog quiet


@pytest.mark.hazard("row 42", "peer 19")
def test_row_42_set_point_noise_of_half_a_percent_is_not_written() -> None:
    """Peers §7 row 19: noise of ±0.5 % around 80 kW is one or two writes, not one a tick."""
    device = Device(flash())
    for tick in range(86_400 // 60):
        device.command(80.0 + (0.4 if tick % 2 else -0.4))
    assert len(device.writes) <= 2
    assert device.held == 75.0  # in steps of rating / per_day, toward zero


@given(st.lists(st.floats(-250.0, 250.0), max_size=60))
@pytest.mark.hazard("row 42", "R5", "peer 19")
def test_r5_what_is_held_is_never_beyond_what_is_asked_and_a_day_has_its_writes(asked: list[float]) -> None:
    """Reliability R5, S2: the device never holds more than the tick decided, and has its ten writes but for 0 kW."""
    device = Device(flash())
    for power in asked:
        held = device.command(power)
        assert min(0.0, power) <= held <= max(0.0, power)
    assert len([power for power in device.writes if power != 0.0]) <= 9


def test_spent_means_0_kw_for_the_rest_of_the_day_and_an_alarm() -> None:
    day = [20_000]
    device = Device(flash(), utc_day=lambda: day[0])
    for power in (250.0, 100.0, 250.0, -100.0, 200.0, -200.0, 200.0, -200.0, 250.0, -200.0, 250.0):
        device.command(power)
    assert device.wear.spent == ["power"]
    assert device.command(-50.0) == 0.0
    assert device.command(250.0) == 0.0
    count = len(device.writes)
    device.command(250.0)
    assert len(device.writes) == count <= 10
    day[0] += 1
    assert device.command(250.0) == 250.0
    assert device.wear.spent == []


def test_counters_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "writes-bess1.json"
    first = Device(flash(), utc_day=lambda: 20_000, path=path)
    for power in (100.0, -100.0, 200.0):
        first.command(power)
    assert Wear(flash(), RATED, BUDGET, lambda: 20_000, path).counts == {"power": 3}
    again = Wear(flash(), RATED, BUDGET, lambda: 20_001, path)
    assert again.settle(250.0) == 250.0
    assert again.counts == {}


@pytest.mark.parametrize("text", ["", "[]", '{"day": 1, "counts": {"power": "x"}}'])
def test_counters_that_cannot_be_read_count_as_spent(tmp_path: Path, text: str) -> None:
    path = tmp_path / "writes-bess1.json"
    path.write_text(text)
    assert Wear(flash(), RATED, BUDGET, lambda: 20_000, path).spent == ["power"]


def test_a_device_that_holds_something_else_is_written_again() -> None:
    device = Device(flash())
    device.command(100.0)
    device.wear.forget()
    assert device.command(100.0) == 100.0
    assert len(device.writes) == 2


@pytest.mark.integration
async def test_on_the_wire_the_heartbeat_goes_on_and_the_flash_register_is_left_alone() -> None:
    async with bench(flash()) as device:
        for tick in range(1, 6):
            device.offer(100.0, tick=tick)
            receipt = await device.receipt(tick)
            assert (receipt.status, receipt.written_kw) == (WriteStatus.CONFIRMED, 100.0)
        written = [address for address, _ in device.wire.writes()]
        assert (written.count(40247), written.count(40306)) == (1, 5)
