"""The point of connection: import and export limits with a fresh meter and a stale one, several batteries together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jit.codes import Mode, Reason
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-CTRL-002", "LH-SAFE-004")


def at_site(assets: int = 2, cycle: str = "1 s", **site_changes: Any) -> Rig:
    plain = site(assets, cycle=cycle)
    limits = {"import_limit": 300.0, "export_limit": 200.0, "max_load": 50.0, "max_pv": 80.0} | site_changes
    margin = plain.chain.limits.margin.model_copy(update={"import_": 10.0, "export": 20.0})
    chain = plain.chain.model_copy(update={"limits": plain.chain.limits.model_copy(update={"margin": margin})})
    return Rig(plain.model_copy(update={"site": plain.site.model_copy(update=limits), "chain": chain}))


def poc(rig: Rig) -> float:
    return rig.other_kw + sum(battery.power for battery in rig.batteries.values())


@pytest.mark.parametrize(
    ("other", "wish", "total"),
    [
        (0.0, 500.0, 180.0),  # export limit less its margin
        (0.0, -500.0, -290.0),
        (100.0, 500.0, 80.0),  # PV takes room
        (-100.0, 500.0, 280.0),  # load gives room to discharge
        (-100.0, -500.0, -190.0),
        (100.0, -500.0, -390.0),
        (250.0, 500.0, 0.0),  # PV alone is already beyond: discharging is forbidden, charging is not ordered
        (250.0, -100.0, -100.0),
        (-400.0, -100.0, 0.0),
        (-400.0, 100.0, 100.0),
    ],
)
def test_with_a_fresh_meter_the_sum_at_the_connection_stays_inside(
    other: float, wish: float, total: float, cycle: str
) -> None:
    rig = at_site(cycle=cycle)
    rig.other_kw = other
    rig.ready()
    rig.schedule("day_ahead", wish)
    for _ in range(round(10 / rig.cycle)):
        rig.tick()
        if -290.0 <= other <= 180.0:
            assert -290.1 <= poc(rig) <= 180.1
    assert sum(rig.power) == pytest.approx(total, abs=0.3)


def test_what_cuts_is_named(cycle: str) -> None:
    rig = at_site(cycle=cycle).ready()
    rig.schedule("day_ahead", 500.0)
    rig.run(8)
    assert (rig.frame["limited_why"] == Reason.SITE_LIMITED).all()
    assert {rig.compiled.layout.limits[code - 1] for code in rig.frame["limited_by"]} == {"site"}
    assert rig.frame.site_code("direction") == 3
    (command, _) = rig.sent[-1]
    assert command is not None
    assert "point of connection" in command.reason


@pytest.mark.parametrize("how", ["silent", "frozen"])
@pytest.mark.hazard("row 26", "S4")
def test_with_a_stale_meter_the_declared_worst_case_stands_in(how: str, cycle: str) -> None:
    rig = at_site(cycle=cycle).ready()
    rig.schedule("day_ahead", 500.0)
    rig.run(8)
    assert sum(rig.power) == pytest.approx(180.0, abs=0.3)
    if how == "silent":
        rig.meter_answers = False
    else:
        rig.meter_frozen = True
    rig.run(3.5)
    assert sum(rig.power) == pytest.approx(100.0, abs=0.3)  # max_pv 80 kW
    rig.schedule("day_ahead", -500.0, version=2)
    rig.run(14)
    assert sum(rig.power) == pytest.approx(-240.0, abs=0.3)  # max_load 50 kW


def test_a_meter_that_is_required_takes_all_room_with_it(cycle: str) -> None:
    rig = at_site(cycle=cycle)
    plain = rig.compiled.definition
    required = plain.chain.model_copy(
        update={"snapshot": plain.chain.snapshot.model_copy(update={"require": ["site.poc"]})}
    )
    rig = Rig(plain.model_copy(update={"chain": required})).ready()
    rig.schedule("day_ahead", 100.0)
    rig.run(6)
    assert sum(rig.power) == pytest.approx(100.0, abs=0.3)
    rig.meter_answers = False
    rig.run(3.5)
    assert rig.power == [0.0, 0.0]


@pytest.mark.hazard("row 25", "S5")
def test_no_battery_charges_while_another_discharges(cycle: str) -> None:
    rig = at_site(cycle=cycle).ready()
    rig.schedule("day_ahead", 60.0, "b1")
    rig.schedule("day_ahead", -100.0, "b2")
    for _ in range(round(6 / rig.cycle)):
        rig.tick()
        assert not (max(rig.power) > 0.0 and min(rig.power) < 0.0)
    assert rig.power == [0.0, pytest.approx(-100.0)]
    assert rig.frame["limited_why"][0] == Reason.ONE_DIRECTION
    command = rig.sent[-1][0]
    assert command is not None
    assert command.mode is Mode.IDLE
    assert "another asset runs" in command.reason


def test_a_wish_for_the_site_is_split_by_energy_and_shared_again(cycle: str) -> None:
    """Above the minimum to discharge, below the maximum to charge; what one cannot take goes to the others."""
    rig = at_site(3, cycle, export_limit=None, import_limit=None)
    for name, soc in zip(("b1", "b2", "b3"), (30.0, 50.0, 70.0), strict=True):
        rig.batteries[name].soc = soc
    rig.ready()
    rig.schedule("day_ahead", 120.0)
    rig.run(8)
    assert rig.power == [pytest.approx(share, abs=0.1) for share in (20.0, 40.0, 60.0)]  # 20 : 40 : 60 % above 10 %
    rig.schedule("day_ahead", -120.0, version=2)
    rig.run(12)
    assert rig.power == [pytest.approx(-share, abs=0.1) for share in (60.0, 40.0, 20.0)]
    rig.batteries["b1"].charge_limit = 10.0
    rig.run(6)
    assert rig.power[0] == pytest.approx(-10.0, abs=0.1)
    assert sum(rig.power) == pytest.approx(-120.0, abs=0.3)
    assert rig.power[1] / rig.power[2] == pytest.approx(2.0, rel=0.01)


def test_nobody_can_every_one_is_asked_and_its_limit_says_why_not() -> None:
    rig = at_site(2)
    for battery in rig.batteries.values():
        battery.soc = 10.0
    rig.ready()
    rig.schedule("day_ahead", 100.0)
    rig.run(4)
    assert rig.power == [0.0, 0.0]
    assert rig.frame["asked_kw"].tolist() == [50.0, 50.0]
    assert {rig.compiled.layout.limits[code - 1] for code in rig.frame["limited_by"]} == {"soc"}


def test_more_than_all_have_room_for_is_asked_of_those_who_cannot() -> None:
    rig = at_site(2, export_limit=None).ready()
    rig.schedule("day_ahead", 900.0)
    rig.run(8)
    assert rig.power == [250.0, 250.0]
    assert rig.frame["asked_kw"].sum() == pytest.approx(900.0)


def test_a_battery_of_its_own_schedule_takes_no_part_in_the_split() -> None:
    rig = at_site(2, export_limit=None).ready()
    rig.schedule("day_ahead", 100.0)
    rig.schedule("day_ahead", 30.0, "b1")
    rig.run(6)
    assert rig.power == [pytest.approx(30.0), pytest.approx(100.0)]


def test_a_battery_in_local_control_counts_with_what_it_does(cycle: str) -> None:
    """It runs at 150 kW out of our hands: the others have only the rest of the export limit."""
    rig = at_site(cycle=cycle).ready()
    rig.batteries["b1"].remote = 0.0
    rig.tick()
    rig.batteries["b1"].power = 150.0
    rig.schedule("day_ahead", 500.0)
    rig.run(8)
    assert rig.sent[-1][0] is None
    assert rig.power[1] == pytest.approx(30.0, abs=0.1)


@pytest.mark.req("LH-SAFE-004")
@pytest.mark.hazard("peer 6", "S21")
def test_a_battery_that_does_not_answer_counts_with_its_last_command(cycle: str) -> None:
    rig = at_site(cycle=cycle).ready()
    rig.schedule("day_ahead", 160.0)
    rig.run(6)
    battery = rig.batteries["b1"]
    before = battery.power
    battery.answers, battery.follows, battery.outcome = False, False, None
    rig.schedule("day_ahead", 500.0, version=2)
    for _ in range(round(12 / rig.cycle)):
        rig.tick()
        assert poc(rig) <= 180.2
    assert rig.power[1] <= 180.0 - before + 0.1


def test_a_stopped_battery_gives_its_room_back_when_it_has_stopped(cycle: str) -> None:
    rig = at_site(cycle=cycle).ready()
    rig.schedule("day_ahead", 500.0)
    rig.run(8)
    rig.batteries["b1"].delay_s = 2.0
    rig.act(ActKind.STOP, "b1")
    for _ in range(round(8 / rig.cycle)):
        rig.tick()
        assert poc(rig) <= 180.2
    assert rig.power == [0.0, pytest.approx(180.0, abs=0.2)]


@settings(max_examples=30, deadline=None)
@given(
    world=st.lists(
        st.tuples(
            st.sampled_from([-500.0, -200.0, -30.0, 0.0, 30.0, 200.0, 500.0]),
            st.sampled_from([-250.0, -100.0, 0.0, 100.0, 170.0]),
            st.sampled_from([5.0, 10.5, 50.0, 89.5, 95.0]),
        ),
        min_size=1,
        max_size=6,
    )
)
@pytest.mark.hazard("row 26", "S4", "S5")
def test_whatever_is_asked_the_assets_together_stay_in_the_sites_band(world: list[tuple[float, float, float]]) -> None:
    rig = at_site(3).ready()
    for version, (wish, other, soc) in enumerate(world, start=2):
        rig.schedule("day_ahead", wish, version=version)
        rig.other_kw = other
        rig.batteries["b2"].soc = soc
        for _ in range(4):
            frame = rig.tick()
            total = float(frame["command_kw"].sum())
            assert frame.at_site("site_low_kw") - 1e-9 <= total <= frame.at_site("site_high_kw") + 1e-9
            assert not (max(rig.power) > 0.0 and min(rig.power) < 0.0)
