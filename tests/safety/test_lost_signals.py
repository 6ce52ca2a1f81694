"""Any required signal lost: 0 kW within 2 s after its maximum age, and power again within 10 s after it is back.

    lost at t ──► its maximum age, or `frozen_after` of a weak device ──► ≤ 2 s ──► 0 kW … back ──► ≤ 10 s ──► power

LH-CTRL-007, LH-SAFE-004; reliability F1, F2, G7, G8, G11, §2 rows 4 and 5; peers §7 rows 2 and 14.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jit.codes import Quality
from tests.rig import STORAGE_POINTS, Battery, Rig, site, storage

pytestmark = [pytest.mark.req("LH-CTRL-007", "LH-SAFE-004", "LH-RT-003"), pytest.mark.safety]

STALE_AFTER = 3.0
Lose = Callable[[Rig, bool], None]


def battery_of(rig: Rig) -> Battery:
    return rig.batteries["b1"]


def _missing(point: str) -> Lose:
    def lose(rig: Rig, lost: bool) -> None:
        battery_of(rig).missing = {point} if lost else set()

    return lose


def _silent(rig: Rig, lost: bool) -> None:
    battery_of(rig).answers = not lost


def _heartbeat(rig: Rig, lost: bool) -> None:
    battery_of(rig).beats = not lost


def _required_meter(rig: Rig, lost: bool) -> None:
    rig.meter_answers = not lost


def _frozen_meter(rig: Rig, lost: bool) -> None:
    rig.meter_frozen = lost


#: What is lost, and its maximum age (s): a value that the device says it has not is lost at once.
SIGNALS: dict[str, tuple[Lose, float]] = {
    **{
        f"point {point}": (_missing(point), 0.0)
        for point in ("soc", "power", "temperature", "available", "alarms", "remote", "charge_limit", "discharge_limit")
    },
    "proof of freshness": (_missing("heartbeat"), STALE_AFTER),
    "device silent": (_silent, STALE_AFTER),
    "gateway repeats one page": (_heartbeat, STALE_AFTER),
    "required meter silent": (_required_meter, STALE_AFTER),
    "required meter frozen": (_frozen_meter, STALE_AFTER),
}


def seconds_until(rig: Rig, zero: bool, most_s: float) -> float:
    """Seconds until the command is 0 kW, or is not any more."""
    for k in range(1, round(most_s / rig.cycle) + 1):
        rig.tick()
        if (rig.power[0] == 0.0) is zero:
            return k * rig.cycle
    raise AssertionError(f"not within {most_s} s: {rig.power}, quality {rig.frame['quality']}")


@pytest.mark.parametrize("power", [100.0, -100.0])
@pytest.mark.parametrize(("lose", "max_age"), SIGNALS.values(), ids=SIGNALS.keys())
@pytest.mark.hazard("row 4", "row 5", "F1", "F2", "L1", "L2")
def test_safe_within_2_s_and_back_within_10_s(cycle: str, lose: Lose, max_age: float, power: float) -> None:
    """Every required signal, in both directions: F1, F2, L1, L2."""
    if lose in (SIGNALS["point charge_limit"][0], SIGNALS["point discharge_limit"][0]):
        wanted = "point discharge_limit" if power > 0 else "point charge_limit"
        lose = SIGNALS[wanted][0]  # the promised limit of the direction it runs in
    rig = Rig(site(1, cycle=cycle, chain={"snapshot": {"require": ["site.poc"]}}), leaps=False).ready()
    rig.schedule("day_ahead", power)
    rig.run(10)
    assert rig.power == [power]
    lose(rig, True)
    assert seconds_until(rig, True, 30.0) <= max_age + 2.0
    for _ in range(round(20.0 / rig.cycle)):
        rig.tick()
        assert rig.power[0] == 0.0
    lose(rig, False)
    assert seconds_until(rig, False, 30.0) <= 10.0


def weak_running(cycle: str) -> Rig:
    """A device without proof of freshness that moves a little, as measurements do."""
    points = {name: point for name, point in STORAGE_POINTS.items() if name != "heartbeat"}
    chain = {"snapshot": {"frozen_after": "20 s"}}
    rig = Rig(site(1, cycle=cycle, chain=chain), storage(read=points, fresh_by=None), leaps=False)
    noisy(rig, 10.0)
    rig.schedule("day_ahead", 100.0)
    noisy(rig, 10.0)
    assert rig.power == [100.0]
    return rig


def noisy(rig: Rig, seconds: float) -> None:
    for _ in range(round(seconds / rig.cycle)):
        battery_of(rig).temperature += 0.1 if rig.index % 2 else -0.1
        rig.tick()


@pytest.mark.hazard("row 4", "F2")
def test_a_weak_device_that_is_frozen_is_safe_within_2_s_after_frozen_after(cycle: str) -> None:
    """Peers §7 row 14, reliability §2 row 4: it answers with fresh time stamps, and nothing of it moves."""
    rig = weak_running(cycle)
    assert seconds_until(rig, True, 40.0) <= 22.0
    assert rig.frame["quality"][0] & Quality.FROZEN
    for k in range(round(10.0 / rig.cycle)):
        noisy(rig, rig.cycle)
        if rig.power[0] != 0.0:
            assert (k + 1) * rig.cycle <= 10.0
            return
    raise AssertionError("not back within 10 s")


@pytest.mark.hazard("peer 2")
def test_charge_that_becomes_unknown_below_its_minimum_lifts_no_guard(cycle: str) -> None:
    """Peers §7 row 2: unknown is not zero and not full; no discharge, and no charge either."""
    rig = Rig(site(1, cycle=cycle))
    battery_of(rig).soc = 9.0
    rig.ready()
    rig.schedule("day_ahead", 100.0)
    rig.run(5)
    assert rig.power == [0.0]
    battery_of(rig).missing = {"soc"}
    for _ in range(round(30.0 / rig.cycle)):
        rig.tick()
        assert rig.power == [0.0]
        assert rig.frame["high_kw"][0] == 0.0


@pytest.mark.hazard("peer 23")
def test_a_sum_with_one_unknown_member_is_unknown_and_never_smaller(cycle: str) -> None:
    """Peers §7 row 23 and §2.4-7: the load is not what is left when a battery's power counts as zero."""
    rig = Rig(site(3, cycle=cycle))
    rig.other_kw = -40.0
    rig.ready()
    assert rig.frame.at_site("other_kw") == pytest.approx(-40.0)
    rig.batteries["b2"].missing = {"power"}
    rig.tick()
    assert rig.frame.at_site("other_kw") != rig.frame.at_site("other_kw")
    assert rig.frame.at_site("last_other_kw") == pytest.approx(-40.0)


