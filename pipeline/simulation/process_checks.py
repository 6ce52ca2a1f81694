"""D6, L6, R1, R3, R4: a process that keeps its time, ends when it cannot, and uses no more than it did."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pipeline.simulation.checks import Found, invariant
from pipeline.simulation.trace import Boot, Trace

LATE_S, VERY_LATE_S, RARELY = 0.05, 0.2, 0.001
SILENT_S, GONE_S = 3.0, 2.0  # a part that is silent for so long, and the process is gone within so much more
EVICTED_S = 10.0
SPREAD = 2  # tasks and descriptors more than there were
SETTLED_S = 5.0  # what a start, or the end of the last fault, opens and closes again


@invariant("D6")
def ticks_are_on_time(trace: Trace) -> Iterator[Found]:
    """No tick is later than 200 ms, and one in a thousand later than 50 ms, whatever disk and clients do.

    A process that is stopped as a whole (SIGSTOP) is late by what it stood still; no more.
    """
    late = [(at_s, late_s) for boot in trace.boots for at_s, late_s in _lateness(trace, boot)]
    rare = int(RARELY * len(trace.ticks))
    for number, (at_s, late_s) in enumerate(late):
        if late_s > VERY_LATE_S or number >= rare:
            yield "site", at_s, f"the tick is {late_s * 1e3:.0f} ms late"


def _lateness(trace: Trace, boot: Boot) -> Iterator[tuple[float, float]]:
    """(s, late by s) of the ticks of one life that are later than `LATE_S` after their deadline."""
    due_s = boot.at_s
    for at_s in _ticks(trace, boot):
        due_s += trace.cycle
        late_s = at_s - due_s
        if late_s > LATE_S:
            free_s = max((end for began, end in trace.stalled if began <= at_s and end > due_s), default=due_s)
            late_s = at_s - max(due_s, free_s)
            due_s += int((at_s - due_s) / trace.cycle) * trace.cycle  # what was missed is another matter (L5)
            if late_s > LATE_S:
                yield at_s, late_s


def _ticks(trace: Trace, boot: Boot) -> list[float]:
    return [at_s for at_s in trace.ticks if boot.at_s <= at_s <= boot.ended_s]


@invariant("L6")
def a_silent_part_ends_the_process(trace: Trace) -> Iterator[Found]:
    """When ticks stop, or a job that is to be kept running has ended, the process is gone within 5 s of it."""
    allowed = max(SILENT_S, 3 * trace.cycle) + GONE_S
    for boot in trace.boots:
        over_s = min(boot.ended_s, boot.terminated_s, trace.end_s)
        for before_s, at_s in pairwise([boot.at_s, *_ticks(trace, boot), over_s]):
            stood_s = trace.stood_s(before_s, at_s)
            if at_s - before_s - stood_s > allowed:
                yield "site", at_s, f"no tick for {at_s - before_s:.1f} s, and the process lives"
    for used in trace.used:
        for name in used.ended:
            yield "site", used.at_s, f"{name} has ended, and the process lives"


@invariant("R1")
def queues_are_bounded(trace: Trace) -> Iterator[Found]:
    """No queue holds more than its bound."""
    for used in trace.used:
        for queue in used.beyond:
            yield "site", used.at_s, f"{queue.holds} wait for {queue.name}, which takes {queue.most}"


@invariant("R3")
def who_does_not_read_is_cut_off(trace: Trace) -> Iterator[Found]:
    """A websocket client that never reads is cut off within 10 s."""
    for watcher in trace.watchers:
        until_s = min(watcher.ended_s, trace.end_s)
        if watcher.reads_s is None and until_s - watcher.began_s > EVICTED_S + trace.stood_s(watcher.began_s, until_s):
            yield "site", until_s, f"a client that does not read is there since {watcher.began_s:.1f} s"


@invariant("R4")
def nothing_is_used_up(trace: Trace) -> Iterator[Found]:
    """In every life, once it is quiet, as many tasks and descriptors as at its calm start, two more at the most."""
    for number in range(len(trace.boots)):
        mine = [used for used in trace.used if used.boot == number and used.alone]
        quiet = [used for used in mine if trace.healed_s is None or used.at_s > trace.healed_s + SETTLED_S]
        for what in ("tasks", "files"):
            if quiet and getattr(quiet[-1], what) > getattr(mine[0], what) + SPREAD:
                first, last = getattr(mine[0], what), getattr(quiet[-1], what)
                yield "site", quiet[-1].at_s, f"{last} {what}, {first} at {mine[0].at_s:.1f} s"
