"""A YAML document as a tree in which every node knows its place.

    text ──parser events──► Scalar | Mapping | Sequence, each with a Span; problems as diagnostics, never an exception

YAML 1.2 only. Refused, each at its place: files over 256 KiB (E003), duplicate keys (E004), ambiguous scalars (E005),
nesting deeper than 24 (E006), aliases that grow the document beyond 100,000 nodes or contain themselves (E007), tags
other than `!secret` and `!include` (E008), a second document or directives (E009), keys that are not words (E010).
Characters that end lines for some readers only, or turn
the direction of writing, are syntax errors. The first syntax error (E002) ends the reading; all others are collected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from ruamel.yaml.reader import ReaderError

from config.diagnostics import Diagnostic, Related
from config.scalar import Value, ambiguity, resolve
from config.source import Source, Span
from config.syntax import diagnose

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 24
MAX_NODES: Final = 100_000
TAGS: Final = ("!secret", "!include")
_HIDDEN = re.compile(
    r"[\x85\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)  # ends lines for some, turns direction


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """`value` is what the scalar means, `text` what was written; `refused` ones already have a diagnostic."""

    span: Span
    value: Value
    text: str = ""
    tag: str = ""
    refused: bool = False
    size: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    key: Span
    value: Node


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    span: Span
    entries: dict[str | int, Entry]
    size: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    span: Span
    items: tuple[Node, ...]
    size: int = 1


Node = Scalar | Mapping | Sequence


@dataclass(frozen=True, slots=True)
class Document:
    """`root` is None when nothing could be read; a root with diagnostics is read as far as it goes."""

    root: Node | None
    diagnostics: tuple[Diagnostic, ...]


def read(path: Path) -> Source | Diagnostic:
    """The text of a file, or why it cannot be read (E001) or is too large (E003)."""
    name = str(path)
    try:
        if path.exists() and not path.is_file():
            return Diagnostic("E001", f"`{name}` is not a file", None, "name a YAML file", file=name)
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Diagnostic(
            "E001", f"cannot read `{name}`: {reason}", None, "check the name and the permissions", file=name
        )
    if len(raw) > MAX_BYTES:
        message = f"`{name}` is larger than {MAX_BYTES // 1024} KiB"
        return Diagnostic(
            "E003", message, None, "a definition of 200 assets is smaller; split it with `!include`", file=name
        )
    try:
        return Source(name, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        source = Source(name, raw.decode("utf-8", errors="replace"))
        start = len(raw[: error.start].decode("utf-8", errors="replace"))
        return Diagnostic("E001", "this byte is not UTF-8", source.span(start, start + 1), "save the file as UTF-8")


def compose(source: Source) -> Document:
    """The tree of a source. Never raises."""
    composer = _Composer(source)
    root: Node | None = None
    hidden = _HIDDEN.search(source.text)
    if hidden is not None:
        message = f"the character U+{ord(hidden[0]):04X} makes the text read differently from what it shows"
        composer.refuse("E002", message, hidden.start(), 1, "remove it")
        return Document(None, tuple(composer.problems))
    try:
        root = composer.document()
    except _StopReading as stop:
        composer.problems.append(stop.diagnostic)
    except ReaderError as error:
        composer.refuse("E002", f"the character U+{error.character:04X} is not allowed", error.position, 1, "remove it")
    except MarkedYAMLError as error:
        composer.problems.append(diagnose(source, error))
    except Exception as error:  # the parser's own slips on broken input are syntax errors too
        composer.refuse(
            "E002", f"this is not YAML: {error}", 0, 1, "check the quotes, the brackets and the indentation"
        )
    return Document(root, tuple(composer.problems))


class _StopReading(Exception):  # noqa: N818 - a jump, not an error that anyone sees
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(slots=True)
class _Composer:
    source: Source
    problems: list[Diagnostic] = field(default_factory=list)
    anchors: dict[str, Node | None] = field(default_factory=dict)
    nodes: int = 0
    events: Iterator[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.events = YAML(typ="safe", pure=True).parse(self.source.text)

    def document(self) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                self._document_start(event, documents)
                root = self.node(next(self.events), 1, None)
        if documents == 0:
            self.refuse("E009", "there is nothing in this file", 0, 1, "a definition begins with `version: 1`")
        return root

    def _document_start(self, event: DocumentStartEvent, documents: int) -> None:
        start = event.start_mark.index
        if documents > 1:
            self.stop("E009", "a second document begins here", start, 3, "one file holds one definition; remove `---`")
        if event.version is not None or event.tags:
            at = max(self.source.text.rfind("\n%", 0, start) + 1, 0)
            self.stop(
                "E009", "directives are not allowed", at, 5, "remove the lines that begin with `%`: YAML 1.2 is meant"
            )

    def node(self, event: Any, depth: int, key: Span | None) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if depth > MAX_DEPTH:
            self.stop(
                "E006", f"nested deeper than {MAX_DEPTH} levels", start, 1, "a definition needs six; check the brackets"
            )
        if isinstance(event, AliasEvent):
            return self._alias(event, start, end)
        if event.anchor:
            self.anchors[event.anchor] = None
        node: Node
        if isinstance(event, ScalarEvent):
            node = self._scalar(event, key)
        elif isinstance(event, MappingStartEvent):
            self._no_tag(event)
            node = self._mapping(self._place(event, key), depth)
        else:
            self._no_tag(event)
            node = self._sequence(self._place(event, key), depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        self._count(1, start)
        return node

    def _place(self, event: Any, key: Span | None) -> Span:
        """A flow collection stands where its bracket is, a block collection where its key is."""
        if not event.flow_style and key is not None:
            return key
        return self.source.span(event.start_mark.index, event.end_mark.index)

    def _count(self, nodes: int, start: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self.stop(
                "E007", f"more than {MAX_NODES} values with all aliases written out", start, 1, "use fewer aliases"
            )

    def _alias(self, event: AliasEvent, start: int, end: int) -> Node:
        node = self.anchors.get(event.anchor)
        if event.anchor not in self.anchors:
            self.stop(
                "E007", f"there is no anchor `&{event.anchor}` above", start, end - start, "define it before its use"
            )
        if node is None:
            self.stop("E007", f"`*{event.anchor}` contains itself", start, end - start, "write the values out")
        self._count(node.size, start)
        return node

    def _no_tag(self, event: Any) -> None:
        if event.tag:
            start = event.start_mark.index
            self._tag(str(event.tag), start)

    def _tag(self, tag: str, start: int) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        self.refuse(
            "E008", f"the tag `{shown}` is not allowed", start, len(shown), "only `!secret name` and `!include file`"
        )

    def _scalar(self, event: ScalarEvent, key: Span | None) -> Scalar:
        start, end, text = event.start_mark.index, event.end_mark.index, str(event.value)
        tag = str(event.tag) if event.tag else ""
        empty = start >= end or (not text and not event.style)
        span = key if empty and key is not None else self.source.span(start, end)
        if tag in TAGS:
            return Scalar(span, text, text, tag)
        if tag:
            self._tag(tag, start)
            return Scalar(span, text, text, refused=True)
        if event.style:
            return Scalar(span, text, text)
        refusal = ambiguity(text)
        if refusal is not None:
            message, advice = (said.replace(text, span.shown(text)) for said in refusal)
            self.refuse("E005", message, start, end - start, advice)
        return Scalar(span, resolve(text), text, refused=refusal is not None)

    def _sequence(self, span: Span, depth: int) -> Sequence:
        items: list[Node] = []
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self.node(event, depth + 1, None))
        return Sequence(span, tuple(items), 1 + sum(item.size for item in items))

    def _mapping(self, span: Span, depth: int) -> Mapping:
        entries: dict[str | int, Entry] = {}
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            key = self.node(event, depth + 1, None)
            value = self.node(next(self.events), depth + 1, key.span)
            name = self._key(key)
            if name is None:
                continue
            if name in entries:
                first = Related(entries[name].key, "first written here")
                message = f"`{name}` is written twice"
                self.problems.append(Diagnostic("E004", message, key.span, "keep one of them", (first,)))
                continue
            entries[name] = Entry(key.span, value)
        return Mapping(span, entries, 1 + sum(entry.value.size for entry in entries.values()))

    def _key(self, key: Node) -> str | int | None:
        if isinstance(key, Scalar) and not key.tag:
            if key.refused:
                return key.text
            if isinstance(key.value, str) or (isinstance(key.value, int) and not isinstance(key.value, bool)):
                return key.value
        self.problems.append(Diagnostic("E010", "a key is a word", key.span, "write `key: value`; quote it if need be"))
        return None

    def refuse(self, code: str, message: str, start: int, width: int, advice: str) -> None:
        self.problems.append(Diagnostic(code, message, self.source.span(start, start + width), advice))

    def stop(self, code: str, message: str, start: int, width: int, advice: str) -> NoReturn:
        raise _StopReading(Diagnostic(code, message, self.source.span(start, start + width), advice))
