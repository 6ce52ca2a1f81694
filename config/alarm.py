"""Alarms of a site: a condition on a point of every asset, how long it must hold, and what the operator does about it.

    soc_low: { when: soc below 12 %, for: 30 s, priority: medium, response: "Check the schedule" }

`when` is `<point> above|below <quantity>` or `<point> missing|stale`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.canonical import METER, STORAGE, dimension_of
from config.quantity import Duration, refusal
from config.section import Section, Text
from config.units import DURATION, POWER, Dimension, QuantityError, parse

_CONDITION = re.compile(r"([a-z][A-Za-z0-9_.-]*) +(?:(above|below) +(\S(?:.*\S)?)|(missing|stale))")

#: What can be watched besides the points of the profile: the chain's own.
CHAIN_POINTS: dict[str, Dimension | None] = {"command": POWER, "readback": POWER, "effect": POWER, "age": DURATION}


@dataclass(frozen=True, slots=True)
class Watched:
    """A `when:` taken apart. `limit` in the chain's unit of the point; None with `missing` and `stale`."""

    point: str
    relation: Literal["above", "below", "missing", "stale"]
    limit: float | None = None


def dimension(point: str) -> Dimension | None:
    """The dimension of a point that can be watched; None for none."""
    if point.startswith("site."):
        return METER.get(point.rpartition(".")[2])
    return CHAIN_POINTS.get(point) or STORAGE.get(point)


def condition(text: str) -> Watched:
    """The parts of `when:`. Raises the refusals E220 (not a condition) and those of quantities."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        how = "write e.g. `soc below 12 %`, `temperature above 45 °C`, `readback missing` or `soc stale`"
        raise refusal("E220", "this is not a condition", how)
    point, relation, quantity, lost = match.groups()
    if lost is not None:
        return Watched(point, "missing" if lost == "missing" else "stale")
    way: Literal["above", "below"] = "above" if relation == "above" else "below"
    of = dimension(point)
    if of is None and is_own(point):
        return Watched(point, way, _of_any(quantity))
    if of is None:
        raise refusal("E220", f"`{point}` has no size to compare", "write e.g. `soc below 12 %`, or `missing`, `stale`")
    try:
        return Watched(point, way, parse(quantity, of))
    except QuantityError as error:
        raise refusal(error.code, error.message, error.help) from None


def is_own(point: str) -> bool:
    """Whether it can only be a point that a profile has besides the canonical ones."""
    name = point.rpartition(".")[2] if point.startswith("site.") else point
    return name not in (METER if point.startswith("site.") else STORAGE | CHAIN_POINTS)


def _of_any(quantity: str) -> float:
    """A quantity of whatever dimension, or a plain number: a point of its own may be a count."""
    unit = quantity.rpartition(" ")[2]
    of = dimension_of(unit)
    try:
        return float(quantity) if of is None else parse(quantity, of)
    except QuantityError as error:
        raise refusal(error.code, error.message, error.help) from None
    except ValueError:
        raise refusal("E220", f"`{quantity}` is neither a quantity nor a number", "write e.g. `3`, `12 %`") from None


def _condition(text: str) -> str:
    condition(text)
    return text


When = Annotated[str, AfterValidator(_condition), Field(json_schema_extra={"x-type": "condition"})]


class AlarmRule(Section):
    """One alarm. Without a response that a person can give, it is not an alarm."""

    when: When = Field(
        description="`<point> above|below <quantity>` or `<point> missing|stale`; judged for every asset",
        examples=["soc below 12 %", "readback missing"],
    )
    for_: Duration = Field(0.0, alias="for", description="how long it must hold", examples=["30 s"])
    clear_for: Duration = Field(0.0, description="how long it must be gone before it has returned", examples=["10 s"])
    latch: bool = Field(False, description="it stays listed until somebody has acknowledged that it has returned, too")
    priority: Literal["low", "medium", "high"] = Field(description="how soon an answer is needed")
    response: Text = Field(description="what the operator does about it", examples=["Check the schedule"])
