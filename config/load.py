"""A definition from a file: every problem found, none raised.

    file ──read──► text ──compose──► tree ──include, normal──► tree in the models' shape
                                                                    │ plain
                              diagnostics ◄── places ── pydantic ◄──┴──► Definition

`load` never raises for what a file holds. `Loaded.definition` is there only when nothing is wrong; `draft` is the best
reading of a file with errors (wrong values left out), so that a checker can go on and report everything at once.
Only `config/` is looked at here: what needs devices, other sections or the network is checked in `pipeline.check`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping as Map
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.definition import Definition
from config.diagnostics import Diagnostic, errors, ordered
from config.document import Mapping, compose, read
from config.include import include
from config.plain import Location, Place, Plain, Spans, Surroundings
from config.refusals import diagnose, holds, location_of, misspelt
from config.shape import normal
from config.source import Source, Span

_DRAFTS = 8

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a file. `spans` maps the location of a value in the definition to its places."""

    definition: Definition | None
    draft: Definition | None
    diagnostics: tuple[Diagnostic, ...]
    spans: Spans
    refused: frozenset[Location] = frozenset()  # places with an error of their own, absent from the draft

    def key(self, *location: str | int) -> Span:
        """The key at `location`, or the nearest one above it that was written."""
        return self._place(location).key

    def value(self, *location: str | int) -> Span:
        """The value at `location`, or the key of the nearest mapping above it that was written."""
        place = self.spans.get(location)
        return place.value if place is not None else self._place(location).key

    def _place(self, location: Location) -> Place:
        while location not in self.spans and location:
            location = location[:-1]
        return self.spans[location]


def load(
    path: Path | str,
    *,
    environment: Map[str, str] | None = None,
    secrets_dir: Path | None = None,
    env_stub: bool = False,
) -> Loaded:
    """The definition in a file. `environment` defaults to the process's, `env_stub` needs neither it nor secrets."""
    path = Path(path)
    source = read(path)
    if isinstance(source, Diagnostic):
        return Loaded(None, None, (source,), {})
    variables = os.environ if environment is None else environment
    return load_source(source, path.parent, Surroundings(variables, secrets_dir, env_stub))


def load_source(source: Source, folder: Path, surroundings: Surroundings) -> Loaded:
    """The definition in a text; `folder` is where `!include` looks."""
    document = compose(source)
    problems = list(document.diagnostics)
    if document.root is None:
        return Loaded(None, None, ordered(problems), {})
    root = include(document.root, folder, problems)
    if not isinstance(root, Mapping):
        problems.append(Diagnostic("E103", "a definition is a mapping", root.span, "begin with `version: 1`"))
        return Loaded(None, None, ordered(problems), {})
    plain = Plain(surroundings, problems)
    values = plain.value(normal(root, problems), (), source.span(0, 1))
    definition, refused = validated(Definition, values, plain.spans)
    problems.extend(refused)
    wrong = {at for at, place in plain.spans.items() if place.refused}
    wrong |= _wrong(values) if definition is None else set()
    draft = definition if definition is not None else _draft(values)
    found = ordered(problems)
    return Loaded(None if errors(found) else definition, draft, found, plain.spans, frozenset(wrong))


def validated(model: type[Model], values: Any, spans: Spans) -> tuple[Model | None, list[Diagnostic]]:
    """The model of `values`, or what is wrong with them, each at its place."""
    try:
        return model.model_validate(values, context={"literal": True}, by_alias=True, by_name=False), []
    except ValidationError as error:
        details = _details(error)
        explained = misspelt(details)
        found = (diagnose(model, one, values, spans) for one in details if one["loc"] not in explained)
        return None, [diagnostic for diagnostic in found if diagnostic is not None]


def _wrong(values: Any) -> set[Location]:
    """The places that the models refuse."""
    try:
        Definition.model_validate(values, context={"literal": True}, by_alias=True, by_name=False)
    except ValidationError as error:
        return {location_of(details, values) for details in _details(error)}
    return set()


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False)


def _draft(values: Any) -> Definition | None:
    """The definition without the values that are wrong, if what is left is one."""
    for _ in range(_DRAFTS):
        try:
            return Definition.model_validate(values, context={"literal": True}, by_alias=True, by_name=False)
        except ValidationError as error:
            if not all(_remove(values, details["loc"], details["type"]) for details in _details(error)):
                return None
    return None


def _remove(values: Any, location: Location, kind: str) -> bool:
    """Take the value at `location` out of its mapping; False when something that must be there is missing."""
    if kind == "missing":
        return False
    holder: Any = None
    last: str | int = ""
    for part in location:
        if holds(values, part):
            holder, last, values = values, part, values[part]
    if not isinstance(holder, dict):
        return False
    holder.pop(last, None)
    return True
