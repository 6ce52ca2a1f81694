"""Diagnostics: what is wrong in a definition, where, and what to write instead.

    error[E203]: expected a power, got `300`
     --> site.yaml:7:17
      |
    7 |   import_limit: 300                    # at the point of connection
      |                 ^^^
      = help: write a number and a unit, e.g. `300 kW`

All problems are collected and shown at once, sorted by place. A problem with two places shows both. A diagnostic
without a place (a file that cannot be read) names the file only. `as_json` is the form for editors and `--json`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from config.source import Span, printable

Severity = Literal["error", "warning"]

_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "place": "\x1b[34m", "help": "\x1b[36m", "off": "\x1b[0m"}


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that belongs to a problem, e.g. where a name was first defined."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem. `span` is None only when there is no text to point at; `file` then names the file."""

    code: str
    message: str
    span: Span | None
    help: str = ""
    related: tuple[Related, ...] = ()
    severity: Severity = "error"
    file: str = ""

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        place = self.span.order if self.span else (self.file, 0, 0)
        return (*place, self.code, self.message)

    @property
    def place(self) -> str:
        return self.span.place if self.span else self.file


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by file, line, column; the same problem at the same place (through an alias or defaults) once."""
    seen: dict[tuple[str, int, int, str, str], Diagnostic] = {}
    for diagnostic in diagnostics:
        seen.setdefault(diagnostic.order, diagnostic)
    return tuple(seen[key] for key in sorted(seen))


def errors(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    return tuple(diagnostic for diagnostic in diagnostics if diagnostic.severity == "error")


def render(diagnostics: Iterable[Diagnostic], *, colour: bool = False) -> str:
    """All of them as text for a terminal, separated by an empty line, ending in a line that counts them."""
    shown = ordered(diagnostics)
    blocks = [_block(diagnostic, _COLOURS if colour else dict.fromkeys(_COLOURS, "")) for diagnostic in shown]
    return "\n\n".join([*blocks, summary(shown)]) + "\n" if shown else ""


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    counts = [(severities.count(kind), kind) for kind in ("error", "warning")]
    said = [f"{count} {kind}{'' if count == 1 else 's'}" for count, kind in counts if count]
    return ", ".join(said) or "no problems"


def as_json(diagnostic: Diagnostic) -> dict[str, object]:
    """Plain values: code, severity, message, help, file, line, column, end_column (exclusive), text, related."""
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "help": diagnostic.help,
        **_place_json(diagnostic.span, diagnostic.file),
        "related": [{"message": other.message, **_place_json(other.span, "")} for other in diagnostic.related],
    }


def _place_json(span: Span | None, file: str) -> dict[str, object]:
    if span is None:
        return {"file": file, "line": None, "column": None, "end_column": None, "text": None}
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_column": span.column + span.width,
        "text": span.source.line(span.line),
    }


def excerpt(span: Span) -> list[str]:
    """The place and its line with a caret, as under an error: for what is wrong with more than a file."""
    gutter = len(str(span.line))
    return [f"{' ' * gutter}--> {span.place}", *_excerpt(span, "^", gutter, "", "")]


def _block(diagnostic: Diagnostic, colours: dict[str, str]) -> str:
    off = colours["off"]
    lines = [
        f"{colours[diagnostic.severity]}{diagnostic.severity}[{diagnostic.code}]{off}: {printable(diagnostic.message)}"
    ]
    gutter = max((len(str(span.line)) for span in _spans(diagnostic)), default=1)
    if diagnostic.span is None:
        lines.append(f"{' ' * gutter}--> {colours['place']}{diagnostic.file}{off}")
    else:
        lines.append(f"{' ' * gutter}--> {colours['place']}{diagnostic.span.place}{off}")
        lines.extend(_excerpt(diagnostic.span, "^", gutter, colours[diagnostic.severity], off))
    for other in diagnostic.related:
        lines.append(f"{' ' * gutter}::: {colours['place']}{other.span.place}{off}: {printable(other.message)}")
        lines.extend(_excerpt(other.span, "-", gutter, colours["place"], off))
    if diagnostic.help:
        lines.append(f"{' ' * gutter} = {colours['help']}help{off}: {printable(diagnostic.help)}")
    return "\n".join(lines)


def _spans(diagnostic: Diagnostic) -> list[Span]:
    first = [diagnostic.span] if diagnostic.span else []
    return [*first, *(other.span for other in diagnostic.related)]


def _excerpt(span: Span, mark: str, gutter: int, colour: str, off: str) -> list[str]:
    text = span.source.line(span.line)
    before, marked = text[: span.column - 1], text[span.column - 1 : span.column - 1 + span.width]
    caret = " " * _cells(before) + colour + mark * max(_cells(marked), 1) + off
    return [f"{' ' * gutter} |", f"{span.line:>{gutter}} | {text}", f"{' ' * gutter} | {caret}"]


def _cells(text: str) -> int:
    """Width on a terminal: two cells for wide characters, none for combining ones."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
