"""The declared response of a device to two sequences of commands at once: those that were given, and others.

    told at t ──dead time──► input u ──lag: x' = (u − x)/lag──► power x          (kW, s)

Both sequences run through the same arithmetic: where they are equal, so are the powers, to the last bit.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import exp

Pair = tuple[float, float]


@dataclass(slots=True)
class Response:
    """`power` at `at_s` of the commands given and of the others. Instants are scheduler time."""

    dead_s: float
    lag_s: float
    power: Pair = (0.0, 0.0)
    inputs: Pair = (0.0, 0.0)
    at_s: float = 0.0
    pending: deque[tuple[float, Pair]] = field(default_factory=deque)

    def begin(self, now_s: float, power: float) -> None:
        """At rest at this power (kW), on both sides."""
        self.at_s, self.power, self.inputs = now_s, (power, power), (power, power)
        self.pending.clear()

    def tell(self, now_s: float, given: float, other: float) -> None:
        """New commands (kW); they act after the dead time."""
        newest = self.pending[-1][1] if self.pending else self.inputs
        if (given, other) != newest:
            self.pending.append((now_s + self.dead_s, (given, other)))

    def at(self, now_s: float) -> Pair:
        """Both powers at an instant not before the last `advance`."""
        at, power, inputs = self.at_s, self.power, self.inputs
        for begins, told in self.pending:
            if begins > now_s:
                break
            power, at, inputs = self._moved(power, inputs, begins - at), max(at, begins), told
        return self._moved(power, inputs, now_s - at)

    def advance(self, now_s: float) -> None:
        """Forget what lies before this instant."""
        self.power = self.at(now_s)
        self.at_s = max(self.at_s, now_s)
        while self.pending and self.pending[0][0] <= now_s:
            self.inputs = self.pending.popleft()[1]

    def _moved(self, power: Pair, inputs: Pair, span_s: float) -> Pair:
        if self.lag_s <= 0.0:
            return inputs
        kept = exp(-max(0.0, span_s) / self.lag_s)
        given, other = inputs
        return given + (power[0] - given) * kept, other + (power[1] - other) * kept
