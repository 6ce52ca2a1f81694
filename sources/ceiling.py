"""What the grid operator allows at the point of connection: a level, the newest word per direction counts.

    { "percent": 60, "issued_at": "2026-11-22T10:00:00Z" }     60 % of what the definition says is 100 %
    { "kw": 480, "issued_at": … }                              the same as a power
    { "percent": null, "issued_at": … }                        no limit, which is not 0: `kw` null, or "active": false

A limit without a number is no limit only where the message says so. What is neither (no `issued_at`, a negative number,
another text) is refused as a whole, and the last word stands. Refusals are `CeilingError`, with what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Literal

from sources.instant import parse_utc
from sources.strict_json import JsonError, read

Direction = Literal["import", "export"]
DIRECTIONS: tuple[Direction, Direction] = ("import", "export")
MAX_BYTES = 4096
NO_LIMIT = (None, "none", "no limit", "unlimited")


class CeilingError(ValueError):
    """A message that is not a ceiling. Its text is for people."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Most power in kW (≥ 0; infinite: no limit) in one direction, when it was issued (UTC, ns), and by whom."""

    direction: Direction
    kw: float
    issued_ns: int
    source: str = ""


def read_ceiling(payload: bytes | str, direction: Direction, of_kw: float, source: str) -> Ceiling:
    """A message as a ceiling. Raises `CeilingError`."""
    try:
        document = read(payload, MAX_BYTES)
    except JsonError as error:
        raise CeilingError(str(error)) from None
    if not isinstance(document, dict):
        raise CeilingError("not a JSON object")
    return ceiling_of(document, direction, of_kw, source)


def ceiling_of(document: Mapping[str, Any], direction: Direction, of_kw: float, source: str) -> Ceiling:
    """A decoded message as a ceiling. Raises `CeilingError`."""
    try:
        issued_ns = parse_utc(document["issued_at"])
    except (KeyError, TypeError, ValueError):
        raise CeilingError("`issued_at` is missing or no UTC time") from None
    return Ceiling(direction, _kw(document, of_kw), issued_ns, source)


def _kw(document: Mapping[str, Any], of_kw: float) -> float:
    if document.get("active") is False:
        return inf
    if document.get("active", True) is not True:
        raise CeilingError("`active` is neither true nor false")
    if ("percent" in document) == ("kw" in document):
        raise CeilingError("exactly one of `percent` and `kw` is needed")
    key, most = ("percent", 100.0) if "percent" in document else ("kw", inf)
    value = document[key]
    if value is None or (isinstance(value, str) and value.lower() in NO_LIMIT):
        return inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise CeilingError(f"`{key}` is not a number")
    if not 0.0 <= value <= most:
        raise CeilingError(f"`{key}` is out of range")
    return float(value) if key == "kw" else value / 100.0 * of_kw
