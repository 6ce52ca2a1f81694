"""Ceilings that come over the endpoint: judged against what stands, journalled, back after a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from math import inf
from pathlib import Path
from typing import Any

import pytest

from pipeline.ceilings import Ceilings
from sinks.journal import Journal
from sinks.web.ports import CeilingRefusedError, JournalError, Principal, Role
from sources.ceiling import CeilingError
from sources.instant import format_exact
from tests.rig import Rig
from tests.safety.test_grid_operator import curtailed

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-SAFE-004", "LH-API-007")]

FROM: dict[str, Any] = {"from": "endpoint"}
GRID = Principal("dso", Role.OPERATOR, "token")


class Site:
    """A rig with a ceiling on export `from: endpoint`, 300 kW at 100 %, and its journal."""

    def __init__(self, folder: Path) -> None:
        self.full = False
        self.rig = Rig(curtailed(topic=None, **FROM)).ready()
        self.rig.schedule("day_ahead", 500.0)
        self.rig.run(8)
        self.folder = folder
        self.journal, self.ceilings = self.started()

    def started(self) -> tuple[Journal, Ceilings]:
        journal = Journal(self.folder / "journal", "boot", fsync=self._fsync)
        definition, snapshot = self.rig.compiled.definition, self.rig.entry.snapshot
        return journal, Ceilings(definition, journal, self.rig.signal, snapshot.issued_s, lambda: self.rig.now_ns)

    def _fsync(self, _fd: int) -> None:
        if self.full:
            raise OSError(28, "no space left on device")

    def word(self, percent: float | None, ago_s: float = 0.0, **more: Any) -> dict[str, Any]:
        issued = format_exact(self.rig.now_ns - int(ago_s * 1e9))
        return {"direction": "export", "percent": percent, "issued_at": issued} | more

    def power(self) -> float:
        self.rig.tick()
        return float(sum(self.rig.power))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    await made.journal.close()


async def test_a_ceiling_acts_in_the_next_tick_and_falls_back_like_any_other(site: Site) -> None:
    assert (await site.ceilings.take(site.word(40), GRID)).kw == 120.0
    assert site.power() == pytest.approx(120.0, abs=0.3)
    await site.ceilings.take(site.word(None), GRID)
    site.rig.run(12)
    assert site.power() == pytest.approx(500.0)
    site.rig.run(20)
    assert site.power() == pytest.approx(180.0, abs=0.3)  # not renewed: 60 % after `ttl` and `hold`
    noted = [(entry.what, entry.operator, entry.id) for entry in site.journal.entries]
    assert noted == [("ceiling", "dso", "export")] * 2


async def test_what_cannot_be_taken_changes_nothing(site: Site) -> None:
    await site.ceilings.take(site.word(40, ago_s=2.0), GRID)
    cases = [
        (site.word(80, ago_s=3.0), CeilingRefusedError, "stands"),
        (site.word(80, ago_s=-6.0), CeilingRefusedError, "ahead of the clock"),
        (site.word(80, direction="import"), CeilingRefusedError, "no entry of limits"),
        (site.word(80, direction="both"), CeilingError, "neither import nor export"),
        (site.word(80, direction=["export"]), CeilingError, "neither import nor export"),
        (site.word(180), CeilingError, "out of range"),
    ]
    for document, refusal, said in cases:
        with pytest.raises(refusal, match=said):
            await site.ceilings.take(document, GRID)
    assert site.power() == pytest.approx(120.0, abs=0.3)
    with pytest.raises(CeilingRefusedError) as older:  # also after the tick that heard it
        await site.ceilings.take(site.word(80, ago_s=4.0), GRID)
    assert older.value.error == "older-ceiling"


async def test_a_ceiling_that_is_not_on_disk_is_not_taken_and_the_answer_says_so(site: Site) -> None:
    site.full = True
    with pytest.raises(JournalError, match="no space"):
        await site.ceilings.take(site.word(40), GRID)
    assert site.power() == pytest.approx(300.0, abs=0.3)
    site.full = False


async def test_a_ceiling_that_was_answered_stands_after_a_restart_before_any_tick_saw_it(site: Site) -> None:
    await site.ceilings.take(site.word(80, ago_s=9.0), GRID)
    await site.ceilings.take(site.word(40, ago_s=8.0), GRID)
    await site.journal.close()
    site.journal, ceilings = site.started()
    standing = ceilings.standing()
    assert [told.kw for told in standing] == [240.0, 120.0]
    fresh = Rig(site.rig.compiled.definition).ready()
    for told in standing:
        fresh.signal(told)
    fresh.schedule("day_ahead", 500.0)
    fresh.run(8)
    assert float(sum(fresh.power)) <= 120.0 + 0.3


async def test_no_limit_is_kept_as_no_limit(site: Site) -> None:
    await site.ceilings.take(site.word(None), GRID)
    assert [told.kw for told in site.ceilings.standing()] == [inf]
