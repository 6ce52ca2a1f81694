"""What `check` lets pass is compiled: no combination of legal values fails after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.load import load_source
from config.plain import Surroundings
from config.source import Source
from pipeline.check import check_loaded
from pipeline.run import graph_of
from tests.config.mutations import QUANTITY, Sound
from tests.config.test_corpus import SOUNDS

pytestmark = pytest.mark.req("LH-CONF-003")

PLACES = {
    sound.name: [
        (place.value, match[2])
        for at, place in sound.places()
        if (match := QUANTITY.fullmatch(sound.shown(place.value))) and at[0] not in {"tests", "profiles"}
    ]
    for sound in SOUNDS
}
NUMBERS = st.sampled_from(["0", "1", "2", "5", "9.5", "10", "30", "60", "99", "100", "250", "1000", "100000", "0.1"])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SOUNDS), st.lists(st.tuples(st.integers(0, 200), NUMBERS), min_size=1, max_size=6))
def test_what_is_checked_is_compiled(sound: Sound, changes: list[tuple[int, str]]) -> None:
    text = sound.text
    chosen = {index % len(PLACES[sound.name]): number for index, number in changes}
    for index in sorted(chosen, reverse=True):
        span, unit = PLACES[sound.name][index]
        start = sound.start(span)
        text = f"{text[:start]}{chosen[index]} {unit}{text[start + span.width :]}"
    loaded = load_source(Source("site.yaml", text), Path("/nonexistent"), Surroundings(stub=True))
    found = check_loaded(loaded, stub=True)
    if found.definition is None:
        return
    assert graph_of(found)["nodes"]
