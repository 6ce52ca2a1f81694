"""What people see and what they may do: the view and the door on a real compiled site and a real journal."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.door import SiteDoor
from pipeline.graph import build
from pipeline.nodes import Meters
from pipeline.view import SiteView, silent
from sinks.alarms.book import AlarmBook
from sinks.alarms.conditions import conditions
from sinks.journal import Journal
from sinks.web.ports import ActRefusedError, JournalError, Principal, Refusal, Role, ScheduleRefusedError
from sources.act import ActKind, OperatorAct
from sources.schedule import Schedule, ScheduleType, Window
from tests.real.until import until
from tests.rig import START_NS, Rig, site

OLGA = Principal("olga", Role.OPERATOR, "token")


def act(kind: ActKind, asset: str | None = None) -> OperatorAct:
    return OperatorAct("a1", kind, asset, "olga", "operator", "drill", START_NS)


def schedule(kind: str = "day_ahead", asset: str | None = None, version: int = 3) -> Schedule:
    windows = (Window(START_NS, START_NS + 10**12, 40.0), Window(START_NS + 10**12, START_NS + 2 * 10**12, -20.0))
    return Schedule(ScheduleType(kind), asset, "DE-LU", version, START_NS, windows, "sha", "endpoint")


class Site:
    """A rig with its view and its door around it."""

    def __init__(self, folder: Path) -> None:
        self.rig = Rig(site(2, fcr_kw=40.0))
        compiled = self.rig.compiled
        self.full = self.syncing = False
        self.before_fsync: Callable[[], object] = lambda: None
        self.journal = Journal(folder / "journal", "boot1", fsync=self._fsync)
        self.book = AlarmBook()
        self.posted: list[Any] = []
        graph = build(compiled.layout, ("b1", "b2"), self.rig.stages, ("b1.writer",), ("history",))
        self.meters = Meters(tuple(node.id for node in graph), self.rig.stages)
        self.view = SiteView(
            compiled, graph, self.meters, self.book, self.journal, self.rig.entry.snapshot.offers,
            lambda: self.rig.now_s, "9.9", "cfg", lambda: {"broker": {"status": "ok"}}, {"demo": True},
        )  # fmt: skip
        self.door = SiteDoor(
            compiled, self.journal, self.book, self._post, self._held, self.rig.entry.snapshot.issued_s,
            lambda: self.rig.now_ns, self.view.local,
        )  # fmt: skip

    def _fsync(self, _fd: int) -> None:
        self.syncing = True
        self.before_fsync()
        self.syncing = False
        if self.full:
            raise OSError(28, "no space left on device")

    def _post(self, signal: Any) -> None:
        self.posted.append(signal)
        self.rig.signal(signal)

    def _held(self, of: Schedule) -> int | None:
        held = self.rig.entry.snapshot.offers.schedules.get((of.type, of.asset))
        return None if held is None else held.version

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            frame = self.rig.tick()
            self.meters.tick(frame, self.rig.now_s, self.rig.now_s, self.rig.now_s)
            self.view.frame = frame
            self.book.update(conditions(frame), frame.utc_ns, frame.mono_s)
            self.door.ticked()


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    yield made
    await made.journal.close()


# --- the view ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("LH-OPS-004")
async def test_what_a_device_says_in_words_is_shown_where_it_says_anything(plant: Site) -> None:
    plant.run(2)
    said = [{"name": "firmware", "label": "Firmware", "text": "2.17"}]
    plant.view.texts = lambda device: said if device == "b1" else []
    one, two = plant.view.asset("b1"), plant.view.asset("b2")
    assert one is not None
    assert two is not None
    assert one["texts"] == said
    assert "texts" not in two


@pytest.mark.req("LH-API-001")
async def test_before_the_first_tick_nothing_is_known_and_it_says_so(plant: Site) -> None:
    view = plant.view
    assert view.assets() == ("b1", "b2")
    assert view.asset("b1") is None
    assert view.decision("b1") is None
    assert view.tap("ramp") is None
    assert view.site()["tick"] is None
    assert view.site()["next"] == []
    assert view.health()["status"] == "failed"
    assert view.hello()["boot"] == "boot1"
    assert silent(None, "b1")


@pytest.mark.req("LH-API-002", "LH-API-003", "LH-API-004", "LH-NF-007")
async def test_the_running_site(plant: Site) -> None:
    plant.run(8)
    plant.rig.signal(schedule())
    plant.run(4)
    view = plant.view
    status = view.asset("b1")
    assert status is not None
    assert status["state"] == "discharging"
    assert status["command_kw"] == 20.0
    assert view.asset("b9") is None
    trace = view.decision("b2")
    assert trace is not None
    assert next(step["stage"] for step in trace["steps"]) == "asked"
    assert trace["config"] == "cfg"
    assert view.site()["demo"] is True
    assert view.site()["next"][0] == {"at": "2026-09-21T14:30:00.000Z", "asset": None, "type": "day_ahead",
                                      "power_kw": -20.0}  # fmt: skip
    assert [entry["version"] for entry in view.schedules("b1")] == [3]
    assert view.schedules(None)[0]["windows"][0]["target_power_kw"] == 40.0
    ticks = {"status": "ok", "missed": 0}
    components = {"broker": {"status": "ok"}, "ticks": ticks}
    assert view.health() == {"status": "ok", "at": view.site()["at"], "components": components}
    assert not silent(view.frame, "b1")
    assert {node["id"] for node in view.graph()["nodes"]} >= {"ramp", "b1", "history"}
    for shown in (view.site(), status, trace, view.graph(), list(view.nodes()), view.hello()):
        json.dumps(shown, allow_nan=False)


async def test_health_fails_when_ticks_stay_away(plant: Site) -> None:
    plant.run(8)
    plant.rig.now_s += 2.9
    assert plant.view.health()["status"] == "ok"
    plant.rig.now_s += 0.2
    assert plant.view.health()["components"]["ticks"]["status"] == "failed"


@pytest.mark.parametrize(
    "node", ["snapshot", "state_machine", "limits", "resolve", "ancillary", "ramp", "command", "b1"]
)
async def test_a_tap_shows_the_rows_of_its_node_in_plain_json(plant: Site, node: str) -> None:
    plant.run(8)
    tapped = plant.view.tap(node)
    assert tapped is not None
    assert tapped["rows"]
    json.dumps(tapped, allow_nan=False)
    assert plant.view.tap("nobody") is None


async def test_nodes_have_rates_and_durations(plant: Site) -> None:
    plant.run(8)
    nodes = {node["id"]: node for node in plant.view.nodes()}
    assert nodes["ramp"]["rate_hz"] == 1.0
    assert nodes["ramp"]["last"] == "0 kW"
    assert nodes["ramp"]["p50_us"] == 0.0
    assert nodes["b1"]["age_s"] is None
    plant.meters.saw("b1", plant.rig.now_s, "5 points", well=False)
    plant.meters.saw("nobody", 1.0)
    plant.rig.now_s += 2.0
    b1 = next(node for node in plant.view.nodes() if node["id"] == "b1")
    assert (b1["age_s"], b1["last"], b1["rate_hz"], b1["errors"]) == (2.0, "5 points", None, 1)


# --- the door ---------------------------------------------------------------------------------------------------------


@pytest.mark.safety
@pytest.mark.req("LH-API-006", "LH-SAFE-001")
async def test_a_stop_acts_stands_and_is_listed_until_its_release(plant: Site) -> None:
    plant.run(8)
    await plant.door.act(act(ActKind.STOP))
    plant.run(1)
    assert plant.rig.power == [0.0, 0.0]
    assert [stop["operator"] for stop in plant.view.stops()] == ["olga"]
    await plant.door.act(act(ActKind.RELEASE))
    assert plant.view.stops() == []
    plant.run(1)
    assert [signal.kind for signal in plant.posted] == [ActKind.STOP, ActKind.RELEASE]


@pytest.mark.safety
@pytest.mark.req("LH-API-006", "LH-PERSIST-006")
async def test_with_a_full_disk_a_stop_still_stops_and_says_that_it_may_not_survive(plant: Site) -> None:
    plant.run(8)
    plant.full = True
    with pytest.raises(JournalError) as caught:
        await plant.door.act(act(ActKind.STOP))
    assert caught.value.acted
    plant.run(1)
    assert plant.rig.power == [0.0, 0.0]


@pytest.mark.parametrize("kind", [kind for kind in ActKind if kind is not ActKind.STOP])
@pytest.mark.req("LH-API-007")
async def test_with_a_full_disk_nothing_but_a_stop_acts(plant: Site, kind: ActKind) -> None:
    plant.full = True
    with pytest.raises(JournalError) as caught:
        await plant.door.act(act(kind))
    assert not caught.value.acted
    assert plant.posted == []


@pytest.mark.safety
async def test_a_release_never_lifts_a_stop_that_came_after_it(plant: Site) -> None:
    plant.run(8)
    await plant.door.act(act(ActKind.STOP))
    plant.run(1)
    hold = threading.Event()
    plant.before_fsync = hold.wait
    release = asyncio.create_task(plant.door.act(act(ActKind.RELEASE)))
    await until(lambda: plant.syncing)
    stop = asyncio.create_task(plant.door.act(act(ActKind.STOP)))
    await until(lambda: len(plant.posted) == 2)
    hold.set()
    await asyncio.gather(release, stop)
    plant.run(3)
    assert plant.rig.power == [0.0, 0.0]


@pytest.mark.safety
async def test_a_release_that_waits_for_a_tick_does_not_lift_the_stop_that_comes_meanwhile(plant: Site) -> None:
    plant.run(8)
    await plant.door.act(act(ActKind.STOP))
    release = asyncio.create_task(plant.door.act(act(ActKind.RELEASE)))
    await asyncio.sleep(0)  # it waits for the tick that takes the first stop in
    await plant.door.act(act(ActKind.STOP))
    plant.run(1)
    with pytest.raises(ActRefusedError, match="came after this release"):
        await release
    plant.run(3)
    assert plant.rig.power == [0.0, 0.0]
    assert plant.view.stops() != []


async def stopped_and_released(plant: Site) -> None:
    plant.rig.schedule("day_ahead", 100.0)
    plant.run(8)
    await plant.door.act(act(ActKind.STOP))
    plant.run(1)
    await plant.door.act(act(ActKind.RELEASE))
    plant.run(1)


@pytest.mark.safety
@pytest.mark.hazard("S10")
@pytest.mark.parametrize(("asset", "leads"), [("b1", [False, False]), (None, [False, True])])
async def test_an_activation_that_waited_for_the_disk_is_none_for_what_was_local_meanwhile(
    plant: Site, asset: str | None, leads: list[bool]
) -> None:
    await stopped_and_released(plant)
    hold = threading.Event()
    plant.before_fsync = hold.wait
    activation = asyncio.create_task(plant.door.act(act(ActKind.ACTIVATE, asset)))
    await until(lambda: plant.syncing)
    plant.rig.batteries["b1"].remote = 0.0
    plant.run(2)
    plant.rig.batteries["b1"].remote = 1.0
    plant.run(1)
    hold.set()
    (outcome,) = await asyncio.gather(activation, return_exceptions=True)
    assert isinstance(outcome, ActRefusedError) == (asset == "b1")
    plant.run(8)
    assert [abs(power) > 0.0 for power in plant.rig.power] == leads  # NaN: nothing is written


@pytest.mark.safety
async def test_an_activation_that_was_on_disk_too_late_does_not_act(
    plant: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stopped_and_released(plant)
    monkeypatch.setattr("pipeline.waiting.JOURNAL_S", -1.0)
    with pytest.raises(JournalError, match="ask again"):
        await plant.door.act(act(ActKind.ACTIVATE))
    plant.run(8)
    assert not any(abs(power) > 0.0 for power in plant.rig.power)


@pytest.mark.req("LH-MKT-001", "LH-PERSIST-003")
async def test_a_schedule_is_noted_and_handed_on(plant: Site) -> None:
    await plant.door.import_schedule(schedule(), OLGA)
    assert plant.posted == [schedule()]
    (entry,) = plant.journal.latest(1)
    assert (entry.what, entry.operator, entry.id) == ("schedule-import", "olga", "sha")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (schedule("regel_leistung_reserve"), "no-such-request"),
        (schedule(asset="b9"), "asset-not-registered"),
        (schedule(version=1), "version-conflict"),
    ],
)
async def test_a_schedule_that_cannot_be_taken_is_refused(plant: Site, given: Schedule, error: str) -> None:
    await plant.door.import_schedule(schedule(version=2), OLGA)
    with pytest.raises(ScheduleRefusedError) as caught:
        await plant.door.import_schedule(given, OLGA)
    assert caught.value.error == error
    assert len(plant.posted) == 1


async def test_a_schedule_that_cannot_be_noted_is_not_taken(plant: Site) -> None:
    plant.full = True
    with pytest.raises(JournalError):
        await plant.door.import_schedule(schedule(), OLGA)
    assert plant.posted == []


async def test_an_alarm_is_acknowledged_by_somebody_and_resets_nothing(plant: Site) -> None:
    plant.run(8)
    plant.rig.batteries["b1"].alarms = 1.0
    plant.run(2)
    assert not await plant.door.acknowledge_alarm("b1.nothing", OLGA)
    assert await plant.door.acknowledge_alarm("b1.fault", OLGA)
    assert [(a["id"], a["acknowledged"]) for a in plant.view.alarms()] == [("b1.fault", True)]
    plant.run(2)
    assert plant.rig.frame["state"][0] == 8
    assert plant.journal.latest(1)[0].what == "alarm-acknowledge"


async def test_an_alarm_is_shelved_with_a_reason_and_taken_back(plant: Site) -> None:
    plant.run(8)
    plant.rig.batteries["b1"].alarms = 1.0
    plant.run(2)
    now_ns = plant.rig.frame.utc_ns
    assert not await plant.door.shelve_alarm("b1.nothing", OLGA, "fan", now_ns)
    assert await plant.door.shelve_alarm("b1.fault", OLGA, "fan", now_ns + 3_600_000_000_000)
    assert [alarm["state"] for alarm in plant.view.alarms()] == ["shelved"]
    assert plant.view.site()["alarms"]["shelved"] == 1
    noted = plant.journal.latest(1)[0]
    assert (noted.what, noted.reason, noted.id) == ("alarm-shelve", "fan", "b1.fault")
    assert await plant.door.unshelve_alarm("b1.fault", OLGA)
    assert not await plant.door.unshelve_alarm("b1.fault", OLGA)
    assert [alarm["state"] for alarm in plant.view.alarms()] == ["unacknowledged"]
    assert await plant.door.acknowledge_alarms(["b1.fault", "b1.nothing", "b1.fault"], OLGA) == ["b1.fault"]


async def test_nothing_is_shelved_while_the_journal_is_full(plant: Site) -> None:
    plant.run(8)
    plant.rig.batteries["b1"].alarms = 1.0
    plant.run(2)
    plant.full = True
    with pytest.raises(JournalError):
        await plant.door.shelve_alarm("b1.fault", OLGA, "fan", plant.rig.frame.utc_ns + 1)
    assert [alarm["state"] for alarm in plant.view.alarms()] == ["unacknowledged"]


@pytest.mark.req("LH-API-007")
async def test_a_refusal_is_noted(plant: Site) -> None:
    await plant.door.refused(
        Refusal(START_NS, "eve", "viewer", "192.0.2.7", "POST", "/operator/stop", 403, "forbidden")
    )
    (entry,) = plant.journal.latest(1)
    assert (entry.accepted, entry.operator, entry.at_ns) == (False, "eve", START_NS)
    assert "403 forbidden from 192.0.2.7" in entry.why
