"""The meaning of tests: node ids, words and quantities of `config.rehearsal` become what can be set and read.

    bess1.discharge_limit: 37 kW ──► Level(at 30 s, point of bess1, 37.0)        no such node ──► E601, with the nearest

E601 no such quantity, E603 it cannot be set (or not here), E605 a value it never has, E606 two that cannot be compared,
E607 a test longer than a week; a quantity's own faults are E203 to E206 as anywhere. Every problem is found, none
raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from config.diagnostics import Diagnostic
from config.load import Loaded
from config.plain import Location
from config.rehearsal import Comparison, Rehearsal, comparison
from config.shape import suggestion
from config.source import Span
from config.units import Dimension, QuantityError, parse
from pipeline.rehearsal.script import ExpectAt, Expectation, Invariant, Level, Script
from pipeline.rehearsal.vocabulary import UNKNOWN, Readable, Vocabulary, Written
from pipeline.rules.subject import Subject
from sources.instant import parse_utc

_REASON = re.compile(r"[a-z_]+(/[A-Za-z0-9_.-]+)?")
_PLAIN = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,17})?")
#: The longest test (s): a week.
LONGEST_S = 7 * 86_400.0
Word = TypeVar("Word", Written, Readable)


class MeaningError(Exception):
    """One key or value that means nothing: code, message, place and advice."""

    def __init__(self, code: str, message: str, span: Span, advice: str) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, span, advice)


def scripts(
    tests: Iterable[Rehearsal], loaded: Loaded, words: Vocabulary
) -> tuple[tuple[Script, ...], list[Diagnostic]]:
    """The tests of a file, and what is wrong with them. A test with problems is there without what is wrong."""
    meaning = _Meaning(words, loaded)
    found = tuple(meaning.test(test, ("tests", index)) for index, test in enumerate(tests))
    return found, meaning.problems


def meanings(subject: Subject) -> Iterator[Diagnostic]:
    """The rule of `check`: what the definition's own tests say means something."""
    if any(device.profile is None for device in subject.devices):
        return  # without its profile nothing is known about a device, and that is an error already
    words = Vocabulary.of(subject.definition, subject.profiles)
    yield from scripts(subject.definition.tests, subject.loaded, words)[1]


@dataclass(slots=True)
class _Meaning:
    words: Vocabulary
    loaded: Loaded
    problems: list[Diagnostic] = field(default_factory=list)

    def test(self, test: Rehearsal, at: Location) -> Script:
        timeline: list[Level] = []
        for index, moment in enumerate(test.timeline):
            place = (*at, "timeline", index, "values")
            self._within(moment.at, (*at, "timeline", index, "at"))
            timeline += self._levels(moment.values, moment.at, place, given=False)
        expected: list[Expectation] = []
        for index, one in enumerate(test.expect):
            place = (*at, "expect", index)
            self._within(one.at or 0.0, (*place, "at"))
            expected += self._moments(one.values, one.at or 0.0, (*place, "values"))
            for kind in ("always", "never"):
                expected += self._invariants(getattr(one, kind), kind, (*place, kind))
        given = tuple(self._levels(test.given, 0.0, (*at, "given"), given=True))
        return Script(test.name, self.loaded.value(*at, "name"), given, tuple(timeline), tuple(expected))

    def _within(self, at_s: float, at: Location) -> None:
        if at_s > LONGEST_S:
            span = self.loaded.value(*at)
            self.problems.append(Diagnostic("E607", "a test lasts at most a week", span, "at most `7 d`"))

    def _levels(self, values: Mapping[str, Any], at_s: float, at: Location, *, given: bool) -> Iterator[Level]:
        for path, value in values.items():
            try:
                key = self.loaded.key(*at, path)
                target = self._target(path, key, given=given)
                yield Level(at_s, target, _setting(target, _text(value), self.loaded.value(*at, path)), key)
            except MeaningError as error:
                self.problems.append(error.diagnostic)

    def _target(self, path: str, key: Span, *, given: bool) -> Written:
        target = self.words.target(path)
        if target is None:
            if path in self.words.readable:
                raise MeaningError("E603", f"`{path}` is what comes out: it cannot be set", key, "expect it instead")
            raise MeaningError("E601", f"there is no `{path}` to set", key, _near(path, self.words.written))
        if target.given_only and not given:
            raise MeaningError("E603", f"`{path}` can only be given", key, "use `operator.stop`, a point or a fault")
        if target.timeline_only and given:
            raise MeaningError("E603", f"`{path}` is an act: it has an instant", key, "write it under `timeline`")
        return target

    def _moments(self, values: Mapping[str, Any], at_s: float, at: Location) -> Iterator[Expectation]:
        for path, value in values.items():
            try:
                key = self.loaded.key(*at, path)
                quantity = self._quantity(path, key)
                span = self.loaded.value(*at, path)
                yield ExpectAt(at_s, quantity, _expected(quantity, _text(value), span), _text(value), span)
            except MeaningError as error:
                self.problems.append(error.diagnostic)

    def _quantity(self, path: str, span: Span) -> Readable:
        quantity = self.words.readable.get(path)
        if quantity is None:
            raise MeaningError("E601", f"there is no `{path}` to read", span, _near(path, self.words.readable))
        return quantity

    def _invariants(self, text: str | None, kind: str, at: Location) -> Iterator[Expectation]:
        if text is None:
            return
        try:
            yield self._invariant(text, self.loaded.value(*at), always=kind == "always")
        except MeaningError as error:
            self.problems.append(error.diagnostic)

    def _invariant(self, text: str, span: Span, *, always: bool) -> Invariant:
        said = comparison(text)
        quoted = int(span.width > len(text))
        left_span = span.part(quoted, len(said.left))
        right_span = span.part(quoted + len(text) - len(said.right), len(said.right))
        left = self._quantity(said.left, left_span)
        other = self.words.readable.get(said.right)
        right = other if other is not None else self._literal(left, said.right, right_span)
        _comparable(left, said, right, right_span)
        return Invariant(always, left, said.operator, right, text, span)

    def _literal(self, left: Readable, text: str, span: Span) -> float | str:
        if text[:1].isalpha() and "." in text and not left.words and left.kind != "reason":
            raise MeaningError("E601", f"there is no `{text}` to read", span, _near(text, self.words.readable))
        return _expected(left, text, span)


