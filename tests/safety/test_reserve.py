"""Frequency containment reserve: droop, its own ramp, what is kept free, what happens when frequency is lost."""

from __future__ import annotations

from typing import Any

import pytest

from jit.codes import Reason
from jit.rows import L_BMS
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-MKT-004", "LH-MKT-005", "LH-OPEN-002")


def sold(capacity_kw: float = 100.0, assets: int = 1, cycle: str = "1 s", **fcr: Any) -> Rig:
    plain = site(assets, fcr_kw=capacity_kw, cycle=cycle)
    service = plain.ancillary[0]
    changed = service.model_copy(update={"fcr": service.fcr.model_copy(update=fcr)})
    return Rig(plain.model_copy(update={"ancillary": [changed]})).ready()


def at(rig: Rig, frequency: float, seconds: float = 8.0) -> float:
    rig.frequency = frequency
    rig.run(seconds)
    return sum(rig.power)


@pytest.mark.parametrize(
    ("frequency", "power"),
    [
        (50.0, 0.0),
        (49.8, 100.0),  # all of it at −200 mHz
        (50.2, -100.0),
        (49.9, 50.0),
        (50.1, -50.0),
        (49.5, 100.0),  # and no more below
        (50.9, -100.0),
        (49.991, 0.0),  # within the insensitivity of 10 mHz
        (50.009, 0.0),
        (49.98, 10.0),
        (50.02, -10.0),
    ],
)
def test_droop(frequency: float, power: float, cycle: str) -> None:
    """Low frequency: discharge. P = −capacity · Δf / 200 mHz, nothing inside the insensitivity."""
    assert at(sold(cycle=cycle), frequency) == pytest.approx(power, abs=0.11)


@pytest.mark.hazard("row 28")
def test_the_service_has_a_ramp_of_its_own(cycle: str) -> None:
    """All of it within 5 s by default, however slow the base may be; and no faster."""
    plain = site(fcr_kw=100.0, cycle=cycle)
    asset = plain.assets["b1"]
    slow = asset.model_copy(update={"ramp": asset.ramp.model_copy(update={"up": 1.0, "down": 1.0})})
    rig = Rig(plain.model_copy(update={"assets": {"b1": slow}})).ready()
    rig.frequency = 49.8
    before = rig.power[0]
    for _ in range(round(5.0 / rig.cycle)):
        rig.tick()
        assert rig.power[0] - before <= (20.0 + 1.0) * rig.cycle + 0.11
        before = rig.power[0]
    assert rig.power[0] == pytest.approx(100.0, abs=0.2)


def test_the_base_goes_on_beneath_it(cycle: str) -> None:
    rig = sold(cycle=cycle)
    rig.schedule("day_ahead", 80.0)
    rig.run(4)
    assert at(rig, 49.9) == pytest.approx(130.0, abs=0.2)
    assert rig.frame["base_kw"][0] == 80.0
    assert rig.frame["service_kw"][0] == pytest.approx(50.0)
    assert at(rig, 50.2) == pytest.approx(-20.0, abs=0.2)
    assert at(rig, 50.0) == pytest.approx(80.0, abs=0.2)


def test_power_is_kept_free_inside_the_band(cycle: str) -> None:
    """Asked 250 with 100 sold: the base gets 150, and the reserve finds its room whenever it is called."""
    rig = sold(cycle=cycle)
    rig.schedule("day_ahead", 250.0)
    rig.run(8)
    assert rig.power == [pytest.approx(150.0, abs=0.1)]
    assert rig.frame["resolve_by"][0] == Reason.RESERVE_KEPT_FREE
    assert rig.frame["high_kw"][0] == 250.0, "reserve is no part of the band"
    (command,) = rig.sent[-1]
    assert command is not None
    assert "kept free" in command.reason
    assert at(rig, 49.8) == pytest.approx(250.0, abs=0.1)
    assert rig.frame["shortfall_kw"][0] == 0.0


@pytest.mark.parametrize(("wish", "soc"), [(200.0, 14.9), (-200.0, 85.3)])
@pytest.mark.hazard("row 3", "S6")
def test_energy_is_kept_free_too(wish: float, soc: float, cycle: str) -> None:
    """100 kW for 15 min are 25 kWh, 5 % of the battery and its losses: near the bound the base gets nothing."""
    rig = sold(cycle=cycle)
    rig.batteries["b1"].soc = soc
    rig.schedule("day_ahead", wish)
    rig.run(6)
    assert rig.power == [0.0]
    assert rig.frame["resolve_by"][0] == Reason.RESERVE_KEPT_FREE


