"""`python -m tests.benchmarks.serving FILE REPORT`: the production process, watched from inside.

The definition runs as `bess-pipeline run --arm` runs it: same reader, same process, same endpoint. Two things differ:
the cycle may be one that no definition may ask for, and every tick's lateness is written down. After `--ticks` ticks
(not counting those of `--warm`) the report is written and the process asks itself to end.

The report is JSON: `first_tick_s` on the monotonic clock that all processes of a machine share, `late_s` per tick,
`missed` deadlines, `pause_s` the longest garbage collection, `rss_mb` at the end.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest.mock import patch

from pipeline import process as production
from pipeline.check import check
from pipeline.run import run
from pipeline.ticker import Ticker
from sources.tick import Tick


@dataclass(slots=True)
class Watch:
    """What the report will say."""

    path: Path
    ticks: int
    warm: int
    first_tick_s: float = 0.0
    seen: int = 0
    late_s: list[float] = field(default_factory=list)
    missed_warm: int = 0
    pause_s: float = 0.0
    collecting_s: float = 0.0
    ticker: Ticker | None = None

    def made(self, cycle_s: float, on_tick: Callable[[Tick], None]) -> Ticker:
        self.ticker = Ticker(cycle_s, on_tick, on_late=self.note)
        return self.ticker

    def note(self, late_s: float) -> None:
        """Called by the ticker as a tick begins."""
        self.seen += 1
        self.first_tick_s = self.first_tick_s or time.monotonic()
        if self.seen == self.warm and self.ticker is not None:
            self.missed_warm = self.ticker.missed
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
            "late_s": self.late_s,
            "missed": missed,
            "pause_s": self.pause_s,
            "rss_mb": int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20,
        }
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps(report))
        draft.rename(self.path)


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
    with patch.object(production, "Ticker", watch.made):
        return int(run(found, arm=True, json_log=True))


if __name__ == "__main__":
    sys.exit(main())