def _text(value: Any) -> str:
    """A leaf as it was written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _near(path: str, words: Mapping[str, Word]) -> str:
    """The nearest path: of the same node when there is one, so that a slip in the last word is found first."""
    head = path.rpartition(".")[0]
    same = [word for word in words if head and word.startswith(f"{head}.")]
    return suggestion(path, same or list(words))


def _number(text: str, span: Span, dimension: Dimension | None) -> float:
    try:
        if dimension is not None:
            return parse(text, dimension)
    except QuantityError as error:
        raise MeaningError(error.code, error.message, span, error.help) from None
    if not _PLAIN.fullmatch(text):
        raise MeaningError("E203", f"expected a number, got `{text}`", span, "this quantity has no unit")
    return float(text)


def _setting(target: Written, text: str, span: Span) -> float | str:
    if text in target.words:
        return text
    if target.kind == "clock":
        return _instant(text, span)
    if target.only_words:
        advice = suggestion(text, list(target.words))
        raise MeaningError("E605", f"`{target.path}` cannot be `{text}`", span, advice)
    number = _number(text, span, target.dimension)
    if number < 0 and not target.signed:
        raise MeaningError("E206", f"`{text}` is negative", span, "write the magnitude")
    return number


def _instant(text: str, span: Span) -> str:
    try:
        parse_utc(text)
    except ValueError as error:
        raise MeaningError("E605", f"`{text}` is no instant", span, str(error)) from None
    return text


def _expected(quantity: Readable, text: str, span: Span) -> float | str:
    if quantity.kind == "reason":
        if not _REASON.fullmatch(text):
            raise MeaningError("E605", "a reason is `stage/cause`", span, "e.g. `ramp/down`")
        return text
    if quantity.words:
        if text not in quantity.words:
            advice = suggestion(text, list(quantity.words))
            raise MeaningError("E605", f"`{quantity.path}` is never `{text}`", span, advice)
        return text
    return UNKNOWN if text == UNKNOWN else _number(text, span, quantity.dimension)


def _comparable(left: Readable, said: Comparison, right: Readable | float | str, span: Span) -> None:
    if isinstance(right, Readable) and (left.dimension is not right.dimension or left.words != right.words):
        message = f"`{left.path}` and `{right.path}` are not of one kind"
        raise MeaningError("E606", message, span, "compare powers with powers, states with states")
    if (left.words or left.kind == "reason") and said.operator != "=":
        raise MeaningError("E606", f"`{left.path}` is a word", span, "words are compared with `=`")
    if right == UNKNOWN:
        raise MeaningError("E606", "what is unknown cannot be compared", span, "`always` fails on it anyway")
