"""What is cut from a sealed frame for people and devices: command, decision trace, status, one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from jit import rows as r
from jit.codes import Latch, Mode, Quality
from jit.frame import Frame
from operators.cut import command_json, cut
from operators.decision import decision, number
from operators.sentence import LATCH_TEXT, LIMIT_TEXT, QUALITY_TEXT, power, quality_text, why
from operators.status import asset_status, quality_flag, site_status
from sources.act import ActKind
from tests.rig import Rig, site
from tests.safety.test_faults import raising
from tests.safety.test_restored import live

pytestmark = pytest.mark.req("LH-NF-007", "LH-DOM-003", "LH-MON-004")
NAN, INF = float("nan"), float("inf")


def running(power_kw: float = 80.0, assets: int = 1, fcr_kw: float = 0.0) -> Rig:
    rig = Rig(site(assets, fcr_kw=fcr_kw)).ready()
    rig.schedule("day_ahead", power_kw * assets)
    rig.run(8)
    return rig


# --- the sentence -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kw", "said"),
    [
        (37.0, "37 kW discharge"),
        (-12.5, "12.5 kW charge"),
        (0.0, "0 kW"),
        (-0.0, "0 kW"),
        (NAN, "unknown"),
        (100.04, "100 kW discharge"),
    ],
)
def test_power_is_said_with_its_direction(kw: float, said: str) -> None:
    assert power(kw) == said


def stop(rig: Rig) -> None:
    rig.act(ActKind.STOP)
    rig.run(1)


def alarm(rig: Rig) -> None:
    rig.batteries["b1"].alarms = 2.0
    rig.run(1)


def limited(rig: Rig) -> None:
    rig.batteries["b1"].discharge_limit = 37.0
    rig.run(1)


def lost(rig: Rig) -> None:
    rig.batteries["b1"].answers = False
    rig.run(4)


def frozen(rig: Rig) -> None:
    rig.batteries["b1"].beats = False
    rig.run(5)


def local(rig: Rig) -> None:
    rig.batteries["b1"].remote = 0.0
    rig.run(2)


def unavailable(rig: Rig) -> None:
    rig.batteries["b1"].available = 0.0
    rig.run(1)


def ramping(rig: Rig) -> None:
    rig.schedule("day_ahead", -200.0, version=2)
    rig.run(1)


def idle(rig: Rig) -> None:
    rig.schedule("day_ahead", 0.0, version=2)
    rig.run(4)


SAID: dict[str, tuple[Callable[[Rig], None], str]] = {
    "following": (lambda _: None, "80 kW discharge, follows day ahead"),
    "limited": (limited, "37 kW discharge, limited by the BMS limit to 37 kW discharge (asked 80 kW"),
    "stopped": (stop, "0 kW, operator stop"),
    "faulted": (alarm, "0 kW, fault latched: critical alarm of the device"),
    "lost": (lost, "0 kW, data are too old"),
    "frozen": (frozen, "the device answers, but its values are frozen"),
    "local": (local, "nothing is written: "),
    "unavailable": (unavailable, "0 kW, device not available"),
    "ramping": (ramping, "30 kW discharge, ramping to 200 kW charge (asked 200 kW charge by day ahead)"),
    "idle": (idle, "0 kW, follows day ahead"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), SAID.values(), ids=SAID.keys())
def test_why_in_one_sentence(change: Callable[[Rig], None], said: str) -> None:
    rig = running()
    change(rig)
    assert said in why(rig.frame, 0)


def test_in_shadow_it_says_that_nothing_is_written() -> None:
    rig = Rig(site(), armed=False).ready()
    rig.schedule("day_ahead", 80.0)
    rig.run(8)
    assert why(rig.frame, 0) == "nothing is written: shadow mode"


def test_the_share_of_a_service_is_said() -> None:
    rig = running(fcr_kw=100.0)
    rig.frequency = 49.9
    rig.run(8)
    assert why(rig.frame, 0).endswith("50 kW discharge by reserve services")


def test_a_share_that_a_limit_keeps_small_names_it() -> None:
    """Of 80 kW for the site one battery can give 10: the other has the rest, and both say why."""
    rig = running(40.0, assets=2)
    rig.batteries["b1"].discharge_limit = 10.0
    rig.run(8)
    assert rig.frame["command_kw"].tolist() == [10.0, 70.0]
    assert why(rig.frame, 0) == "10 kW discharge, all that the BMS limit leaves of day ahead for the site"
    assert why(rig.frame, 1) == "70 kW discharge, follows day ahead"


def test_who_may_not_run_against_the_others_is_not_limited_by_its_own_limits() -> None:
    rig = running(0.0, assets=2)
    rig.batteries["b1"].charge_limit = 10.0
    rig.schedule("day_ahead", -50.0, "b1")
    rig.schedule("day_ahead", 80.0, "b2")
    rig.run(8)
    assert why(rig.frame, 0) == "0 kW, another asset runs in the site's direction (asked 50 kW charge by day ahead)"
    assert rig.frame["limited_by"][0] == 0


def test_a_failed_stage_is_said() -> None:
    rig = running()
    with raising(rig, "limits", 3):
        rig.tick()
    assert why(rig.frame, 0) == "0 kW, a stage of the chain failed"


def test_every_limit_latch_and_quality_has_its_words() -> None:
    assert set(LIMIT_TEXT) == set(r.LIMITS)
    assert {Latch(bit) for bit in LATCH_TEXT} == set(Latch) - {Latch.NONE}
    assert {Quality(bit) for bit in QUALITY_TEXT} == set(Quality) - {Quality.UNKNOWN, Quality.VALID}
    assert quality_text(0) == "never received"
    assert quality_text(Quality.VALID) == ""
    assert quality_text(Quality.STALE | Quality.MISSING) == "a required value is missing, data are too old"


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_command_as_json() -> None:
    rig = running()
    command = cut(rig.frame, 0)
    assert command is not None
    assert command_json(command) == {
        "command_id": command.id,
        "timestamp": "2026-09-21T14:13:35.000Z",
        "asset_id": "b1",
        "mode": "Discharge",
        "active_power_kw": 80.0,
        "reactive_power_kvar": 0.0,
        "valid_until": "2026-09-21T14:13:38.000Z",
        "reason": "80 kW discharge, follows day ahead",
        "source": "Schedule",
    }


def altered(frame: Frame, column: int = 0, **rows: float) -> Frame:
    """A sealed frame with other cells, as if a stage had left them."""
    values, codes = frame.values.copy(), frame.codes.copy()
    for name, value in rows.items():
        if name in frame.layout.value_index:
            values[frame.layout.value_index[name], column] = value
        else:
            codes[frame.layout.code_index[name], column] = int(value)
    return Frame(
        frame.tick, frame.utc_ns, frame.mono_s, frame.dt, frame.dt_ramp, frame.layout, frame.constants, values, codes,
        frame.site.copy(), frame.site_codes.copy(), frame.points.copy(), frame.point_codes.copy(), None,
    ).seal()  # fmt: skip


@pytest.mark.safety
@pytest.mark.req("LH-OPS-002")
@pytest.mark.parametrize(
    ("rows", "mode", "kw"),
    [
        ({"command_kw": NAN}, Mode.DISCHARGE, 0.0),
        ({"mode": 0}, Mode.STOP, 0.0),
        ({"mode": Mode.STOP}, Mode.STOP, 0.0),
        ({"command_kvar": NAN}, Mode.DISCHARGE, 80.0),
    ],
)
def test_what_is_unknown_is_0_kw_and_an_unknown_mode_is_a_stop(rows: dict[str, float], mode: Mode, kw: float) -> None:
    command = cut(altered(running().frame, 0, **rows), 0)
    assert command is not None
    assert (command.mode, command.power_kw, command.reactive_kvar) == (mode, kw, 0.0)


@pytest.mark.parametrize("authority", [0, 1])
@pytest.mark.safety
def test_without_authority_there_is_no_command(authority: int) -> None:
    assert cut(altered(running().frame, authority=authority), 0) is None


SOURCES: dict[str, tuple[Callable[[Rig], None], str]] = {
    "schedule": (lambda _: None, "Schedule"),
    "operator": (stop, "Operator"),
    "fault": (alarm, "Safety"),
}


@pytest.mark.parametrize(("change", "source"), SOURCES.values(), ids=SOURCES.keys())
def test_the_source_of_a_command(change: Callable[[Rig], None], source: str) -> None:
    rig = running()
    change(rig)
    command = cut(rig.frame, 0)
    assert command is not None
    assert command.source == source


@pytest.mark.parametrize("stage", ["snapshot", "limits", "constrain", "ramp", "command"])
def test_after_a_failed_stage_the_source_is_safety(stage: str) -> None:
    rig = running()
    with raising(rig, stage, 1):
        rig.tick()
    command = cut(rig.frame, 0)
    assert command is not None
    assert command.source == "Safety"


def test_sources_of_idle_reserve_and_nothing() -> None:
    rig = Rig(site(fcr_kw=50.0)).ready()
    command = cut(rig.frame, 0)
    assert command is not None
    assert command.source == "Fallback"
    rig.frequency = 49.8
    rig.run(6)
    command = cut(rig.frame, 0)
    assert command is not None
    assert command.source == "RegelLeistung"
    command = cut(altered(running().frame, request_by=0), 0)
    assert command is not None
    assert command.source == "Fallback"


# --- decision and status ----------------------------------------------------------------------------------------------


def test_the_trace_is_a_waterfall_of_rows() -> None:
    rig = running()
    limited(rig)
    trace = decision(rig.frame, 0, "cfg")
    assert [(step["stage"], step["out_kw"]) for step in trace["steps"]] == [
        ("asked", 80.0), ("resolve", 80.0), ("ancillary", 80.0), ("constrain", 37.0), ("ramp", 37.0), ("command", 37.0),
    ]  # fmt: skip
    assert [step["delta_kw"] for step in trace["steps"]] == [80.0, 0.0, 0.0, -43.0, 0.0, 0.0]
    assert trace["binding"] == {"by": "bms", "kw": 37.0}
    assert trace["next_limit"] == {"by": "configuration", "room_kw": 213.0}
    assert {entry["by"]: entry["why"] for entry in trace["not_used"]} == {
        "requests.commitment": "never received",
        "requests.intraday": "never received",
        "requests.idle": "lower priority",
    }


def test_on_the_charging_side_the_low_bound_is_told() -> None:
    rig = running(-80.0)
    rig.batteries["b1"].charge_limit = 20.0
    rig.run(1)
    trace = decision(rig.frame, 0)
    assert trace["binding"] == {"by": "bms", "kw": -20.0}
    assert trace["next_limit"] == {"by": "configuration", "room_kw": 230.0}


@pytest.mark.parametrize(("value", "shown"), [(1.23456, 1.235), (NAN, None), (INF, None), (-INF, None), (0.0, 0.0)])
def test_numbers_for_people(value: float, shown: float | None) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("code", "flag"),
    [
        (0, "Missing"),
        (Quality.VALID, "Valid"),
        (Quality.STALE, "Stale"),
        (Quality.PROTOCOL | Quality.STALE, "ProtocolError"),
        (Quality.MISSING | Quality.STALE, "Missing"),
        (Quality.SUBSTITUTED, "Substituted"),
        (Quality.RANGE, "Invalid"),
    ],
)
@pytest.mark.req("LH-DOM-004")
def test_the_flag_of_a_quality(code: int, flag: str) -> None:
    assert quality_flag(code) == flag


def test_who_is_in_control() -> None:
    rig = running(assets=2)
    assert site_status(rig.frame)["in_control"] == "day_ahead"
    rig.batteries["b1"].alarms = 1.0
    rig.run(1)
    assert site_status(rig.frame)["in_control"] == "day_ahead"
    rig.batteries["b2"].alarms = 1.0
    rig.run(1)
    assert site_status(rig.frame)["in_control"] == "fault"
    rig.act(ActKind.STOP, "b1")
    rig.run(1)
    assert site_status(rig.frame)["in_control"] == "operator stop"


def test_the_services_of_a_site() -> None:
    rig = running(fcr_kw=100.0)
    rig.frequency = 49.9
    rig.run(8)
    (service,) = site_status(rig.frame)["services"]
    assert service == {
        "id": "ancillary.fcr", "capacity_kw": 100.0, "asked_kw": 50.0, "given_kw": 50.0, "undeliverable_kw": 0.0,
        "state": "active",
    }  # fmt: skip
    rig.meter_answers = False
    rig.run(10)
    assert site_status(rig.frame)["services"][0]["state"] == "withdrawn"


def test_whatever_happened_it_can_be_explained_in_plain_json() -> None:
    """Every frame of a long story and of every failed stage: no exception, no NaN, a sentence each."""
    frames = list(live("1 s", 80).frames)
    for stage in ("snapshot", "state_machine", "limits", "resolve", "ancillary", "constrain", "ramp", "command"):
        rig = Rig(site(2, fcr_kw=40.0))
        with raising(rig, stage, 0):
            frames.append(rig.tick())
        rig.ready()
        with raising(rig, stage, 2):
            frames.append(rig.tick())
    for frame in frames:
        for column in range(2):
            trace, status = decision(frame, column), asset_status(frame, column)
            assert trace["why"] == status["why"] != ""
            json.dumps([trace, status, site_status(frame)], allow_nan=False)
