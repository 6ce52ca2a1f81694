from __future__ import annotations

from pathlib import Path

import pytest

from config.catalogue import Catalogue, UnknownProfile, load_profile, names, profile
from config.load import load_source
from config.plain import Surroundings
from config.source import Source
from tests.config.marked import PLANT

pytestmark = pytest.mark.req("LH-CONF-001")


def catalogue(text: str) -> Catalogue:
    loaded = load_source(Source("site.yaml", text), Path("/nonexistent"), Surroundings(stub=True))
    assert loaded.draft is not None
    return Catalogue(loaded, loaded.draft.profiles)


def test_every_profile_that_ships_loads() -> None:
    assert {"sunspec-storage", "grid-meter", "mqtt-meter", "mqtt-storage"} <= set(names())
    for name in names():
        assert profile(name).name == name


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(UnknownProfile) as caught:
        profile("sunspec-storrage")
    assert "sunspec-storage" in caught.value.suggestion


def test_a_definition_extends_a_profile() -> None:
    text = PLANT + "profiles:\n  acme: { extends: sunspec-storage, version: 3, sign: positive_is_charge }\n"
    found = catalogue(text)
    acme = found.own("acme")
    assert found.problems == []
    assert acme is not None
    assert (acme.name, acme.version, acme.sign) == ("acme", 3, "positive_is_charge")
    assert acme.read == profile("sunspec-storage").read


@pytest.mark.parametrize(
    ("section", "code", "line", "column"),
    [
        ("  acme: { extends: nothing, version: 3 }\n", "E501", 47, 20),
        ("  acme: { extends: acme, version: 3 }\n", "E508", 47, 20),
        ("  acme: { extends: other }\n  other: { extends: acme }\n", "E508", 48, 21),
        ("  sunspec-storage: { version: 3 }\n", "E508", 47, 20),
        ("  acme: 7\n", "E103", 47, 9),
        ("  acme: { extends: sunspec-storage, sing: positive_is_charge }\n", "E101", 47, 37),
        ("  acme: { extends: sunspec-storage, poll: 5 }\n", "E203", 47, 43),
        ("  acme: { extends: sunspec-storage, read: { soc: { scale: '${X}' } } }\n", "E210", 47, 60),
        ("  acme: { version: 1 }\n", "E102", 47, 3),
    ],
)
def test_a_broken_profile_is_named_at_its_place(section: str, code: str, line: int, column: int) -> None:
    found = catalogue(f"{PLANT}profiles:\n{section}")
    for name in found.local:
        found.own(name)
    problems = [*found.problems, *(p for p in found.loaded.diagnostics)]
    places = {(problem.code, problem.span and (problem.span.line, problem.span.column)) for problem in problems}
    assert (code, (line, column)) in places


def test_a_profile_in_a_text_of_its_own() -> None:
    found, problems = load_profile(Source("p.yaml", "name: x\nversion: on\n"))
    assert found is None
    assert [problem.code for problem in problems] == ["E005"]
