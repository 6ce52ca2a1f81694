"""Ticks on absolute deadlines, on a loop whose clock the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.ticker import Ticker
from pipeline.wall_clock import WallClock
from sources.tick import Tick

pytestmark = pytest.mark.req("LH-CTRL-001", "LH-RT-004")


class Handle:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """`time` and `call_at` of a loop; `advance` fires what is due, each call as late as `lag` says."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waiting: list[tuple[float, Callable[[], None], Handle]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Handle:
        handle = Handle()
        self.waiting.append((when, callback, handle))
        return handle

    def advance(self, to: float, lag: float = 0.0) -> None:
        while due := [entry for entry in self.waiting if entry[0] + lag <= to and not entry[2].cancelled]:
            entry = min(due, key=lambda entry: entry[0])
            self.waiting.remove(entry)
            self.now = max(self.now, entry[0] + lag)
            entry[1]()
        self.now = max(self.now, to)


def ticker(cycle_s: float, on_tick: Callable[[Tick], None], **more: Any) -> tuple[Ticker, Loop]:
    loop = Loop()
    made = Ticker(cycle_s, on_tick, wall=WallClock(lambda: int(loop.now * 1e9) + 7), _loop=loop, **more)  # type: ignore[arg-type]
    made.start()
    return made, loop


@pytest.mark.parametrize("cycle", [1.0, 0.1])
def test_a_tick_at_every_deadline_and_none_in_between(cycle: float) -> None:
    ticks: list[Tick] = []
    made, loop = ticker(cycle, ticks.append)
    loop.advance(1000.0 + 0.99 * cycle)
    assert ticks == []
    loop.advance(1000.0 + 50.5 * cycle)
    assert [tick.index for tick in ticks] == list(range(50))
    assert [tick.mono_s for tick in ticks] == pytest.approx([1000.0 + (n + 1) * cycle for n in range(50)])
    assert [tick.dt_s for tick in ticks] == pytest.approx([cycle] * 50)
    assert ticks[3].utc_ns == int(ticks[3].mono_s * 1e9) + 7
    assert made.missed == 0


def test_lateness_does_not_add_up() -> None:
    """Every call comes 30 ms late: after a day's worth of ticks the last one is 30 ms late too."""
    ticks: list[Tick] = []
    made, loop = ticker(0.1, ticks.append)
    loop.advance(1000.0 + 864.0, lag=0.03)
    assert len(ticks) == 8639
    assert ticks[-1].mono_s == pytest.approx(1000.0 + 863.9 + 0.03, abs=1e-6)
    assert made.late_s == pytest.approx(0.03, abs=1e-6)
    assert made.missed == 0


@pytest.mark.hazard("row 23", "L5")
def test_missed_deadlines_are_counted_and_never_caught_up() -> None:
    ticks: list[Tick] = []
    late: list[float] = []
    made, loop = ticker(1.0, ticks.append, on_late=late.append)
    loop.advance(1002.0)
    loop.now = 1007.4  # something held the loop for five seconds
    loop.advance(1007.4)
    assert [tick.missed for tick in ticks] == [0, 0, 4]
    assert ticks[-1].dt_s == pytest.approx(5.4)
    assert made.missed == 4
    loop.advance(1010.0)
    assert [tick.mono_s for tick in ticks[3:]] == pytest.approx([1008.0, 1009.0, 1010.0])
    assert late == pytest.approx([0.0, 0.0, 4.4, 0.0, 0.0, 0.0])


def test_a_tick_that_takes_longer_than_the_cycle_skips_and_stays_on_the_grid() -> None:
    ticks: list[Tick] = []
    held: list[Loop] = []

    def slow(tick: Tick) -> None:
        ticks.append(tick)
        if tick.index == 1:
            held[0].now += 2.5

    made, loop = ticker(1.0, slow)
    held.append(loop)
    loop.advance(1008.0)
    assert [tick.mono_s for tick in ticks] == pytest.approx([1001.0, 1002.0, 1004.5, 1005.0, 1006.0, 1007.0, 1008.0])
    assert made.missed == 1


def test_a_tick_that_raises_does_not_end_the_ticking() -> None:
    ticks: list[Tick] = []

    def broken(tick: Tick) -> None:
        ticks.append(tick)
        raise ValueError(tick.index)

    _, loop = ticker(1.0, broken)
    for to in (1001.0, 1002.0, 1003.0):
        with pytest.raises(ValueError, match=r"\d"):
            loop.advance(to)
    assert len(ticks) == 3


def test_stopped_is_stopped() -> None:
    ticks: list[Tick] = []
    made, loop = ticker(1.0, ticks.append)
    loop.advance(1002.0)
    made.stop()
    made.stop()
    loop.advance(1010.0)
    assert len(ticks) == 2


async def test_on_a_real_loop() -> None:
    ticks: list[Tick] = []
    enough = asyncio.Event()

    def on_tick(tick: Tick) -> None:
        ticks.append(tick)
        if len(ticks) == 5:
            enough.set()

    made = Ticker(0.01, on_tick)
    made.start()
    await asyncio.wait_for(enough.wait(), 10.0)
    made.stop()
    assert [tick.index for tick in ticks[:5]] == [0, 1, 2, 3, 4]
    assert all(tick.dt_s > 0.0 for tick in ticks)
