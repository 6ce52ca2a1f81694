"""What REST answers, in names and spellings of the prior system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sinks.web import acts
from sinks.web.ports import ActRefusedError, JournalError, Role, ScheduleRefusedError
from sources.act import ActKind
from sources.schedule import ScheduleType
from tests.sinks.web.fakes import AT, Site, served, until

DOCUMENT = {"asset_id": "bess1", "type": "day_ahead", "market_bid_area": "DE-LU", "version": 7,
            "windows": [{"start": "2026-11-22T14:00:00Z", "end": "2026-11-22T14:15:00Z", "target_power_kw": 80.0}]}


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    async with served(metrics=lambda: b"bess_up 1.0\n") as running:
        yield running


@pytest.mark.req("LH-API-001")
async def test_health_needs_no_token_and_tells_a_failure_by_its_status(site: Site) -> None:
    async with site.client() as client:
        good = await client.get("/health")
        site.view.status = "degraded"
        bad = await client.get("/health")
    assert (good.status_code, good.json()) == (200, {"status": "ok", "at": AT, "components": {"chain": "ok"}})
    assert (bad.status_code, bad.json()["status"]) == (503, "degraded")


@pytest.mark.req("LH-API-002")
async def test_status_leaves_out_what_is_unknown(site: Site) -> None:
    async with site.client(Role.VIEWER) as client:
        status = (await client.get("/battery/bess1/status")).json()
        missing = await client.get("/battery/nobody/status")
    assert status["telemetry"] == {"timestamp": AT, "soc_percent": 62.0, "active_power_kw": 1.0}
    assert status["quality"] == {"flag": "Valid"}
    assert status["last_command"]["mode"] == "Discharge"
    assert (missing.status_code, missing.json()["error"]) == (404, "asset-not-registered")


@pytest.mark.req("LH-API-003")
async def test_the_current_command_is_absent_when_there_is_none(site: Site) -> None:
    async with site.client(Role.VIEWER) as client:
        first = (await client.get("/battery/bess1/command/current")).json()
        second = (await client.get("/battery/bess2/command/current")).json()
    assert first["command"]["command_id"] == "c-1"
    assert second == {"asset_id": "bess2"}


@pytest.mark.req("LH-API-004")
@pytest.mark.parametrize("spelling", ["assetId", "asset_id"])
async def test_schedules_now_and_before(site: Site, spelling: str) -> None:
    async with site.client(Role.VIEWER) as client:
        now = (await client.get("/markets/schedules/current", params={spelling: "bess1"})).json()
        before = (await client.get("/markets/schedules/history", params={spelling: "bess1", "limit": "2"})).json()
    assert now["asset_id"] == "bess1"
    assert now["schedules"][0]["windows"][0]["target_power_kw"] == 80.0
    assert [version["version"] for version in before["schedules"]] == [3, 2]


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "²", "x", "9" * 30])
async def test_a_limit_is_a_number_in_range(site: Site, limit: str) -> None:
    async with site.client(Role.VIEWER) as client:
        answer = await client.get("/markets/schedules/history", params={"limit": limit})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid-field")


async def test_history_without_a_database_is_said(site: Site) -> None:
    site.archive.error = ConnectionRefusedError("no")
    async with site.client(Role.VIEWER) as client:
        away = await client.get("/markets/schedules/history")
        site.shell.archive = None
        none = await client.get("/markets/schedules/history")
    for answer in (away, none):
        assert (answer.status_code, answer.json()["error"]) == (503, "history-unavailable")


async def test_the_other_reads(site: Site) -> None:
    async with site.client(Role.VIEWER) as client:
        listed = (await client.get("/assets")).json()["assets"]
        assert [asset["asset_id"] for asset in listed] == ["bess1", "bess2"]
        assert listed[0]["capacity_kwh"] == 500.0
        assert (await client.get("/why/bess1")).json()["binding"]["kw"] == 37.0
        assert (await client.get("/why/nobody")).status_code == 404
        assert (await client.get("/graph")).json()["nodes"][0]["id"] == "ramp"
        assert (await client.get("/nodes")).json()["nodes"][0]["rate_hz"] == 1.0
        assert (await client.get("/alarms")).json()["alarms"][0]["priority"] == 2
        assert "frequency_hz" not in (await client.get("/site")).json()
        metrics = await client.get("/metrics")
        assert (metrics.text, metrics.headers["content-type"].split(";")[0]) == ("bess_up 1.0\n", "text/plain")
        assert (await client.get("/nowhere")).json()["error"] == "not-found"
        assert (await client.delete("/assets")).json()["error"] == "method-not-allowed"


@pytest.mark.req("LH-API-006", "LH-API-007")
@pytest.mark.parametrize("spelling", ["assetId", "asset_id", "AssetId"])
async def test_a_stop_of_one_asset(site: Site, spelling: str) -> None:
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/operator/stop", json={spelling: "bess1", "reason": "smoke\nforged line"})
    assert answer.status_code == 200
    assert answer.json() | {"at": ""} == {
        "asset_id": "bess1", "operator": "operator", "reason": "smoke forged line", "at": "", "id": "id-1",
        "act": "stop", "activated_at": "2026-11-22T13:03:07.000Z", "assets": ["bess1"]}
    act = site.door.acts[0]
    assert (act.kind, act.asset, act.operator, act.role) == (ActKind.STOP, "bess1", "operator", "operator")


@pytest.mark.req("LH-API-006")
async def test_a_stop_of_all(site: Site) -> None:
    async with site.client(Role.OPERATOR) as client:
        answer = (await client.post("/operator/stop", json={"reason": "x" * 5000, "unknown": [1]})).json()
    assert answer["assets"] == ["bess1", "bess2"]
    assert "asset_id" not in answer
    assert (site.door.acts[0].asset, len(site.door.acts[0].reason)) == (None, 200)


@pytest.mark.req("LH-API-006")
async def test_a_stop_is_answered_only_after_the_journal(site: Site) -> None:
    gate = asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    site.door.synced = wait
    async with site.client(Role.OPERATOR) as client:
        asked = asyncio.ensure_future(client.post("/operator/stop", json={"reason": "smoke"}))
        await until(lambda: bool(site.door.acts))
        health = await client.get("/health")
        assert health.status_code == 200
        assert not asked.done()
        gate.set()
        assert (await asked).status_code == 200


@pytest.mark.req("LH-API-006")
async def test_a_journal_that_hangs_is_a_503_and_the_act_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, finished = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        await gate.wait()
        finished.set()
        raise OSError("late")

    site.door.synced = wait
    monkeypatch.setattr(acts, "JOURNAL_S", 0.05)
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/operator/stop", json={"reason": "smoke"})
    assert (answer.status_code, answer.json()["error"]) == (503, "journal-failed")
    gate.set()
    await until(finished.is_set)


@pytest.mark.req("LH-API-006")
async def test_a_failing_journal_is_a_503_that_says_that_the_stop_acts(site: Site) -> None:
    site.door.journal = JournalError("No space left on device", acted=True)
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/operator/stop", json={"reason": "smoke"})
    assert (answer.status_code, answer.json()["error"]) == (503, "journal-failed")
    assert "acts now" in answer.json()["detail"]
    assert "No space left" in answer.json()["detail"]
    assert len(site.door.acts) == 1
    assert site.door.refusals[0].error == "journal-failed"


@pytest.mark.req("LH-API-007", "LH-NF-009")
@pytest.mark.parametrize(("body", "status", "error"), [
    ({}, 400, "missing-required-field"),
    ({"reason": " \n "}, 400, "missing-required-field"),
    ({"reason": 7}, 400, "invalid-field"),
    ({"reason": "x", "asset_id": 7}, 400, "invalid-field"),
    ({"reason": "x", "asset_id": "nobody"}, 404, "asset-not-registered"),
    ({"reason": "x", "asset_id": "bess1", "assetId": "bess2"}, 400, "ambiguous-field"),
])
async def test_a_stop_that_is_not_understood_is_refused_and_audited(
        site: Site, body: dict[str, object], status: int, error: str) -> None:
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/operator/stop", json=body)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert site.door.acts == []
    refusal = site.door.refusals[0]
    assert (refusal.who, refusal.route, refusal.status, refusal.error) == ("operator", "/operator/stop", status, error)


@pytest.mark.parametrize("kind", ["release", "activate", "deactivate", "lock_out", "unlock"])
async def test_the_other_acts_need_no_reason(site: Site, kind: str) -> None:
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post(f"/operator/{kind}", json={"asset_id": "bess2"})
    assert (answer.status_code, answer.json()["act"]) == (200, kind)
    assert (site.door.acts[0].kind, site.door.acts[0].asset) == (ActKind(kind), "bess2")


@pytest.mark.req("LH-SM-003")
@pytest.mark.parametrize(("faults", "error"), [({}, "nothing-to-acknowledge"), ({"bess2": 3.0}, "not-clear")])
async def test_an_acknowledgement_that_would_change_nothing_is_refused(
    site: Site, faults: dict[str, float], error: str
) -> None:
    site.view.faults = faults
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/operator/acknowledge", json={"asset_id": "bess2", "reason": "repaired"})
    assert (answer.status_code, answer.json()["error"]) == (409, error)
    assert site.door.acts == []
    assert site.door.refusals[0].error == error


@pytest.mark.safety
@pytest.mark.req("LH-SM-003")
async def test_a_fault_is_acknowledged_with_a_reason_and_by_a_role(site: Site) -> None:
    """Reliability §2 row 19: reset only by role with reason."""
    async with site.client(Role.OPERATOR) as client:
        nothing = await client.post("/operator/acknowledge", json={"asset_id": "bess2"})
        said = await client.post("/operator/acknowledge", json={"asset_id": "bess2", "reason": "fuse changed"})
    async with site.client(Role.VIEWER) as client:
        viewer = await client.post("/operator/acknowledge", json={"asset_id": "bess2", "reason": "curious"})
    assert (nothing.status_code, nothing.json()["error"]) == (400, "missing-required-field")
    assert (said.status_code, viewer.status_code) == (200, 403)
    assert [act.reason for act in site.door.acts] == ["fuse changed"]


async def test_an_act_that_is_not_admitted_is_a_conflict_with_its_reason(site: Site) -> None:
    site.door.refuses = ActRefusedError("locked-by-another", "anna has it")
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/operator/unlock", json={"asset_id": "bess1"})
    assert (answer.status_code, answer.json()["error"], answer.json()["detail"]) == (
        409, "locked-by-another", "anna has it")
    assert site.door.refusals[0].error == "locked-by-another"


@pytest.mark.parametrize(("role", "body", "status"), [
    (Role.OPERATOR, {"override": True, "reason": "emergency"}, 403),
    (Role.ENGINEER, {"override": True}, 400),
    (Role.ENGINEER, {"override": True, "reason": "anna is home"}, 200),
    (Role.OPERATOR, {"override": "true"}, 200),
])  # fmt: skip
async def test_a_lock_is_overridden_by_an_engineer_with_a_reason(
    site: Site, role: Role, body: dict[str, object], status: int
) -> None:
    async with site.client(role) as client:
        answer = await client.post("/operator/unlock", json={"asset_id": "bess1", "person": "Ben", **body})
    assert answer.status_code == status
    if status == 200:
        assert site.door.acts[0].override is (body["override"] is True)
        assert site.door.acts[0].operator == f"Ben ({role.word})"


HAND = {"asset_id": "bess1", "power_kw": -20, "dead_man_s": 30, "reason": "capacity test"}


@pytest.mark.parametrize(("change", "status", "error"), [
    ({}, 200, None),
    ({"asset_id": None}, 400, "missing-required-field"),
    ({"reason": ""}, 400, "missing-required-field"),
    ({"power_kw": None}, 400, "missing-required-field"),
    ({"power_kw": True}, 400, "invalid-field"),
    ({"power_kw": "20"}, 400, "invalid-field"),
    ({"dead_man_s": 0}, 400, "invalid-field"),
    ({"dead_man_s": 61}, 400, "invalid-field"),
    ({"asset_id": "bess2"}, 409, "not-ready"),
])  # fmt: skip
async def test_power_by_hand_is_of_one_asset_for_a_minute_at_most(
    site: Site, change: dict[str, object], status: int, error: str | None
) -> None:
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/operator/manual", json=HAND | change)
    assert (answer.status_code, answer.json().get("error")) == (status, error)
    assert len(site.door.acts) == (status == 200)
    if status == 200:
        assert (site.door.acts[0].power_kw, site.door.acts[0].dead_man_s) == (-20.0, 30.0)
        assert (answer.json()["power_kw"], answer.json()["dead_man_s"]) == (-20.0, 30.0)


async def test_stops_that_stand(site: Site) -> None:
    stop = {"asset_id": "bess1", "operator": "operator", "reason": "smoke", "activated_at": AT}
    async with site.client(Role.VIEWER) as client:
        assert (await client.get("/operator/stops/current?assetId=bess1")).json() == {"asset_id": "bess1", "stop": None}
        site.view.standing = [stop]
        assert (await client.get("/operator/stops/current?assetId=bess1")).json() == {"asset_id": "bess1", "stop": stop}
        assert (await client.get("/operator/stops/current?asset_id=bess2")).json()["stop"] is None
        assert (await client.get("/operator/stops/current")).json() == {"stops": [stop]}
        site.view.standing = [stop | {"asset_id": None}]
        assert (await client.get("/operator/stops/current?assetId=bess2")).json()["stop"]["reason"] == "smoke"


async def test_an_alarm_is_acknowledged_without_an_act(site: Site) -> None:
    async with site.client(Role.OPERATOR) as client:
        good = await client.post("/alarms/a1/acknowledge")
        bad = await client.post("/alarms/a9/acknowledge", json={})
        site.door.journal = JournalError("full", acted=False)
        full = await client.post("/alarms/a1/acknowledge")
    assert (good.status_code, good.json()["operator"]) == (200, "operator")
    assert (bad.status_code, bad.json()["error"]) == (404, "alarm-not-found")
    assert full.status_code == 503
    assert site.door.acts == []


@pytest.mark.req("LH-OPS-004")
async def test_an_alarm_is_shelved_for_a_time_and_with_a_reason(site: Site) -> None:
    async with site.client(Role.OPERATOR) as client:
        good = await client.post("/alarms/a1/shelve", json={"minutes": 30, "reason": "fan is being changed"})
        assert (good.status_code, good.json()["reason"]) == (200, "fan is being changed")
        for body in ({"minutes": 30}, {"minutes": 0, "reason": "x"}, {"minutes": 1441, "reason": "x"},
                     {"minutes": "30", "reason": "x"}, {"minutes": True, "reason": "x"}, {"reason": "x"}):
            assert (await client.post("/alarms/a1/shelve", json=body)).status_code == 400, body
        unknown = await client.post("/alarms/a9/shelve", json={"minutes": 30, "reason": "x"})
        assert (unknown.status_code, unknown.json()["error"]) == (404, "alarm-not-found")
        assert (await client.post("/alarms/a1/unshelve")).status_code == 200
        assert (await client.post("/alarms/a9/unshelve")).status_code == 404
    ((alarm, reason, _), _) = site.door.shelved
    assert (alarm, reason) == ("a1", "fan is being changed")


@pytest.mark.req("LH-OPS-004")
async def test_the_alarms_that_were_seen_are_acknowledged_at_once(site: Site) -> None:
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/alarms/seen", json={"ids": ["a1", "a9"]})
        assert answer.json()["acknowledged"] == ["a1"]
        for ids in (None, "a1", [1], ["x"] * 501):
            assert (await client.post("/alarms/seen", json={"ids": ids})).status_code == 400


async def test_some_of_the_alarms_can_be_asked_for(site: Site) -> None:
    async with site.client(Role.VIEWER) as client:
        for query, count in (("priority=2", 1), ("priority=1", 0), ("state=shelved", 0), ("assetId=bess1", 1),
                             ("assetId=bess2&state=unacknowledged", 0)):
            assert len((await client.get(f"/alarms?{query}")).json()["alarms"]) == count, query
        assert (await client.get("/alarms?assetId=nobody")).status_code == 404


@pytest.mark.req("LH-MKT-001", "LH-API-004")
async def test_a_schedule_comes_in(site: Site) -> None:
    camel = {"assetId": "bess1", "type": "DayAhead", "marketBidArea": "DE-LU", "version": 8,
             "windows": [{"start": "2026-11-22T14:00:00Z", "end": "2026-11-22T14:15:00Z", "targetPowerKw": 80.0}]}
    async with site.client(Role.OPERATOR) as client:
        plain = await client.post("/markets/schedules/import", json=DOCUMENT)
        older = await client.post("/markets/schedules/import", json=camel)
    assert (plain.status_code, older.status_code) == (200, 200)
    assert plain.json() | {"digest": ""} == {
        "asset_id": "bess1", "type": "day_ahead", "market_bid_area": "DE-LU", "version": 7, "count": 1, "digest": "",
        "issued_at": "2026-11-22T14:00:00.000Z", "horizon_start": "2026-11-22T14:00:00.000Z",
        "horizon_end": "2026-11-22T14:15:00.000Z"}
    assert [schedule.type for schedule in site.door.schedules] == [ScheduleType.DAY_AHEAD] * 2
    assert site.door.schedules[1].windows[0].power_kw == 80.0
    assert site.door.schedules[0].source == "rest:operator"


@pytest.mark.req("LH-NF-009")
@pytest.mark.parametrize(("change", "status", "error"), [
    ({"windows": []}, 400, "invalid-schedule"),
    ({"windows": [{"start": "2026-11-22T14:00:00+01:00", "end": "x", "target_power_kw": 1}]}, 400, "invalid-schedule"),
    ({"version": -1}, 400, "invalid-schedule"),
    ({"type": "wish"}, 400, "invalid-schedule"),
    ({"surprise": 1}, 400, "invalid-schedule"),
    ({"asset_id": "nobody"}, 404, "asset-not-registered"),
])
async def test_a_schedule_that_is_none(site: Site, change: dict[str, object], status: int, error: str) -> None:
    async with site.client(Role.OPERATOR) as client:
        answer = await client.post("/markets/schedules/import", json=DOCUMENT | change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert site.door.schedules == []
    assert site.door.refusals[0].route == "/markets/schedules/import"


async def test_a_schedule_that_cannot_be_taken(site: Site) -> None:
    async with site.client(Role.OPERATOR) as client:
        site.door.conflict = ScheduleRefusedError("version-not-newer", "version 7 is not newer than 9")
        older = await client.post("/markets/schedules/import", json=DOCUMENT)
        site.door.conflict, site.door.journal = None, JournalError("full", acted=False)
        full = await client.post("/markets/schedules/import", json=DOCUMENT)
    assert (older.status_code, older.json()["error"]) == (409, "version-not-newer")
    assert (full.status_code, full.json()["error"]) == (503, "journal-failed")


async def test_a_broken_view_is_a_500_without_inner_details(site: Site) -> None:
    site.view.broken = {"site"}
    async with site.client(Role.VIEWER) as client:
        answer = await client.get("/site")
        after = await client.get("/assets")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal-error")
    assert "broken" not in answer.text
    assert after.status_code == 200
