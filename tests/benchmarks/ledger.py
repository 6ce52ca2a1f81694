"""The ledger of a benchmark run: every figure with its target and with a reference measured in the same run.

    tick, 1 asset                  41.2 µs   target ≤ 60 µs    met   1.32 × the same steps in a plain loop (31.2 µs)

A machine that others share makes absolute figures wander; the ratio to a reference that ran beside it says more.
`var/bench/summary.json` keeps the newest entry per figure, `var/bench/summary.txt` is the same as a table.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter_ns

SUMMARY = Path(__file__).parent.parent.parent / "var" / "bench" / "summary.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One figure. Without a target it is told only; `reference` says what it is compared with in the same run."""

    name: str
    figure: float
    unit: str
    target: float | None = None
    reference: str = ""
    reference_figure: float | None = None
    note: str = ""
    load: float = 0.0

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.figure <= self.target

    @property
    def ratio(self) -> float | None:
        return self.figure / self.reference_figure if self.reference_figure else None

    def line(self) -> str:
        """The figure for people, in one line."""
        target = "" if self.target is None else f"target ≤ {self.target:g} {self.unit}"
        met = {None: "", True: "met", False: "MISSED"}[self.met]
        ratio = "" if self.ratio is None else f"{self.ratio:.2f} × {self.reference} ({self.reference_figure:.4g})"
        figure = f"{self.figure:.4g} {self.unit}"
        note = f"  {self.note}" if self.note else ""
        return f"{self.name:<52}{figure:>13}  {target:<20}{met:<8}{ratio}{note}".rstrip()


class Ledger:
    """The entries of this run. `say` prints a line past the capturing of a test."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.entries: list[Entry] = []
        self._say = say

    def add(
        self,
        name: str,
        figure: float,
        unit: str,
        target: float | None = None,
        *,
        reference: str = "",
        reference_figure: float | None = None,
        note: str = "",
    ) -> Entry:
        """Keep and print one figure; the machine's load is noted beside it."""
        entry = Entry(name, figure, unit, target, reference, reference_figure, note, os.getloadavg()[0])
        self.entries.append(entry)
        self._say(entry.line())
        return entry

    def write(self, path: Path = SUMMARY) -> None:
        """Merge into the summary: the newest entry per figure, and the table beside it."""
        held = json.loads(path.read_text())["figures"] if path.is_file() else {}
        held |= {entry.name: asdict(entry) for entry in self.entries}
        entries = [Entry(**known) for known in held.values()]
        machine = {"python": platform.python_version(), "processors": os.cpu_count(), "machine": platform.machine()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"machine": machine, "figures": held}, indent=1, ensure_ascii=False))
        path.with_suffix(".txt").write_text("\n".join(entry.line() for entry in entries) + "\n")


def quantile(figures: list[float], share: float) -> float:
    """The figure that `share` of all do not exceed; NaN without any."""
    ordered = sorted(figures)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def times_us(call: Callable[[], object], rounds: int, between: Callable[[], object] | None = None) -> Iterator[float]:
    """Durations of single calls in µs; what runs `between` them is not timed."""
    for _ in range(rounds):
        if between is not None:
            between()
        began = perf_counter_ns()
        call()
        yield (perf_counter_ns() - began) / 1e3


def median_us(call: Callable[[], object], rounds: int, inner: int = 1) -> float:
    """Median of `rounds` rounds of `inner` calls each, per call in µs."""

    def batch() -> None:
        for _ in range(inner):
            call()

    return median(times_us(batch, rounds)) / inner
