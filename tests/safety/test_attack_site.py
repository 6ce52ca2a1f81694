"""The site's limit holds when a battery does not do what it is told: writes fail, or are accepted and not followed."""

from __future__ import annotations

from math import nan

import pytest

from config.definition import Definition
from jit.codes import Latch, Mode, Permit, State, WriteStatus
from jit.frame import Frame
from jit.rows import L_EFFECT
from operators.cut import cut
from sources.receipt import Receipt
from tests.rig import Rig, site

LIMIT_KW = 200.0


def limited(assets: int, cycle: str) -> Definition:
    plain = site(assets, cycle=cycle)
    limits = {"import_limit": LIMIT_KW, "export_limit": LIMIT_KW}
    return plain.model_copy(update={"site": plain.site.model_copy(update=limits)})


class Unwilling(Rig):
    """`failing`: no write of these assets succeeds, and what they do is what they did before."""

    failing: tuple[str, ...] = ()

    def _write(self, frame: Frame) -> None:
        self.sent.append([cut(frame, column) for column in range(len(frame.layout.assets))])
        for name, command in zip(frame.layout.assets, self.sent[-1], strict=True):
            if command is None:
                continue
            status, written = WriteStatus.CONFIRMED, command.power_kw
            if name in self.failing:
                status, written = WriteStatus.FAILED, nan
            else:
                self.batteries[name].held = command.power_kw
                if self.batteries[name].follows:
                    self.batteries[name].power = command.power_kw
            self.signal(Receipt(name, command.tick, self.now_s, status, written, written))

    @property
    def fed_kw(self) -> float:
        return sum(battery.power for battery in self.batteries.values())


def stuck(how: str, cycle: str, power_kw: float) -> Unwilling:
    """b1 runs at `power_kw` and stays there, b2 is asked for as much."""
    rig = Unwilling(limited(2, cycle))
    rig.ready()
    rig.schedule("day_ahead", power_kw, "b1")
    rig.run(8)
    assert rig.batteries["b1"].power == power_kw
    rig.schedule("day_ahead", 0.0, "b1", version=2)
    rig.schedule("day_ahead", power_kw, "b2")
    if how == "failing":
        rig.failing = ("b1",)
    else:
        rig.batteries["b1"].follows = False
    return rig


@pytest.mark.req("LH-SAFE-004", "LH-OPS-001")
@pytest.mark.parametrize("power_kw", [200.0, -200.0])
def test_a_battery_whose_writes_fail_counts_at_what_it_may_be_doing(power_kw: float, cycle: str) -> None:
    rig = stuck("failing", cycle, power_kw)
    for _ in range(round(5 / rig.cycle)):
        rig.tick()
        beyond = abs(rig.fed_kw) - LIMIT_KW
        assert beyond <= 100.0 * rig.cycle + 1e-6  # the tick before the first outcome is known
    assert abs(rig.fed_kw) <= LIMIT_KW


@pytest.mark.req("LH-SAFE-004", "LH-OPS-001")
@pytest.mark.parametrize("power_kw", [200.0, -200.0])
def test_a_battery_that_no_write_reaches_is_held_and_keeps_its_place(power_kw: float, cycle: str) -> None:
    """It may hold what it was told before: its power is no evidence against it."""
    rig = stuck("failing", cycle, power_kw)
    rig.run(12)
    assert abs(rig.fed_kw) <= LIMIT_KW
    assert rig.frame["latch"][0] == Latch.NONE
    assert rig.power[0] == 0.0
    command = rig.sent[-1][0]
    assert command is not None
    assert "no write reaches the device" in command.reason
    rig.failing = ()
    rig.run(8)
    assert rig.frame["may_discharge"][0] == Permit.YES


@pytest.mark.req("LH-SAFE-004", "LH-OPS-001")
@pytest.mark.parametrize("power_kw", [200.0, -200.0])
def test_a_battery_that_gives_more_than_commanded_latches_and_keeps_its_place(power_kw: float, cycle: str) -> None:
    """Reliability S9: derated after `for`, latched after twice that, and the response before."""
    rig = stuck("accepted", cycle, power_kw)
    rig.run(5 + 5)  # down along the ramp, then the response and `for`
    assert abs(rig.fed_kw) <= LIMIT_KW
    rig.run(10)
    assert abs(rig.fed_kw) <= LIMIT_KW
    assert rig.frame["latch"][0] == Latch.BEYOND
    assert rig.frame["state"][0] == State.FAULT
    command = rig.sent[-1][0]
    assert command is not None
    assert (command.mode, command.power_kw) == (Mode.STOP, 0.0)


@pytest.mark.req("LH-CTRL-001")
def test_one_failed_write_costs_no_power(cycle: str) -> None:
    rig = Unwilling(limited(1, cycle))
    rig.ready()
    rig.schedule("day_ahead", 150.0)
    rig.run(8)
    rig.failing = ("b1",)
    rig.tick()
    rig.tick()
    assert rig.power == [150.0]
    rig.failing = ()
    rig.run(3)
    assert rig.power == [150.0]
    assert rig.frame["latch"][0] == Latch.NONE


@pytest.mark.req("LH-CTRL-001")
def test_a_battery_that_gives_less_than_commanded_is_derated_and_does_not_latch(cycle: str) -> None:
    """Its own protection may hold it back; that is no danger to anybody's limit, and the rest is not promised."""
    rig = Unwilling(limited(1, cycle))
    rig.ready()
    rig.schedule("day_ahead", 60.0)
    rig.run(4)
    rig.batteries["b1"].follows = False
    rig.schedule("day_ahead", 150.0, version=2)
    rig.run(60)
    assert rig.frame["latch"][0] == Latch.NONE
    assert rig.power == [pytest.approx(63.7)]  # what it gives, and half the tolerance of 3 %
    assert rig.frame["high_by"][0] == L_EFFECT + 1
    rig.batteries["b1"].follows = True
    rig.run(60)
    assert rig.power == [150.0]
