"""A test as read from a file: what is given, what happens when, what is expected, each with its place.

    - name: a BMS limit that drops beats the ramp
      given:    { bess1: { soc: 55 % } }
      timeline: [ { at: 30 s, bess1.discharge_limit: 37 kW } ]
      expect:   [ { at: 31 s, bess1.command: 37 kW }, { always: "site.export <= 250 kW" } ]

A timeline entry is a level from the first tick at or after `at` until changed; `expect at` reads the last tick at or
before it. Times are seconds from the test's begin, values in the chain's units.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor

from config.rehearsal import Operator
from config.source import Span
from pipeline.rehearsal.vocabulary import Readable, Written

#: Without an expectation after the last timeline entry, `always` and `never` watch for this long after it (s).
AFTERWARDS_S = 60.0
#: A tick at 30 s is "at" 30 s, whatever a float thinks of 300 × 0.1 s.
_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Level:
    """One thing that is set: a number in the chain's unit, or a word."""

    at_s: float
    target: Written
    value: float | str
    span: Span

    def tick(self, cycle_s: float) -> int:
        """The first tick at or after `at`."""
        return ceil(self.at_s / cycle_s - _SLACK)


@dataclass(frozen=True, slots=True)
class ExpectAt:
    """`quantity` has `value` at an instant. Reasons are texts, words sets of codes, everything else numbers."""

    at_s: float
    quantity: Readable
    value: float | str
    written: str
    span: Span

    @property
    def quantities(self) -> tuple[Readable, ...]:
        return (self.quantity,)

    def tick(self, cycle_s: float) -> int:
        """The last tick at or before `at`."""
        return floor(self.at_s / cycle_s + _SLACK)


@dataclass(frozen=True, slots=True)
class Invariant:
    """`left operator right` in every tick (`always`) or in none (`never`). The right side may be a number or a word."""

    always: bool
    left: Readable
    operator: Operator
    right: Readable | float | str
    written: str
    span: Span

    @property
    def quantities(self) -> tuple[Readable, ...]:
        return (self.left, self.right) if isinstance(self.right, Readable) else (self.left,)


Expectation = ExpectAt | Invariant


@dataclass(frozen=True, slots=True)
class Script:
    """One test. `span` is its name's place."""

    name: str
    span: Span
    given: tuple[Level, ...] = ()
    timeline: tuple[Level, ...] = ()
    expect: tuple[Expectation, ...] = field(default=())

    @property
    def lasts_s(self) -> float:
        """Until the last `at`; with invariants and no later `expect at`, a minute after the last timeline entry."""
        acted = max((level.at_s for level in self.timeline), default=0.0)
        read = max((e.at_s for e in self.expect if isinstance(e, ExpectAt)), default=-1.0)
        watches = any(isinstance(e, Invariant) for e in self.expect)
        return max(read, acted + AFTERWARDS_S) if watches and read < acted else max(read, acted)
