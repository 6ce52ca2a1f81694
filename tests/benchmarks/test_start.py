"""Warm start, resident memory with 50 assets, and whether memory grows with time."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from config.catalogue import profile
from operators.cut import command_json, cut
from pipeline.nodes import Meters
from sinks.metrics import Metrics
from sources.mqtt.connection import Broker
from tests.benchmarks.chain import Chain
from tests.benchmarks.ledger import Ledger
from tests.benchmarks.plant import Parts, plant

ASSETS = 50
TICKS = 100_000
STARTS = 3


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def imports_s() -> float:
    """Python with NumPy and Numba and nothing of ours."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import numpy, numba"], check=True)
    return time.monotonic() - began


@pytest.mark.timeout(300)
async def test_warm_start(benchmark: Any, ledger: Ledger, tmp_path: Path) -> None:
    """From the start of the process to its first tick, which is due one cycle (1 s) after everything is built."""
    figures, busy, rss = [], 0.0, 0.0
    async with plant(tmp_path) as parts:
        for number in range(STARTS + 1):  # the first one compiles whatever is not in the cache
            with parts.serving(name=f"start{number}.json") as run:
                report = await run.report(within_s=120.0)
                figures.append(report["first_tick_s"] - run.began_s)
                rss, busy = report["rss_mb"], report["first_tick_cpu_s"]
                await asyncio.to_thread(run.process.wait, 30)
    bare = median(imports_s() for _ in range(STARTS))
    ledger.add("warm start: process start to first tick, demo", median(figures[1:]), "s", 3.0,
               reference="python importing numpy and numba", reference_figure=bare,
               note=f"{busy:.2f} s of processor time and 1 s of waiting for the first deadline")  # fmt: skip
    ledger.add("resident memory at the first tick, demo", rss, "MB")
    benchmark.pedantic(imports_s, rounds=1)


def many(folder: Path) -> Path:
    """The example of a battery on MQTT, fifty times over."""
    text = (Path(__file__).parent.parent.parent / "config" / "examples" / "mqtt.yaml").read_text()
    head, _, rest = text.partition("assets:\n")
    body, _, tail = rest.partition("\nconnections:")
    each = "".join(body.rstrip().replace("bess1", f"bess{number + 1}") + "\n" for number in range(ASSETS))
    path = folder / "many.yaml"
    path.write_text(f"{head}assets:\n{each}\nconnections:{tail}")
    return path


async def telemetry(parts: Parts, stop: asyncio.Event) -> None:
    """Every battery publishes once a second."""
    broker = Broker("batteries", parts.environment["BROKER_URL"], client_id="batteries", clock=time.monotonic)
    keeping = asyncio.ensure_future(broker.run())
    sample = json.loads(str(profile("mqtt-storage").sample["payload"]))
    try:
        for beat in range(10_000):
            if stop.is_set():
                return
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
            body = json.dumps(sample | {"timestamp": stamp, "heartbeat": beat, "active_power_kw": float(beat % 9)})
            for number in range(ASSETS):
                broker.publish(f"demo/battery/bess{number + 1}/telemetry", body.encode())
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


@pytest.mark.timeout(300)
async def test_resident_memory_with_fifty_assets(benchmark: Any, ledger: Ledger, tmp_path: Path) -> None:
    stop = asyncio.Event()
    async with plant(tmp_path) as parts:
        feeding = asyncio.ensure_future(telemetry(parts, stop))
        crowd = ("crowd", parts.url, "4", "0", str(tmp_path / "crowd.json"))
        try:
            with (
                parts.serving("--ticks", "60", "--warm", "20", file=many(tmp_path)) as run,
                parts.started(*crowd, report="crowd.json"),
            ):
                report = await run.report(within_s=200.0)
        finally:
            stop.set()
            await feeding
    bare = subprocess.run(
        [sys.executable, "-c", "import numpy, numba, resource; print(open('/proc/self/statm').read().split()[1])"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    ledger.add(f"resident memory, {ASSETS} assets, four browsers", report["rss_mb"], "MB", 300.0,
               reference="python with numpy and numba",
               reference_figure=int(bare) * resource.getpagesize() / 2**20)  # fmt: skip
    benchmark.pedantic(os.getpid, rounds=1)


@pytest.mark.timeout(600)
def test_no_growth_over_virtual_time(benchmark: Any, ledger: Ledger) -> None:
    """Readings, receipts, ticks, commands, meters and metrics; what a tick leaves behind would show after so many."""
    chain = Chain(1)
    metrics = Metrics(chain.entry.snapshot.layout.assets)
    meters = Meters(tuple(stage.id for stage in chain.stages), chain.stages)

    def run(ticks: int) -> None:
        for _ in range(ticks):
            chain.measure()
            chain.tick()
            frame = chain.frame
            assert frame is not None
            command = cut(frame, 0)
            assert command is not None
            command_json(command)
            metrics.offer(frame, 1e-4)
            meters.tick(frame, 0.0, 0.0, chain.rig.now_s)

    run(5_000)
    gc.collect()
    before = rss_mb()
    run(TICKS)
    gc.collect()
    ledger.add(f"growth over {TICKS:,} ticks of virtual time", rss_mb() - before, "MB", 2.0,
               reference="resident memory before", reference_figure=before)  # fmt: skip
    benchmark.pedantic(run, args=(1,), rounds=20)
