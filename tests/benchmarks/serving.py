"""`python -m tests.benchmarks.serving FILE REPORT`: the production process, watched from inside.

The definition runs as `bess-pipeline run --arm` runs it: same reader, same process, same endpoint. Two things differ:
the cycle may be one that no definition may ask for, and every tick's lateness is written down. After `--ticks` ticks
(not counting those of `--warm`) the report is written and the process asks itself to end.

The report is JSON: `first_tick_s` on the monotonic clock that all processes of a machine share, `late_s` per tick,
`missed` deadlines, `step_cpu_s` the processor time of the loop's longest step but a tick, `pause_s` the longest garbage
collection, `cpu_share` of one processor, `rss_mb` at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

from pipeline.memory import only_growing

with only_growing():  # as the verb `run` reads them
    from pipeline import process as production
    from pipeline.check import check
    from pipeline.run import run
    from pipeline.ticker import Ticker
    from pipeline.wall_clock import WallClock
    from sources.tick import Tick

#: Steps of the loop that take longer than this (s, processor time) are kept one by one.
LONG_S = 0.001
TICK = "Ticker._fire"


@dataclass(slots=True)
class Watch:
    """What the report will say."""

    path: Path
    ticks: int
    warm: int
    first_tick_s: float = 0.0
    first_tick_cpu_s: float = 0.0
    seen: int = 0
    late_s: list[float] = field(default_factory=list)
    missed_warm: int = 0
    pause_s: float = 0.0
    collecting_s: float = 0.0
    began_s: float = 0.0
    began_cpu_s: float = 0.0
    steps: int = 0
    long_steps: list[tuple[float, str]] = field(default_factory=list)
    ticker: Ticker | None = None

    def made(self, cycle_s: float, on_tick: Callable[[Tick], None], wall: WallClock) -> Ticker:
        self.ticker = Ticker(cycle_s, on_tick, wall, on_late=self.note)
        return self.ticker

    def note(self, late_s: float) -> None:
        """Called by the ticker as a tick begins."""
        self.seen += 1
        if not self.first_tick_s:
            self.first_tick_s, self.first_tick_cpu_s = time.monotonic(), time.process_time()
        if self.seen == max(1, self.warm) and self.ticker is not None:
            self.missed_warm = self.ticker.missed
            self.began_s, self.began_cpu_s = time.monotonic(), time.process_time()
        if self.seen > self.warm:
            self.late_s.append(late_s)
        if len(self.late_s) == self.ticks:
            self.write()
            os.kill(os.getpid(), signal.SIGTERM)

    def collected(self, phase: str, _generation: dict[str, int]) -> None:
        """Called by the garbage collector as it starts and stops."""
        if phase == "start":
            self.collecting_s = time.monotonic()
        elif self.seen > self.warm:
            self.pause_s = max(self.pause_s, time.monotonic() - self.collecting_s)

    def write(self) -> None:
        missed = 0 if self.ticker is None else self.ticker.missed - self.missed_warm
        report = {
            "first_tick_s": self.first_tick_s,
            "first_tick_cpu_s": self.first_tick_cpu_s,
            "late_s": self.late_s,
            "missed": missed,
            "pause_s": self.pause_s,
            "steps": self.steps,
            "tick_cpu_s": max((lasted for lasted, step in self.long_steps if TICK in step), default=0.0),
            "step_cpu_s": max((lasted for lasted, step in self.long_steps if TICK not in step), default=0.0),
            "long_steps": sorted(self.long_steps, reverse=True)[:50],
            "objects": len(gc.get_objects()),
            "cpu_share": (time.process_time() - self.began_cpu_s) / (time.monotonic() - self.began_s),
            "rss_mb": int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20,
        }
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps(report))
        draft.rename(self.path)


@contextmanager
def steps(watch: Watch) -> Iterator[None]:
    """Within it the processor time of every step of the loop is taken: what a tick may have to wait for."""
    run_handle = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run_handle(handle)
        lasted = time.thread_time() - began
        if watch.seen > watch.warm:
            watch.steps += 1
            if lasted > LONG_S:
                watch.long_steps.append((lasted, repr(handle)[:300]))

    with patch.object(asyncio.Handle, "_run", timed):
        yield


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("report", type=Path)
    parser.add_argument("--secrets", type=Path, required=True)
    parser.add_argument("--cycle", type=float, default=0.0)
    parser.add_argument("--ticks", type=int, default=1)
    parser.add_argument("--warm", type=int, default=0)
    chosen = parser.parse_args()
    found = check(chosen.file, secrets_dir=chosen.secrets)
    if found.definition is None:
        sys.exit("\n".join(diagnostic.message for diagnostic in found.diagnostics))
    if chosen.cycle:
        site = found.definition.site.model_copy(update={"cycle": chosen.cycle})
        found = replace(found, definition=found.definition.model_copy(update={"site": site}))
    watch = Watch(chosen.report, chosen.ticks, chosen.warm)
    gc.callbacks.append(watch.collected)
    with patch.object(production, "Ticker", watch.made), steps(watch):
        return int(run(found, arm=True, json_log=True))


if __name__ == "__main__":
    sys.exit(main())
