"""A corpus of broken definitions: every one is refused, and its fault is named at its exact line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.diagnostics import errors, render
from config.load import load_source
from config.plain import Surroundings
from config.source import Source
from pipeline.check import Checked, check_loaded
from pipeline.first import first
from tests.config.broken_yaml import SYNTAX
from tests.config.marked import PLANT
from tests.config.mutations import RULES, Mutant, Sound, corpus

pytestmark = pytest.mark.req("LH-CONF-001", "LH-CONF-003", "LH-NF-009")

ROOT = Path(__file__).parents[2]
NAMES = ("one-battery", "several-assets", "demo", "mqtt")
SEED, MOST = 20261122, 7


def sounds() -> list[Sound]:
    from config.catalogue import profile

    texts = {name: (ROOT / f"config/examples/{name}.yaml").read_text(encoding="utf-8") for name in NAMES}
    texts |= {"plant": PLANT, "first": first(profile("sunspec-storage"), None)}
    return [Sound.of(name, text) for name, text in texts.items()]


SOUNDS = sounds()
CORPUS = [(sound.name, mutant) for sound in SOUNDS for mutant in corpus(sound, SEED, MOST)]


def checked(mutant: Mutant) -> Checked:
    loaded = load_source(Source("site.yaml", mutant.text), Path("/nonexistent"), Surroundings(stub=True))
    return check_loaded(loaded, stub=True)


@pytest.mark.parametrize("sound", SOUNDS, ids=lambda sound: sound.name)
def test_what_is_broken_was_sound(sound: Sound) -> None:
    loaded = load_source(Source("site.yaml", sound.text), Path("/nonexistent"), Surroundings(stub=True))
    assert check_loaded(loaded, stub=True).ok


def test_the_corpus_is_large_and_every_rule_breaks_something() -> None:
    assert len({mutant.text for _, mutant in CORPUS}) >= 300
    assert set(SYNTAX) < set(RULES)
    for made in RULES:
        assert any(True for sound in SOUNDS for _ in made(sound)), made.__name__


@pytest.mark.timeout(900)  # hundreds of files are checked
@pytest.mark.parametrize("name", [sound.name for sound in SOUNDS])
def test_every_broken_definition_is_refused_at_the_exact_place(name: str) -> None:
    mutants = [mutant for owner, mutant in CORPUS if owner == name]
    elsewhere: list[str] = []
    for mutant in mutants:
        found = checked(mutant)
        assert not found.ok, f"{mutant.name} was let pass"
        problems = errors(found.diagnostics)
        places = {(p.code, p.span and (p.span.line, p.span.column)) for p in problems}
        if not any((code, mutant.place) in places for code in mutant.codes):
            elsewhere.append(f"{mutant.name} at {mutant.place}\n{render(problems[:3])}")
    share = 1 - len(elsewhere) / len(mutants)
    assert share >= 0.99, f"{share:.2%} of {len(mutants)}\n" + "\n".join(elsewhere[:20])
