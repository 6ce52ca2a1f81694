"""Which tests belong to which definition: its own `tests:` and those of the files `*_test.yaml` beside it.

    site.yaml ── tests:          site_test.yaml, site_winter_test.yaml ── tests: alone, of site.yaml

A test file belongs to the definition with the longest name that its own begins with. Problems are diagnostics, as
everywhere; E608 is a test file without a definition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from config.definition import Definition
from config.diagnostics import Diagnostic, ordered
from config.document import Mapping, compose, read
from config.include import include
from config.load import Loaded, validated
from config.plain import Plain, Surroundings
from config.profile import Profile
from config.rehearsal import Rehearsal
from config.section import Section
from config.shape import normal
from pipeline.check import Checked, check
from pipeline.rehearsal.reading import scripts
from pipeline.rehearsal.script import Script
from pipeline.rehearsal.vocabulary import Vocabulary

ENDING = "_test"


class TestFile(Section):
    """A file `*_test.yaml`."""

    __test__ = False  # not a test of our own

    tests: list[Rehearsal] = Field(min_length=1, description="tests in virtual time of the definition beside this file")


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file, ready to run against a checked definition. `diagnostics`: why they cannot be run."""

    file: Path
    definition: Definition | None
    profiles: dict[str, Profile]
    scripts: tuple[Script, ...]
    diagnostics: tuple[Diagnostic, ...]


def gather(path: Path) -> Iterator[Suite]:
    """The suites of a definition and its test files, or the one of a test file. No network, no secrets are needed."""
    if not path.stem.endswith(ENDING):
        checked = check(path, env_stub=True)
        yield _own(path, checked)
        for beside in sorted(path.parent.glob(f"*{ENDING}.yaml")):
            if checked.definition is not None and definition_of(beside) == path:
                yield _beside(beside, checked)
        return
    definition = definition_of(path)
    if definition is None:
        message = f"no definition belongs to `{path.name}`"
        advice = f"name it after one: `site{ENDING}.yaml` tests `site.yaml`"
        yield Suite(path, None, {}, (), (Diagnostic("E608", message, None, advice, file=str(path)),))
        return
    yield _beside(path, check(definition, env_stub=True))


def definition_of(path: Path) -> Path | None:
    """The definition that a test file belongs to."""
    parts = path.stem.removesuffix(ENDING).split("_")
    names = ("_".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((file for name in names if name and (file := path.with_name(f"{name}.yaml")).is_file()), None)


def _own(path: Path, checked: Checked) -> Suite:
    definition = checked.definition
    if definition is None:
        return Suite(path, None, {}, (), checked.diagnostics)
    profiles = dict(checked.profiles)
    found, problems = scripts(definition.tests, checked.loaded, Vocabulary.of(definition, profiles))
    return Suite(path, definition, profiles, found, ordered(problems))


def _beside(path: Path, checked: Checked) -> Suite:
    definition = checked.definition
    if definition is None:
        return Suite(path, None, {}, (), checked.diagnostics)
    tests, loaded = load_tests(path)
    profiles = dict(checked.profiles)
    found, problems = scripts(tests, loaded, Vocabulary.of(definition, profiles))
    return Suite(path, definition, profiles, found, ordered((*loaded.diagnostics, *problems)))


def load_tests(path: Path) -> tuple[list[Rehearsal], Loaded]:
    """The tests of a file and where everything in it stands; `diagnostics` says what is wrong."""
    source = read(path)
    if isinstance(source, Diagnostic):
        return [], Loaded(None, None, (source,), {})
    document = compose(source)
    problems = list(document.diagnostics)
    root = include(document.root, path.parent, problems) if document.root is not None else None
    if not isinstance(root, Mapping):
        if root is not None:
            problems.append(Diagnostic("E103", "a test file is a mapping", root.span, "begin with `tests:`"))
        return [], Loaded(None, None, ordered(problems), {})
    plain = Plain(Surroundings(stub=True), problems)
    values = plain.value(normal(root, problems), (), source.span(0, 1))
    found, refused = validated(TestFile, values, plain.spans)
    return (found.tests if found is not None else []), Loaded(None, None, ordered((*problems, *refused)), plain.spans)
