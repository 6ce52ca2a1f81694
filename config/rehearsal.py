"""The shape of `tests:`: what is given, what happens when, what must come of it. Meaning is added by `pipeline`.

    given:    { bess1: { state: ready, soc: 55 % } }        ──►  { bess1.state: ready, bess1.soc: 55 % }
    timeline: [ { at: 30 s, bess1.discharge_limit: 37 kW } ] ──►  at 30.0, { bess1.discharge_limit: 37 kW }
    expect:   [ { at: 31 s, bess1: { command: 37 kW } }, { always: "site.export <= 800 kW" } ]

Keys are node ids, dotted or nested; `config.shape` writes them dotted, places kept. Values stay as they were written: a
quantity with its unit, a word, true or false. A file `*_test.yaml` beside the definition holds `tests:` alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from config.quantity import Duration, refusal
from config.section import Section, Text

Operator = Literal["<=", ">=", "<", ">", "="]
OPERATORS: tuple[Operator, ...] = get_args(Operator)

_COMPARISON = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*) +(<=|>=|<|>|=) +(\S(?:.*\S)?)")

Leaf = StrictStr | StrictBool | StrictInt | StrictFloat
Values = dict[str, Leaf]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left op right`: a node id, one of the operators, and a node id or a quantity as written."""

    left: str
    operator: Operator
    right: str


def comparison(text: str) -> Comparison:
    """The parts of `site.export <= 800 kW`. Raises the refusal E604."""
    match = _COMPARISON.fullmatch(text)
    if match is None:
        raise refusal(
            "E604", "this is not a comparison", "write `node op value`, e.g. `site.export <= 800 kW`; op: <= < = > >="
        )
    left, operator, right = match.groups()
    found = next(known for known in OPERATORS if known == operator)
    return Comparison(left, found, right)


def _compared(text: str) -> str:
    comparison(text)
    return text


Compared = Annotated[StrictStr, AfterValidator(_compared), Field(json_schema_extra={"x-type": "comparison"})]


class Moment(Section):
    """Levels that hold from the first tick at or after `at` until they are changed."""

    at: Duration = Field(description="time since the start", examples=["30 s"])
    values: Values = Field(description="node ids and their new values", min_length=1)


class Expectation(Section):
    """What the last tick at or before `at` must say, or what must hold at every tick or at none."""

    at: Duration | None = Field(None, description="time since the start", examples=["31 s"])
    values: Values = Field({}, description="node ids and what they must be")
    always: Compared | None = Field(None, description="must hold at every tick; unknown fails",
                                    examples=["site.export <= 800 kW"])  # fmt: skip
    never: Compared | None = Field(None, description="may hold at no tick", examples=["bess1.command > 250 kW"])


class Rehearsal(Section):
    """One test: it runs in virtual time against the real chain, from a healthy plant that follows its commands."""

    name: Text = Field(description="what it shows, in words", examples=["a BMS limit that drops beats the ramp"])
    given: Values = Field({}, description="how it starts, where that differs from a healthy plant")
    timeline: list[Moment] = Field([], description="what happens when")
    expect: list[Expectation] = Field(min_length=1, description="what must come of it")
