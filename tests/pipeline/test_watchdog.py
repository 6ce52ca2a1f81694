"""The watchdog thread: ticks stop, the process ends. Clock and end are handed in."""

from __future__ import annotations

import faulthandler
import os
import threading

import pytest
from loguru import logger

from pipeline import watchdog
from pipeline.watchdog import Watchdog

pytestmark = pytest.mark.req("LH-NF-004", "LH-CTRL-001")
WAIT_S = 20.0


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


class Ended:
    """Takes the place of the end of the process."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.happened = threading.Event()

    def __call__(self, code: int) -> None:
        self.codes.append(code)
        self.happened.set()


@pytest.fixture(autouse=True)
def interpreter_timer(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The interpreter's own timer would end the test run."""
    armed: list[float] = []
    monkeypatch.setattr(faulthandler, "dump_traceback_later", lambda after, **_: armed.append(after))
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", lambda: armed.append(0.0))
    return armed


def watching(clock: Clock, ended: Ended, limit_s: float = 0.02) -> Watchdog:
    return Watchdog(limit_s, 70, end=ended, clock=clock)


def joined(dog: Watchdog) -> None:
    dog.stop()
    dog._thread.join(WAIT_S)
    assert not dog._thread.is_alive()


def test_starved_is_longer_than_the_limit_since_the_last_tick() -> None:
    clock = Clock()
    dog = watching(clock, Ended(), limit_s=5.0)
    assert not dog.starved()
    clock.now += 100.0
    assert not dog.starved(), "nobody has started it"
    dog.feed()
    clock.now += 5.0
    assert not dog.starved()
    clock.now += 0.001
    assert dog.starved()
    dog.feed()
    assert not dog.starved()


def test_it_ends_the_process_once_when_ticks_stop(interpreter_timer: list[float]) -> None:
    clock, ended = Clock(), Ended()
    dog = watching(clock, ended)
    dog.start()
    dog.feed()
    clock.now += 1.0
    assert ended.happened.wait(WAIT_S)
    joined(dog)
    assert ended.codes == [70]
    assert interpreter_timer[0] == 0.04
    assert interpreter_timer[-1] == 0.0


def test_a_process_whose_first_tick_never_finishes_ends_too() -> None:
    clock, ended = Clock(), Ended()
    dog = watching(clock, ended)
    dog.start()
    clock.now += 1.0
    assert ended.happened.wait(WAIT_S)
    joined(dog)


def test_fed_or_stood_down_it_ends_nothing(interpreter_timer: list[float]) -> None:
    clock, ended = Clock(), Ended()
    dog = watching(clock, ended)
    dog.start()
    rounds = len(interpreter_timer) + 6
    waited = threading.Event()
    for _ in range(2000):
        dog.feed()
        clock.now += 0.015
        if len(interpreter_timer) >= rounds:
            break
        waited.wait(0.01)
        dog.feed()
    dog.feed()
    joined(dog)
    clock.now += 100.0
    assert ended.codes == []
    assert len(interpreter_timer) >= rounds


def test_a_log_that_hangs_does_not_hold_the_end_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, ended, hung = Clock(), Ended(), threading.Event()
    monkeypatch.setattr(logger, "critical", lambda _text: hung.wait(WAIT_S))
    monkeypatch.setattr(watchdog, "SAY_S", 0.01)
    dog = watching(clock, ended)
    dog.start()
    clock.now += 1.0
    assert ended.happened.wait(WAIT_S)
    hung.set()
    joined(dog)


def test_the_end_is_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    watchdog.end_process(71)
    assert codes == [71]
