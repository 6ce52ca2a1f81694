"""Rules about names that point elsewhere: transformers, interlocks, inputs, alarms, steps of sequences.

Every name of nothing is E105 or E506 at its place, with the nearest one that exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from config.alarm import CHAIN_POINTS, condition, is_own
from config.canonical import dimension_of
from config.chain import STAGES
from config.diagnostics import Diagnostic
from config.plain import Location
from config.profile import Profile
from config.shape import suggestion
from pipeline.rules.subject import Subject

#: Ids of nodes that are not stages and not below a section of the definition.
_NODES = frozenset({*STAGES, "alarms", "endpoint"})

#: Points that are a yes or a no whatever their profile says of them.
YES_OR_NO = ("available", "remote", "cooling", "contactor")


def assets(subject: Subject) -> Iterator[Diagnostic]:
    """An asset's name is the id of its node: no stage of the chain has the same one."""
    for name in subject.definition.assets:
        if name in _NODES:
            message = f"`{name}` is the name of another node of the graph"
            yield subject.key_problem("E109", message, "choose another name", "assets", name)


def named(subject: Subject) -> Iterator[Diagnostic]:
    """Transformers feed assets that exist, interlocks use inputs and assets that exist."""
    definition = subject.definition
    for name, transformer in definition.site.transformers.items():
        yield from _assets(subject, transformer.feeds, ("site", "transformers", name, "feeds"))
    known = [*map(str, definition.inputs)]
    for name, interlock in definition.interlocks.items():
        at: Location = ("interlocks", name)
        if interlock.input not in definition.inputs:
            advice = suggestion(interlock.input, known) or "there is nothing under `inputs:`"
            yield subject.problem("E105", f"there is no input `{interlock.input}`", advice, *at, "input")
        yield from _assets(subject, interlock.assets, (*at, "assets"))


def inputs(subject: Subject) -> Iterator[Diagnostic]:
    """Each input says where it is on the protocol of its connection."""
    wanted = {"modbus-tcp": "register", "modbus-tls": "register", "mqtt": "topic", "mqtts": "topic", "opc.tcp": "node"}
    for name, signal in subject.definition.inputs.items():
        at: Location = ("inputs", name)
        address = subject.address(signal.connect)
        if address is None or address.scheme not in wanted:
            message = f"nothing is read from `{signal.connect}`" if address else "there is no such connection"
            advice = suggestion(signal.connect, [*map(str, subject.definition.connections)])
            yield subject.problem("E105", message, advice, *at, "connect")
            continue
        for key in ("register", "topic", "node"):
            written = signal.register_ if key == "register" else getattr(signal, key)
            if written is None and wanted[address.scheme] == key:
                yield subject.key_problem("E102", f"`{key}` is missing", f"write `{key}:`", *at)
            if written is not None and wanted[address.scheme] != key:
                yield subject.key_problem("E507", f"`{key}` means nothing to this input", "remove it", *at, key)


def alarms(subject: Subject) -> Iterator[Diagnostic]:
    """Each alarm watches a point that some device has."""
    points = set(CHAIN_POINTS)
    for device in subject.devices:
        prefix = "" if device.commanded else f"{device.id}."
        points |= {f"{prefix}{name}" for name in (device.profile.read if device.profile else ())}
    for name, rule in subject.definition.alarms.items():
        watched = condition(rule.when).point
        if watched not in points and all(device.profile is not None for device in subject.devices):
            advice = suggestion(watched, sorted(points))
            yield subject.problem("E506", f"no device has the point `{watched}`", advice, "alarms", name, "when")
        elif is_own(watched):
            yield from _unit(subject, watched, rule.when, ("alarms", name, "when"))


def _unit(subject: Subject, watched: str, when: str, at: Location) -> Iterator[Diagnostic]:
    """A point that only a profile knows is compared in the unit that its profile gives it."""
    written = dimension_of(when.rpartition(" ")[2])
    device, _, point = watched.rpartition(".")
    for found in subject.devices:
        known = found.profile.read.get(point) if found.profile and found.id in (device or found.id) else None
        if known is not None and condition(when).limit is not None and dimension_of(known.unit) != written:
            message = f"`{watched}` is in {f'`{known.unit}`' if known.unit else 'no unit'}"
            yield subject.problem("E204", message, "compare it with a quantity of that kind", *at)
            return


def start_up(subject: Subject) -> Iterator[Diagnostic]:
    """Each step of starting up or shutting down names points of the asset's profile that fit."""
    for name, asset in subject.definition.assets.items():
        profile = subject.profiles.get(name)
        if profile is None:
            continue
        for index, start in enumerate(asset.start_sequence):
            at: Location = ("assets", name, "start_sequence", index)
            yield from _step_writes(subject, profile, start.write, (*at, "write"))
            yield from _step_reads(subject, profile, start.until, (*at, "until"))
            yield from _step_reads(subject, profile, start.when, (*at, "when"))
        for index, stop in enumerate(asset.stop_sequence):
            at = ("assets", name, "stop_sequence", index)
            yield from _step_writes(subject, profile, stop.write, (*at, "write"))
            yield from _step_reads(subject, profile, stop.until_not, (*at, "until_not"))


def _step_writes(subject: Subject, profile: Profile, name: str | None, at: Location) -> Iterator[Diagnostic]:
    if name is None:
        return
    if name not in profile.write:
        message = f"`{profile.name}` has no write point `{name}`"
        yield subject.problem("E506", message, suggestion(name, list(profile.write)), *at)
    elif name not in profile.steps:
        message = f"`{name}` is written with commands, not by a step"
        yield subject.problem("E511", message, "name it under `steps` of the profile", *at)


def _step_reads(subject: Subject, profile: Profile, name: str | None, at: Location) -> Iterator[Diagnostic]:
    if name is None:
        return
    point = profile.read.get(name)
    if point is None:
        message = f"`{profile.name}` has no read point `{name}`"
        yield subject.problem("E506", message, suggestion(name, list(profile.read)), *at)
    elif not (point.yes or name in YES_OR_NO or (point.type == "bool" if point.register else not point.unit)):
        message = f"`{name}` says neither yes nor no"
        yield subject.problem("E511", message, "give it `yes`, the raw values that mean yes", *at)


def tests(subject: Subject) -> Iterator[Diagnostic]:
    """Each test has a name of its own, and each expectation says when: at a time, always or never."""
    seen: dict[str, Location] = {}
    for index, test in enumerate(subject.definition.tests):
        at: Location = ("tests", index, "name")
        if test.name in seen:
            first = (seen[test.name], "first used here")
            yield subject.problem("E107", "two tests of one name", "give each its own", *at, first=first)
        seen.setdefault(test.name, at)
        for number, expected in enumerate(test.expect):
            place: Location = ("tests", index, "expect", number)
            said = [key for key in ("at", "always", "never") if getattr(expected, key) is not None]
            if len(said) != 1 or (said == ["at"]) != bool(expected.values):
                advice = "write `{ at: 3 s, node: value }`, `{ always: … }` or `{ never: … }`"
                yield subject.problem("E602", "this expectation does not say when, or what", advice, *place)


def _assets(subject: Subject, names: Iterable[str], at: Location) -> Iterator[Diagnostic]:
    known = [*map(str, subject.definition.assets)]
    for index, name in enumerate(names):
        if name not in known:
            yield subject.problem("E105", f"there is no asset `{name}`", suggestion(name, known), *at, index)
