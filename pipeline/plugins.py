"""Plug-ins as `check` and the compiler see them: found, loaded, held against the rules, their options read.

No kernel is imported here.
"""

from __future__ import annotations

from config.canonical import dimension_of
from config.plugins import PluginError, load
from config.request import PluginRequest, Request
from config.units import QuantityError, parse
from operators.plugin import Operator, faults
from sinks.plugin import Sink
from sources.plugin import Source


def operator_of(request: PluginRequest) -> Operator:
    """The declared operator. Raises `LookupError` when it is not installed, `PluginError` when it cannot be used."""
    name = request.name
    if name in Request.forms:
        raise PluginError(name, "has the name of a kind of request")
    loaded = load("operators", name)
    if not isinstance(loaded, Operator):
        raise PluginError(name, f"is of type {type(loaded).__name__}, not an Operator")
    try:  # a copy of our own: what was judged is what runs
        operator = Operator(
            tuple(loaded.reads), tuple(loaded.writes), loaded.compute, tuple(loaded.before), tuple(loaded.options)
        )
        found = list(faults(operator))
    except Exception as error:  # a declaration is somebody else's data
        raise PluginError(name, f"has a declaration that cannot be read: {error}") from error
    if found:
        raise PluginError(name, found[0])
    return operator


def source_of(name: str) -> Source:
    """The declared source of schedules. Raises as `operator_of`."""
    loaded = load("sources", name)
    if name in ("file", "endpoint") or not isinstance(loaded, Source) or not callable(loaded.run):
        raise PluginError(name, f"is of type {type(loaded).__name__}, not a Source with a function and a free name")
    return loaded


def sink_of(name: str) -> Sink:
    """The declared output. Raises as `operator_of`."""
    loaded = load("sinks", name)
    if not isinstance(loaded, Sink) or not callable(loaded.take):
        raise PluginError(name, f"is of type {type(loaded).__name__}, not a Sink with a function")
    return loaded


def options_of(request: PluginRequest, operator: Operator) -> dict[str, float]:
    """What the definition says, in the declared units, and the defaults. Raises `OptionError`."""
    known = {option.name: option for option in operator.options}
    for name in request.options:
        if name not in known:
            raise OptionError(name, "E101", f"`{name}` is no option of `{request.name}`", list(known))
    read: dict[str, float] = {}
    for name, option in known.items():
        if name in request.options:
            read[name] = _number(name, request.options[name], option.unit)
        elif option.default is not None:
            read[name] = float(option.default)
        else:
            raise OptionError("", "E102", f"the option `{name}` is missing", [])
    return read


class OptionError(Exception):
    """An option that is wrong: which one ("" for one that is missing), its code, what is wrong, what is possible."""

    def __init__(self, option: str, code: str, message: str, possible: list[str], advice: str = "") -> None:
        super().__init__(message)
        self.option, self.code, self.message, self.possible, self.advice = option, code, message, possible, advice


def _number(name: str, written: str | float, unit: str) -> float:
    dimension = dimension_of(unit)
    if dimension is None:
        if isinstance(written, str):
            raise OptionError(name, "E201", "expected a number", [], "write a plain number")
        return float(written)
    if not isinstance(written, str):
        raise OptionError(name, "E203", f"expected {dimension.named}", [], f"e.g. `{dimension.example}`")
    try:
        return parse(written, dimension)
    except QuantityError as error:
        raise OptionError(name, error.code, error.message, [], error.help) from None
