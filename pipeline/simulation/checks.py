"""The table of invariants: identifier → what must hold → the function that finds every breach of it in a trace.

    for breach in verify(trace): print(breach)        # S2 b1 at 1012.002 s: 80 kW is sent, the battery allows 37 kW

A check reads bytes that were on the wire and what the devices truly did, never a row or a variable of the process. It
gives the process the time of one cycle and one reading (`Trace.sees_s`) before it holds something against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pipeline.simulation.trace import Trace


@dataclass(frozen=True, slots=True)
class Breach:
    """Where an invariant did not hold."""

    invariant: str
    asset: str
    at_s: float
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.asset} at {self.at_s:.3f} s: {self.text}"


Found = tuple[str, float, str]  # asset, s, what
Check = Callable[[Trace], Iterator[Found]]
INVARIANTS: dict[str, Check] = {}


def invariant(name: str) -> Callable[[Check], Check]:
    """Enter a check into the table under its identifier."""

    def enter(check: Check) -> Check:
        if name in INVARIANTS:
            raise ValueError(f"{name} is in the table already")
        INVARIANTS[name] = check
        return check

    return enter


def verify(trace: Trace, only: Iterable[str] | None = None, without: Iterable[str] = ()) -> list[Breach]:
    """Every breach, of all invariants or of some."""
    names = [name for name in (INVARIANTS if only is None else only) if name not in set(without)]
    return [Breach(name, *found) for name in names for found in INVARIANTS[name](trace)]
