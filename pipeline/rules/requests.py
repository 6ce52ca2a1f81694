"""Rules about requests: who may ask, from where, and in which order (LH-MKT-006)."""

from __future__ import annotations

from collections.abc import Iterator

from config.definition import Request, ScheduleRequest
from config.diagnostics import Diagnostic
from config.plain import Location
from config.shape import suggestion
from pipeline.rules.subject import Subject

RANKS = {"commitment": 4, "intraday": 5, "day_ahead": 6, "idle": 8}
_BROKERS = ("mqtt", "mqtts")


def order(subject: Subject) -> Iterator[Diagnostic]:
    """The order of the list refines the priority of kinds and does not contradict it; each kind once; idle last."""
    requests = subject.definition.requests
    for index, request in enumerate(requests):
        at = _at(index, request)
        before = [(place, other) for place, other in enumerate(requests[:index])]
        same = next((_at(place, other) for place, other in before if other.kind == request.kind), None)
        if same is not None:
            message = f"`{request.kind}` is listed twice"
            yield subject.key_problem("E107", message, "keep one of them", *at, first=(same, "first listed here"))
            continue
        weaker = next((pair for pair in before if RANKS[pair[1].kind] > RANKS[request.kind]), None)
        if weaker is not None:
            message = f"`{request.kind}` has priority over `{weaker[1].kind}` and cannot stand below it"
            advice = f"the order is {', '.join(f'`{kind}`' for kind in RANKS)}"
            first = (_at(*weaker), "listed above it")
            yield subject.key_problem("E303", message, advice, *at, first=first)
    yield from _idle(subject)


def _at(index: int, request: Request) -> Location:
    return ("requests", index, "power" if request.kind == "idle" else "schedule")


def _idle(subject: Subject) -> Iterator[Diagnostic]:
    idle = [(index, request) for index, request in enumerate(subject.definition.requests) if request.kind == "idle"]
    if not idle:
        advice = "end the list with `- idle: 0 kW`: what happens when nobody asks"
        yield subject.key_problem("E305", "`requests` has no `idle`", advice, "requests")
    for index, request in idle:
        if request.power:
            yield subject.problem("E305", "idle is 0 kW", "write `- idle: 0 kW`", *_at(index, request))


def origins(subject: Subject) -> Iterator[Diagnostic]:
    """Each request from outside has an origin that exists, and a topic of its own there."""
    topics: dict[tuple[str, str], Location] = {}
    for index, request in enumerate(subject.definition.requests):
        schedule, at = request.schedule, _at(index, request)
        if schedule is None:
            continue
        yield from _origin(subject, schedule, at)
        if schedule.topic is None:
            continue
        key = (schedule.from_, schedule.topic)
        if key in topics:
            advice = "give every request a topic of its own"
            first = ((*topics[key], "topic"), "read here")
            yield subject.problem("E107", "two requests read one topic", advice, *at, "topic", first=first)
        topics.setdefault(key, at)


def _origin(subject: Subject, schedule: ScheduleRequest, at: Location) -> Iterator[Diagnostic]:
    origin = schedule.from_
    if origin == "file":
        yield subject.problem(
            "E110", "requests from a file are not supported in this version", "use a topic", *at, "from"
        )
        return
    if origin == "endpoint":
        if subject.definition.endpoint is None:
            yield subject.problem("E105", "there is no `endpoint:`", "write one, or name a broker", *at, "from")
        yield from _surplus(subject, schedule, at, ("topic", "path"))
        return
    address = subject.address(origin)
    if address is None or "://" in origin:
        known = [*map(str, subject.definition.connections), "endpoint"]
        yield subject.problem("E105", "there is no such connection", suggestion(origin, known), *at, "from")
    elif address.scheme not in _BROKERS:
        yield subject.problem("E505", f"`{origin}` is not a broker", "name an `mqtt://` connection", *at, "from")
    elif schedule.topic is None:
        yield subject.key_problem("E102", "`topic` is missing", "write the topic to read from", *at)
    yield from _surplus(subject, schedule, at, ("path",))


def _surplus(subject: Subject, schedule: ScheduleRequest, at: Location, keys: tuple[str, ...]) -> Iterator[Diagnostic]:
    for key in keys:
        if getattr(schedule, key) is not None:
            message = f"`{key}` means nothing with `from: {schedule.from_}`"
            yield subject.key_problem("E101", message, "remove it", *at, key)
