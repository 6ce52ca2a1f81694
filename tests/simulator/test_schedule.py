"""The day-ahead schedule: quarter hours without gaps, lively, inside the power, feasible for the battery."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import schedule

NOW_S = datetime(2026, 3, 28, 23, 59, 59, tzinfo=UTC).timestamp()


def times(document: dict[str, Any]) -> list[tuple[datetime, datetime]]:
    return [(datetime.fromisoformat(w["start"]), datetime.fromisoformat(w["end"])) for w in document["windows"]]


@pytest.mark.req("LH-MKT-001", "LH-TEST-003")
def test_today_and_tomorrow_are_covered_without_gap_or_overlap() -> None:
    document = schedule.day_ahead(NOW_S, 1, 200.0, 500.0)
    windows = times(document)
    assert len(windows) == 192
    assert windows[0][0] == datetime(2026, 3, 28, tzinfo=UTC)
    assert windows[-1][1] == datetime(2026, 3, 30, tzinfo=UTC)
    assert all(end - start == timedelta(minutes=15) for start, end in windows)
    assert all(first[1] == second[0] for first, second in itertools.pairwise(windows))
    assert all(w["start"].endswith("Z") and w["end"].endswith("Z") for w in document["windows"])


@pytest.mark.req("LH-MKT-001")
def test_its_members_are_those_of_the_contract() -> None:
    document = schedule.day_ahead(NOW_S, 1, 200.0, 500.0)
    assert set(document) == {"type", "market_bid_area", "version", "issued_at", "windows"}
    assert (document["type"], document["version"], document["issued_at"]) == (
        "day_ahead",
        int(NOW_S),
        "2026-03-28T23:59:59Z",
    )
    assert schedule.day_ahead(NOW_S, 1, 200.0, 500.0, asset="bess1")["asset_id"] == "bess1"
    assert schedule.day_ahead(NOW_S + 1, 1, 200.0, 500.0)["version"] > document["version"]


def test_a_day_is_the_same_when_it_was_tomorrow_and_when_it_is_today() -> None:
    yesterday = schedule.day_ahead(NOW_S, 1, 200.0, 500.0)["windows"]
    today = schedule.day_ahead(NOW_S + 10, 1, 200.0, 500.0)["windows"]
    assert today[:96] == yesterday[96:]


@pytest.mark.req("LH-TEST-003")
@given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.integers(0, 1000))
def test_every_day_is_lively_and_a_battery_can_follow_it(day: date, seed: int) -> None:
    powers = schedule.powers(day, seed, 200.0, 500.0)
    assert len(powers) == 96
    assert all(-200.0 <= power <= 200.0 and power % 10.0 == 0.0 for power in powers)
    assert sum(power > 0 for power in powers) >= 15
    assert sum(power < 0 for power in powers) >= 15
    stored = 50.0
    for power in powers:
        stored -= power * 0.25 * (1 / 0.95 if power > 0 else 0.95) / 5.0
        assert 24.0 <= stored <= 76.0
    assert stored == pytest.approx(50.0, abs=6.0)
