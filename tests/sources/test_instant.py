"""Instants as text: exact both ways, Z only."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.instant import format_exact, format_utc, parse_utc

LAST_NS = parse_utc("2261-12-31T23:59:59.999999999Z")


@given(st.integers(min_value=0, max_value=LAST_NS))
def test_exact_text_reads_back_as_the_same_instant(ns: int) -> None:
    assert parse_utc(format_exact(ns)) == ns
    assert 0 <= ns - parse_utc(format_utc(ns)) < 1_000_000


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2261, 1, 1)))  # noqa: DTZ001
def test_agrees_with_the_standard_library(at: datetime) -> None:
    since = at - datetime(1970, 1, 1)  # noqa: DTZ001
    assert parse_utc(at.isoformat() + "Z") == since // timedelta(microseconds=1) * 1000


@given(st.text(max_size=40))
def test_other_text_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="expected a UTC time"):
        parse_utc(text)


@pytest.mark.req("LH-MKT-007")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-29",
        "2026-03-29T01:00:00",
        "2026-03-29T01:00:00+01:00",
        "2026-03-29T01:00:00+00:00",
        "2026-03-29T01:00:00z",
        "2026-03-29 01:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-03-29T24:00:00Z",
        "2026-03-29T01:00:60Z",
        "2026-03-29T01:00:00.1234567890Z",
        "1969-12-31T23:59:59Z",
        "2262-01-01T00:00:00Z",
        " 2026-03-29T01:00:00Z",
        "2026-03-29T01:00:00Z\n",
        "٢٠٢٦-03-29T01:00:00Z",
    ],
)
def test_what_could_mean_another_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"UTC time|year|no such time"):
        parse_utc(text)


def test_seconds_may_be_left_out() -> None:
    assert parse_utc("2026-03-29T01:00Z") == parse_utc("2026-03-29T01:00:00.000Z")
