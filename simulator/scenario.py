"""Scenarios: what happens to the plant and when, from a YAML file of ours or the earlier system's JSON, read strictly.

    name: limits-dip
    description: the BMS lowers its limits while the battery runs
    repeat_after: 5 min                              # else once
    steps:
      - { at: 0 s,  set: { soc: 60 %, load: 40 kW, pv: 0 kW } }
      - { at: 20 s, asset: bess1, begin: [bms_limit], limit: 37 kW, for: 30 s }
      - { at: 90 s, begin: [cable] }                 # without `asset`: every battery
      - { at: 95 s, end: [cable] }

Every problem is a `ScenarioError` that names the file, the place and what is wrong. `simulator/earlier.py` reads JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from config.diagnostics import Diagnostic
from config.document import compose, read
from config.load import validated
from config.plain import Plain, Spans, Surroundings
from config.quantity import Duration, Percent, PositiveDuration, Power, Quantity, Temperature, refusal
from config.section import Section
from config.units import FREQUENCY
from simulator.battery import Battery
from simulator.faults import Fault
from simulator.plant import Told


class ScenarioError(ValueError):
    """A scenario that cannot be played: the file, the place in it, and why."""


@dataclass(frozen=True, slots=True)
class Act:
    """What happens at one instant (s since the start), to one battery or, without `asset`, to all of them."""

    at_s: float
    asset: str | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    on: tuple[Fault, ...] = ()
    off: tuple[Fault, ...] = ()
    limit_kw: float | None = None
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Acts in the order of their instants. `asset` and `battery` are what an earlier scenario is made for."""

    name: str
    acts: tuple[Act, ...]
    description: str = ""
    repeat_after_s: float | None = None
    asset: str | None = None
    battery: Battery | None = None


def _fault(value: object) -> Fault:
    if isinstance(value, str) and value in list(Fault):
        return Fault(value)
    raise refusal("E202", "this is no fault", f"one of {', '.join(f'`{fault}`' for fault in Fault)}")


FaultName = Annotated[Fault, BeforeValidator(_fault)]
GridFrequency = Annotated[float, BeforeValidator(Quantity(FREQUENCY, low=45.0, high=55.0))]


class Values(Section):
    """What a step sets. Load, PV and frequency stand still at theirs from then on."""

    soc: Percent | None = None
    soh: Percent | None = None
    temperature: Temperature | None = None
    ambient: Temperature | None = None
    load: Power | None = None
    pv: Power | None = None
    frequency: GridFrequency | None = None


NAMES = {
    "soc": "soc_percent", "soh": "soh_percent", "temperature": "temperature_celsius", "ambient": "ambient_celsius",
    "load": "load_kw", "pv": "pv_kw", "frequency": "frequency_hz",
}  # fmt: skip


class Step(Section):
    """What happens at one instant. `for` ends the faults that it begins."""

    at: Duration
    asset: str | None = None
    set: Values | None = None
    begin: list[FaultName] = []
    end: list[FaultName] = []
    limit: Power | None = None
    lasts: PositiveDuration | None = Field(None, alias="for")

    @model_validator(mode="after")
    def _sound(self) -> Step:
        if self.set is None and not self.begin and not self.end:
            raise refusal("E103", "nothing happens in this step", "write `set`, `begin` or `end`")
        if self.lasts is not None and not self.begin:
            raise refusal("E103", "nothing begins that could last", "name the faults: `begin: [cable]`", "for")
        if self.limit is not None and Fault.BMS_LIMIT not in self.begin:
            raise refusal("E103", "only `bms_limit` has a limit", "write it where `begin: [bms_limit]` stands", "limit")
        return self


class Script(Section):
    """A scenario file."""

    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    repeat_after: PositiveDuration | None = None
    steps: Annotated[list[Step], Field(min_length=1)]


def load(path: Path, assets: Sequence[str]) -> Scenario:
    """Our YAML. Raises ScenarioError, also for a battery that there is not."""
    source = read(path)
    if isinstance(source, Diagnostic):
        raise ScenarioError(source.message)
    document = compose(source)
    problems = list(document.diagnostics)
    if document.root is None or problems:
        raise _error(problems)
    plain = Plain(Surroundings(), problems)
    values = plain.value(document.root, (), source.span(0, 1))
    script, refused = validated(Script, values, plain.spans)
    if script is None or problems:
        raise _error([*problems, *refused])
    _check(script, plain.spans, assets)
    acts = sorted((act for step in script.steps for act in _acts(step)), key=lambda act: act.at_s)
    return Scenario(script.name, tuple(acts), script.description, script.repeat_after)


def _error(problems: Sequence[Diagnostic]) -> ScenarioError:
    said = [f"{one.place}: {one.message}" + (f" ({one.help})" if one.help else "") for one in problems]
    return ScenarioError("; ".join(said) or "there is nothing in this file")


def _check(script: Script, spans: Spans, assets: Sequence[str]) -> None:
    for number, step in enumerate(script.steps):
        at = ("steps", number)
        if step.asset is not None and step.asset not in assets:
            span = spans[*at, "asset"].value
            raise ScenarioError(f"{span.place}: there is no battery `{step.asset}` (one of {', '.join(assets)})")
        if script.repeat_after is not None and step.at + (step.lasts or 0.0) >= script.repeat_after:
            raise ScenarioError(f"{spans[*at, 'at'].value.place}: this step ends after the scenario begins again")


def _acts(step: Step) -> list[Act]:
    given = {} if step.set is None else step.set.model_dump(exclude_none=True)
    values = {NAMES[name]: value for name, value in given.items()}
    acts = [Act(step.at, step.asset, values, tuple(step.begin), tuple(step.end), step.limit)]
    if step.lasts is not None:
        acts.append(Act(step.at + step.lasts, step.asset, off=tuple(step.begin)))
    return acts
