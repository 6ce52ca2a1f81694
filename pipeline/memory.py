"""When garbage is collected: right after a tick, when the next one is furthest away.

    tick ─► frame, writers, records ─► collect, every now and then ─────────────► next tick

Left to itself the collector walks every object of the process whenever it likes: 60 ms with the demo, 480 ms with 200
websocket clients, in the middle of whatever is due. What was built at the start lives as long as the process and is not
walked again; young garbage, which costs microseconds, stays with the collector.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds between two walks over everything that came after the start.
EVERY_S = 30.0
#: The collector's third threshold, out of reach: old objects are walked by `after_tick` alone.
NEVER = 1_000_000


@contextmanager
def only_growing() -> Iterator[None]:
    """While modules are read and things are built nothing is thrown away: a tenth of a start was spent on looking."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def seldom() -> Iterator[None]:
    """While nobody waits for a tick, as in a simulation, the collector looks a hundred times less often."""
    before = gc.get_threshold()
    gc.set_threshold(70_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def settle() -> None:
    """Call it when everything is built and no tick has run yet."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)
    gc.collect()
    gc.freeze()


def after_tick(clock: Callable[[], float], every_s: float = EVERY_S) -> Callable[[], None]:
    """What to call when a tick has finished; it collects when `every_s` have passed since it last did."""
    due_s = clock() + every_s

    def collect() -> None:
        nonlocal due_s
        if clock() >= due_s:
            gc.collect()
            due_s = clock() + every_s

    return collect
