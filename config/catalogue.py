"""The device profiles that ship, and those that a definition adds.

    profile("sunspec-storage") ──► Profile          unknown name ──► UnknownProfile with the nearest one

A profile of the definition may extend another (`extends: name`), built in or its own: mappings are merged key by key,
lists and values replaced. A point with a place of its own replaces the one below; a profile with `write:` of its own
writes nothing else. It may not take the name of a built-in one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from config.diagnostics import Diagnostic
from config.document import compose, read
from config.load import Loaded, validated
from config.plain import Location, Plain, Spans, Surroundings
from config.plugins import PluginError, installed, load
from config.profile import Profile
from config.shape import suggestion, without_x
from config.source import Source

_FOLDER = Path(__file__).parent / "profiles"


class UnknownProfile(LookupError):  # noqa: N818 - the name says what happened
    """No profile of this name ships; `suggestion` names the nearest."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no profile `{name}`")
        self.name = name
        self.suggestion = suggestion(name, names())


@cache
def names() -> tuple[str, ...]:
    """The names of all profiles that ship."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


@cache
def profile(name: str) -> Profile:
    """The built-in profile of this name. Raises `UnknownProfile`, or ValueError when the shipped file is broken."""
    values, spans, problems = _read(name)
    found, refused = validated(Profile, values, spans)
    if found is None or problems:
        raise ValueError(f"the built-in profile `{name}` is broken: {[*problems, *refused][0].message}")
    return found


def load_profile(source: Source) -> tuple[Profile | None, list[Diagnostic]]:
    """A profile in a text of its own, with everything that is wrong in it."""
    values, spans, problems = _plain(source)
    if problems:
        return None, problems
    found, refused = validated(Profile, values, spans)
    return found, refused


@dataclass(slots=True)
class Catalogue:
    """The profiles that one definition can name. `find` collects problems instead of raising."""

    loaded: Loaded
    local: Mapping[str, Any]
    problems: list[Diagnostic] = field(default_factory=list)
    _found: dict[str, Profile | None] = field(default_factory=dict)

    def find(self, name: str, *location: str | int) -> Profile | None:
        """The profile named at `location`, or None with a diagnostic there."""
        if name in self.local:
            return self.own(name)
        try:
            return profile(name)
        except UnknownProfile:
            if name in installed("profiles"):
                return self._brought(name, *location)
            message, advice = f"there is no profile `{name}`", suggestion(name, [*names(), *map(str, self.local)])
            self.problems.append(Diagnostic("E501", message, self.loaded.value(*location), advice))
            return None

    def _brought(self, name: str, *location: str | int) -> Profile | None:
        """A profile that another package brings: its YAML text, or the path of it."""
        if name in self._found:
            return self._found[name]
        self._found[name] = None
        try:
            text = load("profiles", name)
            if isinstance(text, Path):
                text = text.read_text(encoding="utf-8")
            if not isinstance(text, str):
                raise PluginError(name, "is no profile: neither a YAML text nor a path")
            found, refused = load_profile(Source(f"{name} (plug-in)", text))
            if refused or found is None or found.name != name:
                wrong = refused[0].message if refused else "its `name` is another one"
                raise PluginError(name, f"is no profile: {wrong}")
        except (PluginError, OSError, UnicodeDecodeError) as error:
            self._refuse("E508", str(error), "see docs/plugins.md", *location)
            return None
        self._found[name] = found
        return found

    def own(self, name: str) -> Profile | None:
        """A profile of the definition's `profiles:` section."""
        if name not in self._found:
            self._found[name] = None
            self._found[name] = self._own(name)
        return self._found[name]

    def written_out(self, name: str) -> dict[str, Any]:
        """A profile of the definition as plain values with everything that it extends; {} when that fails."""
        return self._extended(name, ()) or {}

    def _own(self, name: str) -> Profile | None:
        at = ("profiles", name)
        if name in names():
            self._refuse("E508", f"`{name}` is a built-in profile", "choose another name, and `extends:` it", *at)
            return None
        values = self._extended(name, ())
        if values is None:
            return None
        spans = {place[2:]: spot for place, spot in self.loaded.spans.items() if place[:2] == at}
        found, refused = validated(Profile, {**values, "name": name}, spans)
        self.problems.extend(refused)
        return found

    def _extended(self, name: str, above: tuple[str, ...]) -> dict[str, Any] | None:
        own = self.local[name]
        at: Location = ("profiles", name)
        if not isinstance(own, dict):
            self._refuse("E103", "a profile is a mapping", "begin with `extends:` or `protocol:`", *at)
            return None
        if "extends" not in own:
            return dict(own)
        base = own["extends"]
        if base in (*above, name):
            self._refuse("E508", f"`{name}` extends itself", "name another profile", *at, "extends")
            return None
        below = self._base(base, (*above, name), *at, "extends")
        return None if below is None else _extend(below, {key: own[key] for key in own if key != "extends"})

    def _base(self, base: Any, above: tuple[str, ...], *at: str | int) -> dict[str, Any] | None:
        if isinstance(base, str) and base in self.local:
            return self._extended(base, above)
        if isinstance(base, str) and base in names():
            values, _, _ = _read(base)
            return values if isinstance(values, dict) else None
        self._refuse("E501", "there is no such profile", suggestion(str(base), [*names(), *map(str, self.local)]), *at)
        return None

    def _refuse(self, code: str, message: str, advice: str, *at: str | int) -> None:
        self.problems.append(Diagnostic(code, message, self.loaded.value(*at), advice))


def _extend(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """A profile over another one. What is written is never inherited in part, and a sample only with its meaning."""
    base = dict(below)
    if "write" in above:
        for key in ("write", "write_order"):
            base.pop(key, None)
        if isinstance(base.get("watchdog"), dict):
            base["watchdog"] = {key: value for key, value in base["watchdog"].items() if key != "arm"}
    if "expects" in above:
        base.pop("expects", None)
    if {"read", "sign", "addressing", "protocol"} & set(above):
        base.pop("sample", None)
    both = _merged(base, above)
    for way in ("read", "write"):
        points, own = base.get(way), above.get(way)
        if isinstance(points, dict) and isinstance(own, dict):
            both[way] = {**points, **{name: _point(points.get(name), point) for name, point in own.items()}}
    return both


def _point(below: Any, above: Any) -> Any:
    """A point with a place of its own stands for itself: no sentinel or scale of another register is inherited."""
    if not (isinstance(below, dict) and isinstance(above, dict)) or {"register", "path", "node"} & set(above):
        return above
    return _merged(below, above)


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def _read(name: str) -> tuple[Any, Spans, list[Diagnostic]]:
    if name not in names():
        raise UnknownProfile(name)
    source = read(_FOLDER / f"{name}.yaml")
    if isinstance(source, Diagnostic):
        return None, {}, [source]
    return _plain(source)


def _plain(source: Source) -> tuple[Any, Spans, list[Diagnostic]]:
    document = compose(source)
    problems = list(document.diagnostics)
    if document.root is None:
        return None, {}, problems
    plain = Plain(Surroundings(), problems)
    return plain.value(without_x(document.root), (), source.span(0, 1)), plain.spans, problems
