"""Cases that once broke an invariant, cut down to what mattered (`campaign --keep`): none of them does any more."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.campaign.case import Case
from pipeline.campaign.life import live

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.json"))

pytestmark = pytest.mark.safety


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_what_was_broken_once_holds(file: Path) -> None:
    life = live(Case.from_json(json.loads(file.read_text())["case"]))
    assert life.ticks > 0
    assert [str(breach) for breach in life.breaches] == []
