"""Expectations against frames: what did not hold, where it stands, what was got instead, and the decision behind it.

`expect at` reads one frame; `always` and `never` read every frame and fail at the first tick that breaks them.
`always` fails on an unknown value; `never` does not: nothing happened. A power is equal within 0.1 kW.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config.rehearsal import Operator
from config.source import Span
from jit.frame import Frame
from operators.decision import decision
from pipeline.rehearsal.readout import Reader, reader, shown
from pipeline.rehearsal.reason import matches, reason
from pipeline.rehearsal.script import ExpectAt, Invariant
from pipeline.rehearsal.vocabulary import UNKNOWN, Readable
from pipeline.rehearsal.world import World

#: What a float may be beside a bound without having crossed it, in the chain's unit.
SLACK = 1e-6
#: Assets whose decisions are shown when a quantity of the whole site fails.
SHOWN = 3


@dataclass(slots=True)
class Failure:
    """One expectation that did not hold. `tick` is its index from 0 s, `ticks` how many broke it, `last` the last."""

    span: Span
    expected: str
    got: str
    tick: int
    at_s: float
    reason: str = ""
    decisions: tuple[dict[str, Any], ...] = ()
    quantities: tuple[Readable, ...] = ()
    ticks: int = 1
    last_s: float = 0.0


@dataclass(slots=True)
class Moment:
    """An `expect at`, bound to a world."""

    expected: ExpectAt
    read: Reader

    @classmethod
    def of(cls, expected: ExpectAt, world: World) -> Moment:
        return cls(expected, reader(expected.quantity, world))

    def check(self, frame: Frame, tick: int, cycle_s: float) -> Failure | None:
        expected, quantity = self.expected, self.expected.quantity
        number = self.read(frame)
        if _is(quantity, expected.value, number, frame):
            return None
        said = f"{quantity.path} {expected.written}"
        return _failure(expected.span, said, shown(quantity, number, frame), tick, cycle_s, frame, (quantity,))


@dataclass(slots=True)
class Watch:
    """An `always` or `never`, bound to a world; it remembers its first failure and counts."""

    invariant: Invariant
    holds: Callable[[Frame], bool]
    reads: tuple[tuple[Readable, Reader], ...]
    failure: Failure | None = None

    @classmethod
    def of(cls, invariant: Invariant, world: World) -> Watch:
        reads = tuple((quantity, reader(quantity, world)) for quantity in invariant.quantities)
        return cls(invariant, _holds(invariant, world), reads)

    def check(self, frame: Frame, tick: int, cycle_s: float) -> None:
        if self.holds(frame) is self.invariant.always:
            return
        if self.failure is not None:
            self.failure.ticks += 1
            self.failure.last_s = tick * cycle_s
            return
        kind = "always" if self.invariant.always else "never"
        got = ", ".join(f"{quantity.path} {shown(quantity, read(frame), frame)}" for quantity, read in self.reads)
        self.failure = _failure(self.invariant.span, f"{kind} {self.invariant.written}", got, tick, cycle_s, frame,
                                self.invariant.quantities)  # fmt: skip


def _failure(
    span: Span, expected: str, got: str, tick: int, cycle_s: float, frame: Frame, quantities: tuple[Readable, ...]
) -> Failure:
    at_s, column = tick * cycle_s, frame.layout.column
    own = {quantity.asset for quantity in quantities if quantity.asset}
    decisions = tuple(decision(frame, column[asset]) for asset in involved(quantities, frame.layout.assets))
    because = reason(frame, column[own.pop()]) if len(own) == 1 else ""
    return Failure(span, expected, got, tick, at_s, because, decisions, quantities, last_s=at_s)


def involved(quantities: tuple[Readable, ...], assets: tuple[str, ...]) -> tuple[str, ...]:
    """The assets whose decisions explain these quantities: their own, else the site's as far as they fit."""
    own = {quantity.asset for quantity in quantities if quantity.asset}
    return tuple(asset for asset in assets if asset in own) if own else assets[:SHOWN]


def _is(quantity: Readable, expected: float | str, number: float, frame: Frame) -> bool:
    if quantity.kind == "reason":
        return matches(str(expected), reason(frame, frame.layout.column[quantity.asset]))
    if expected == UNKNOWN and not quantity.words:
        return number != number
    if isinstance(expected, str):
        return int(number) in quantity.words[expected]
    return abs(number - expected) <= quantity.tolerance + SLACK


def _holds(invariant: Invariant, world: World) -> Callable[[Frame], bool]:
    """True when the comparison is known to be true."""
    left, right = invariant.left, invariant.right
    if isinstance(right, str):
        read = reader(left, world)
        return lambda frame: _is(left, right, read(frame), frame)
    tolerance = max((side.tolerance for side in invariant.quantities), default=0.0)
    return _compare(invariant.operator, _side(left, world), _side(right, world), tolerance + SLACK)


def _side(side: Readable | float | str, world: World) -> Reader:
    if isinstance(side, Readable):
        return reader(side, world)
    number = float(side)
    return lambda _frame: number


def _compare(operator: Operator, left: Reader, right: Reader, tolerance: float) -> Callable[[Frame], bool]:
    """NaN compares as false with everything: an unknown value is never known to be anything."""
    match operator:
        case "<=":
            return lambda frame: left(frame) <= right(frame) + SLACK
        case ">=":
            return lambda frame: left(frame) >= right(frame) - SLACK
        case "<":
            return lambda frame: left(frame) < right(frame)
        case ">":
            return lambda frame: left(frame) > right(frame)
    return lambda frame: abs(left(frame) - right(frame)) <= tolerance
