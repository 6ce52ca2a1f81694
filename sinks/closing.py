"""The last command of a process: 0 kW, after which nothing more is taken.

It has an id of its own per attempt, and the last command's time stamps carried on by the scheduler's clock.
"""

from __future__ import annotations

from dataclasses import replace

from jit.codes import Mode
from operators.cut import Command
from sources.instant import SECOND_NS


def closing(last: Command, offered_s: float, now_s: float, deadline_s: float, attempt: int) -> Command:
    """0 kW after `last`, which was offered at `offered_s` (scheduler seconds)."""
    issued_ns = last.issued_ns + int((now_s - offered_s) * SECOND_NS)
    return replace(
        last,
        id=f"{last.id}-stop-{attempt}",
        issued_ns=issued_ns,
        mode=Mode.STOP,
        power_kw=0.0,
        reactive_kvar=0.0,
        valid_until_ns=issued_ns + (last.valid_until_ns - last.issued_ns),
        deadline_s=deadline_s,
        heartbeat=last.heartbeat + 1,
        reason="the process ends: 0 kW",
        source="Safety",
        steps=(),
    )
