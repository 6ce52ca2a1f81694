"""S14, S21, F6: what comes in can be nonsense, can be missing, can be the answer to something else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.simulation.checks import INVARIANTS, Found, invariant
from pipeline.simulation.columns import F8
from pipeline.simulation.trace import Trace, Write

GUARDED = ("S1", "S2", "S3", "S4", "S5", "S6", "S7")
STANDS_S = 60.0  # a document is at work for so long, at least
OLD_KW = 0.15  # what was true once is said again to the resolution of the device


@invariant("S14")
def no_document_gets_past_the_guards(trace: Trace) -> Iterator[Found]:
    """Whatever an optimiser hands in is taken or refused as it should be, and S1 to S7 hold while it is at work.

    A disk that takes nothing is a reason to refuse what is sound; nothing is a reason to answer with an error of ours.
    """
    for offered in trace.offered:
        if offered.broken_disk and offered.status == 503:
            continue
        if offered.status >= 500 or (offered.status < 300) is not offered.sound:
            yield "site", offered.at_s, f"the document {offered.which!r} was answered with {offered.status}"
    if not trace.offered:
        return
    for name in GUARDED:
        for asset, at_s, text in INVARIANTS[name](trace):
            at_work = [o.which for o in trace.offered if o.at_s <= at_s <= o.at_s + STANDS_S]
            if at_work:
                yield asset, at_s, f"{name} with the document {at_work[-1]!r}: {text}"


@invariant("S21")
def degraded_inputs_widen_nothing(trace: Trace) -> Iterator[Found]:
    """Whatever is lost, late, frozen or refused: no more than the battery truly allowed within the maximum age.

    Not what the device invents: a limit that it says and that was never true is its own (S2 judges what it says).
    """
    for asset, model in trace.assets.items():
        truth, wrote = np.array(trace.limits.get(asset, ()), np.float64).reshape(-1, 3), trace.wrote(asset)
        if not len(truth) or not len(wrote.sent_s):
            continue
        since_s = wrote.sent_s - model.stale_after - trace.sees_s
        takes, gives = (_most(truth[:, 0], truth[:, k], since_s, wrote.sent_s) for k in (1, 2))
        allowed = np.where(wrote.power_kw > 0, gives, takes)
        beyond = np.abs(wrote.power_kw) > allowed + trace.step_kw(asset)
        for place, write in zip(np.flatnonzero(beyond).tolist(), trace.suspects(asset, beyond), strict=True):
            if not _invented(trace, asset, truth, write):
                yield asset, write.sent_s, f"{write.power_kw:g} kW, the battery allows {allowed[place]:g} kW"


def _most(at_s: F8, values: F8, from_s: F8, to_s: F8) -> F8:
    """The largest of what held in each of these times; a value holds until the next one."""
    first = np.maximum(np.searchsorted(at_s, from_s, "right") - 1, 0)
    last = np.maximum(np.searchsorted(at_s, to_s, "right") - 1, 0)
    found = values[first]
    for step in range(1, int((last - first).max(initial=0)) + 1):
        place = first + step
        found = np.where(place <= last, np.maximum(found, values[np.minimum(place, len(values) - 1)]), found)
    return found


def _invented(trace: Trace, asset: str, truth: F8, write: Write) -> bool:
    """Whether the limit that lets this through was never that of the battery."""
    name, column = ("discharge_limit", 2) if write.power_kw > 0 else ("charge_limit", 1)
    told = trace.seen(asset, name, write.sent_s)
    wide = [limit for limit in told if limit is not None and limit >= abs(write.power_kw) - trace.step_kw(asset)]
    return any(np.abs(truth[:, column] - limit).min() > OLD_KW for limit in wide)


@invariant("F6")
def a_reply_answers_its_request(trace: Trace) -> Iterator[Found]:
    """Nothing is sent on a connection before the outstanding request has its own reply, or its time has passed."""
    for host, at_s, age_s in trace.hasty:
        yield host, at_s, f"a request {age_s * 1e3:.0f} ms after one that nobody has answered"
