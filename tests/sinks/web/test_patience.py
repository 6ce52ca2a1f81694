"""Many short waits, one timer: a long one is found, short ones never are, however many there are."""

from __future__ import annotations

from pipeline.simulation.loop import VirtualLoop
from pipeline.simulation.net import MemoryNet
from sinks.web.patience import Patience
from sources.pause import pause


def lived(*waits: tuple[float, float]) -> tuple[list[float], int]:
    """When it was over, s from the start, after waits of (begins after, lasts) s; and the most timers at once."""
    loop, over, timers = VirtualLoop(MemoryNet(1)), [], [0]
    began_s = loop.time()

    async def live() -> None:
        patience = Patience(2.0, lambda: over.append(round(loop.time() - began_s, 3)))
        for rest, lasts in waits:
            await pause(rest)
            patience.begins()
            timers.append(len(loop._scheduled))
            await pause(lasts)
            patience.ends()
        patience.close()

    loop.run_until_complete(live())
    loop.close()
    return over, max(timers)


def test_short_waits_are_never_over_and_cost_one_timer() -> None:
    assert lived(*[(0.01, 0.1)] * 200) == ([], 1)


def test_a_long_wait_is_over_when_it_has_taken_too_long_by_itself() -> None:
    assert lived((0.0, 1.5), (0.0, 3.0)) == ([3.5], 1)


def test_nothing_is_over_while_nobody_waits() -> None:
    assert lived((0.0, 0.5), (60.0, 0.5)) == ([], 1)
