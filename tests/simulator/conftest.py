"""Fixtures of the simulator's tests: a plant in virtual time, and waiting for a condition without guessing."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Callable

import pytest

from simulator.battery import Battery
from simulator.faults import Board
from simulator.frequency import Frequency
from simulator.grid import Site
from simulator.plant import Model, Plant
from tests.real.mosquitto import mosquitto

__all__ = ["mosquitto"]

NOON = 1_790_000_000.0 - 1_790_000_000.0 % 86_400.0 + 43_200.0


def a_plant(
    feeds: str = "heartbeat", lively: bool = False, soc: float = 50.0, *,
    arms: bool = False, reverts_after_s: float | None = 10.0,
) -> Plant:  # fmt: skip
    frequency = Frequency(array("d", [50.0, 50.02]), "test")
    battery = Battery(dead_time_s=0.2, lag_s=0.2, reverts_after_s=reverts_after_s)
    return Plant(Model(battery, Site(), frequency), Board(lively), soc, NOON, feeds, arms)


@pytest.fixture
def plant() -> Plant:
    return a_plant()


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for the condition; fail when it does not come true in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            pytest.fail(f"did not come true within {seconds} s")
        await asyncio.sleep(0.02)
