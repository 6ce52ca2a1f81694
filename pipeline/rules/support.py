"""What the language has and this version does not act on: a warning of `check` (E111), a refusal of `run`, by name.

    LATER   places in the definition, `*` for any name or number ──► what stands there

Nothing is ignored in silence: `check` names every such place, `run` refuses the file, and `graph` and `test` work on
`operable(definition)`, in which these parts are absent. Whoever builds one of them takes its line out of here.
"""

from __future__ import annotations

from collections.abc import Iterator

from config.definition import Definition, Request
from config.diagnostics import Diagnostic
from config.plain import Location
from pipeline.rules.subject import Subject

LATER: dict[Location, str] = {
    ("requests", "*", "peak_shaving"): "the controller `peak_shaving`",
    ("requests", "*", "self_consumption"): "the controller `self_consumption`",
    ("requests", "*", "export_limit"): "the controller `export_limit`",
    ("requests", "*", "target_soc"): "the controller `target_soc`",
}
ORIGINS_LATER = ("file",)

CODE = "E111"
ADVICE = "`check`, `graph` and `test` go on without it; `run` refuses the file"


def later(subject: Subject) -> Iterator[Diagnostic]:
    """A warning for every written part that this version does not act on."""
    for place in subject.loaded.spans:
        what = LATER.get(_pattern(place)) if len(place) <= _LONGEST else None
        if what is not None:
            yield _warning(subject, what.format(place[-1]), place)
    yield from _origins(subject)


def operable(definition: Definition) -> Definition:
    """The definition without what this version does not act on: for `graph` and `test`, where it is absent."""
    kept = [request for request in definition.requests if request.controller is None or _acted_on(request)]
    return definition.model_copy(update={"requests": kept})


def _acted_on(request: Request) -> bool:
    return ("requests", "*", request.forms[request.kind]) not in LATER


def _origins(subject: Subject) -> Iterator[Diagnostic]:
    for index, request in enumerate(subject.definition.requests):
        if request.schedule is not None and request.schedule.from_ in ORIGINS_LATER:
            place: Location = ("requests", index, "schedule", "from")
            yield _warning(subject, "a request from a file", place, value=True)


def _warning(subject: Subject, what: str, place: Location, *, value: bool = False) -> Diagnostic:
    problem = subject.problem if value else subject.key_problem
    return problem(CODE, f"{what} is not acted on in this version", ADVICE, *place, severity="warning")


def is_later(place: Location) -> bool:
    """Whether nothing acts on what stands at a place."""
    return _pattern(place) in LATER


_LONGEST = max(map(len, LATER))
_ANY = {(len(pattern), pattern[0]): pattern.index("*") for pattern in LATER if "*" in pattern}


def _pattern(place: Location) -> Location:
    """The place with `*` where a name or a number stands."""
    wild = _ANY.get((len(place), place[0])) if place else None
    return place if wild is None else (*place[:wild], "*", *place[wild + 1 :])
