"""Recorded telemetry of the earlier system's format through the whole chain: what is the same, what differs and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jit.twins import on_twins
from pipeline.check import check
from pipeline.earlier.asset import Site
from pipeline.earlier.compared import Compared, text
from pipeline.earlier.manifest import ManifestError
from pipeline.earlier.replay import replayed
from tests.pipeline.earlier.sets import command, record, schedule, silence, telemetry_set

pytestmark = pytest.mark.req("LH-TEST-004", "LH-TEST-005")
FOLLOWS = "follows-day-ahead-binding-rank-4"
PLAN = [schedule((0, 1, 12.0), (1, 2, 35.0), (2, 3, -20.0), (3, 4, 0.0))]


@pytest.fixture(autouse=True)
def on_plain_kernels() -> Iterator[None]:
    with on_twins():
        yield


def differing(one: Compared) -> dict[str, str]:
    return {difference.member: difference.because for difference in one.differences}


def test_a_schedule_is_followed_with_the_same_commands(tmp_path: Path) -> None:
    golden = [command(at, power, FOLLOWS) for at, power in enumerate((12.0, 35.0, -20.0, 0.0))]
    outcome = replayed(telemetry_set(tmp_path, [record(at) for at in range(4)], golden, PLAN))
    assert [one.differences for one in outcome.compared] == [()] * 4
    assert outcome.passed


def test_a_command_that_nobody_explains_fails_and_is_told(tmp_path: Path) -> None:
    golden = [command(0, 12.0, FOLLOWS), command(1, 34.0, FOLLOWS)]
    outcome = replayed(telemetry_set(tmp_path, [record(0), record(1)], golden, PLAN))
    told = outcome.json()
    assert not outcome.passed
    assert told["different"] == 1
    assert told["commands"][1]["differences"] == [
        {"member": "active_power_kw", "theirs": 34.0, "ours": 35.0, "because": None}
    ]
    assert "active_power_kw 34.0 → 35.0 (NOT STATED)" in text(outcome)


def test_tolerance_judges_powers_and_not_words(tmp_path: Path) -> None:
    golden = [command(0, 12.25, "in other words"), command(1, 34.0, "in other words")]
    loose = {"mode": "tolerance", "seed": None, "runtime": "own", "numeric": "ieee754-double"}
    path = telemetry_set(
        tmp_path, [record(0), record(1)], golden, PLAN, determinism=loose,
        tolerances={"active_power_kw_abs": 0.5, "reactive_power_kvar_abs": 0.0},
    )  # fmt: skip
    first, second = replayed(path).compared
    assert first.differences == ()
    assert differing(second) == {"active_power_kw": ""}


def test_old_values_give_no_power_and_waiting_for_fresh_ones_is_stated(tmp_path: Path) -> None:
    golden = [command(0, 0.0, "snapshot-aged-15.0s", mode="Stop"), command(1, 12.0, FOLLOWS)]
    plan = [schedule((-60, 60, 12.0))]
    outcome = replayed(telemetry_set(tmp_path, [record(0, received_s=-15), record(1)], golden, plan))
    old, back = outcome.compared
    assert differing(old) == {"command_id": "zero_not_stop", "mode": "zero_not_stop"}
    assert set(differing(back).values()) == {"fresh_first"}
    assert outcome.passed
    assert "fresh_for" in outcome.json()["reasons"]["fresh_first"]


def test_nothing_is_written_to_a_device_that_has_said_nothing(tmp_path: Path) -> None:
    golden = [command(0, 0.0, "no-snapshot", mode="Stop"), command(1, 0.0)]
    outcome = replayed(telemetry_set(tmp_path, [silence(0), record(1)], golden))
    assert set(differing(outcome.compared[0]).values()) == {"silent"}
    assert set(differing(outcome.compared[1]).values()) == {"fresh_first"}
    assert outcome.passed


def test_heat_at_its_bound_is_a_stated_difference(tmp_path: Path) -> None:
    golden = [command(0, 12.0, FOLLOWS)]
    outcome = replayed(telemetry_set(tmp_path, [record(0, temperature_celsius=55.0)], golden, PLAN))
    assert set(differing(outcome.compared[0]).values()) == {"bound_of_temperature"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"available": False}, "asset-unavailable"),
        ({"soc_percent": 110.0}, "soc-out-of-range"),
        ({"data_quality": {"flag": "ProtocolError", "reason": "soc-not-finite"}}, "protocol-error"),
    ],
)
def test_unfit_telemetry_never_gives_power(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    records = [record(0), record(1, **change)]
    golden = [command(0, 12.0, FOLLOWS), command(1, 0.0, reason, mode="Stop")]
    outcome = replayed(telemetry_set(tmp_path, records, golden, PLAN))
    assert outcome.passed, text(outcome)
    assert "active_power_kw" not in differing(outcome.compared[1])


def test_records_closer_than_a_second_are_ticks_of_their_own(tmp_path: Path) -> None:
    """Half a second of a ramp of 100 kW/s."""
    plan = [schedule((0, 1, -30.0), (1, 2, 35.0))]
    golden = [command(0, -30.0, FOLLOWS), command(0.5, -30.0, FOLLOWS), command(1, 20.0, "ramp-up-clamped")]
    outcome = replayed(telemetry_set(tmp_path, [record(0), record(0.5), record(1)], golden, plan))
    assert [one.differences for one in outcome.compared] == [()] * 3


def test_a_definition_of_ones_own_stands_in_for_the_documented_battery(tmp_path: Path) -> None:
    written = Path("pipeline/earlier/asset.yaml").read_text(encoding="utf-8")
    (tmp_path / "site.yaml").write_text(written.replace("ramp: 100 kW/s", "ramp: 5 kW/s"), encoding="utf-8")
    found = check(tmp_path / "site.yaml", env_stub=True)
    assert found.definition is not None
    path = telemetry_set(tmp_path, [record(0)], [command(0, 12.0, FOLLOWS)], PLAN)
    (only,) = replayed(path, Site(found.definition, found.profiles)).compared
    assert [(d.member, d.ours) for d in only.differences] == [("active_power_kw", 5.0), ("reason", "ramp-up-clamped")]


@pytest.mark.parametrize(
    ("records", "commands", "said"),
    [
        ([record(0)], [], "0 commands for 1 records"),
        ([record(1), record(0)], [command(1, 0.0), command(0, 0.0)], "in the order of time"),
        ([record(0)], [command(1, 0.0)], "the command is of 2026-03-02T12:00:01"),
        ([record(0, received_s=2)], [command(0, 0.0)], "received after the cycle"),
        ([record(0), record(1.03)], [command(0, 0.0), command(1.03, 0.0)], "every 10 ms would meet"),
        ([record(0, asset_id="other")], [command(0, 0.0)], "a set is of one asset"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    tmp_path: Path, records: list[object], commands: list[object], said: str
) -> None:
    with pytest.raises(ManifestError, match=said):
        replayed(telemetry_set(tmp_path, records, commands))
