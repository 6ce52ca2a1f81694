"""Broken definitions made from sound ones: every rule broken at every place it applies to, by a seed.

    sound text + where everything stands ──rule, place──► broken text, the code that must come, exact line and column

A rule is a function from a sound definition to the mutants it can make; `corpus` draws from each at most `most`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.definition import Definition
from config.keys import keys_at, required_at
from config.load import Loaded, load_source
from config.plain import VARIABLE_KEYS, Location, Place, Surroundings
from config.profile import Profile
from config.source import Source, Span

QUANTITY = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?) ([A-Za-z%°][A-Za-z/%]*)")
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
MEMBERS = ("schedule", "kind", "values")


@dataclass(frozen=True)
class Mutant:
    """A broken definition: `codes` are those that may come at `offset`, and one of them must."""

    name: str
    text: str
    offset: int
    codes: tuple[str, ...]

    @property
    def place(self) -> tuple[int, int]:
        """Line and column of the fault, from 1."""
        before = self.text[: self.offset]
        return before.count("\n") + 1, self.offset - before.rfind("\n")


@dataclass(frozen=True)
class Sound:
    """A definition without faults, and the leaves of it: location, place, and the value as written."""

    name: str
    text: str
    source: Source
    loaded: Loaded

    @classmethod
    def of(cls, name: str, text: str) -> Sound:
        source = Source("site.yaml", text)
        loaded = load_source(source, Path("/nonexistent"), Surroundings(stub=True))
        assert loaded.definition is not None, name
        return cls(name, text, source, loaded)

    def places(self) -> Iterator[tuple[Location, Place]]:
        """Every written place once, in order; what `defaults:` gives to many assets counts for the first."""
        seen: set[tuple[int, int]] = set()
        for at, place in self.loaded.spans.items():
            key = (self.start(place.key), self.start(place.value))
            if at and key not in seen and place.key.source is self.source:
                seen.add(key)
                yield at, place

    def start(self, span: Span) -> int:
        return self.source.index(span)

    def shown(self, span: Span) -> str:
        return self.text[self.start(span) : self.start(span) + span.width]

    def replaced(self, span: Span, new: str) -> str:
        return self.text[: self.start(span)] + new + self.text[self.start(span) + span.width :]

    def keyed(self, at: Location, place: Place) -> bool:
        """Whether the place is `key: value` of a mapping, as written."""
        return isinstance(at[-1], str) and at[-1] not in MEMBERS and self.shown(place.key).strip("\"'") == at[-1]

    def fixed(self, at: Location) -> tuple[str, ...]:
        """The keys of the mapping that holds `at`, when they are a fixed set."""
        if at[0] == "profiles":
            return keys_at(Profile, at[2:-1]) if len(at) > 2 else ()
        return keys_at(Definition, at[:-1])


Rule = Callable[[Sound], Iterator[Mutant]]
RULES: list[Rule] = []


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def corpus(sound: Sound, seed: int, most: int) -> Iterator[Mutant]:
    """At most `most` mutants of every rule, drawn by the seed."""
    for made in RULES:
        found = list(made(sound))
        drawn = random.Random(f"{seed} {sound.name} {made.__name__}")
        yield from sorted(drawn.sample(found, min(most, len(found))), key=lambda mutant: mutant.offset)


def named(rule_name: str, at: Location) -> str:
    return f"{rule_name} {'.'.join(map(str, at))}"


def valued(sound: Sound) -> Iterator[tuple[Location, Place, str]]:
    """The scalars with a key of their own: location, place, text."""
    for at, place in sound.places():
        if place.key is not place.value and sound.start(place.key) != sound.start(place.value):
            yield at, place, sound.shown(place.value)


def _quantities(sound: Sound) -> Iterator[tuple[Location, Place, str, str]]:
    for at, place, text in valued(sound):
        match = QUANTITY.fullmatch(text)
        if match is not None and not (at[0] == "tests" and "at" not in at):
            yield at, place, match[1], match[2]


def _swap(sound: Sound, name: str, at: Location, place: Place, new: str, *codes: str) -> Mutant:
    return Mutant(named(name, at), sound.replaced(place.value, new), sound.start(place.value), codes)


@rule
def misspelt_key(sound: Sound) -> Iterator[Mutant]:
    for at, place in sound.places():
        if sound.keyed(at, place) and at[-1] in sound.fixed(at) and at[-1] != "version":
            wrong = f"{str(at[-1])[:-1]}qz"
            codes = ("E101", "E104", "E601")  # in lists of one key and in tests, a key is a kind or a node
            yield Mutant(named("misspelt key", at), sound.replaced(place.key, wrong), sound.start(place.key), codes)


@rule
def unknown_top_level(sound: Sound) -> Iterator[Mutant]:
    for word in ("pipeline", "chains", "asset", "output", "limit", "bypass"):
        yield Mutant(f"top level {word}", f"{sound.text}\n{word}: 1\n", len(sound.text) + 1, ("E101",))


@rule
def without_unit(sound: Sound) -> Iterator[Mutant]:
    for at, place, number, _ in _quantities(sound):
        yield _swap(sound, "without unit", at, place, number, "E203")


@rule
def another_dimension(sound: Sound) -> Iterator[Mutant]:
    for at, place, number, unit in _quantities(sound):
        yield _swap(sound, "another dimension", at, place, f"{number} {'A' if unit != 'A' else 'V'}", "E204")


@rule
def unknown_unit(sound: Sound) -> Iterator[Mutant]:
    for at, place, number, unit in _quantities(sound):
        wrong = unit.swapcase() if unit.swapcase() not in {unit, "%"} else f"{unit}x"
        yield _swap(sound, "unknown unit", at, place, f"{number} {wrong}", "E205", "E204")


@rule
def negative(sound: Sound) -> Iterator[Mutant]:
    for at, place, number, unit in _quantities(sound):
        if "temperature" not in at and "watchdog" not in at and not number.startswith("-") and float(number):
            yield _swap(sound, "negative", at, place, f"-{number} {unit}", "E206")


@rule
def exponent(sound: Sound) -> Iterator[Mutant]:
    for at, place, number, unit in _quantities(sound):
        yield _swap(sound, "exponent", at, place, f"{number}e3 {unit}", "E203", "E205")


@rule
def decimal_comma(sound: Sound) -> Iterator[Mutant]:
    for at, place, number, unit in _quantities(sound):
        yield _swap(sound, "decimal comma", at, place, f'"{number},5 {unit}"', "E203")


@rule
def a_list_for_a_value(sound: Sound) -> Iterator[Mutant]:
    for at, place, number, unit in _quantities(sound):
        yield _swap(sound, "list for value", at, place, f"[{number} {unit}]", "E203", "E103")


@rule
def a_variable_in_a_limit(sound: Sound) -> Iterator[Mutant]:
    for at, place, number, unit in _quantities(sound):
        if at[-1] not in VARIABLE_KEYS:
            text = sound.replaced(place.value, f'"${{X:-{number} {unit}}}"')
            yield Mutant(named("variable", at), text, sound.start(place.value) + 1, ("E210",))


@rule
def out_of_range(sound: Sound) -> Iterator[Mutant]:
    for at, place, _, unit in _quantities(sound):
        if unit == "%":
            yield _swap(sound, "out of range", at, place, "101 %", "E202")


@rule
def ambiguous(sound: Sound) -> Iterator[Mutant]:
    for index, (at, place, text) in enumerate(valued(sound)):
        if WORD.fullmatch(text) or QUANTITY.fullmatch(text):
            wrong = ("010", "on", "1:30", ".nan", "1e3", "2024-01-01", "Yes", "0o17", "1_000")[index % 9]
            yield _swap(sound, f"ambiguous {wrong}", at, place, wrong, "E005")


@rule
def nothing(sound: Sound) -> Iterator[Mutant]:
    for at, place, text in valued(sound):
        if (WORD.fullmatch(text) or QUANTITY.fullmatch(text)) and "sample" not in at:
            yield _swap(sound, "nothing", at, place, "~", "E103")


@rule
def a_tag(sound: Sound) -> Iterator[Mutant]:
    for at, place, text in valued(sound):
        if WORD.fullmatch(text) or QUANTITY.fullmatch(text):
            yield _swap(sound, "tag", at, place, f"!!str {text}", "E008")


@rule
def duplicate_key(sound: Sound) -> Iterator[Mutant]:
    for at, place, text in valued(sound):
        if sound.keyed(at, place) and place.key.line == place.value.line and QUANTITY.fullmatch(text):
            start, end = sound.start(place.key), sound.start(place.value) + place.value.width
            again = sound.text[start:end]
            line = sound.text[sound.text.rfind("\n", 0, start) + 1 : start]
            if not line.strip():
                made = f"{sound.text[:end]}\n{line}{again}{sound.text[end:]}"
                yield Mutant(named("duplicate", at), made, end + 1 + len(line), ("E004",))
            elif sound.text[end : end + 1] in {",", " "} and "{" in line:
                made = f"{sound.text[:end]}, {again}{sound.text[end:]}"
                yield Mutant(named("duplicate", at), made, end + 2, ("E004",))


@rule
def removed(sound: Sound) -> Iterator[Mutant]:
    """A required key and its value are taken out of a flow mapping: said at the key of what holds it."""
    for at, place, _ in valued(sound):
        if at[0] in {"profiles", "tests"} or not sound.keyed(at, place) or "transform" in at:
            continue
        above = sound.loaded.spans.get(at[:-1])
        if above is None or at[-1] not in required_at(Definition, at[:-1]) or at[-1] in {"up", "down"}:
            continue
        start, end = sound.start(place.key), sound.start(place.value) + place.value.width
        after = re.match(r",\s*", sound.text[end:])
        if after is None or sound.start(above.key) > start:
            continue
        codes = ("E304",) if at[-1] == "ttl" else ("E102",)
        text = sound.text[:start] + sound.text[end + after.end() :]
        yield Mutant(named("removed", at), text, sound.start(above.key), codes)


@rule
def unknownnamed(sound: Sound) -> Iterator[Mutant]:
    for at, place, text in valued(sound):
        if at[-1] in {"from", "to"} or (at[-1] == "connect" and "://" not in text):
            yield _swap(sound, "unknown name", at, place, "nowhere", "E105")
        elif at[-1] in {"profile", "extends"}:
            yield _swap(sound, "unknown profile", at, place, "no-such-profile", "E501")
        elif at[-1] in {"meter", "input"}:
            yield _swap(sound, "unknown meter", at, place, "site.nowhere", "E105")
        elif at[-1] == "frequency" and at[0] == "ancillary":
            yield _swap(sound, "unknown point", at, place, "site.poc.frequenz", "E506")


@rule
def another_word(sound: Sound) -> Iterator[Mutant]:
    words = {"type", "direction", "split", "grid_code", "pq_priority", "priority", "security", "else", "then", "sign",
             "addressing", "word_order", "version"}  # fmt: skip
    for at, place, text in valued(sound):
        if at[-1] in words and WORD.fullmatch(text) and "jump" not in at:
            yield _swap(sound, "another word", at, place, "sideways", "E104")


@rule
def unknown_kind(sound: Sound) -> Iterator[Mutant]:
    for at, place in sound.places():
        if len(at) == 2 and at[0] in {"requests", "ancillary", "limits"}:
            wrong = sound.replaced(place.key, "wish")
            yield Mutant(named("unknown kind", at), wrong, sound.start(place.key), ("E104",))


@rule
def bad_url(sound: Sound) -> Iterator[Mutant]:
    for at, place, text in valued(sound):
        if at[-1] in {"url", "connect"} and "://" in text and "${" not in text:
            yield _swap(sound, "unknown scheme", at, place, '"gopher://host:70"', "E212")
            yield _swap(sound, "no host", at, place, f'"{text.strip(chr(34)).split("://")[0]}://"', "E212")
            yield _swap(sound, "password in URL", at, place, '"mqtt://ems:geheim@broker:1883"', "E211")


@rule
def bad_topic(sound: Sound) -> Iterator[Mutant]:
    for at, place, _ in valued(sound):
        if at[-1] == "topic":
            for wrong in ('"plant/#"', '"+/x"', "/plant", '"plant bess"'):
                yield _swap(sound, "bad topic", at, place, wrong, "E217")


@rule
def bad_listener(sound: Sound) -> Iterator[Mutant]:
    for at, place, _ in valued(sound):
        if at[-1] == "listen":
            yield _swap(sound, "bad listener", at, place, '"8088"', "E216")
            yield _swap(sound, "bad port", at, place, '"127.0.0.1:99999"', "E216")


@rule
def a_written_secret(sound: Sound) -> Iterator[Mutant]:
    for at, place, text in valued(sound):
        if text.startswith("!secret"):
            yield _swap(sound, "written secret", at, place, "hunter2hunter2", "E208")
            yield _swap(sound, "secret elsewhere", at, place, "!secret ../x", "E209")


@rule
def another_site(sound: Sound) -> Iterator[Mutant]:
    for at, place, _ in valued(sound):
        if at == ("site", "timezone"):
            yield _swap(sound, "time zone", at, place, "Europe/Atlantis", "E215")
        if at == ("site", "name"):
            yield _swap(sound, "name", at, place, '"two words"', "E109")
        if at == ("version",):
            yield _swap(sound, "version", at, place, "2", "E104")


@rule
def out_through_an_output(sound: Sound) -> Iterator[Mutant]:
    """An output on the topic of an asset: the guards may not be walked around."""
    topics = [text for at, _, text in valued(sound) if at[0] == "assets" and at[-1] == "topic"]
    for at, place, _ in valued(sound):
        if at[0] == "outputs" and at[-1] == "topic":
            for topic in topics:
                yield _swap(sound, "output on asset", at, place, topic, "E301")
                yield _swap(sound, "output below asset", at, place, f"{topic}/command", "E301")


@rule
def a_stage_switched_off(sound: Sound) -> Iterator[Mutant]:
    chain = sound.loaded.spans.get(("chain",))
    stages = ("constrain", "ramp", "ancillary", "validate", "bypass", "enabled", "inputs", "stages", "command_writer")
    for stage in stages:
        if chain is None:
            made, where = f"{sound.text}\nchain: {{ {stage}: off }}\n", len(sound.text) + len("\nchain: { ")
        else:
            end = sound.start(chain.key) + len("chain:")
            end = sound.text.index("\n", end)
            made, where = f"{sound.text[:end]}\n  {stage}: false{sound.text[end:]}", end + 3
        yield Mutant(f"stage {stage}", made.replace(": off }", ": false }"), where, ("E101",))
