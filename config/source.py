"""Where something stands: a source text and spans in it.

    Source(name, text) ── span(start, end) ──► Span(line 7, column 17, width 3)

Lines and columns count from 1, columns in characters, as editors do; lines end at LF, CRLF or CR only. A source shows
its lines for diagnostics with everything that looks like a secret masked (•, same width, so that carets still fit) and
control characters replaced, so that printing a line can neither leak a password nor move a terminal's cursor.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

_LINE_END = re.compile(r"\r\n|\n|\r")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_HIDDEN_WORDS = "pas+w|pwd|secret|token|credential|api[_-]?key|private"
_HIDDEN_KEY = rf"""(?<![\w-])["']?(?:[\w-]*(?:{_HIDDEN_WORDS})[\w-]*|viewer|operator|engineer)["']?"""
_HIDDEN = (  # on a line of its own the text goes to the line's end, in braces to a comma or the closing brace
    re.compile(rf"(?i)^\s*(?:-\s+)?{_HIDDEN_KEY}" r"\s*:\s+(?!!secret\b|[{\[])(?P<text>\S(?:.*\S)?)"),
    re.compile(
        rf"(?i){_HIDDEN_KEY}"
        r"""\s*:\s+(?!!secret\b|[{\[])(?P<text>"(?:[^"\\]|\\.)*"?|'[^']*'?|[^,}\s](?:[^,}]*[^,}\s])?)"""
    ),
)
_URL_PASSWORD = re.compile(r"://[^/\s:@\"']*:(?P<text>[^/\s\"']+)@")
_ENVIRONMENT = re.compile(r"\$\{[A-Za-z0-9_]+\}")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One file's text. `name` is what the user called it."""

    name: str
    text: str
    _starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = (0, *(match.end() for match in _LINE_END.finditer(self.text)))
        object.__setattr__(self, "_starts", starts)

    def span(self, start: int, end: int) -> Span:
        """The span of `text[start:end]`; at most to the end of its first line, at least one character wide."""
        row = bisect_right(self._starts, min(max(start, 0), len(self.text))) - 1
        column = min(start, len(self.text)) - self._starts[row]
        stop = min(end, self._starts[row] + len(self._raw(row + 1)))
        return Span(self, row + 1, column + 1, max(stop - start, 1))

    def index(self, span: Span) -> int:
        """The position in `text` at which a span of this source begins."""
        return self._starts[span.line - 1] + span.column - 1

    def line(self, number: int) -> str:
        """Line `number` as it may be shown: secrets masked, control characters replaced."""
        raw = self._raw(number)
        for pattern in (*_HIDDEN, _URL_PASSWORD):
            raw = pattern.sub(_masked, raw)
        return printable(raw)

    def _raw(self, number: int) -> str:
        start = self._starts[number - 1]
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class Span:
    """`width` characters from `line`:`column` of a source."""

    source: Source
    line: int
    column: int
    width: int = 1

    @property
    def place(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"

    @property
    def order(self) -> tuple[str, int, int]:
        return self.source.name, self.line, self.column

    def shown(self, text: str) -> str:
        """`text`, which stands here, as it may be shown: ••• where the line is masked."""
        line = self.source.line(self.line)
        return "•••" if "•" in line[self.column - 1 : self.column - 1 + self.width] else text

    def part(self, offset: int, width: int) -> Span:
        """A span inside this one, for a token within a scalar."""
        return Span(self.source, self.line, self.column + offset, max(width, 1))


def printable(text: str) -> str:
    """`text` on one line: tabs as spaces, control and direction characters replaced, widths kept."""
    return _CONTROL.sub(lambda match: " " if match[0] == "\t" else "\N{REPLACEMENT CHARACTER}", text)


def _masked(match: re.Match[str]) -> str:
    text = match["text"]
    if _ENVIRONMENT.fullmatch(text.strip("\"'")) or not text.strip():
        return match[0]
    start = match.start("text") - match.start()
    return match[0][:start] + "•" * len(text) + match[0][start + len(text) :]
