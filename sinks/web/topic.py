"""One topic of the websocket: the newest value, and what changed since any earlier version of it.

    update(value) ──► version 7 ──► snap()    the whole value
                                └─► delta(5)  the members that changed in versions 6 and 7

Guarantees: each member is encoded once per change, and each (from-version → now) text once, however many clients take
it. Two values that encode alike are equal, so NaN is null and arrays need no special care. A member that goes away is
sent as null. A list is one value: it is replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sinks.web.wire import encode

_NULL = b"null"


class Topic:
    """Version 0 has no value yet. `name` is the full topic name (`assets.bess1`)."""

    def __init__(self, name: str, *, sampled: bool = False) -> None:
        self.name = name
        self.quoted = encode(name).decode()
        self.sampled = sampled
        self.version = 0
        self._members: dict[str, bytes] = {}
        self._changed: dict[str, int] = {}
        self._list: bytes | None = None
        self._texts: dict[int, str] = {}

    def update(self, value: Mapping[str, Any] | Sequence[Any]) -> bool:
        """Take the newest value; whether anything changed."""
        if not isinstance(value, Mapping):
            return self._replace(encode(value))
        changed = self._list is not None or self.version == 0
        self._list = None
        version = self.version + 1
        for member, content in value.items():
            text = encode(content)
            if self._members.get(member) != text:
                self._members[member], self._changed[member] = text, version
                changed = True
        for member in self._members.keys() - value.keys():
            if self._members[member] != _NULL:
                self._members[member], self._changed[member] = _NULL, version
                changed = True
        return self._advance(changed)

    def snap(self) -> str:
        """The whole value as JSON."""
        return self._text(0)

    def delta(self, since: int) -> str:
        """The members that changed after version `since` as JSON; the whole list for a list."""
        return self._text(since)

    def _replace(self, text: bytes) -> bool:
        changed = text != self._list
        self._list = text
        return self._advance(changed)

    def _advance(self, changed: bool) -> bool:
        if changed:
            self.version += 1
            self._texts.clear()
        return changed

    def _text(self, since: int) -> str:
        text = self._texts.get(since)
        if text is None:
            text = self._texts[since] = self._render(since)
        return text

    def _render(self, since: int) -> str:
        if self._list is not None:
            return self._list.decode()
        members = (encode(member) + b":" + text for member, text in self._members.items()
                   if self._changed[member] > since)
        return "{" + b",".join(members).decode() + "}"


FAMILIES = ("assets", "decisions")
SINGLES = ("site", "graph", "nodes", "alarms")
MAX_NAME = 128


def expand(pattern: str, assets: Sequence[str]) -> list[str] | None:
    """The topics that a pattern names now; None for a pattern that can name none.

    `site`, `graph`, `nodes`, `alarms`, `assets.<id>`, `assets.*`, `decisions.<id>`, `decisions.*`, `tap.<node>`.
    """
    if pattern in SINGLES:
        return [pattern]
    family, _, member = pattern.partition(".")
    if family == "tap" and member and "*" not in member and len(pattern) <= MAX_NAME:
        return [pattern]
    if family not in FAMILIES:
        return None
    if member == "*":
        return [f"{family}.{asset}" for asset in assets]
    return [pattern] if member in assets else None
