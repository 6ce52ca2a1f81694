"""How fast a device is written to, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from config.asset import WriteBudget
from pipeline.simulation.loop import VirtualLoop
from sinks.pace import Pace
from sources.pause import pause

pytestmark = pytest.mark.req("LH-RT-004", "LH-PROT-003")


def ran(work: Callable[[Pace, Callable[[], float]], Any], budget: WriteBudget | None) -> Any:
    net: Any = None
    loop = VirtualLoop(net)
    try:
        return loop.run_until_complete(work(Pace(budget, loop.time), loop.time))
    finally:
        loop.close()


async def written(pace: Pace, power_kw: float, requests: int = 2) -> None:
    pace.offered(power_kw)
    await pace.due()
    for _ in range(requests):
        pace.sent()
    pace.said(power_kw)


async def ten(pace: Pace, clock: Callable[[], float]) -> list[float]:
    """When ten commands left, one offered every 100 ms."""
    times = []
    for _ in range(10):
        await written(pace, 80.0)
        times.append(clock())
        await pause(0.1)
    return times


@pytest.mark.safety
@pytest.mark.hazard("row 42", "R5")
def test_r5_at_100_ms_a_device_gets_no_more_requests_a_second_than_its_budget() -> None:
    """Reliability R5, §2 row 42: two requests a command, two a second: one command a second."""
    times = ran(ten, WriteBudget(per_second=2.0))
    assert [round(times[i + 1] - times[i], 3) for i in range(9)] == [1.0] * 9


def test_without_a_budget_nothing_waits() -> None:
    times = ran(ten, None)
    assert times[-1] - times[0] == pytest.approx(0.9, abs=0.01)


@pytest.mark.safety
def test_a_stop_does_not_wait_for_its_turn_and_a_second_one_does() -> None:
    async def work(pace: Pace, clock: Callable[[], float]) -> tuple[float, float, float]:
        await written(pace, 80.0)
        began = clock()
        waiting = asyncio.ensure_future(pace.due())
        await pause(0.2)
        pace.offered(0.0)
        await waiting
        stopped = clock()
        pace.sent()
        pace.said(0.0)
        await written(pace, 0.0)
        return began, stopped, clock()

    began, stopped, again = ran(work, WriteBudget(per_second=2.0))
    assert stopped - began == pytest.approx(0.2, abs=0.01)
    assert again - began == pytest.approx(1.5, abs=0.01)  # three requests since