@pytest.mark.parametrize("hertz", [0.0, 65.535, 44.9, float("nan")])
def test_a_frequency_that_cannot_be_is_no_frequency(cycle: str, hertz: float) -> None:
    """Reliability §2 row 29: no reserve on a bad measurement; it is held for its 2 s, then withdrawn."""
    rig = Rig(site(1, cycle=cycle, fcr_kw=50.0)).ready()
    rig.run(10)
    rig.frequency = hertz
    rig.tick()
    assert rig.frame.site_code("frequency_quality") & Quality.VALID == 0
    rig.run(10)
    assert abs(rig.power[0]) == 0.0


@pytest.mark.parametrize("member", ["a frozen block", "a silent one"])
@pytest.mark.hazard("row 4")
def test_one_source_behind_a_gateway_says_nothing_of_the_others(cycle: str, member: str) -> None:
    """Reliability §2 row 4: freeze 1 of N; its neighbours stay fresh and run on."""
    rig = Rig(site(3, cycle=cycle)).ready()
    for name in ("b1", "b2", "b3"):
        rig.schedule("intraday", 30.0, name)
    rig.run(5)
    if member == "a silent one":
        rig.batteries["b2"].answers = False
    else:
        rig.batteries["b2"].beats = False
    rig.run(8)
    assert rig.power == [30.0, 0.0, 30.0]
