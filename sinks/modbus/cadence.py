"""When a run of registers is written: with every command, once in a connection, once a day, or after a cooldown.

    once      written in each connection before what follows it, and again after the device refused something: a login
    daily     not again on the same UTC day, over restarts as well (`Wear` keeps count)
    cooldown  not again before its time; the closing command of a process does not wait

What is not due is left out of the command; the device keeps what it holds.
"""

from __future__ import annotations

from collections.abc import Callable

from sinks.modbus.wear import Wear
from sources.modbus.blocks import Run


class Cadence:
    """`clock` in s. `renewed` is to be called at every connect."""

    def __init__(self, wear: Wear, clock: Callable[[], float]) -> None:
        self._wear, self._clock = wear, clock
        self._once: set[int] = set()
        self._sent_s: dict[int, float] = {}

    def due(self, run: Run, *, last: bool) -> bool:
        """Whether the run belongs to this command; `last`: the one that ends the process."""
        if run.cadence == "once":
            return run.address not in self._once
        if run.cadence == "daily":
            return not self._wear.written_today(run)
        before = self._sent_s.get(run.address)
        return last or before is None or self._clock() - before >= run.cooldown_s

    def sent(self, run: Run) -> None:
        """The device has taken it."""
        if run.cadence == "once":
            self._once.add(run.address)
        elif run.cooldown_s:
            self._sent_s[run.address] = self._clock()

    def renewed(self) -> None:
        """Another connection, or a refusal: what is written once is written again."""
        self._once.clear()
