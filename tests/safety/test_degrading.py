"""Degrading any input never widens a band (design rule 5, reliability S21).

    the same battery, the same instant:   band(input lost, stale or implausible) ⊆ band(input good)

Two rigs live through the same history; then one of them loses an input while the world stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.definition import Definition
from jit.codes import Quality
from jit.frame import Frame
from jit.rows import LIMITS
from sources.reading import Reading
from tests.rig import Battery, Rig, site

pytestmark = [pytest.mark.req("LH-CTRL-007", "LH-SAFE-004", "LH-SAFE-006")]

EPS = 1e-9

Loss = Callable[[Rig], None]


def _missing(point: str) -> Loss:
    def lose(rig: Rig) -> None:
        rig.batteries["b1"].missing = {point}

    return lose


def _silent(rig: Rig) -> None:
    rig.batteries["b1"].answers = False


def _meter_silent(rig: Rig) -> None:
    rig.meter_answers = False


LOSSES: dict[str, Loss] = {
    "everything": _silent,
    "meter": _meter_silent,
    **{
        f"no {point}": _missing(point)
        for point in ("soc", "power", "temperature", "available", "alarms", "remote", "heartbeat")
    },
    **{f"no {limit}": _missing(limit) for limit in ("charge_limit", "discharge_limit")},
}


def definition(stop: str) -> Definition:
    plain = site(2)
    changed = {
        name: asset.model_copy(
            update={
                "ramp": asset.ramp.model_copy(update={"stop": None if stop == "at_once" else 20.0}),
                "stale_after": 1.5,
            }
        )
        for name, asset in plain.assets.items()
    }
    limits = {"import_limit": 220.0, "export_limit": 180.0, "max_load": 30.0, "max_pv": 0.0}
    return plain.model_copy(update={"site": plain.site.model_copy(update=limits), "assets": changed})


def lived(stop: str, world: dict[str, float], asked: float) -> Rig:
    rig = Rig(definition(stop))
    rig.other_kw = world["other"]
    for battery in rig.batteries.values():
        battery.soc, battery.temperature = world["soc"], world["temperature"]
        battery.charge_limit, battery.discharge_limit = world["charge"], world["discharge"]
    rig.ready()
    rig.schedule("day_ahead", asked)
    rig.run(6)
    return rig


def within(inner: Frame, outer: Frame) -> None:
    assert (inner["low_kw"] >= outer["low_kw"] - EPS).all(), (inner["low_kw"], outer["low_kw"])
    assert (inner["high_kw"] <= outer["high_kw"] + EPS).all(), (inner["high_kw"], outer["high_kw"])
    assert inner.at_site("site_low_kw") >= outer.at_site("site_low_kw") - EPS
    assert inner.at_site("site_high_kw") <= outer.at_site("site_high_kw") + EPS


worlds = st.fixed_dictionaries(
    {
        "other": st.sampled_from([-250.0, -100.0, 0.0, 50.0, 170.0, 300.0]),
        "soc": st.sampled_from([9.0, 10.0, 12.0, 50.0, 88.0, 90.0, 95.0]),
        "temperature": st.sampled_from([-12.0, -8.0, 25.0, 47.0, 51.0]),
        "charge": st.sampled_from([0.0, 30.0, 250.0]),
        "discharge": st.sampled_from([0.0, 30.0, 250.0]),
    }
)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
@settings(max_examples=25, deadline=None)
@given(world=worlds, asked=st.sampled_from([-400.0, -60.0, 0.0, 60.0, 400.0]), ticks=st.integers(1, 6))
@pytest.mark.hazard("S21", "peer 2")
def test_losing_an_input_never_widens_the_band(loss: Loss, world: dict[str, float], asked: float, ticks: int) -> None:
    good, bad = lived("at_once", world, asked), lived("at_once", world, asked)
    loss(bad)
    for _ in range(ticks):
        within(bad.tick(), good.tick())


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())
@settings(max_examples=25, deadline=None)
@given(world=worlds, asked=st.sampled_from([-400.0, -60.0, 60.0, 400.0]), ticks=st.integers(1, 6))
def test_along_a_stop_ramp_the_band_never_grows(loss: Loss, world: dict[str, float], asked: float, ticks: int) -> None:
    """Here the band may outlive the permission for a while; what it may not is widen from one tick to the next."""
    rig = lived("20 kW/s", world, asked)
    if loss is _meter_silent:
        return  # no battery stops: the site's room may come back as the other one leaves it
    loss(rig)
    before = rig.frame
    for _ in range(ticks):
        after = rig.tick()
        assert after["low_kw"][0] >= before["low_kw"][0] - EPS
        assert after["high_kw"][0] <= before["high_kw"][0] + EPS
        before = after


@pytest.mark.parametrize("stop", ["at_once", "20 kW/s"])
def test_data_that_come_back_do_not_cut_the_stop_ramp_short(stop: str) -> None:
    """Good again, but not for long enough: the ramp goes on, and power returns with the permission."""
    rig = lived(stop, {"other": 0.0, "soc": 50.0, "temperature": 25.0, "charge": 250.0, "discharge": 250.0}, 100.0)
    rig.schedule("intraday", 80.0, "b1")  # of its own: a wish for the site is split over the others at once
    rig.run(3)
    rig.batteries["b1"].missing = {"alarms"}
    powers = [rig.power[0]]
    rig.tick()
    powers.append(rig.power[0])
    rig.batteries["b1"].missing = set()
    for _ in range(2):
        rig.tick()
        powers.append(rig.power[0])
    assert powers == ([80.0, 0.0, 0.0, 0.0] if stop == "at_once" else [80.0, 60.0, 40.0, 20.0])
    rig.run(8)
    assert rig.power[0] == pytest.approx(80.0, abs=1e-6)


def test_a_stale_meter_counts_what_it_showed_last() -> None:
    """`max_pv` says 0, the meter has just shown 170 kW of it: losing the meter must not give its room away."""
    rig = Rig(definition("at_once"))
    rig.other_kw = 170.0
    rig.ready()
    assert rig.frame.at_site("site_high_kw") == pytest.approx(10.0)
    rig.meter_answers = False
    rig.run(30)
    assert rig.frame.site_code("poc_quality") & Quality.STALE
    assert rig.frame.at_site("site_high_kw") == pytest.approx(10.0)


def test_declared_worst_cases_bind_where_they_are_worse_than_what_was_seen() -> None:
    rig = Rig(definition("at_once"))
    rig.other_kw = 20.0
    rig.ready()
    rig.meter_answers = False
    rig.run(30)
    assert rig.frame.at_site("site_low_kw") == pytest.approx(-(220.0 - 30.0))
    assert rig.frame.at_site("site_high_kw") == pytest.approx(180.0 - 20.0)


@pytest.mark.parametrize("bits", [Quality.RANGE, Quality.TIME, Quality.RETAINED, Quality.SUBSTITUTED, 0])
def test_an_implausible_limit_of_the_battery_is_no_limit(bits: int) -> None:
    """A BMS limit is no required point; what cannot be believed is not obeyed as if it were wide (design rule 6)."""
    rig = Rig(site(1)).ready()
    rig.schedule("day_ahead", 200.0)
    rig.run(6)
    assert rig.power == [200.0]
    battery = rig.batteries["b1"]
    battery.answers = False
    _emit(rig, battery, {"discharge_limit": (1e9, bits)})
    rig.tick()
    assert rig.power == [0.0]
    assert rig.frame["high_by"][0] == LIMITS.index("bms") + 1


def _emit(rig: Rig, battery: Battery, changed: dict[str, tuple[float, int]]) -> None:
    """One reading of b1 at the next tick's instant, with some points replaced."""
    battery.heartbeat += 1
    first, last = rig.compiled.layout.devices["b1"]
    names = [name.removeprefix("b1.") for name in rig.compiled.layout.points[first:last]]
    said = {
        "soc": 55.0,
        "soh": 99.0,
        "power": battery.power,
        "temperature": 25.0,
        "available": 1.0,
        "remote": 1.0,
        "alarms": 0.0,
        "charge_limit": 250.0,
        "discharge_limit": 250.0,
        "heartbeat": float(battery.heartbeat),
        "setpoint": battery.power,
    }
    values = np.array([changed.get(name, (said[name], 1))[0] for name in names])
    quality = np.array([changed.get(name, (0.0, 1))[1] for name in names], np.int64)
    rig.signal(Reading("b1", rig.now_s + rig.cycle, values, quality))
