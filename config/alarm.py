"""Alarms of a site: a condition on a point of every asset, how long it must hold, and what the operator does about it.

    soc_low: { when: soc below 12 %, for: 30 s, priority: medium, response: "Check the schedule" }

`when` is `<point> above|below <quantity>` or `<point> missing|stale`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from config.canonical import METER, STORAGE
from config.quantity import Duration, refusal
from config.section import Section, Text
from config.units import DURATION, POWER, Dimension, QuantityError, parse

_CONDITION = re.compile(r"([a-z][A-Za-z0-9_.-]*) +(?:(above|below) +(\S(?:.*\S)?)|(missing|stale))")

#: What can be watched besides the points of the profile: the chain's own.
CHAIN_POINTS: dict[str, Dimension | None] = {"command": POWER, "readback": POWER, "effect": POWER, "age": DURATION}


@dataclass(frozen=True, slots=True)
class Condition:
    """`limit` in the chain's unit of the point; None with `missing` and `stale`."""

    point: str
    relation: Literal["above", "below", "missing", "stale"]
    limit: float | None = None


def dimension(point: str) -> Dimension | None:
    """The dimension of a point that can be watched; None for none."""
    if point.startswith("site."):
        return METER.get(point.rpartition(".")[2])
    return CHAIN_POINTS.get(point) or STORAGE.get(point)


def condition(text: str) -> Condition:
    """The parts of `when:`. Raises the refusals E220 (not a condition) and those of quantities."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        how = "write e.g. `soc below 12 %`, `temperature above 45 °C`, `readback missing` or `soc stale`"
        raise refusal("E220", "this is not a condition", how)
    point, relation, quantity, lost = match.groups()
    if lost is not None:
        return Condition(point, "missing" if lost == "missing" else "stale")
    of = dimension(point)
    if of is None:
        raise refusal("E220", f"`{point}` has no size to compare", "write e.g. `soc below 12 %`, or `missing`, `stale`")
    try:
        return Condition(point, "above" if relation == "above" else "below", parse(quantity, of))
    except QuantityError as error:
        raise refusal(error.code, error.message, error.help) from None


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
    priority: Literal["low", "medium", "high"] = Field(description="how soon an answer is needed")
    response: Text = Field(description="what the operator does about it", examples=["Check the schedule"])
