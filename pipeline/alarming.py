"""What is wrong with the process itself, as conditions for the book of alarms.

    documents ─┐
    history ───┤
    checkpoint ┼──► Condition …     asked at every tick; nothing here waits or touches a disk
    scheduler ─┤
    kernels ───┘
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from jit.build import compiled
from jit.frame import Frame
from operators.offers import Offers
from pipeline.ticker import Ticker
from sinks.alarms.condition import HIGH, LOW, MEDIUM, Condition
from sinks.alarms.keeper import AlarmKeeper
from sinks.checkpoint import Checkpoint
from sinks.history import History
from sinks.recording.recorder import Recorder

#: Ticks that were missed are an alarm until none has been missed for this long (s).
MISSED_FOR_S = 60.0


@dataclass(slots=True, eq=False)
class ProcessWatch:
    """Looks at the parts of one process. `contested` names the connections that another master seems to hold.

    `devices` is what they alone say: no reversion, writes that are spent.
    """

    offers: Offers
    histories: Mapping[str, History]
    checkpoint: Checkpoint
    keeper: AlarmKeeper
    ticker: Ticker
    contested: Callable[[], Iterable[str]]
    failures: Mapping[str, int]
    devices: Callable[[Frame], Iterable[Condition]] = lambda _frame: ()
    recorders: Mapping[str, Recorder] = field(default_factory=dict)
    _misses: tuple[int, float] = (0, 0.0)

    def conditions(self, frame: Frame) -> Iterator[Condition]:
        yield from self._documents(frame)
        yield from self._records()
        yield from self._time(frame)
        yield from self._parts()
        yield from self.devices(frame)

    def _documents(self, frame: Frame) -> Iterator[Condition]:
        for name, _ in self.offers.overdue(frame.utc_ns):
            yield Condition(f"{name}.late", None, LOW, f"{name}: no document newer than its ttl", "Check the sender")

    def _records(self) -> Iterator[Condition]:
        for name, history in self.histories.items():
            for c in history.conditions():
                key = f"outputs.{name}.{c.id.removeprefix('history.')}"
                yield Condition(key, None, c.priority, c.text, c.response)
        for name, recorder in self.recorders.items():
            if recorder.problem:
                text = f"outputs.{name}: ticks are not recorded ({recorder.lost} so far): {recorder.problem}"
                advice = "Free space or replace the disk of the recording; control goes on"
                yield Condition(f"outputs.{name}.lost", None, MEDIUM, text, advice)
        if self.checkpoint.problem:
            text = f"the checkpoint is not reaching the disk: {self.checkpoint.problem}"
            free = "Free space or replace the disk of the state directory; do not restart before, latches may be lost"
            yield Condition("checkpoint.unwritable", None, HIGH, text, free)
        if self.keeper.problem:
            text = f"acknowledgements and shelves are not reaching the disk: {self.keeper.problem}"
            yield Condition("alarms.unwritable", None, MEDIUM, text, "Free space or replace that disk; do not restart")

    def _time(self, frame: Frame) -> Iterator[Condition]:
        missed, last_s = self._misses
        if self.ticker.missed != missed:
            missed, last_s = self._misses = self.ticker.missed, frame.mono_s
        if missed and frame.mono_s - last_s < MISSED_FOR_S:
            text = f"ticks are missed: {missed} since the start"
            yield Condition("ticks.missed", None, MEDIUM, text, "Check the machine's load")
        if self.ticker.wall.stepped_s:
            off = f"the wall clock stepped by {self.ticker.wall.stepped_s:.0f} s; schedules are not followed on"
            yield Condition("clock.stepped", None, HIGH, off, "Check the machine's time server")
        elif not self.ticker.wall.trusted:
            off = "the wall clock is not known to be right; schedules are not followed on"
            yield Condition("clock.untrusted", None, HIGH, off, "Check the machine's time server")

    def _parts(self) -> Iterator[Condition]:
        for name in self.contested():
            text = f"{name}: another master seems to hold it"
            yield Condition(f"{name}.contested", None, HIGH, text, "Stop the other one")
        if self.failures.get("chain"):
            yield Condition("chain", None, HIGH, "the chain has ended", "The process restarts; report it")
        if reason := compiled():
            text = f"the kernels run uncompiled, {reason}: ticks cost many times more"
            yield Condition("kernels.plain", None, MEDIUM, text, "Read the log of the start; check the compile cache")
