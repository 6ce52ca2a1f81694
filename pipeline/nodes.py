"""Numbers per node for people: rate, last value, age, duration, errors. Collected from sealed frames, never in the way.

Every stage reads the clock once, when it ends; its duration is the difference to the stage before it. What a person
reads is worked out when somebody looks (`json`), not in the tick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
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
    """One meter per node id; what is in every tick is read when somebody looks."""

    def __init__(self, ids: tuple[str, ...], stages: tuple[Stage, ...] = ()) -> None:
        self.by_id = {name: Meter() for name in ids}
        self._stages = stages
        self._frame: Frame | None = None
        self._ticks: deque[tuple[float, ...]] = deque(maxlen=WINDOW)

    def renew(self, ids: tuple[str, ...]) -> None:
        """Those of a graph with other outputs."""
        self.by_id = {name: self.by_id.get(name, Meter()) for name in ids}

    def tick(self, frame: Frame, began_s: float, sampled_s: float, now_s: float) -> None:
        """Note a finished tick: when it began, when the snapshot had been taken, and now."""
        self._frame = frame
        self._ticks.append((began_s, sampled_s, *[stage.ended_s for stage in self._stages], now_s))

    def saw(self, name: str, now_s: float, last: str | float = "", *, well: bool = True) -> None:
        """An item of a node. Not `well`: it says that something failed, e.g. a poll without an answer."""
        meter = self.by_id.get(name)
        if meter is not None:
            meter.last = last
            meter.seen_s.append(now_s)
            if not well:
                meter.errors += 1

    def json(self, now_s: float) -> list[dict[str, Any]]:
        of_ticks = dict(self._of_ticks())
        return [of_ticks.get(name, meter).json(name, now_s) for name, meter in self.by_id.items()]

    def _of_ticks(self) -> Iterator[tuple[str, Meter]]:
        """The nodes that are in every tick: the entry, the stages, and the endpoint."""
        frame = self._frame
        if frame is None:
            return
        seen = deque([tick[-1] for tick in self._ticks])
        nodes: list[tuple[str, str | float, int]] = [("snapshot", frame.tick, 0)]
        for stage in self._stages:
            shown = SHOWN.get(stage.id)
            nodes.append((stage.id, frame.tick if shown is None else frame.values.item(shown, 0), stage.errors))
        for place, (name, last, errors) in enumerate(nodes):
            durations = deque([max(0.0, tick[place + 1] - tick[place]) for tick in self._ticks])
            yield name, Meter(errors, last, durations, seen)
        yield "validate", Meter(seen_s=seen)
        yield "endpoint", Meter(last=frame.tick, seen_s=seen)
