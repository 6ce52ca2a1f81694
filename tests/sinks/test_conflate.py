"""The conflating sink: latest wins, one in flight, errors harm one item, the producer never waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sinks.conflate import Conflating
from tests.real.until import until


@asynccontextmanager
async def running(sink: Conflating[Any]) -> AsyncIterator[None]:
    task = asyncio.create_task(sink.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Slow:
    """A consumer that takes an item and holds it until `go`."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.at_once = 0
        self.most_at_once = 0
        self.go = asyncio.Event()

    async def __call__(self, item: int) -> None:
        self.taken.append(item)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.go.wait()
        self.at_once -= 1
        if item < 0:
            raise ValueError(item)


@pytest.mark.req("LH-RT-004", "LH-NF-004")
@pytest.mark.hazard("row 40", "R1", "D6")
async def test_a_slow_consumer_gets_the_newest_and_costs_the_producer_nothing() -> None:
    slow = Slow()
    sink = Conflating("device", slow)
    async with running(sink):
        sink.offer(0)
        await until(lambda: slow.taken == [0])
        for n in range(1, 1001):
            sink.offer(n)
        assert slow.taken == [0]
        slow.go.set()
        await until(lambda: sink.delivered == 2)
    assert slow.taken == [0, 1000]
    assert slow.most_at_once == 1
    assert (sink.offered, sink.superseded, sink.delivered, sink.errors) == (1001, 999, 2, 0)


async def test_what_is_offered_before_the_start_is_delivered() -> None:
    slow = Slow()
    slow.go.set()
    sink = Conflating("device", slow)
    sink.offer(1)
    sink.offer(2)
    async with running(sink):
        await until(lambda: sink.delivered == 1)
    assert slow.taken == [2]


async def test_an_error_harms_its_own_item_only_and_is_reported() -> None:
    slow, failed = Slow(), []
    slow.go.set()
    sink = Conflating("device", slow, lambda item, error: failed.append((item, repr(error))))
    async with running(sink):
        sink.offer(-1)
        await until(lambda: sink.errors == 1)
        sink.offer(2)
        await until(lambda: sink.delivered == 1)
    assert failed == [(-1, "ValueError(-1)")]


async def test_a_report_that_raises_does_not_end_the_sink() -> None:
    slow = Slow()
    failed: dict[int, list[Exception]] = {}
    slow.go.set()
    sink = Conflating("device", slow, lambda item, error: failed[item].append(error))
    async with running(sink):
        sink.offer(-1)
        await until(lambda: sink.errors == 1)
        sink.offer(2)
        await until(lambda: sink.delivered == 1)


async def test_clear_forgets_what_waits_and_leaves_what_is_in_flight() -> None:
    slow = Slow()
    sink = Conflating("device", slow)
    async with running(sink):
        sink.offer(1)
        await until(lambda: slow.taken == [1])
        sink.offer(2)
        sink.clear()
        slow.go.set()
        await sink.settled()
        await asyncio.sleep(0)
    assert (slow.taken, sink.delivered, sink.superseded) == ([1], 1, 1)
