"""The production chain of N assets for benchmarks: with realistic readings, without writers, outputs and a plant.

    chain = Chain(1000); chain.measure(); frame = chain.tick()
"""

from __future__ import annotations

from time import perf_counter

from jit.codes import Authority, WriteStatus
from jit.frame import Frame
from pipeline.chain import Entry, stages
from pipeline.graph import build, check, fold
from sources.receipt import Receipt
from sources.tick import Tick
from tests.rig import Rig, site


class Chain:
    """Every asset measured, scheduled, permitted and confirmed at its last command before anything is timed."""

    def __init__(self, assets: int) -> None:
        self.rig = Rig(site(assets, fcr_kw=50.0))
        compiled = self.rig.compiled
        self.errors = self.rig.errors
        self.entry = Entry(
            compiled, armed=True, dropped=lambda *_: None, failed=lambda name, error: self.errors.append((name, error))
        )
        self.stages = stages(compiled, perf_counter, lambda name, error: self.errors.append((name, error)))
        graph = build(compiled.layout, ("signals",), self.stages, (), ())
        check(graph, compiled.layout)
        fold(self.entry.frames, graph, self._remember, {}, lambda name, error: self.errors.append((name, error)))
        self.rig.entry = self.entry
        self.frame: Frame | None = None
        self.next: Tick = self._tick()
        self.rig.schedule("day_ahead", 80.0 * assets)
        for _ in range(12):
            self.measure()
            self.tick()
        self._ready()

    def _ready(self) -> None:
        assert not self.errors, self.errors[0]
        assert self.frame is not None
        assert (self.frame["authority"] == Authority.ARMED).all()
        assert (self.frame["command_kw"] > 0.0).any()

    def _remember(self, frame: Frame) -> None:
        self.entry.snapshot.remember(frame)
        self.frame = frame

    def _tick(self) -> Tick:
        rig = self.rig
        return Tick(rig.index, rig.now_s, rig.now_ns, 1.0)

    def measure(self) -> None:
        """A second passes: every device answers with new values, every command is confirmed."""
        rig = self.rig
        rig.now_s += 1.0
        rig.now_ns += 1_000_000_000
        rig.index += 1
        rig.measure()
        if self.frame is not None:
            power = self.frame["command_kw"].tolist()
            for name, kw in zip(self.frame.layout.assets, power, strict=True):
                rig.batteries[name].power = kw
                rig.signal(Receipt(name, rig.index, rig.now_s, WriteStatus.CONFIRMED, kw, kw))
        self.next = self._tick()

    def tick(self) -> None:
        """From the tick that enters the subject to the sealed frame."""
        self.entry.signals.on_next(self.next)

    def bare(self) -> None:
        """The same steps in a plain loop: no Rx, no guard, no clock, no taps."""
        frame = self.entry.snapshot.frame(self.next)
        for stage in self.stages:
            stage.step(frame)
        frame.seal()
