"""Jobs that are kept running: back-off from 0.2 s, doubled, at most 5 s, from the start again after a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from loguru import logger

from pipeline.tasks import Tasks
from tests.real.until import until

pytestmark = pytest.mark.req("LH-NF-004", "LH-PROT-003")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between two starts, without waiting for them."""
    seen: list[float] = []
    real = asyncio.sleep

    async def pause(delay: float) -> None:
        seen.append(round(delay, 6))
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", pause)
    return seen


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def until_pauses(pauses: list[float], count: int) -> None:
    real = asyncio.get_running_loop()
    deadline = real.time() + 10.0
    while len(pauses) < count:
        assert real.time() < deadline
        ready = real.create_future()
        real.call_soon(ready.set_result, None)
        await ready


async def test_a_job_that_fails_is_started_again_with_capped_back_off(pauses: list[float]) -> None:
    kept = Tasks(Clock())

    async def fails() -> None:
        raise OSError("no such host")

    kept.start("source", fails)
    await until_pauses(pauses, 8)
    await kept.cancel()
    assert pauses[:8] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@pytest.mark.hazard("row 38", "L6")
async def test_a_job_that_ends_quietly_is_an_error_too(pauses: list[float]) -> None:
    kept, runs = Tasks(Clock()), []

    async def ends() -> None:
        runs.append(1)

    kept.start("source", ends)
    await until_pauses(pauses, 3)
    await kept.cancel()
    assert len(runs) >= 3
    assert pauses[:3] == [0.2, 0.4, 0.8]


async def test_after_a_minute_of_health_the_back_off_starts_over(pauses: list[float]) -> None:
    clock, lasts = Clock(), [1.0, 1.0, 1.0, 61.0, 1.0, 1.0]
    kept = Tasks(clock)

    async def works() -> None:
        clock.now += lasts.pop(0) if lasts else 1.0
        raise OSError("lost")

    kept.start("source", works)
    await until_pauses(pauses, 6)
    await kept.cancel()
    assert pauses[:6] == [0.2, 0.4, 0.8, 0.2, 0.4, 0.8]


async def test_one_job_does_not_harm_another() -> None:
    kept, beats = Tasks(Clock()), []

    async def fails() -> None:
        raise ValueError("broken")

    async def lives() -> None:
        beats.append(1)
        await asyncio.Event().wait()

    kept.start("a", fails)
    kept.start("b", lives)
    await until(lambda: beats)
    await kept.cancel()
    assert beats == [1]


async def test_cancel_ends_all_and_waits_for_their_clean_up() -> None:
    kept, closed = Tasks(Clock()), []

    def job(name: str) -> Callable[[], asyncio.Future[None]]:
        async def run() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                closed.append(name)

        return run  # type: ignore[return-value]

    for name in ("a", "b"):
        kept.start(name, job(name))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await kept.cancel()
    assert sorted(closed) == ["a", "b"]


async def test_while_closing_a_job_that_ends_has_ended(pauses: list[float]) -> None:
    kept, go, runs = Tasks(Clock()), asyncio.Event(), []

    async def ends() -> None:
        runs.append(1)
        await go.wait()

    kept.start("source", ends)
    await until_ready(runs)
    kept.closing()
    go.set()
    (task,) = kept._tasks
    await asyncio.wait_for(task, 10.0)
    assert (runs, pauses) == ([1], [])


async def until_ready(runs: list[int]) -> None:
    loop = asyncio.get_running_loop()
    while not runs:
        ready = loop.create_future()
        loop.call_soon(ready.set_result, None)
        await ready


@pytest.mark.usefixtures("pauses")
async def test_a_job_that_fails_in_the_same_way_for_ever_fills_no_log() -> None:
    """A port that is taken, for a day: seventeen thousand attempts, and as many traces."""
    logged: list[str] = []
    sink = logger.add(logged.append, format="{message}")
    kept, left = Tasks(Clock()), [OSError("taken")] * 100 + [OSError("refused")] * 3

    async def fails() -> None:
        if left:
            raise left.pop(0)
        await asyncio.Event().wait()

    kept.start("output", fails)
    await until(lambda: not left)
    await kept.cancel()
    logger.remove(sink)
    taken = [line for line in logged if "taken" in line and "started again" in line]
    assert len(taken) == 7, "1, 2, 4 … 64"
    assert sum("Traceback" in line for line in taken) == 1
    assert any("refused" in line for line in logged), "another error is said at once"
