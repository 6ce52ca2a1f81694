"""Schedules: half-open UTC windows, versions, withdrawal, priority, days of 23 and 25 hours, clocks that are set."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from jit.codes import Why
from operators.offers import FOREVER_NS, Entry, Offers, window_at
from sources.schedule import BindingState, Schedule, ScheduleType, Window, Withdrawal
from tests.rig import DAY_NS, START_NS, Rig, site

pytestmark = pytest.mark.req("LH-MKT-001", "LH-MKT-007")
S = 1_000_000_000


def running(cycle: str = "1 s", assets: int = 1) -> Rig:
    plain = site(assets, cycle=cycle)
    fast = {
        name: a.model_copy(update={"ramp": a.ramp.model_copy(update={"up": 1e6, "down": 1e6})})
        for name, a in plain.assets.items()
    }
    return Rig(plain.model_copy(update={"assets": fast})).ready()


def of(
    kind: str,
    *windows: tuple[float, float, float],
    now_ns: int,
    version: int = 1,
    asset: str | None = None,
    source: str = "",
    binding: BindingState = BindingState.BINDING,
) -> Schedule:
    """Windows as (start, end, kW), seconds from now."""
    cut = tuple(Window(now_ns + int(a * S), now_ns + int(b * S), kw, 0.0, binding) for a, b, kw in windows)
    return Schedule(ScheduleType(kind), asset, "DE-LU", version, now_ns, cut, f"v{version}", source)


def test_windows_are_half_open_and_a_seam_belongs_to_the_later_one(cycle: str) -> None:
    rig = running(cycle)
    rig.signal(of("day_ahead", (2.0, 4.0, 40.0), (4.0, 6.0, -60.0), now_ns=rig.now_ns))
    seen = {}
    for k in range(1, round(8 / rig.cycle)):
        rig.tick()
        seen[round(k * rig.cycle, 3)] = rig.power[0]
    assert seen[2.0 - rig.cycle] == 0.0
    assert seen[2.0] == 40.0
    assert seen[4.0 - rig.cycle] == 40.0
    assert seen[4.0] == -60.0
    assert seen[6.0 - rig.cycle] == -60.0
    assert seen[6.0] == 0.0


@pytest.mark.req("LH-MKT-002")
def test_a_newer_version_takes_over_and_an_older_one_is_ignored(cycle: str) -> None:
    rig = running(cycle)
    rig.schedule("day_ahead", 50.0, version=5)
    rig.run(2)
    rig.schedule("day_ahead", 80.0, version=4)
    rig.run(2)
    assert rig.power == [50.0]
    rig.schedule("day_ahead", 70.0, version=6)
    rig.run(2)
    assert rig.power == [70.0]
    rig.schedule("day_ahead", 75.0, version=6)  # the same version again: a correction, or a redelivery
    rig.run(2)
    assert rig.power == [75.0]


def test_a_withdrawn_schedule_is_gone_in_the_next_tick(cycle: str) -> None:
    rig = running(cycle)
    rig.schedule("day_ahead", 50.0)
    rig.run(2)
    rig.signal(Withdrawal(ScheduleType.DAY_AHEAD, None))
    rig.tick()
    assert rig.power == [0.0]
    assert rig.frame["requests.day_ahead.why"][0] == Why.NEVER_RECEIVED
    rig.schedule("day_ahead", 20.0, version=1)
    rig.run(2)
    assert rig.power == [20.0]


PRIORITY = ("commitment", "intraday", "day_ahead")


@pytest.mark.req("LH-MKT-003", "LH-MKT-006", "LH-MKT-002")
def test_priority_is_commitment_then_intraday_then_day_ahead_then_idle(cycle: str) -> None:
    rig = running(cycle)
    for power, kind in ((30.0, "day_ahead"), (20.0, "intraday"), (-10.0, "commitment")):
        rig.schedule(kind, power)
        rig.run(2)
        assert rig.power == [power]
    for kind, power in (("commitment", 20.0), ("intraday", 30.0), ("day_ahead", 0.0)):
        rig.signal(Withdrawal(ScheduleType(kind), None))
        rig.run(2)
        assert rig.power == [power]
    assert rig.frame["request_by"][0] == 4


@pytest.mark.req("LH-MKT-006")
def test_a_request_of_0_kw_is_an_opinion_and_absence_is_none(cycle: str) -> None:
    rig = running(cycle)
    rig.schedule("day_ahead", 60.0)
    rig.schedule("commitment", 0.0, end_s=5.0)
    rig.run(3)
    assert rig.power == [0.0]
    rig.run(4)
    assert rig.power == [60.0]


@pytest.mark.parametrize("binding", [BindingState.RELEASED, BindingState.VIOLATED])
@pytest.mark.req("LH-MKT-003")
def test_a_commitment_that_binds_no_longer_has_nothing_to_say(binding: BindingState) -> None:
    rig = running()
    rig.schedule("day_ahead", 60.0)
    rig.signal(of("commitment", (0.0, 60.0, -30.0), now_ns=rig.now_ns, binding=binding))
    rig.run(3)
    assert rig.power == [60.0]
    rig.signal(of("commitment", (0.0, 60.0, -30.0), now_ns=rig.now_ns, version=2, binding=BindingState.PENDING))
    rig.run(3)
    assert rig.power == [-30.0]


def test_a_schedule_of_one_battery_stands_beside_that_of_the_site(cycle: str) -> None:
    rig = running(cycle, assets=2)
    rig.schedule("day_ahead", 40.0)
    rig.schedule("day_ahead", 15.0, "b2", end_s=10.0)
    rig.run(3)
    assert rig.power == [40.0, 15.0]
    rig.run(9)
    assert rig.power == [20.0, 20.0]  # its own has ended: it takes part in the site's again


def berlin(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    return int(moment.timestamp()) * S


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-15", 24)])
@pytest.mark.req("LH-MKT-007")
def test_a_day_has_the_hours_that_it_has(day: str, hours: int) -> None:
    """One window per local hour, each another power: at every full hour and just before it the right one applies."""
    start = berlin(f"{day}T00:00:00")
    end = berlin((datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat() + "T00:00:00")
    assert (end - start) == hours * 3600 * S
    windows = tuple(Window(start + h * 3600 * S, start + (h + 1) * 3600 * S, float(h + 1)) for h in range(hours))
    offers = Offers((Entry("requests.day_ahead", "day_ahead"),), ("b1",))
    assert offers.accept(Schedule(ScheduleType.DAY_AHEAD, None, "DE-LU", 1, start, windows, ""))
    for hour in range(hours):
        for offset, expected in ((0, hour + 1), (3600 * S - 1, hour + 1)):
            offers.evaluate(start + hour * 3600 * S + offset)
            assert offers.site_kw[0] == expected
    offers.evaluate(end)
    assert np.isnan(offers.site_kw[0])


@pytest.mark.parametrize("step_s", [3600, -3600, 86_400, -86_400, 0.5, -0.5])
def test_a_wall_clock_that_is_set_changes_the_window_and_nothing_else(step_s: float, cycle: str) -> None:
    """Ages, ramps and timers run on the monotonic clock; only which window applies is a matter of UTC."""
    rig = running(cycle)
    start, hour = rig.now_ns - DAY_NS, 3600.0
    hours = tuple((h * hour, (h + 1) * hour, float(h % 24 + 1)) for h in range(72))
    rig.signal(of("day_ahead", *hours, now_ns=start))
    rig.run(3)
    before = rig.frame
    rig.now_ns += int(step_s * S)
    after = rig.tick()
    index = (rig.now_ns - start) // int(hour * S)
    assert rig.power == [float(index % 24 + 1)]
    assert after.dt == pytest.approx(rig.cycle)
    assert after["age_s"][0] == before["age_s"][0]
    assert after["state"][0] == before["state"][0]
    assert after["fresh_s"][0] == pytest.approx(before["fresh_s"][0] + rig.cycle)


# --- offers by themselves ---------------------------------------------------------------------------------------------

W = (Window(100, 200, 1.0), Window(200, 300, 2.0), Window(500, 600, 3.0))


@pytest.mark.parametrize(
    ("now", "power", "until"),
    [
        (0, None, 100),
        (99, None, 100),
        (100, 1.0, 200),
        (199, 1.0, 200),
        (200, 2.0, 300),
        (300, None, 500),
        (499, None, 500),
        (500, 3.0, 600),
        (599, 3.0, 600),
        (600, None, FOREVER_NS),
        (10**18, None, FOREVER_NS),
    ],
)
def test_which_window_and_for_how_long(now: int, power: float | None, until: int) -> None:
    schedule = Schedule(ScheduleType.DAY_AHEAD, None, "", 1, 0, W, "")
    window, holds = window_at(schedule, now)
    assert (None if window is None else window.power_kw) == power
    assert holds == until


def test_an_answer_is_kept_until_its_boundary_and_no_longer() -> None:
    entries = (Entry("requests.day_ahead", "day_ahead"), Entry("requests.idle", "idle", constant_kw=0.0))
    offers = Offers(entries, ("b1",))
    offers.accept(Schedule(ScheduleType.DAY_AHEAD, "b1", "", 1, 0, W, ""))
    for now, power in ((150, 1.0), (160, 1.0), (250, 2.0), (150, 1.0), (350, None), (550, 3.0), (0, None)):
        offers.evaluate(now)
        found = float(offers.asked_kw[0, 0])
        assert (None if np.isnan(found) else found) == power, now
    assert offers.site_kw[1] == 0.0
    assert offers.why[1, 0] == Why.CONSTANT


def test_a_withdrawal_names_its_source_and_its_asset() -> None:
    offers = Offers((Entry("requests.day_ahead", "day_ahead"),), ("b1", "b2"))
    for asset, source in ((None, "broker"), ("b1", "broker"), ("b2", "endpoint")):
        offers.accept(of("day_ahead", (0, 10, 1.0), now_ns=0, asset=asset, source=source))
    offers.withdraw(Withdrawal(ScheduleType.DAY_AHEAD, "b1", "endpoint"))
    assert len(offers.schedules) == 3
    offers.withdraw(Withdrawal(ScheduleType.DAY_AHEAD, None, "broker"))
    assert list(offers.schedules) == [(ScheduleType.DAY_AHEAD, "b2")]
    offers.withdraw(Withdrawal(ScheduleType.INTRADAY, None))
    assert len(offers.schedules) == 1
    assert not offers.accept(of("day_ahead", (0, 10, 1.0), now_ns=0, asset="b9"))


def test_a_document_past_its_ttl_is_an_alarm_and_moves_no_power() -> None:
    offers = Offers((Entry("requests.day_ahead", "day_ahead", ttl_s=10.0),), ("b1",))
    offers.accept(of("day_ahead", (0, 1000, 5.0), now_ns=START_NS))
    assert offers.overdue(START_NS + 10 * S) == ()
    ((name, schedule),) = offers.overdue(START_NS + 10 * S + 1)
    assert name == "requests.day_ahead"
    assert schedule.version == 1
    offers.evaluate(START_NS + 500 * S)
    assert offers.site_kw[0] == 5.0
