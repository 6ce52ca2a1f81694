"""Where the fault is when a text is not YAML (E002): parsers notice it late, often a line below what was written wrong.

    profile sunspec-storage        ◄── the `:` is missing here
    connect: modbus-tcp://…            and here the parser stumbles

The place that is named is the one to repair; where the parser stumbled is shown beside it when it is another line.
"""

from __future__ import annotations

import re
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.tokens import ScalarToken

from config.diagnostics import Diagnostic, Related
from config.source import Source

_COLON: Final = re.compile(r":(?:\s|$)")
_ADVICE: Final = (
    ("mapping values are not allowed", "look at the indentation; quote a text that contains `: `"),
    ("'\\t'", "indent with spaces, not with tabs"),
    ("cannot start any token", "put the text in quotes"),
    ("could not find expected ':'", "write `key: value`, with a space behind the `:`"),
    ("quoted scalar", "a quote is not closed"),
    ("expected <block end>", "look at the indentation, also of the line above"),
    ("flow", "a bracket is not closed, or a comma is missing"),
)


def diagnose(source: Source, error: MarkedYAMLError) -> Diagnostic:
    """The fault behind a parser's complaint."""
    problem = str(error.problem or error.context or "this is not YAML")
    mark = error.problem_mark or error.context_mark
    at = mark.index if mark is not None else 0
    above = error.context_mark.index if error.context_mark is not None else at
    said = f"{problem} {error.context or ''}"
    advice = next((text for sign, text in _ADVICE if sign in said), "check the quotes, brackets and indentation")
    found = _quote(source, at) or _key(source, problem, at, above) or _bracket(source, said, at, above)
    if found is not None:
        place, message, better = found
        return _said(source, message, place, at, better or advice)
    related: tuple[Related, ...] = ()
    if above != at:
        related = (Related(source.span(above, above + 1), str(error.context)),)
        if "stream" in problem:  # what is not closed matters, not where the file ends
            problem, at, related = str(error.context).replace("while ", "the file ends while "), above, ()
    return Diagnostic("E002", problem, source.span(at, at + 1), advice, related)


_Found = tuple[int, str, str]


def _said(source: Source, message: str, place: int, at: int, advice: str) -> Diagnostic:
    first, second = source.span(place, place + 1), source.span(at, at + 1)
    related = (Related(second, "noticed here"),) if first.line != second.line else ()
    return Diagnostic("E002", message, first, advice, related)


def _quote(source: Source, at: int) -> _Found | None:
    """A quoted text that goes over lines just before the fault: its closing quote is probably that of another."""
    suspect: ScalarToken | None = None
    try:
        for token in YAML(typ="safe", pure=True).scan(source.text):
            if token.start_mark.index > at:
                break
            if isinstance(token, ScalarToken) and token.style in {'"', "'"}:
                suspect = token if token.start_mark.line != token.end_mark.line else suspect
    except YAMLError:
        pass
    if suspect is None or source.text.count("\n", suspect.end_mark.index, at) > 1:
        return None
    message = f"this quote is closed on line {suspect.end_mark.line + 1} only"
    return suspect.start_mark.index, message, "close it where the text ends"


def _key(source: Source, problem: str, at: int, above: int) -> _Found | None:
    """A key without its `:`, or a line that is indented too far."""
    text = source.text
    if problem.startswith("could not find expected ':'"):
        return above, "a `:` is missing behind this key", ""
    start = text.rfind("\n", 0, at) + 1
    before = _line_above(text, start)
    if "mapping" in problem and before is not None and not _COLON.search(text[before:start].split(" #")[0]):
        return before, "a `:` is missing behind this key", "write `key: value`, with a space behind the `:`"
    if not problem.startswith("mapping values are not allowed"):
        return None
    word = start + len(text[start:at]) - len(text[start:at].lstrip(" -"))
    if _COLON.search(text[word:at]):
        return None
    return word, "this line is indented too far, or a value stands above it", ""


def _line_above(text: str, start: int) -> int | None:
    """Where the words of the nearest line above begin; None when there is none."""
    while start > 0:
        previous = text.rfind("\n", 0, start - 1) + 1
        line = text[previous : start - 1]
        if line.strip() and not line.lstrip().startswith("#"):
            return previous + len(line) - len(line.lstrip(" -"))
        start = previous
    return None


def _bracket(source: Source, said: str, at: int, above: int) -> _Found | None:
    """A bracket that is not closed where the parser stumbles on a later line."""
    if "flow" not in said or "stream" in said or source.span(at, at + 1).line == source.span(above, above + 1).line:
        return None
    return above, "this bracket is not closed", "close it, or write a comma where one is missing"
