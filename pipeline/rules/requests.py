"""Rules about requests: who may ask, from where, and in which order (LH-MKT-006)."""

from __future__ import annotations

from collections.abc import Iterator

from config.definition import GridOperator, Request, ScheduleRequest
from config.diagnostics import Diagnostic
from config.plain import Location
from config.plugins import installed
from config.shape import suggestion
from pipeline.rules.subject import Subject

RANKS = {
    "relief": 2,
    "commitment": 4,
    "intraday": 5,
    "day_ahead": 6,
    **dict.fromkeys(("peak_shaving", "export_limit", "self_consumption", "target_soc", "plugin"), 7),
    "idle": 8,
}
_BROKERS = ("mqtt", "mqtts")


def order(subject: Subject) -> Iterator[Diagnostic]:
    """The order of the list refines the priority of kinds and does not contradict it; each kind once; idle last."""
    seen: dict[str, Location] = {}
    kinds: dict[str, Location] = {}
    for index, request in enumerate(subject.definition.requests):
        at = _at(index, request)
        if request.name in seen:
            message = f"`{request.name}` is listed twice"
            first = (seen[request.name], "first listed here")
            yield subject.key_problem("E107", message, "keep one of them", *at, first=first)
            continue
        weaker = next((kind for kind in kinds if RANKS[kind] > RANKS[request.kind]), None)
        if weaker is not None:
            message = f"`{request.kind}` has priority over `{weaker}` and cannot stand below it"
            advice = f"the order is {', '.join(f'`{kind}`' for kind in RANKS)}"
            first = (kinds[weaker], "listed above it")
            yield subject.key_problem("E303", message, advice, *at, first=first)
        seen[request.name] = at
        kinds.setdefault(request.kind, at)
    yield from _idle(subject)


def _at(index: int, request: Request) -> Location:
    return ("requests", index, request.forms[request.kind])


def _idle(subject: Subject) -> Iterator[Diagnostic]:
    idle = [(index, request) for index, request in enumerate(subject.definition.requests) if request.kind == "idle"]
    if not idle:
        advice = "end the list with `- idle: 0 kW`: what happens when nobody asks"
        yield subject.key_problem("E305", "`requests` has no `idle`", advice, "requests")
    for index, request in idle:
        if request.power:
            yield subject.problem("E305", "idle is 0 kW", "write `- idle: 0 kW`", *_at(index, request))


def controllers(subject: Subject) -> Iterator[Diagnostic]:
    """Each controller watches a meter that exists and measures power; no ceiling is set twice."""
    meters = [device.id for device in subject.devices if not device.commanded]
    for index, request in enumerate(subject.definition.requests):
        if request.relief is not None and "site.poc" not in meters:
            advice = "add a meter `poc` under `site.meters`"
            yield subject.key_problem("E105", "`relief` needs the meter `poc`", advice, *_at(index, request))
        meter = getattr(request.controller, "meter", None)
        if meter is not None and meter not in meters:
            advice = suggestion(meter, meters) or "there is no meter under `site.meters`"
            at = (*_at(index, request), "meter")
            yield subject.problem("E105", f"there is no meter `{meter}`", advice, *at)
    seen: dict[tuple[str, str], Location] = {}
    for index, limit in enumerate(subject.definition.limits):
        place: Location = ("limits", index, limit.kind)
        key = (limit.kind, limit.grid_operator.direction)
        if key in seen:
            message = f"`{limit.kind}` limits the {key[1]} twice"
            first = (seen[key], "first listed here")
            yield subject.key_problem("E107", message, "keep one of them", *place, first=first)
        seen.setdefault(key, place)


def origins(subject: Subject) -> Iterator[Diagnostic]:
    """Each request from outside has an origin that exists, and a topic of its own there."""
    topics: dict[tuple[str, str], Location] = {}
    asked: list[tuple[ScheduleRequest | GridOperator, Location]] = [
        *((r.schedule, _at(i, r)) for i, r in enumerate(subject.definition.requests) if r.schedule is not None),
        *((item.grid_operator, ("limits", i, item.kind)) for i, item in enumerate(subject.definition.limits)),
    ]
    for schedule, at in asked:
        yield from _origin(subject, schedule, at)
        if schedule.topic is None:
            continue
        key = (schedule.from_, schedule.topic)
        if key in topics:
            advice = "give each a topic of its own"
            first = ((*topics[key], "topic"), "read here")
            yield subject.problem("E107", "two of them read one topic", advice, *at, "topic", first=first)
        topics.setdefault(key, at)


def _origin(subject: Subject, schedule: ScheduleRequest | GridOperator, at: Location) -> Iterator[Diagnostic]:
    origin = schedule.from_
    if origin == "file" and isinstance(schedule, ScheduleRequest):
        if schedule.path is None:
            yield subject.key_problem("E102", "`path` is missing", "write the file to read, e.g. `today.csv`", *at)
        yield from _surplus(subject, schedule, at, ("topic",))
        return
    if origin == "endpoint":
        if subject.definition.endpoint is None:
            yield subject.problem("E105", "there is no `endpoint:`", "write one, or name a broker", *at, "from")
        yield from _surplus(subject, schedule, at, ("topic", "path"))
        return
    if _brought(subject, schedule):
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


def _brought(subject: Subject, schedule: ScheduleRequest | GridOperator) -> bool:
    """Whether another package brings the origin: `rules.plugins` says what is wrong with it."""
    if not isinstance(schedule, ScheduleRequest) or schedule.from_ in subject.definition.connections:
        return False
    return schedule.from_ in installed("sources")


def _surplus(
    subject: Subject, schedule: ScheduleRequest | GridOperator, at: Location, keys: tuple[str, ...]
) -> Iterator[Diagnostic]:
    for key in keys:
        if getattr(schedule, key, None) is not None:
            message = f"`{key}` means nothing with `from: {schedule.from_}`"
            yield subject.key_problem("E101", message, "remove it", *at, key)
