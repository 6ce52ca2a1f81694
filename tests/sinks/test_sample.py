"""What history keeps of a frame: every command, telemetry with quality and source, changes with reasons."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from jit.codes import Authority, Latch, Permit, Quality, Reason, State
from jit.frame import Frame
from operators.cut import cut
from sinks.postgres.tables import TABLES
from sinks.records import Kind, Record, RecordClass
from sinks.sample import Cutter
from tests.sinks.frames import START_NS, sealed, site


def cutter(**wishes: bool) -> Cutter:
    return Cutter("boot", {"bess1": "modbus-tcp://plant"}, cut, **wishes)


def records(by: Cutter, frame: Frame) -> list[tuple[RecordClass, Record]]:
    return [(piece.klass, record) for piece in by.pieces(frame) for record in piece.cut()]


def payloads(by: Cutter, frame: Frame, kind: Kind) -> list[dict[str, Any]]:
    return [orjson.loads(record.payload) for _, record in records(by, frame) if record.kind is kind]


@pytest.mark.req("LH-PERSIST-001", "LH-DOM-002", "LH-DOM-004")
def test_telemetry_carries_quality_and_source() -> None:
    [row] = payloads(cutter(), sealed(site(), soc_pct=50.5, quality=Quality.MISSING | Quality.STALE), Kind.TELEMETRY)
    assert (row["soc_pct"], row["source"], row["quality_text"]) == (50.5, "modbus-tcp://plant", "missing|stale")
    assert row["available"] is True


def test_unknown_is_null_and_not_zero() -> None:
    [row] = payloads(cutter(), sealed(site(), power_kw=float("nan"), available=Permit.UNKNOWN), Kind.TELEMETRY)
    assert (row["power_kw"], row["available"]) == (None, None)


@pytest.mark.req("LH-PERSIST-002", "LH-NF-007")
def test_every_command_has_value_reason_and_decision() -> None:
    frame = sealed(site("bess1", "bess2"), 3, command_kw=37.0, asked_kw=80.0, limited_kw=37.0)
    rows = payloads(cutter(), frame, Kind.COMMAND)
    assert [row["asset"] for row in rows] == ["bess1", "bess2"]
    assert (rows[0]["power_kw"], rows[0]["asked_kw"], rows[0]["limited_kw"]) == (37.0, 80.0, 37.0)
    assert (rows[0]["request"], rows[0]["limited_by"], rows[0]["mode"]) == ("requests.day_ahead", "bms", "discharge")
    assert rows[0]["reason"]


def test_a_silent_asset_has_no_command() -> None:
    assert payloads(cutter(), sealed(site(), authority=Authority.SILENT), Kind.COMMAND) == []


@pytest.mark.req("LH-PERSIST-002", "LH-OPS-004")
def test_state_changes_are_recorded_once_with_their_reason() -> None:
    by, layout = cutter(), site()
    records(by, sealed(layout, 0))
    assert payloads(by, sealed(layout, 1), Kind.STATE) == []
    frame = sealed(layout, 2, state=State.LIMITED, state_by=Reason.LIMITED)
    assert payloads(by, frame, Kind.STATE) == [{
        "tick": 2, "asset": "bess1", "item": "state", "before": "discharging", "after": "limited", "reason": "limited"}]


@pytest.mark.req("LH-PERSIST-006")
@pytest.mark.parametrize(("rows", "klass"), [
    ({"state": State.CHARGING}, RecordClass.STATUS),
    ({"state": State.EMERGENCY_STOP}, RecordClass.AUDIT),
    ({"latch": Latch.WRONG_SIGN}, RecordClass.AUDIT),
    ({"fault": 4}, RecordClass.AUDIT),
    ({"may_charge": Permit.NO}, RecordClass.STATUS),
])
def test_what_concerns_safety_is_audit(rows: dict[str, int], klass: RecordClass) -> None:
    by, layout = cutter(), site()
    records(by, sealed(layout, 0))
    changed = [found for found, record in records(by, sealed(layout, 1, **rows)) if record.kind is Kind.STATE]
    assert changed == [klass]


def test_a_new_layout_keeps_what_is_known_of_assets_that_stay() -> None:
    by = cutter()
    records(by, sealed(site("bess1"), 0))
    changed = payloads(by, sealed(site("bess2", "bess1"), 1), Kind.STATE)
    assert {row["asset"] for row in changed} == {"bess2"}


def test_numbers_count_up_and_match_the_records() -> None:
    by, layout = cutter(), site("bess1", "bess2")
    pieces = [piece for tick in range(3) for piece in by.pieces(sealed(layout, tick))]
    cut_records = [list(piece.cut()) for piece in pieces]
    assert [len(found) for found in cut_records] == [piece.count for piece in pieces]
    assert sorted(record.seq for found in cut_records for record in found) == list(range(by.next_seq()))


def test_every_member_is_a_column_and_every_column_is_filled() -> None:
    by = cutter()
    for kind in (Kind.TELEMETRY, Kind.SITE, Kind.COMMAND, Kind.STATE):
        row = payloads(Cutter("boot", {}, cut), sealed(site()), kind)[0]
        assert set(row) == {*TABLES[kind].columns, *(f"{name}_ns" for name in TABLES[kind].times)}
    assert by.pieces(sealed(site()))


@pytest.mark.req("LH-CONF-001")
def test_only_what_is_published_is_kept() -> None:
    frame = sealed(site())
    assert payloads(cutter(telemetry=False), frame, Kind.TELEMETRY) == []
    assert payloads(cutter(commands=False), frame, Kind.COMMAND) == []
    assert "asked_kw" not in payloads(cutter(decisions=False), frame, Kind.COMMAND)[0]


def test_times_are_those_of_the_frame() -> None:
    assert {record.at_ns for _, record in records(cutter(), sealed(site(), 5))} == {START_NS + 5_000_000_000}
