"""The loop of a running process counts the time for which its machine slept."""

from __future__ import annotations

import asyncio
import time

import pytest

from pipeline import run as running
from pipeline.awake import Awake
from pipeline.check import check
from pipeline.demo import EXAMPLES
from pipeline.exits import Exit

pytestmark = [pytest.mark.safety, pytest.mark.hazard("F3", "F7")]


class Sleeper:
    """The clocks of a machine that has slept for so long (s)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slept_s, self._read = 0.0, time.clock_gettime
        monkeypatch.setattr("pipeline.awake.time.clock_gettime", self.read)

    def read(self, clock: int) -> float:
        return self._read(clock) + (self.slept_s if clock == time.CLOCK_BOOTTIME else 0.0)


def test_a_deadline_that_passed_in_sleep_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer of an hour is due at once after an hour's sleep, and no time-out outlives it."""
    sleeper = Sleeper(monkeypatch)

    async def live() -> str:
        try:
            async with asyncio.timeout(3600.0):
                asyncio.get_running_loop().call_soon(setattr, sleeper, "slept_s", 3601.0)
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            return "too late"
        return "waited"

    with asyncio.Runner(loop_factory=Awake) as runner:
        assert runner.run(live()) == "too late"


def test_the_process_runs_on_that_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[type] = []

    async def live(*_: object) -> Exit:
        loops.append(type(asyncio.get_running_loop()))
        return Exit.OK

    monkeypatch.setattr(running, "_run", live)
    monkeypatch.setattr("pipeline.run.logs.configure", lambda _form: None)
    assert running.run(check(EXAMPLES / "one-battery.yaml", env_stub=True)) == Exit.OK
    assert loops == [Awake]
