"""What every subscriber of the sealed frame costs the tick, and what a look at it costs the page.

The process is the production one, built and not started: its parts are called as the graph calls them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from config.definition import Definition
from jit.frame import Frame
from operators.cut import cut
from pipeline.options import Options
from pipeline.process import Process
from sources.tick import Tick
from tests.benchmarks.ledger import Ledger, median_us
from tests.rig import METER, Rig, site, storage

OUTPUTS: dict[str, Any] = {
    "connections": {
        "broker": {"url": "mqtt://127.0.0.1"},
        "db": {"url": "postgresql://127.0.0.1:1/none"},
    },
    "outputs": {
        "history": {"type": "postgres", "to": "db"},
        "state": {"type": "mqtt", "to": "broker", "topic": "bench/state"},
    },
}


@asynccontextmanager
async def built(assets: int, folder: Path) -> AsyncIterator[tuple[Process, Frame]]:
    """A process of `assets` batteries with both outputs, and a sealed frame of its running chain."""
    definition: Definition = site(assets, fcr_kw=50.0, **OUTPUTS)
    profiles = {name: storage() for name in definition.assets} | {"site.poc": METER}
    process = Process(definition, profiles, Options(armed=True, state_dir=folder))
    for history in process.histories.values():
        history.start(process.journal)
    try:
        yield process, _running(process, Rig(definition))
    finally:
        await process.journal.close()
        for history in process.histories.values():
            await history.close()


def _running(process: Process, rig: Rig) -> Frame:
    """Twelve seconds of readings through the process's own entry."""
    seen: list[Frame] = []
    process.entry.frames.subscribe(lambda frame: seen.append(_through(process, frame)))
    rig.entry = process.entry
    rig.schedule("day_ahead", 80.0)
    for index in range(12):
        rig.now_s += 1.0
        rig.now_ns += 1_000_000_000
        rig.measure()
        process.entry.signals.on_next(Tick(index, rig.now_s, rig.now_ns, 1.0))
    return seen[-1]


def _through(process: Process, frame: Frame) -> Frame:
    for stage in process.stages:
        stage.guarded(frame)
    process.entry.snapshot.remember(frame.seal())
    return frame


def parts(process: Process, frame: Frame) -> dict[str, Callable[[], object]]:
    """What the graph calls with every sealed frame."""
    history, output = process.histories["history"], process.states["state"]
    publish, assets = process._state_of(output), range(len(frame.layout.assets))
    process.view.frame = frame
    return {
        "writers: commands cut": lambda: [cut(frame, column) for column in assets],
        "history.offer": lambda: history.offer(frame),
        "state output": lambda: publish(frame),
        "alarms": lambda: process.alarms.offer(frame),
        "meters": lambda: process.meters.tick(frame, 0.0, 0.0, 1.0),
        "metrics.offer": lambda: process.metrics.offer(frame, 1e-4, 1e-4),
        "checkpoint.offer": lambda: process.checkpoint.offer(frame),
        "chronicle": lambda: process.chronicle.offer(frame),
    }


def looks(process: Process, frame: Frame) -> dict[str, Callable[[], object]]:
    """What the page asks for, at most ten times a second."""
    view, asset = process.view, frame.layout.assets[0]
    return {
        "view.site": view.site,
        "view.asset": lambda: view.asset(asset),
        "view.decision": lambda: view.decision(asset),
        "view.nodes": view.nodes,
        "view.alarms": view.alarms,
    }


@pytest.mark.parametrize("assets", [1, 50, 1_000])
async def test_subscribers(assets: int, benchmark: Any, ledger: Ledger, tmp_path: Path) -> None:
    async with built(assets, tmp_path) as (process, frame):
        tick = Tick(99, 1e6, frame.utc_ns + 1_000_000_000, 1.0)
        rounds = {1: 400, 50: 100, 1_000: 15}[assets]
        chain = median_us(lambda: _through(process, process.entry.snapshot.frame(tick)), rounds)
        figures = {name: median_us(call, rounds) for name, call in parts(process, frame).items()}
        told = {name: median_us(call, min(rounds, 100)) for name, call in looks(process, frame).items()}
        benchmark.pedantic(lambda: process.metrics.offer(frame, 1e-4, 1e-4), rounds=20)
    for name, figure in [*figures.items(), ("all of these", sum(figures.values())), *told.items()]:
        ledger.add(f"{name}, {assets:,} asset(s)", figure, "µs",
                   reference="snapshot to sealed frame", reference_figure=chain)  # fmt: skip
