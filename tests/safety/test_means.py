"""The mean power at the point of connection over 15 minutes of the clock stays below its limit, whatever is asked."""

from __future__ import annotations

from typing import Any

import pytest

from config.definition import Definition
from config.site import Mean
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-SAFE-004")]

WINDOW = 60.0
START_NS = 1_790_000_040_000_000_000  # a whole minute


def limited(cycle: str, **means: float) -> Definition:
    plain = site(1, cycle=cycle)
    section = plain.site.model_copy(update={name: Mean(limit=kw, window=WINDOW) for name, kw in means.items()})
    return plain.model_copy(update={"site": section.model_copy(update={"max_load": 50.0, "max_pv": 50.0})})


def running(wish: float, cycle: str = "1 s", **means: float) -> Rig:
    rig = Rig(limited(cycle, **means), start_ns=START_NS).ready()
    rig.schedule("day_ahead", wish)
    return rig


def fed(rig: Rig, seconds: float) -> float:
    """KWs at the point of connection over so many seconds, + = fed in, as a meter there would count."""
    total = 0.0
    for _ in range(round(seconds / rig.cycle)):
        rig.tick()
        total += (rig.batteries["b1"].power + rig.other_kw) * rig.cycle
    return total


def to_the_window(rig: Rig) -> None:
    while round(rig.now_ns / 1e9, 3) % WINDOW:
        rig.tick()


@pytest.mark.parametrize("sign", [1, -1])
def test_the_mean_of_every_window_stays_below_the_limit(sign: int, cycle: str) -> None:
    rig = running(200.0 * sign, cycle, import_mean=100.0, export_mean=100.0)
    to_the_window(rig)
    for _ in range(3):
        assert sign * fed(rig, WINDOW) <= 100.0 * WINDOW + 200.0 * rig.cycle
    assert {rig.compiled.layout.limits[code - 1] for code in rig.frame["limited_by"]} == {"site"}


def test_what_a_window_has_left_may_be_used_and_what_is_used_up_is_0(cycle: str) -> None:
    rig = running(0.0, cycle, export_mean=100.0)
    to_the_window(rig)
    rig.run(30)
    rig.schedule("day_ahead", 250.0, version=2)
    rig.run(15)
    assert 190.0 < rig.power[0] <= 250.0, "half a window of 0 kW leaves 200 kW for the rest, more the later"
    rig.other_kw = 250.0
    rig.run(14)
    assert rig.frame.at_site("mean_export_kw") == 0.0
    assert rig.power == [0.0]
    rig.other_kw = 0.0
    to_the_window(rig)
    rig.run(2)
    assert rig.power[0] > 90.0, "a new window"


def test_a_lost_meter_counts_at_the_worst() -> None:
    """S21: what is not measured is the most declared and what was sent."""
    rig = running(200.0, export_mean=100.0)
    to_the_window(rig)
    rig.run(10)
    rig.meter_answers = False
    rig.run(20)
    used = rig.frame.at_site("mean_export_kws")
    sent = rig.frame.at_site("total_kw")
    rig.run(1)
    assert rig.frame.at_site("mean_export_kws") - used == pytest.approx(50.0 + sent)
    assert sent <= 50.0


def test_a_pause_counts_as_if_the_limit_had_been_used_and_an_untrusted_clock_allows_no_more_than_it() -> None:
    rig = running(0.0, export_mean=100.0)
    to_the_window(rig)
    rig.run(2)
    used = rig.frame.at_site("mean_export_kws")
    rig.tick(20.0)
    assert rig.frame.at_site("mean_export_kws") - used == pytest.approx(2000.0)
    rig.run(20)
    assert rig.frame.at_site("mean_export_kw") > 150.0
    rig.trusted = False
    rig.tick()
    assert rig.frame.at_site("mean_export_kw") == 100.0


def test_it_goes_on_after_a_restart_where_it_was() -> None:
    rig = running(200.0, export_mean=100.0)
    to_the_window(rig)
    rig.run(20)
    used = rig.frame.at_site("mean_export_kws")
    again: Any = Rig(rig.compiled.definition, past=rig.frame.past(), start_ns=rig.now_ns + 5 * 10**9)
    again.tick()
    assert again.frame.at_site("mean_export_kws") == pytest.approx(used + 100.0 * 6)
