"""`why` out of a recording: the trace that the process gave of that tick, with the slot, and clear words otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from operators.decision import decision
from pipeline.cli import main
from pipeline.exits import Exit
from pipeline.recalled import recalled
from sources.instant import format_utc
from tests.browser.plant import Plant
from tests.browser.served import serve
from tests.recorded import recorded
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-NF-008", "LH-NF-005", "LH-TEST-004")


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["why", *arguments])


def drops(folder: Path) -> tuple[Rig, int, dict[str, Any]]:
    """A battery whose BMS limit drops below its reserve; the instant, and the trace that the process gave of it."""
    rig, recorder = recorded(folder, definition=site(2, fcr_kw=60.0))
    rig.ready()
    rig.schedule("day_ahead", 160.0)
    rig.run(8)
    rig.frequency = 49.8
    rig.batteries["b1"].discharge_limit = 20.0
    rig.run(30)
    held = rig.entry.snapshot.offers.schedules.values()
    at_ns, trace = rig.frame.utc_ns, decision(rig.frame, 0, schedules=held)
    rig.batteries["b1"].discharge_limit = 250.0
    rig.schedule("day_ahead", -100.0, version=2)
    rig.run(5)
    recorder.store.close()
    return rig, at_ns, trace


def test_the_recorded_trace_is_the_one_that_the_process_gave(tmp_path: Path) -> None:
    """At any tick, also one in the middle of a chunk, with the schedule that was held then and not the newest."""
    rig, at_ns, trace = drops(tmp_path)
    (found,) = recalled(tmp_path, at_ns, ["b1"])
    assert found | {"config": ""} == trace
    assert found["steps"][0]["detail"].startswith("slot ")
    assert found["steps"][0]["detail"].endswith("UTC, version 1")
    newest = recalled(tmp_path)
    assert [one["asset_id"] for one in newest] == ["b1", "b2"]
    assert newest[0]["tick"] == rig.frame.tick


def test_the_waterfall_says_every_step_with_its_reason_and_input(tmp_path: Path) -> None:
    _, at_ns, _ = drops(tmp_path)
    said = asked("b1", "--from", str(tmp_path), "--at", format_utc(at_ns))
    assert said.exit_code == Exit.OK, said.output
    for expected in (
        "b1 command 20.0 kW discharge", "slot ", "f = 49.800 Hz; fcr 30 kW of 30 kW", "limits.bms",
        "leaves 20 kW discharge", "confirmed", "read back 20 kW", "limited by bms at 20.0 kW",
        "next limit if this one lifts: configuration (room 230.0 kW)",
        "shortfall: 10.0 kW, of which reserve services 10.0 kW", "reserve without room: ancillary.fcr 10.0 kW",
        "not used: requests.commitment (never received)",
        "requests.idle (lower priority, asks 0.0 kW for the site)",
    ):  # fmt: skip
        assert expected in " ".join(said.output.split()), said.output


def test_json_and_an_instant_that_is_too_early_or_too_late(tmp_path: Path) -> None:
    rig, _, _ = drops(tmp_path)
    found = json.loads(asked("b2", "--from", str(tmp_path), "--json").output)
    assert (found["asset_id"], found["tick"]) == ("b2", rig.frame.tick)
    early = asked("b1", "--from", str(tmp_path), "--at", "2020-01-01T00:00:00Z")
    assert early.exit_code == Exit.FAILED
    assert "begins later" in early.output
    late = asked("b1", "--from", str(tmp_path), "--at", format_utc(rig.frame.utc_ns + 60_000_000_000))
    assert "the newest tick before it is 60 s older" in late.output
    other = asked("b9", "--from", str(tmp_path))
    assert other.exit_code == Exit.FAILED
    assert "there is no asset `b9`; there is b1, b2" in other.output


def test_a_process_without_a_recording_says_that_it_knows_the_newest_tick_alone() -> None:
    with serve(Plant()) as there:
        said = asked("--url", there.url, "--at", "2026-11-22T13:03:07Z")
    assert said.exit_code == Exit.FAILED
    assert "knows its newest tick alone" in said.output


def test_a_live_instant_comes_out_of_the_processs_own_recording(tmp_path: Path) -> None:
    _, at_ns, trace = drops(tmp_path)

    class Recording(Plant):
        def hello(self) -> Any:
            return {**super().hello(), "recordings": [str(tmp_path)]}

    with serve(Recording()) as there:
        said = asked("b1", "--url", there.url, "--at", format_utc(at_ns), "--json")
    assert json.loads(said.output)["steps"] == trace["steps"]
