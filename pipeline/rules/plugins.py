"""Rules about plug-ins: each one that is named is installed, has a name of its own, and keeps to what it may (E325)."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic
from config.plain import Location
from config.plugins import PluginError, installed
from config.shape import suggestion
from pipeline.plugins import OptionError, operator_of, options_of
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
