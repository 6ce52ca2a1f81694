"""L3i: permission that was lost comes back late enough, judged loss by loss, also where something may have latched.

    lost ── seen by a tick ── ended ─► fresh_for ─► power … lost again ── ended ─► calm_for since the first end ─► power

A loss is what nobody can take for anything else: a required point without a value, no reply at all, or not connected,
for longer than data may be old, so that a tick has found it whatever became of the replies. Of several points that were
lost at once the first to return ends it: the others may be told as they change only.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from pipeline.simulation.checks import Found, invariant
from pipeline.simulation.trace import READING_S, Trace, Write

REQUIRED = ("soc", "power", "temperature")  # what makes a whole reading worthless where it is missing
ROUNDING_S = 0.1


class Loss(NamedTuple):
    """`found_s`: by then a tick knew. `afresh`: what it takes to come back begins with fresh data."""

    began_s: float
    found_s: float
    ended_s: float
    afresh: bool


@invariant("L3i")
def what_was_lost_takes_its_time(trace: Trace) -> Iterator[Found]:
    """No power before data that were lost have been fresh for their time; permission that had just returned and was
    lost again returns `calm_for` after it did, at the earliest.
    """
    machine = trace.site.chain.state_machine
    for asset in trace.assets:
        losses = list(_losses(trace, asset))
        writes = [write for write in trace.writes(asset) if write.power_kw != 0] if losses else []
        for loss in losses:
            write = _next(writes, loss.ended_s)
            if loss.afresh and write is not None and write.sent_s < loss.ended_s + machine.fresh_for - ROUNDING_S:
                late_s = write.sent_s - loss.ended_s
                yield asset, write.sent_s, f"{write.power_kw:g} kW {late_s:.1f} s after data that were lost"
        for before, loss in pairwise(loss for loss in losses if _running(trace, writes, loss)):
            between, write = _next(writes, before.ended_s), _next(writes, loss.ended_s)
            if write is None or between is None or not _by_itself(trace, asset, before.began_s, write):
                continue
            if between.sent_s < loss.began_s and write.sent_s < before.ended_s + machine.calm_for - ROUNDING_S:
                again_s = write.sent_s - before.ended_s
                yield asset, write.sent_s, f"{write.power_kw:g} kW, {again_s:.1f} s after the loss before had ended"


def _losses(trace: Trace, asset: str) -> Iterator[Loss]:
    """In the order in which they began."""
    found: list[Loss] = []
    sure_s = trace.assets[asset].stale_after + trace.sees_s
    silent = [spell for name in REQUIRED for spell in trace.spells(asset, name, {None: True})]
    spells = [(began, min(e for b, e in silent if b < ended and e > began), True) for began, ended in silent]
    spells += [(*spell, False) for spell in trace.spells(asset, "available", {0.0: True, None: True})]
    replies = trace.column(asset, "soc").at_s.tolist()
    spells += [(a, b, True) for a, b in pairwise(replies) if b - a > sure_s]
    for began, ended, afresh in spells:
        place = bisect_left(trace.ticks, began + sure_s)
        if place < len(trace.ticks) and trace.ticks[place] < ended < trace.end_s:
            found.append(Loss(began, trace.ticks[place], ended, afresh))
    return iter(sorted(found))


def _next(writes: list[Write], at_s: float) -> Write | None:
    place = bisect_right(writes, at_s, key=lambda write: write.sent_s)
    return writes[place] if place < len(writes) else None


def _running(trace: Trace, writes: list[Write], loss: Loss) -> bool:
    """Whether power was told in the very tick before: its permission is one that was lost."""
    write = _next(writes, loss.began_s - trace.cycle - READING_S)
    return write is not None and write.sent_s < loss.found_s


def _by_itself(trace: Trace, asset: str, since_s: float, write: Write) -> bool:
    """Whether one process lived all the time, and no person and no stage had a part in it."""
    from_s = since_s - 2 * trace.sees_s
    boot = trace.boots[write.boot]
    acted = any(a.asset in (None, asset) and from_s <= a.at_s <= write.sent_s for a in trace.acts)
    raised = any(began < write.sent_s and ended > from_s for began, ended in trace.raised)
    local = trace.spells(asset, "remote", {0.0: True, None: True})
    taken = any(began < write.sent_s and ended > from_s for began, ended in local)
    return boot.at_s < from_s and not (acted or raised or taken)
