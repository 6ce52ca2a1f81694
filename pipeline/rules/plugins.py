"""Rules about plug-ins: each one that is named is installed, has a name of its own, and keeps to what it may (E325)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from config.definition import PluginOutput
from config.diagnostics import Diagnostic
from config.plain import Location
from config.plugins import PluginError, installed
from config.shape import suggestion
from pipeline.plugins import OptionError, operator_of, options_of, sink_of, source_of
from pipeline.rules.subject import Subject

_BOUNDS = "a plug-in reads what stands before it, writes rows of its own and feeds one request"


def operators(subject: Subject) -> Iterator[Diagnostic]:
    """Every operator that another package brings."""
    for index, request in enumerate(subject.definition.requests):
        if request.plugin is None:
            continue
        at: Location = ("requests", index, "plugin")
        try:
            options_of(request.plugin, operator_of(request.plugin))
        except LookupError:
            known = sorted(installed("operators"))
            advice = suggestion(request.plugin.name, known) or "install the package that brings it"
            message = f"there is no operator `{request.plugin.name}`"
            yield subject.problem("E105", message, advice, *at, "name")
        except PluginError as error:
            yield subject.problem("E325", str(error), _BOUNDS, *at, "name")
        except OptionError as error:
            advice = error.advice or suggestion(error.option, error.possible) or "write it under `options:`"
            place: Location = (*at, "options", error.option) if error.option else at
            problem = subject.key_problem if error.code in ("E101", "E102") else subject.problem
            yield problem(error.code, error.message, advice, *place)


def ends(subject: Subject) -> Iterator[Diagnostic]:
    """Every source of schedules and every output that another package brings."""
    definition = subject.definition
    for index, request in enumerate(definition.requests):
        origin = request.schedule.from_ if request.schedule is not None else ""
        if not origin or origin in ("file", "endpoint") or origin in definition.connections:
            continue
        if origin in installed("sources"):
            yield from _end(subject, source_of, origin, ("requests", index, "schedule", "from"))
    for name, output in definition.outputs.items():
        if isinstance(output, PluginOutput):
            yield from _end(subject, sink_of, output.name, ("outputs", name, "name"))


def _end(subject: Subject, find: Callable[[str], object], name: str, at: Location) -> Iterator[Diagnostic]:
    try:
        find(name)
    except LookupError:
        advice = suggestion(name, sorted(installed("sinks"))) or "install the package that brings it"
        yield subject.problem("E105", f"there is no output `{name}`", advice, *at)
    except PluginError as error:
        yield subject.problem("E325", str(error), "see docs/plugins.md", *at)
