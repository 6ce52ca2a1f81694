"""A control loop that swings is found for every gain and dead time (reliability §2 row 24, S13).

The PID kernel asks for power in every tick, to bring the measured power of a battery to a load of 40 kW through the
dead time of the battery: a loop that is unstable for nearly all of these gains.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from jit import pid
from jit.codes import Deviation
from tests.answering import Answering, Real, quick
from tests.rig import storage

pytestmark = pytest.mark.req("LH-CTRL-007", "LH-SAFE-004", "LH-NATIVE-004")
GAINS = [(1.3, 0.0), (2.0, 0.0), (4.0, 0.0), (0.0, 1.0), (0.5, 2.0), (3.0, 3.0)]  # kp, ki·(1 s + dead time)
DEAD = [0.0, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0]
RATED_KW = 250.0


class Loop:
    """What the test stage remembers between ticks, in matrices of its own."""

    def __init__(self, kp: float, ki: float) -> None:
        self.options = np.array([[kp], [ki], [0.0], [-RATED_KW], [RATED_KW], [0.0]])
        self.values, self.codes = np.full((2 + pid.MEMORY, 1), np.nan), np.zeros((1, 1), np.int64)

    def asks(self, load_kw: float, measured_kw: float, dt: float) -> float:
        """The controller's output, to bring what is measured to the load."""
        past = self.values.copy()
        past.flags.writeable = False
        self.values[0], self.values[1] = load_kw, measured_kw
        pid.pid(self.values, self.codes, past, self.options, 0, 1, -1, 2, 0, dt)
        return float(self.values[2 + pid.OUTPUT, 0])


def looped(kp: float, ki: float, dead_s: float, cycle: str) -> Answering:
    """A rig with the loop closed over its battery's own power: unstable where the gain says so."""
    rig = Answering(quick(cycle), storage(response={"dead_time": f"{dead_s} s", "lag": "0.3 s"}))
    rig.batteries["b1"] = Real(dead_s=dead_s, lag_s=0.3, at_s=rig.now_s)
    return rig


def swings(powers: list[float]) -> int:
    """How often the power that was sent swung through zero by more than 20 % of the rating."""
    turns = [p for p in powers if abs(p) > 0.2 * RATED_KW]
    return sum(a * b < 0.0 for a, b in pairwise(turns))


@pytest.mark.parametrize("dead_s", DEAD)
@pytest.mark.parametrize(("kp", "ki"), GAINS)
@pytest.mark.hazard("row 24", "S13")
def test_row_24_every_limit_cycle_of_a_grid_of_gains_and_dead_times_is_held(
    kp: float, ki: float, dead_s: float
) -> None:
    """Never five swings in the window without a hold; and where the loop swings for minutes, the hold comes."""
    rig = looped(kp, ki, dead_s, "1 s")
    rig.ready()
    loop, held = Loop(kp, ki / (1.0 + dead_s)), 0
    powers: list[float] = []
    for tick in range(400):
        load = 40.0 if tick > 5 else 0.0
        asked = loop.asks(load, float(rig.batteries["b1"].power), 1.0)
        rig.schedule("day_ahead", max(-RATED_KW, min(RATED_KW, asked)), version=tick + 1)
        rig.tick()
        powers.append(rig.power[0])
        held += rig.frame["deviation"][0] == Deviation.OSCILLATES
        if rig.frame["deviation"][0] == Deviation.OSCILLATES:
            assert rig.power == [0.0] or held == 1
    most = max(swings(powers[k : k + 60]) for k in range(len(powers) - 60))
    assert most <= 5, "the fifth is the last one"
    if swings(powers) > 5:
        assert held > 0, "it swung and nobody held it"
