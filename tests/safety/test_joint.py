"""What batteries share: a transformer, the meter's own instant, and the worst of one that is out of reach."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from config.definition import Definition, Transformer
from jit.codes import Quality, Reason
from jit.frame import Frame
from sources.reading import Reading
from tests.rig import Rig, site, storage

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-SAFE-004")]


def behind(
    limits: dict[str, tuple[float, list[str]]], assets: int = 3, cycle: str = "1 s", **changes: Any
) -> Definition:
    """A site of which some batteries stand behind transformers: limit in kVA, assets."""
    plain = site(assets, cycle=cycle)
    given = {name: Transformer(limit=limit, feeds=feeds) for name, (limit, feeds) in limits.items()}
    return plain.model_copy(update={"site": plain.site.model_copy(update={"transformers": given} | changes)})


def names(rig: Rig, row: str) -> list[str]:
    return [rig.compiled.layout.limits[code - 1] if code else "" for code in rig.frame[row]]


@pytest.mark.parametrize("wish", [700.0, -700.0])
@pytest.mark.hazard("row 26", "S4")
def test_a_transformer_carries_no_more_than_its_limit_in_any_tick(wish: float, cycle: str) -> None:
    """Hazard row 26 for a transformer: joint over the assets behind it, in both directions, while they ramp apart."""
    rig = Rig(behind({"t1": (200.0, ["b1", "b2"])}, cycle=cycle)).ready()
    rig.schedule("day_ahead", wish)
    for _ in range(round(12 / rig.cycle)):
        rig.tick()
        assert abs(rig.power[0] + rig.power[1]) <= 200.0
    assert rig.power[0] + rig.power[1] == pytest.approx(np.sign(wish) * 200.0, abs=0.3)
    assert abs(rig.power[2]) == pytest.approx(250.0, abs=0.2)
    assert names(rig, "limited_by")[:2] == ["transformer", "transformer"]
    assert rig.frame["limited_why"][0] == Reason.TRANSFORMER_LIMITED
    command = rig.sent[-1][0]
    assert command is not None
    assert "a transformer" in command.reason


def test_transformers_stay_satisfied_inside_each_other_and_the_site(cycle: str) -> None:
    limits = {"inner": (100.0, ["b1"]), "outer": (220.0, ["b1", "b2"])}
    rig = Rig(behind(limits, cycle=cycle, export_limit=240.0)).ready()
    rig.schedule("day_ahead", 750.0)
    for _ in range(round(10 / rig.cycle)):
        rig.tick()
        b1, b2, b3 = rig.power
        assert b1 <= 100.0
        assert b1 + b2 <= 220.0
        assert b1 + b2 + b3 <= 240.0
    assert sum(rig.power) == pytest.approx(240.0, abs=0.4)


@pytest.mark.hazard("peer 6", "S21")
def test_a_battery_out_of_reach_keeps_its_place_on_the_transformer(cycle: str) -> None:
    """Peers §7 row 6: its last power is assumed until proven otherwise, the sum is never above the limit."""
    rig = Rig(behind({"t1": (250.0, ["b1", "b2"])}, 2, cycle)).ready()
    rig.schedule("day_ahead", 150.0, "b1")
    rig.run(8)
    lost = rig.batteries["b1"]
    lost.answers, lost.follows, lost.outcome = False, False, None
    rig.run(4)
    rig.schedule("day_ahead", 250.0, "b2")
    for _ in range(round(9 / rig.cycle)):
        rig.tick()
        assert lost.power + rig.batteries["b2"].power <= 250.0
    assert rig.power[1] == pytest.approx(100.0, abs=0.1)
    assert rig.frame["possible_high_kw"][0] == 150.0


def test_a_battery_that_has_reverted_gives_its_place_back(cycle: str) -> None:
    """Its profile says 10 s to 0 kW: after that, and after the last write may have come late, nobody waits for it."""
    rig = Rig(behind({"t1": (250.0, ["b1", "b2"])}, 2, cycle)).ready()
    rig.schedule("day_ahead", 150.0, "b1")
    rig.run(8)
    lost = rig.batteries["b1"]
    lost.answers, lost.outcome = False, None
    rig.schedule("day_ahead", 250.0, "b2")
    rig.run(9)
    assert rig.power[1] == pytest.approx(100.0, abs=0.1)
    rig.run(12)
    assert rig.frame["possible_high_kw"][0] == 0.0
    assert rig.power[1] == pytest.approx(250.0, abs=0.1)


def test_a_reversion_value_counts_while_a_battery_is_out_of_reach(cycle: str) -> None:
    watchdog = {"point": "power", "every": "1 s", "reverts_after": "10 s", "reverts_to": "40 kW"}
    rig = Rig(behind({"t1": (250.0, ["b1", "b2"])}, 2, cycle), storage(watchdog=watchdog)).ready()
    rig.schedule("day_ahead", 250.0, "b2")
    rig.run(8)
    assert rig.power[1] == pytest.approx(250.0, abs=0.1)
    rig.batteries["b1"].answers, rig.batteries["b1"].outcome = False, None
    rig.run(30)
    assert rig.frame["possible_high_kw"][0] == 40.0
    assert rig.power[1] == pytest.approx(210.0, abs=0.1)


@pytest.mark.hazard("peer 6", "peer 23", "S21")
def test_what_was_sent_and_never_confirmed_counts_at_its_worst(cycle: str) -> None:
    """A write whose outcome nobody knows may have arrived: the largest of them counts, not the newest."""
    rig = Rig(behind({"t1": (250.0, ["b1", "b2"])}, 2, cycle)).ready()
    lost = rig.batteries["b1"]
    lost.outcome = None
    rig.schedule("day_ahead", 120.0, "b1")
    rig.run(4)
    rig.schedule("day_ahead", 0.0, "b1", version=2)
    rig.run(4)
    lost.answers = False
    rig.run(5)
    assert rig.frame["holds_high_kw"][0] >= 120.0
    assert rig.frame["possible_high_kw"][0] >= 120.0


def test_a_battery_nobody_ever_heard_of_counts_with_its_rating(cycle: str) -> None:
    """Peers §7 row 23: a sum with one unknown member is bounded, never smaller."""
    profile = storage(watchdog=None)
    rig = Rig(behind({"t1": (300.0, ["b1", "b2"])}, 2, cycle), profile)
    rig.batteries["b1"].answers = False
    rig.ready()
    rig.schedule("day_ahead", 250.0, "b2")
    rig.run(20)
    assert rig.frame["possible_high_kw"][0] == 250.0
    assert rig.power[1] == pytest.approx(50.0, abs=0.1)


class Delayed(Rig):
    """A meter whose values and time stamps are `late` ticks old."""

    late = 2

    def _reading(self, device: str, values: dict[str, float], missing: set[str]) -> Reading:
        reading = super()._reading(device, values, missing)
        if device != "site.poc":
            return reading
        self.shown = [*getattr(self, "shown", []), (reading, self.now_ns)]
        old, at_ns = self.shown[max(0, len(self.shown) - 1 - self.late)]
        return Reading(device, self.now_s, old.values, old.quality, at_ns)


def test_a_late_meter_is_compared_with_what_the_batteries_did_then(cycle: str) -> None:
    """Reliability S4 and peers §7 row 4: no load appears while batteries ramp, and no alternation follows."""
    plain = behind({}, 2, cycle, export_limit=200.0, import_limit=300.0)
    rig = Delayed(plain)
    rig.other_kw = 50.0
    rig.ready()
    rig.run(2)
    rig.schedule("day_ahead", 400.0)
    seen: list[float] = []
    for _ in range(round(15 / rig.cycle)):
        frame: Frame = rig.tick()
        assert frame.at_site("other_kw") == pytest.approx(50.0, abs=1e-6)
        seen.append(sum(rig.power))
    assert max(seen) <= 150.0
    assert seen[-round(5 / rig.cycle) :] == [pytest.approx(150.0, abs=0.3)] * round(5 / rig.cycle)


@pytest.mark.hazard("row 26", "S4")
def test_without_a_meter_the_worst_of_the_last_15_minutes_stands_in(cycle: str) -> None:
    """Reliability S4, hazard row 26: PV that was there ten minutes ago may be there again."""
    if cycle != "1 s":
        return  # the same seconds, ten times as many ticks
    rig = Rig(behind({}, 2, cycle, export_limit=200.0, max_pv=20.0, max_load=10.0)).ready()
    rig.other_kw = 90.0
    rig.run(30)
    rig.other_kw = -60.0
    rig.run(600)
    assert rig.frame.at_site("other_most_kw") == 90.0
    assert rig.frame.at_site("other_least_kw") == -60.0
    rig.meter_answers = False
    rig.run(4)
    assert rig.frame.site_code("poc_quality") != Quality.VALID
    assert rig.frame.at_site("site_high_kw") == pytest.approx(110.0)
    rig.run(1200)
    assert rig.frame.at_site("site_high_kw") == pytest.approx(110.0), "no minute passes without a measurement"


def test_what_was_seen_more_than_15_minutes_ago_is_forgotten() -> None:
    rig = Rig(behind({}, 2, export_limit=200.0)).ready()
    rig.other_kw = 90.0
    rig.run(30)
    rig.other_kw = 10.0
    rig.run(1000)
    assert rig.frame.at_site("other_most_kw") == 10.0


@pytest.mark.hazard("row 25", "S4")
def test_whichever_of_two_writes_is_refused_both_set_points_together_stay_within_the_limit(cycle: str) -> None:
    """One battery gets its limit back, the other gives way: it rises only into what the other is known to have left."""
    plain = site(2, cycle=cycle)
    limited = plain.site.model_copy(update={"import_limit": 300.0})
    rig = Rig(plain.model_copy(update={"site": limited})).ready()
    rig.schedule("day_ahead", -400.0)
    rig.batteries["b1"].charge_limit = 60.0
    rig.run(15)
    assert rig.power == pytest.approx([-60.0, -240.0], abs=0.3)
    rig.batteries["b1"].charge_limit = 250.0
    before = rig.power
    for _ in range(round(15 / rig.cycle)):
        rig.tick()
        now = rig.power
        assert now[0] + before[1] >= -300.0 - 1e-9, "if the second write is refused"
        assert before[0] + now[1] >= -300.0 - 1e-9, "if the first write is refused"
        before = now
    assert sum(rig.power) == pytest.approx(-300.0, abs=0.3)
    assert rig.power[0] < -140.0
