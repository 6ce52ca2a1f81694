"""Blocks and runs: no undeclared register, no torn value, few requests, the declared order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.profile import Point, Profile, RegisterType
from sources.modbus.blocks import encode_run, read_blocks, write_runs
from tests.real.modbus import load

TABLES = ("holding", "input", "coil", "discrete")
KINDS: dict[RegisterType, int] = {"uint16": 1, "int32": 2, "float64": 4}


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    points, address = {}, 0
    for i in range(draw(st.integers(1, 25))):
        address += draw(st.sampled_from([0, 0, 0, 1, 2, 7]))
        table = draw(st.sampled_from(TABLES))
        kind: RegisterType = "bool" if table in ("coil", "discrete") else draw(st.sampled_from(sorted(KINDS)))
        points[f"p{i}"] = Point(register_=f"{table} {address}", type=kind, word_order="big")
        address += KINDS.get(kind, 1)
    meter = load("grid-meter")
    gap, most = draw(st.sampled_from([0, 0, 1, 5])), draw(st.sampled_from([4, 7, 100]))
    return meter.model_copy(update={"read": points, "block_gap": gap, "max_block": most})


@pytest.mark.req("LH-MODB-001", "LH-MODB-004")
@given(profiles())
def test_blocks_cover_every_point_once_and_never_tear_one(profile: Profile) -> None:
    blocks = read_blocks(profile)
    assert sorted(index for block in blocks for index, _, _ in block.points) == list(range(len(profile.read)))
    for block in blocks:
        assert 1 <= block.count <= profile.max_block
        for _, offset, point in block.points:
            assert point.table == block.table
            assert block.address + offset == point.address
            assert offset + point.words <= block.count


@pytest.mark.req("LH-MODB-001")
@given(profiles())
def test_undeclared_registers_are_read_only_as_far_as_the_profile_allows(profile: Profile) -> None:
    for block in read_blocks(profile):
        declared = {offset + i for _, offset, point in block.points for i in range(point.words)}
        longest = current = 0
        for offset in range(block.count):
            current = 0 if offset in declared else current + 1
            longest = max(longest, current)
        assert longest <= profile.block_gap


def test_the_storage_profile_reads_in_these_blocks() -> None:
    blocks = [(block.table, block.address, block.count) for block in read_blocks(load("sunspec-storage"))]
    assert ("holding", 40296, 2) in blocks  # soc, soh
    assert ("holding", 40303, 3) in blocks  # remote, heartbeat
    assert len(blocks) == 12


def test_a_gap_that_may_be_read_saves_requests() -> None:
    assert len(read_blocks(load("sunspec-storage", block_gap=40))) < 12


@pytest.mark.req("LH-MODB-002")
def test_writes_keep_the_declared_order_and_join_neighbours() -> None:
    profile = load("sunspec-storage")
    runs = write_runs(profile, profile.write_order)
    assert [[point.name for point in run.points] for run in runs] == [["enable", "unit_mode", "power"], ["heartbeat"]]
    assert [run.address for run in runs] == [40247, 40306]
    said = {"enable": 1.0, "unit_mode": 1.0, "power": -37.0}
    assert encode_run(runs[0], said.__getitem__) == [1, 1, 0xFFFF, 0xFE8E]


@pytest.mark.req("LH-MODB-002")
def test_what_arms_the_reversion_goes_out_time_then_value_then_enable() -> None:
    """Reliability §2 row 9: never enabled before its value."""
    profile = load("sunspec-storage")
    runs = write_runs(profile, profile.arm)
    assert [[point.name for point in run.points] for run in runs] == [
        ["revert_after"], ["revert_power"], ["revert_enable"],
    ]  # fmt: skip


def test_a_meter_has_nothing_to_write() -> None:
    assert write_runs(load("grid-meter"), ()) == ()
