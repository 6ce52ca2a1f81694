"""Numbers per node for people: rate, last value, age, duration, errors. Collected from sealed frames, never in the way.

Every stage reads the clock once, when it ends; its duration is the difference to the stage before it. What a person
reads is worded when somebody looks (`json`), not in the tick.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from jit import rows as r
from jit.frame import Frame
from operators.sentence import power
from operators.stage import Stage

WINDOW = 120

#: The row that stands for a stage in a list of nodes.
SHOWN = {
    "limits": r.HIGH_KW,
    "resolve": r.BASE_KW,
    "ancillary": r.SERVICE_KW,
    "constrain": r.LIMITED_KW,
    "ramp": r.RAMPED_KW,
    "command": r.COMMAND_KW,
}


@dataclass(slots=True)
class Meter:
    """Items of one node: the newest one, `durations_s` and `seen_s` of the newest ones.

    `last` is a text, the number of a tick (int), or a power (float, kW).
    """

    errors: int = 0
    last: str | float = ""
    durations_s: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    seen_s: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def saw(self, now_s: float, last: str | float, duration_s: float | None = None) -> None:
        self.last = last
        self.seen_s.append(now_s)
        if duration_s is not None:
            self.durations_s.append(duration_s)

    def json(self, name: str, now_s: float) -> dict[str, Any]:
        seen, durations = self.seen_s, sorted(self.durations_s)
        span = seen[-1] - seen[0] if len(seen) > 1 else 0.0

        def at(share: float) -> float | None:
            return (
                round(durations[min(len(durations) - 1, int(share * len(durations)))] * 1e6, 1) if durations else None
            )

        return {
            "id": name,
            "rate_hz": round((len(seen) - 1) / span, 2) if span > 0 else None,
            "last": _worded(self.last),
            "age_s": round(now_s - seen[-1], 2) if seen else None,
            "p50_us": at(0.5),
            "p95_us": at(0.95),
            "errors": self.errors,
            "dropped": 0,
        }


def _worded(last: str | float) -> str:
    if isinstance(last, str):
        return last
    return f"tick {last}" if isinstance(last, int) else power(last)


class Meters:
    """One meter per node id; stages are read after the tick."""

    def __init__(self, ids: tuple[str, ...]) -> None:
        self.by_id = {name: Meter() for name in ids}

    def renew(self, ids: tuple[str, ...]) -> None:
        """Those of a graph with other outputs."""
        self.by_id = {name: self.by_id.get(name, Meter()) for name in ids}

    def tick(self, frame: Frame, stages: tuple[Stage, ...], started_s: float, now_s: float) -> None:
        """Note the stages of a finished tick. `started_s`: when the snapshot had been taken."""
        ended = started_s
        for stage in stages:
            shown, meter, began, ended = SHOWN.get(stage.id), self.by_id[stage.id], ended, stage.ended_s
            meter.last = frame.tick if shown is None else frame.values.item(shown, 0)
            meter.errors = stage.errors
            meter.seen_s.append(now_s)
            meter.durations_s.append(ended - began if ended > began else 0.0)

    def saw(
        self, name: str, now_s: float, last: str | float = "", duration_s: float | None = None, *, well: bool = True
    ) -> None:
        """An item of a node. Not `well`: it says that something failed, e.g. a poll without an answer."""
        meter = self.by_id.get(name)
        if meter is not None:
            meter.saw(now_s, last, duration_s)
            if not well:
                meter.errors += 1

    def json(self, now_s: float) -> list[dict[str, Any]]:
        return [meter.json(name, now_s) for name, meter in self.by_id.items()]
