"""Instants as text: RFC 3339 in UTC ↔ nanoseconds since 1970.

Only `Z` is accepted: a text with an offset, or with none, could mean another instant and is refused, so days of 23 and
25 hours never matter here. Leap seconds (`:60`) do not exist in this count. Range: 1970 to 2261 (int64 nanoseconds).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND_NS = 1_000_000_000

_TEXT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?Z", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR = 2261


def parse_utc(text: str) -> int:
    """`2026-03-29T01:00:00.250Z` → nanoseconds since 1970. Raises `ValueError` with what is wrong with the text."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError("expected a UTC time such as 2026-01-31T12:00:00Z, ending in Z")
    *fields, fraction = match.groups("0")
    year, month, day, hour, minute, second = map(int, fields)
    if not _EPOCH.year <= year <= _LAST_YEAR:
        raise ValueError(f"the year {year} is outside {_EPOCH.year} to {_LAST_YEAR}")
    try:
        since = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH
    except ValueError as error:
        raise ValueError(f"no such time: {error}") from None
    return (since.days * 86_400 + since.seconds) * SECOND_NS + int(fraction.ljust(9, "0"))


def format_utc(ns: int, digits: int = 3) -> str:
    """Nanoseconds since 1970 → text with `digits` decimals of a second (cut, not rounded)."""
    seconds, fraction = divmod(ns, SECOND_NS)
    days, seconds = divmod(seconds, 86_400)
    minutes, second = divmod(seconds, 60)
    text = f"{_day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
    return f"{text}.{fraction:09d}"[: 20 + digits if digits else 19] + "Z"


@lru_cache(maxsize=64)
def _day(days: int) -> str:
    """The date so many days after 1970 began."""
    return (_EPOCH + timedelta(days)).date().isoformat()


def format_exact(ns: int) -> str:
    """The shortest text that `parse_utc` reads back as the same instant: whole seconds without decimals."""
    if ns % SECOND_NS == 0:
        return format_utc(ns, digits=0)
    return format_utc(ns, digits=9).rstrip("Z").rstrip("0") + "Z"