def test_what_has_no_room_is_undeliverable_whether_called_or_not(cycle: str) -> None:
    rig = sold(cycle=cycle)
    rig.run(2)
    assert rig.frame["ancillary.fcr.undeliverable_kw"][0] == 0.0
    rig.batteries["b1"].discharge_limit = 70.0
    rig.run(2)
    assert rig.frame["ancillary.fcr.undeliverable_kw"][0] == pytest.approx(30.0)
    assert at(rig, 49.8) == pytest.approx(70.0, abs=0.1)
    assert rig.frame["shortfall_kw"][0] == pytest.approx(30.0)
    assert rig.frame["limited_by"][0] == L_BMS + 1
    assert at(rig, 50.2, seconds=12.0) == pytest.approx(-100.0, abs=0.1)
    assert rig.frame["shortfall_kw"][0] == 0.0


@pytest.mark.parametrize("how", ["silent", "frozen", "nonsense", "infinite"])
@pytest.mark.hazard("row 29", "F1")
def test_a_lost_frequency_is_held_then_withdrawn_and_the_base_stands(how: str, cycle: str) -> None:
    rig = sold(cycle=cycle)
    rig.schedule("day_ahead", 60.0)
    rig.run(4)
    assert at(rig, 49.9) == pytest.approx(110.0, abs=0.2)
    lost_after = 1.0 if how in ("silent", "frozen") else 0.0  # max_age
    if how == "silent":
        rig.meter_answers = False
    elif how == "frozen":
        rig.meter_frozen = True
    else:
        rig.frequency = float("nan") if how == "nonsense" else float("inf")
    rig.run(lost_after + rig.cycle)
    assert rig.frame["ancillary.fcr.phase"][0] == Reason.SERVICE_HELD
    assert sum(rig.power) == pytest.approx(110.0, abs=0.2)
    rig.run(2.0)
    rig.run(6.0)
    assert rig.frame["ancillary.fcr.phase"][0] == Reason.SERVICE_WITHDRAWN
    assert sum(rig.power) == pytest.approx(60.0, abs=0.2)
    assert rig.frame["ancillary.fcr.asked_kw"][0] != rig.frame["ancillary.fcr.asked_kw"][0]
    rig.meter_answers, rig.meter_frozen = True, False
    assert at(rig, 49.9) == pytest.approx(110.0, abs=0.2)
    assert rig.frame["ancillary.fcr.phase"][0] == Reason.SERVICE_ADDED


def test_withdrawal_runs_along_the_services_ramp(cycle: str) -> None:
    rig = sold(cycle=cycle)
    assert at(rig, 49.8) == pytest.approx(100.0, abs=0.2)
    rig.meter_answers = False
    before = rig.power[0]
    for _ in range(round(12 / rig.cycle)):
        rig.tick()
        assert before - rig.power[0] <= (20.0 + 50.0) * rig.cycle + 0.11
        before = rig.power[0]
    assert rig.power == [0.0]


def test_it_is_split_by_rating_or_as_declared(cycle: str) -> None:
    rig = sold(90.0, 2, cycle)
    assert at(rig, 49.8) == pytest.approx(90.0, abs=0.3)
    assert rig.power == [pytest.approx(45.0, abs=0.2)] * 2
    rig = sold(90.0, 2, cycle, split={"b1": 60.0, "b2": 30.0})
    at(rig, 49.8)
    assert rig.power == [pytest.approx(60.0, abs=0.2), pytest.approx(30.0, abs=0.2)]


@pytest.mark.req("LH-MKT-006", "LH-SAFE-001")
def test_stop_and_limits_stand_above_an_activation(cycle: str) -> None:
    rig = sold(cycle=cycle)
    at(rig, 49.8)
    rig.act(ActKind.STOP)
    rig.tick()
    assert rig.power == [0.0]
    rig.run(5)
    assert rig.power == [0.0]


def test_without_a_ramp_of_its_own_it_follows_what_is_declared() -> None:
    rig = sold(ramp=1000.0)
    rig.frequency = 49.8
    rig.tick()
    assert rig.power == [pytest.approx(100.0, abs=0.1)]


@pytest.mark.parametrize(("band", "frequency", "power"), [(0.02, 49.975, 0.0), (0.02, 49.9, 50.0)])
def test_a_dead_band_widens_the_insensitivity(band: float, frequency: float, power: float) -> None:
    assert at(sold(dead_band=band), frequency) == pytest.approx(power, abs=0.11)
