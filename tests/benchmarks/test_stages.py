"""What a stage costs around its step: nine that do nothing, against nine bare maps and nine of frequenz-channels.

All three run in turns within one test, so that a busy machine slows them alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import pytest
from frequenz.channels import Broadcast, Receiver
from reactivex import Observable
from reactivex import operators as ops
from reactivex.subject import Subject

from jit.frame import Frame
from operators.stage import Stage, stage
from tests.benchmarks.chain import Chain
from tests.benchmarks.ledger import Ledger

STAGES = 9
ITEMS = 2_000
ROUNDS = 41


@stage(reads=(), writes=())
def nothing(frame: Frame) -> None:
    """A step that does nothing."""


def same(frame: Frame) -> Frame:
    return frame


def pushed(stages: list[Callable[[Observable[Frame]], Observable[Frame]]], frame: Frame) -> Callable[[], float]:
    """Seconds per item of a chain that is fed through a subject."""
    source: Subject[Frame] = Subject()
    seen = [0]

    def count(_frame: Frame) -> None:
        seen[0] += 1

    stream: Observable[Frame] = source
    for one in stages:
        stream = one(stream)
    stream.subscribe(count)

    def run() -> float:
        seen[0] = 0
        began = perf_counter()
        for _ in range(ITEMS):
            source.on_next(frame)
        lasted = perf_counter() - began
        assert seen[0] == ITEMS
        return lasted / ITEMS

    return run


def channelled(frame: Frame, loop: asyncio.AbstractEventLoop) -> Callable[[], float]:
    """The same through a Broadcast and nine maps; sent a hundred at a time, so that a wake-up is shared by many."""
    channel: Broadcast[Frame] = Broadcast(name="bench")
    receiver: Receiver[Frame] = channel.new_receiver(limit=100)
    for _ in range(STAGES):
        receiver = receiver.map(same)
    sender = channel.new_sender()

    async def send_and_receive() -> float:
        began = perf_counter()
        for _ in range(ITEMS // 100):
            for _ in range(100):
                await sender.send(frame)
            for _ in range(100):
                await receiver.receive()
        return (perf_counter() - began) / ITEMS

    return lambda: loop.run_until_complete(send_and_receive())


@pytest.mark.filterwarnings("ignore:Please use BroadcastChannel:DeprecationWarning")
def test_nine_stages_that_do_nothing(benchmark: Any, ledger: Ledger) -> None:
    chain = Chain(1)
    frame = chain.entry.snapshot.frame(chain.next)
    layout = frame.layout
    ours: list[Stage] = [
        nothing(f"nothing{i}").bind(layout, i, perf_counter, lambda _stage, _error: None) for i in range(STAGES)
    ]
    loop = asyncio.new_event_loop()
    try:
        kinds = {
            "stage": pushed([*ours], frame),
            "bare": pushed([ops.map(same)] * STAGES, frame),
            "channels": channelled(frame, loop),
        }
        figures: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, run in kinds.items():
                figures[name].append(run() * 1e6)
        benchmark.pedantic(kinds["stage"], rounds=5)
    finally:
        loop.close()
    ratios = {
        name: median(mine / its for mine, its in zip(figures["stage"], figures[name], strict=True))
        for name in ("bare", "channels")
    }
    cost = median(figures["stage"])
    for name, said, target in (("bare", "nine bare reactivex maps", 2.0), ("channels", "frequenz-channels", 1.2)):
        note = f"{cost:.2f} µs an item through @stage, {median(figures[name]):.2f} µs through {said}"
        ledger.add(f"nine no-op stages ÷ {said}", ratios[name], "×", target, note=note)
    assert not any(one.errors for one in ours)
