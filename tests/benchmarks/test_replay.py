"""Recording and replay of one battery: what a tick pays, what the thread pays, what a day takes, how fast it is again.

The battery is as noisy as a real one: the tick's time by fractions of a millisecond, power, charge and frequency by
the last digit of their registers.
"""

from __future__ import annotations

import random
from pathlib import Path
from statistics import median
from time import process_time_ns
from typing import Any

import pytest

from jit.frame import Frame
from pipeline.replay.report import replay
from sinks.recording.recorder import Recorder
from sinks.recording.store import Packet, Store
from sources.recording.form import Form
from sources.recording.recording import Recording
from tests.benchmarks.chain import Chain
from tests.benchmarks.ledger import Ledger, times_us
from tests.recorded import header_of, recorded
from tests.rig import Rig

TICKS = 1500
DAY = 86_400


def noisy(rig: Rig, ticks: int = TICKS) -> None:
    rng = random.Random(1)
    battery = rig.batteries["b1"]
    rig.schedule("day_ahead", 80.0)
    for _ in range(ticks):
        battery.soc = round(battery.soc - 0.004 + rng.choice((0.0, 0.1, -0.1)) * (rng.random() < 0.05), 1)
        rig.frequency = round(50.0 + rng.gauss(0.0, 0.015), 3)
        rig.other_kw = round(-120.0 + rng.gauss(0.0, 0.4), 1)
        battery.power = round(battery.power + rng.gauss(0.0, 0.1), 1)
        rig.tick(1.0 + abs(rng.gauss(0.0, 2e-4)))


def test_replay_with_comparison(benchmark: Any, ledger: Ledger, tmp_path: Path) -> None:
    """Decoding, the production graph, comparison and digest, per tick of processor time; at most 100 µs."""
    rig, recorder = recorded(tmp_path)
    noisy(rig)
    recorder.store.close()
    recording, chain = Recording.open(tmp_path), Chain(1)
    assert replay(recording).identical
    spent: list[float] = []

    def once() -> None:
        began = process_time_ns()
        assert replay(recording).identical
        spent.append((process_time_ns() - began) / 1e3 / TICKS)

    bare = list(times_us(chain.bare, 500, chain.measure))
    benchmark.pedantic(once, rounds=5)
    bare += times_us(chain.bare, 500, chain.measure)
    ledger.add("replay with comparison, 1 asset, per tick", median(spent), "µs", 100.0,
               reference="the bare chain with dispatch", reference_figure=median(bare))  # fmt: skip
    day = sum(file.stat().st_size for file in tmp_path.iterdir()) / TICKS * DAY / 1e6
    ledger.add("recording, 1 asset and day", day, "MB", 30.0)


@pytest.mark.parametrize("assets", [1, 100])
def test_what_a_tick_pays_for_being_recorded(assets: int, benchmark: Any, ledger: Ledger, tmp_path: Path) -> None:
    """The copy of the sample and of the frame, in the tick's own thread; and the thread that writes it."""
    chain = Chain(assets)
    form = Form(chain.rig.compiled.layout)
    recorder = Recorder("bench", Store(tmp_path, header_of(chain.rig)), form)
    packets: list[Packet] = []

    def record() -> None:
        recorder.sampled(chain.next, chain.entry.snapshot)
        frame: Frame = chain.frame  # type: ignore[assignment]
        frame.tick = chain.next.index
        recorder.offer(frame)

    def following() -> None:
        packets.extend(recorder._queue)
        recorder._queue.clear()
        recorder._waiting = 0
        chain.measure()
        chain.tick()

    benchmark.pedantic(record, setup=following, rounds=1000 if assets == 1 else 100)
    ledger.add(f"recording: in the tick, {assets} asset(s)", benchmark.stats.stats.median * 1e6, "µs",
               20.0 if assets == 1 else None)  # fmt: skip
    wait = iter(packets)
    spent = list(times_us(lambda: recorder.store.append(next(wait)), len(packets)))
    ledger.add(f"recording: in the thread that writes, {assets} asset(s)", median(spent), "µs")
    recorder.store.close()
