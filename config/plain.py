"""From the tree to plain values for the models: secrets read, `${NAME}` filled in, every path with its places.

`${NAME}`, `${NAME:-default}`, `${NAME:?message}` are filled in after parsing, inside text values only: they cannot add
a key, a line or a type; `$${` writes `${`. They are allowed where a place is named (URLs, topics, files, the listener),
never in limits, signs, ramps, registers or profile names: the reviewed file is the truth about safety (E210).
`!secret name` reads the file `name` of the secrets' folder. With `stub`, a missing variable is `1` and no secret is
read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.diagnostics import Diagnostic
from config.document import Mapping, Node, Scalar, Sequence
from config.quantity import Secret
from config.source import Span

Key = str | int
Location = tuple[Key, ...]

VARIABLE_KEYS = frozenset({"url", "user", "ca", "connect", "topic", "path", "listen", "name", "state_dir", "node"})
_LITERAL_SECTIONS = frozenset({"profiles", "chain"})
_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([^}]*))?\}|\$\{")
_SECRET_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_MAX_SECRET = 64 * 1024
_MAX_TEXT = 4096
_SAMPLE = "sample"  # of a profile: only there null is a value, what "not implemented" decodes to


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: its key (the item itself in a list) and the value."""

    key: Span
    value: Span
    refused: bool = False


Spans = dict[Location, Place]


@dataclass(slots=True)
class Surroundings:
    """What a definition may take from outside: variables, and secrets from a folder."""

    environment: Map[str, str] = field(default_factory=dict)
    secrets: Path | None = None
    stub: bool = False


@dataclass(slots=True)
class Plain:
    """The walk over a tree: `value(root)` returns plain values and fills `spans` and `problems`."""

    surroundings: Surroundings
    problems: list[Diagnostic]
    spans: Spans = field(default_factory=dict)

    def value(self, node: Node, at: Location = (), key: Span | None = None) -> Any:
        key = node.span if key is None else key
        self.spans[at] = Place(key, node.span, isinstance(node, Scalar) and node.refused)
        if isinstance(node, Mapping):
            return {name: self.value(entry.value, (*at, name), entry.key) for name, entry in node.entries.items()}
        if isinstance(node, Sequence):
            return [self.value(item, (*at, index)) for index, item in enumerate(node.items)]
        if node.tag == "!secret":
            return self._secret(node, at)
        if node.value is None and not node.refused and _SAMPLE not in at:
            self._refuse(at, Diagnostic("E103", "there is no value here", node.span, "write one, or remove the key"))
        if isinstance(node.value, str) and not node.refused:
            return self._text(node, at)
        return node.value

    def _refuse(self, at: Location, problem: Diagnostic) -> None:
        self.problems.append(problem)
        place = self.spans[at]
        self.spans[at] = Place(place.key, place.value, refused=True)

    def _text(self, node: Scalar, at: Location) -> str:
        if len(node.text) > _MAX_TEXT:
            self._refuse(at, Diagnostic("E202", f"longer than {_MAX_TEXT} characters", node.span, "shorten it"))
            return ""
        if "${" not in node.text:
            return node.text
        name = at[-1] if at else ""
        if name not in VARIABLE_KEYS or at[0] in _LITERAL_SECTIONS:
            advice = f"write the value itself: what decides about safety is read and reviewed in this file, {_ALLOWED}"
            shown = _word(self.spans[at].key, str(name))
            self._refuse(at, Diagnostic("E210", f"`{shown}` must be a literal", _reference(node, "${"), advice))
            return node.text
        return "".join(self._parts(node, at))

    def _parts(self, node: Scalar, at: Location) -> Iterator[str]:
        end = 0
        for match in _REFERENCE.finditer(node.text):
            yield node.text[end : match.start()]
            end = match.end()
            yield "${" if match[0] == "$${" else self._variable(node, at, match)
        yield node.text[end:]

    def _variable(self, node: Scalar, at: Location, match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        span = _reference(node, match[0])
        if name is None:
            self._refuse(
                at, Diagnostic("E214", "`${` without a name and `}`", span, "write `${NAME}`, or `$${` for `${`")
            )
            return ""
        found = self.surroundings.environment.get(name, "")
        if found and _control(found):
            self._refuse(
                at, Diagnostic("E207", f"`{name}` holds control characters", span, "set it to one line of text")
            )
            return ""
        if found or operator == ":-":
            return found or rest
        if self.surroundings.stub:
            return "1"
        said = f": {rest}" if operator == ":?" and rest else ""
        advice = f"set it, or write a default: `${{{name}:-…}}`"
        self._refuse(at, Diagnostic("E207", f"the environment variable `{name}` is not set{said}", span, advice))
        return ""

    def _secret(self, node: Scalar, at: Location) -> Secret:
        name = node.text
        if not _SECRET_NAME.fullmatch(name):
            self._refuse(
                at, Diagnostic("E209", "this is not a secret's name", node.span, "letters, digits, `_`, `-`, `.`")
            )
            return Secret("")
        if self.surroundings.stub:
            return Secret(name, "stub")
        text, reason = _read_secret(self.surroundings.secrets, name)
        if reason:
            folder = self.surroundings.secrets
            advice = f"put it into the file `{folder / name}`" if folder else "name the folder with `--secrets-dir`"
            self._refuse(at, Diagnostic("E209", f"the secret `{name}` {reason}", node.span, advice))
            return Secret(name)
        return Secret(name, text, folder_path(self.surroundings.secrets, name))


_ALLOWED = "variables only in " + ", ".join(f"`{key}`" for key in sorted(VARIABLE_KEYS))


def folder_path(folder: Path | None, name: str) -> Path | None:
    return None if folder is None else folder / name


def _read_secret(folder: Path | None, name: str) -> tuple[str, str]:
    """The text of a secret, and why there is none. Nothing of the text is ever in the reason."""
    if folder is None:
        return "", "cannot be read: no folder of secrets is named"
    try:
        with (folder / name).open("rb") as stream:
            raw = stream.read(_MAX_SECRET + 1)
        text = raw.decode("utf-8").strip("\r\n")
    except FileNotFoundError:
        return "", "does not exist"
    except (OSError, ValueError) as error:
        return "", f"cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
    if len(raw) > _MAX_SECRET:
        return "", "is too large"
    return text, "" if text.strip() else "is empty"


def _reference(node: Scalar, text: str) -> Span:
    """The place of a `${…}` inside a scalar: searched in the line itself, where quotes and escapes count."""
    source = node.span.source
    start = source.index(node.span)
    found = source.text.find(text, start, start + len(node.text) * 2 + 16)
    return node.span if found < 0 else source.span(found, found + len(text))


def _word(key: Span, name: str) -> str:
    """The key as it was written: `ramp` where a short form stands for `up` and `down`."""
    start = key.source.index(key)
    written = key.source.text[start : start + key.width]
    return written if written.isidentifier() else name


def _control(text: str) -> bool:
    return any(ord(character) < 32 or ord(character) == 127 for character in text)
