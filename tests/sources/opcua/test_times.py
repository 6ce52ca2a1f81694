"""What a source time stamp does to its point: it costs quality, is never trusted, and no wrong one stays for ever."""

from __future__ import annotations

import pytest

from jit.codes import Quality
from sources.opcua.times import Times
from sources.opcua.values import Told, stamp

pytestmark = [pytest.mark.req("LH-OPCUA-003", "LH-SAFE-006"), pytest.mark.safety]

NOW = 1_800_000_000
S = 1_000_000_000


def told(at: float | None, value: float = 1.0, quality: Quality = Quality.VALID) -> Told:
    return Told(value, quality, None if at is None else round((NOW + at) * S))


def times() -> Times:
    return Times(1, lambda: NOW * S)


def test_a_value_from_the_future_is_shown_and_not_valid_and_locks_nothing_out() -> None:
    made = times()
    ahead = made.notified(0, told(3600.0, 9.0))
    assert ahead is not None
    assert (ahead.value, ahead.quality) == (9.0, Quality.TIME)
    after = made.notified(0, told(0.0))
    assert after == told(0.0)
    assert made.read(0, told(3600.0, quality=Quality.STALE)).quality == Quality.STALE | Quality.TIME
    assert made.read(0, told(5.0)).quality == Quality.VALID


def test_a_read_far_back_in_time_is_stale_until_its_stamp_moves_on() -> None:
    made = times()
    assert made.read(0, told(-1.0)).quality == Quality.VALID
    assert made.read(0, told(-3600.0)).quality == Quality.STALE
    assert made.read(0, told(-3600.0)).quality == Quality.STALE
    assert made.read(0, told(None)).quality == Quality.STALE  # nothing says that it is newer
    assert made.read(0, told(-3599.0)).quality == Quality.VALID
    assert made.read(0, told(-3599.0)).quality == Quality.VALID


def test_a_clock_that_is_set_back_costs_one_value() -> None:
    made = times()
    assert made.read(0, told(0.0)).quality == Quality.VALID
    assert [made.read(0, told(-3600.0 + k)).quality for k in range(3)] == [Quality.STALE, Quality.VALID, Quality.VALID]
    assert made.notified(0, told(-3590.0)) == told(-3590.0)


def test_what_was_overtaken_changes_nothing_and_a_read_counts_over_what_was_told() -> None:
    made = times()
    made.notified(0, told(0.0))
    assert made.notified(0, told(-0.1)) is None
    assert made.read(0, told(-0.1)) == told(-0.1)
    assert made.notified(0, told(None)) == told(None)


def test_a_constant_keeps_its_stamp_for_years() -> None:
    made = times()
    for _ in range(3):
        assert made.read(0, told(-4e8)).quality == Quality.VALID


def test_a_device_whose_clock_was_never_set_is_old_not_without_a_time() -> None:
    from datetime import UTC, datetime

    assert stamp(datetime(1601, 1, 1, tzinfo=UTC)) is None
    assert stamp(datetime(1969, 7, 20)) == 0  # noqa: DTZ001 - as the library gives it
    assert stamp(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert stamp(datetime(9999, 1, 1, tzinfo=UTC)) == 2**63 - 1
