"""From a window of a recording to an entry of `tests:` that passes against the code that produced it.

    window ─► given (state, clock, first readings) + timeline (changes) + expect ─► run ─► passes, or it is said why not

The smallest form that passes is taken: first with a plant that follows its commands, then with everything measured
written down, then with every row of the tick before. A test is never written that has not just passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from config.units import format_number
from jit import rows as r
from jit.codes import State
from jit.frame import Past
from pipeline.incident.levels import LOOSE, Levels, acts, delays, levels
from pipeline.incident.state import Wanted, every_row, left_behind, state_rows
from pipeline.incident.window import UnfitError, Window
from pipeline.rehearsal.files import load_tests
from pipeline.rehearsal.reading import scripts
from pipeline.rehearsal.reason import reason
from pipeline.rehearsal.report import said
from pipeline.rehearsal.runner import Outcome, prepared, run
from pipeline.rehearsal.script import Script
from pipeline.rehearsal.vocabulary import Vocabulary
from sources.instant import format_utc

#: While a command moves, it is expected this often (s).
BETWEEN_S = 5.0
#: While a test is made smaller it is run for so many ticks in all, and at least so many times.
RUN_TICKS, TRIES_AT_LEAST = 6_000, 20
#: What is given even where it changes nothing: when it was, and whether the process wrote.
STAYS = ("site.clock", "site.armed")
#: What is told of a test that does not pass.
TOLD = 6


@dataclass(frozen=True, slots=True)
class Incident:
    """The entry as YAML, and how it was put."""

    text: str
    how: str


def incident(found: Window, name: str = "") -> Incident:
    """The smallest test that passes. UnfitError: none does, with the differences of the fullest one."""
    words = Vocabulary.of(found.compiled.definition, found.compiled.profiles)
    name = name or f"incident of {format_utc(found.ticks[-1].utc_ns)}"
    outcome: Outcome | None = None
    for loose, wanted, how in (
        (LOOSE, state_rows(found.compiled), "the plant follows its commands"),
        ((), state_rows(found.compiled), "what was measured is written down"),
        ((), every_row, "what was measured and every row of the tick before are written down"),
    ):
        entry = _entry(found, words, name, loose, wanted)
        outcome = _run(entry, words)
        if outcome.passed:
            return Incident(smaller(entry, lambda one: _run(one, words).passed).text, how)
    raise UnfitError(_differences(outcome))


def smaller(entry: Entry, passes: Callable[[Entry], bool]) -> Entry:
    """Without what is given in vain: parts are left out, large ones first, while the test still passes."""
    tries = max(TRIES_AT_LEAST, RUN_TICKS // len(entry.found.ticks))
    for size in (32, 8, 3, 1):
        for path in list(entry.given)[::size]:
            paths = list(entry.given)
            if path not in paths or tries == 0:
                continue
            place = paths.index(path)
            left_out = {one for one in paths[place : place + size] if one not in STAYS}
            less = replace(entry, given={one: text for one, text in entry.given.items() if one not in left_out})
            tries -= 1
            if left_out and passes(less):
                entry = less
    return entry


def _run(entry: Entry, words: Vocabulary) -> Outcome:
    return run(script(entry.text, words), entry.found.compiled)


def script(text: str, words: Vocabulary) -> Script:
    """The entry as `bess-pipeline test` reads it. UnfitError when it would be refused."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "incident_test.yaml"
        file.write_text(text, encoding="utf-8")
        tests, loaded = load_tests(file)
        read, problems = scripts(tests, loaded, words)
    if loaded.diagnostics or problems or not read:
        first = (*loaded.diagnostics, *problems)[0]
        raise UnfitError(f"it cannot be written as a test: {first.message}")
    return read[0]


def _differences(outcome: Outcome | None) -> str:
    told = [] if outcome is None else [outcome.problem, *(said(failure) for failure in outcome.failures)]
    told = [one for one in told if one]
    more = f"\n  and {len(told) - TOLD} more" if len(told) > TOLD else ""
    return (
        "the window cannot be said exactly: something in it is not modelled by the plant of a test."
        " As a test it would differ:\n  " + "\n  ".join(told[:TOLD]) + more
    )


# --- the text ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """A test as it is going to be written."""

    found: Window
    name: str
    given: dict[str, str]
    timeline: Levels
    expect: tuple[tuple[int, str], ...]

    @property
    def text(self) -> str:
        lines = ["tests:", f'  - name: "{self.name}"', "    given:"]
        lines += [f"      {path}: {value}" for path, value in self.given.items()]
        lines += ["    timeline:"] if self.timeline else []
        for tick in sorted(self.timeline):
            what = ", ".join(f"{path}: {value}" for path, value in self.timeline[tick].items())
            lines.append(f"      - {{ at: {self._at(tick)}, {what} }}")
        lines += ["    expect:", *(f"      - {{ at: {self._at(tick)}, {what} }}" for tick, what in sorted(self.expect))]
        return "\n".join(lines) + "\n"

    def _at(self, tick: int) -> str:
        return f"{format_number(round(tick * self.found.cycle, 6))} s"


def _entry(found: Window, words: Vocabulary, name: str, loose: tuple[str, ...], wanted: Wanted) -> Entry:
    outside, done = levels(found, words, loose), acts(found)
    begin = Entry(found, name, _given(found, outside), {}, tuple(_expected(found)))
    healthy = _healthy(begin.text, found, words)
    timeline: Levels = {tick: dict(what) for tick, what in outside.items() if tick}
    for tick, what in done.items():
        timeline.setdefault(tick, {}).update(what)
    given = begin.given | dict(left_behind(found.past, healthy, found.compiled, wanted))
    return replace(begin, given=given, timeline=timeline)


def _given(found: Window, outside: Levels) -> dict[str, str]:
    given = {"site.clock": f'"{format_utc(found.ticks[0].utc_ns)}"'}
    given["site.jumps"] = "true"
    if not found.armed:
        given["site.armed"] = "false"
    given |= {f"{device}.delay": f"{format_number(round(age, 3))} s" for device, age in delays(found)}
    return given | outside.get(0, {})


def _healthy(text: str, found: Window, words: Vocabulary) -> Past:
    """What the start of a test leaves behind by itself."""
    world, _ = prepared(script(text, words), found.compiled)
    return world.entry.snapshot.past


def _expected(found: Window) -> Iterator[tuple[int, str]]:
    """Command, state and reason where one of the words changes, on either side of that, and now and then between."""
    last, every = len(found.frames) - 1, max(1, round(BETWEEN_S / found.cycle))
    for column, asset in enumerate(found.compiled.layout.assets):
        words = [(_state(found, tick, column), reason(found.frames[tick], column)) for tick in range(last + 1)]
        powers = [round(found.frames[tick].values.item(r.COMMAND_KW, column), 3) + 0.0 for tick in range(last + 1)]
        shown = -1
        for tick in range(last + 1):
            turns = tick in (0, last) or words[tick] != words[tick - 1] or words[tick] != words[tick + 1]
            moved = shown < 0 or abs(powers[tick] - powers[shown]) > 0.1
            if turns or (moved and tick - shown >= every):
                shown = tick
                state, why = words[tick]
                power = format_number(powers[tick]) + " kW" if powers[tick] == powers[tick] else "unknown"
                yield tick, f"{asset}.command: {power}, {asset}.state: {state}, {asset}.reason: {why}"


def _state(found: Window, tick: int, column: int) -> str:
    return State(found.frames[tick].codes.item(r.STATE, column)).name.lower()
