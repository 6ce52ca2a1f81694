"""Ceilings of the grid operator over REST: what is taken, what is none, and who may send one."""

from __future__ import annotations

from math import inf

import pytest

from sinks.web.ports import CeilingRefusedError, JournalError, Role
from tests.sinks.web.fakes import served

pytestmark = pytest.mark.req("LH-CTRL-002", "LH-API-004", "LH-API-007")

PATH = "/limits/grid-operator"
STAMP = "2026-11-22T10:00:00Z"
WORD = {"direction": "export", "percent": 60, "issued_at": STAMP}


async def test_a_ceiling_is_answered_with_what_it_means() -> None:
    async with served() as site, site.client(Role.OPERATOR) as client:
        answer = await client.post(PATH, json=WORD)
        none = await client.post(PATH, json={"direction": "import", "kw": None, "issuedAt": STAMP})
    assert (answer.status_code, none.status_code) == (200, 200)
    stamp = "2026-11-22T10:00:00.000Z"
    assert answer.json() == {"direction": "export", "active": True, "kw": 480.0, "issued_at": stamp}
    assert none.json() == {"direction": "import", "active": False, "issued_at": stamp}
    assert [told.kw for told in site.door.ceilings] == [480.0, inf]


@pytest.mark.parametrize(
    "change",
    [
        {"percent": 101},
        {"percent": -1},
        {"percent": "sixty"},
        {"percent": True},
        {"kw": 3},
        {"issued_at": "yesterday"},
        {"issued_at": None},
        {"active": "yes"},
    ],
)
async def test_what_is_no_ceiling_is_refused_and_audited(change: dict[str, object]) -> None:
    async with served() as site, site.client(Role.OPERATOR) as client:
        answer = await client.post(PATH, json=WORD | change)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-ceiling")
    assert site.door.ceilings == []
    assert [refusal.route for refusal in site.door.refusals] == [PATH]


async def test_a_viewer_sets_no_ceiling_and_what_is_not_taken_is_said() -> None:
    async with served() as site:
        async with site.client(Role.VIEWER) as client:
            assert (await client.post(PATH, json=WORD)).status_code == 403
        async with site.client(Role.OPERATOR) as client:
            site.door.refuses_ceiling = CeilingRefusedError("older-ceiling", "a newer one stands")
            assert (await client.post(PATH, json=WORD)).json()["error"] == "older-ceiling"
            site.door.refuses_ceiling = JournalError("full", acted=False)
            answer = await client.post(PATH, json=WORD)
    assert (answer.status_code, answer.json()["error"]) == (503, "journal-failed")
