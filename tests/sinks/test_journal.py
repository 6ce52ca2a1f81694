"""The operator journal: durable before the answer, and honest about what it finds after a crash."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.journal import Entry, Journal, JournalFileError
from sinks.journal_lines import encode, recover
from sources.act import ActKind, OperatorAct
from tests.conftest import ROOT

ASSETS = ("bess1", "bess2")


def act(kind: ActKind = ActKind.STOP, asset: str | None = None, n: int = 0, reason: str = "smoke") -> OperatorAct:
    return OperatorAct(f"act-{n}", kind, asset, "kim", "operator", reason, 1000 + n)


async def written(path: Path, *acts: OperatorAct) -> None:
    journal = Journal(path, "boot")
    for one in acts:
        await journal.append(one)
    await journal.close()


async def standing(path: Path) -> list[tuple[str, str | None]]:
    journal = Journal(path, "later")
    found = journal.standing(ASSETS)
    await journal.close()
    assert all(act.restored for act in found)
    return [(str(act.kind), act.asset) for act in found]


@pytest.mark.req("LH-API-006", "LH-OPS-004")
@pytest.mark.safety
async def test_a_stop_stands_after_a_restart_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "acts.journal"
    await written(path, act())
    assert await standing(path) == [("stop", None)]
    await written(path, act(ActKind.RELEASE, n=1))
    assert await standing(path) == []


@pytest.mark.req("LH-API-006")
@pytest.mark.safety
@pytest.mark.parametrize(("acts", "expected"), [
    ([(ActKind.STOP, None), (ActKind.RELEASE, "bess1")], [("stop", "bess2")]),
    ([(ActKind.STOP, "bess1"), (ActKind.RELEASE, "bess2")], [("stop", "bess1")]),
    ([(ActKind.STOP, "bess1"), (ActKind.RELEASE, None)], []),
    ([(ActKind.STOP, None), (ActKind.RELEASE, "bess1"), (ActKind.STOP, "bess1")],
     [("stop", "bess1"), ("stop", "bess2")]),
    ([(ActKind.STOP, None), (ActKind.RELEASE, "bess1"), (ActKind.STOP, None)], [("stop", None)]),
    ([(ActKind.STOP, "bess1"), (ActKind.STOP, None), (ActKind.RELEASE, "bess1")], [("stop", "bess2")]),
    ([(ActKind.STOP, None), (ActKind.ACKNOWLEDGE, None), (ActKind.ACTIVATE, None)], [("stop", None)]),
    ([(ActKind.LOCK_OUT, "bess1"), (ActKind.RELEASE, None)], [("lock_out", "bess1")]),
    ([(ActKind.LOCK_OUT, "bess1"), (ActKind.UNLOCK, "bess1")], []),
])
async def test_what_stands_after_a_series_of_acts(
        tmp_path: Path, acts: list[tuple[ActKind, str | None]], expected: list[tuple[str, str | None]]) -> None:
    path = tmp_path / "acts.journal"
    await written(path, *(act(kind, asset, n) for n, (kind, asset) in enumerate(acts)))
    assert sorted(await standing(path), key=str) == sorted(expected, key=str)


@pytest.mark.req("LH-API-006")
async def test_the_record_is_synced_when_append_returns(tmp_path: Path) -> None:
    path, synced = tmp_path / "acts.journal", list[int]()

    def fsync(fd: int) -> None:
        os.fsync(fd)
        synced.append(path.stat().st_size)

    journal = Journal(path, "boot", fsync=fsync)
    await journal.append(act())
    assert synced == [path.stat().st_size]
    assert b"smoke" in path.read_bytes()
    await journal.close()


@pytest.mark.req("LH-API-007")
async def test_refusals_and_other_writes_are_kept_and_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / "acts.journal"
    journal = Journal(path, "boot")
    journal.boot(500, "0.1.0", "c3f1a2e")
    await journal.refuse(act(), "role viewer may not stop")
    await journal.note("schedule_import", at_ns=7, operator="kim", role="engineer", subject="digest", accepted=False,
                       why="no windows")
    await journal.close()
    later = Journal(path, "later")
    assert [(entry.what, entry.accepted, entry.why) for entry in later.latest(10)] == [
        ("schedule_import", False, "no windows"), ("stop", False, "role viewer may not stop"), ("boot", True, "0.1.0")]
    assert later.standing(ASSETS) == []
    assert (later.crashing_since(400), later.crashing_since(600)) == (1, 0)
    await later.close()


async def test_an_act_cannot_be_noted_as_something_else(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "acts.journal", "boot")
    with pytest.raises(ValueError, match="use append"):
        await journal.note("stop", at_ns=1, operator="kim", role="operator")
    await journal.close()


async def test_listeners_hear_of_records_that_are_on_disk_and_may_fail(tmp_path: Path) -> None:
    heard: list[Entry] = []

    def listen(entry: Entry) -> None:
        heard.append(entry)
        raise RuntimeError("listener")

    journal = Journal(tmp_path / "acts.journal", "boot", noted=listen)
    await journal.append(act())
    assert [entry.act for entry in heard] == [act()]
    await journal.close()


@pytest.mark.req("LH-NF-009")
async def test_texts_from_outside_cannot_break_a_record(tmp_path: Path) -> None:
    path = tmp_path / "acts.journal"
    await written(path, act(reason='"}\n{"crc":"00000000"\ud800\x00' + "x" * 5000))
    assert await standing(path) == [("stop", None)]
    assert path.read_bytes().count(b"\n") == 1


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "acts.journal", "boot")
    with pytest.raises(JournalFileError, match="in use"):
        Journal(tmp_path / "acts.journal", "other")
    await journal.close()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalFileError, match="file"):
        Journal(tmp_path / "file" / "acts.journal", "boot")


@pytest.mark.req("LH-API-006")
@pytest.mark.safety
async def test_a_failed_write_is_an_error_and_leaves_the_file_whole(tmp_path: Path) -> None:
    path, failing = tmp_path / "acts.journal", [False]

    def fsync(fd: int) -> None:
        if failing[0]:
            raise OSError(28, "No space left on device")
        os.fsync(fd)

    journal = Journal(path, "boot", fsync=fsync)
    await journal.append(act(asset="bess1"))
    failing[0] = True
    with pytest.raises(JournalFileError, match="No space left"):
        await journal.append(act(n=1))
    failing[0] = False
    await journal.append(act(asset="bess2", n=2))
    await journal.close()
    assert recover(path.read_bytes()).damaged == 0
    assert await standing(path) == [("stop", "bess1"), ("stop", "bess2")]


@pytest.mark.req("LH-API-006")
@pytest.mark.safety
async def test_a_record_that_cannot_be_read_counts_as_a_stop_of_all(tmp_path: Path) -> None:
    path = tmp_path / "acts.journal"
    await written(path, act(asset="bess1"), act(ActKind.ACKNOWLEDGE, "bess1", 1))
    raw = bytearray(path.read_bytes())
    raw[40] ^= 1
    path.write_bytes(raw)
    assert await standing(path) == [("stop", None)]
    await written(path, act(ActKind.RELEASE, n=2))
    assert await standing(path) == []


@pytest.mark.req("LH-API-006")
@pytest.mark.safety
async def test_a_torn_tail_is_cut_off_and_the_file_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "acts.journal"
    await written(path, act(asset="bess1"), act(asset="bess2", n=1))
    path.write_bytes(path.read_bytes()[:-20])
    assert await standing(path) == [("stop", "bess1")]
    await written(path, act(asset="bess2", n=2))
    assert await standing(path) == [("stop", "bess1"), ("stop", "bess2")]


ACTS = st.lists(st.tuples(st.sampled_from([ActKind.STOP, ActKind.RELEASE, ActKind.ACKNOWLEDGE, ActKind.LOCK_OUT]),
                          st.sampled_from([None, *ASSETS])), min_size=1, max_size=8)


def lines_of(acts: list[tuple[ActKind, str | None]]) -> list[bytes]:
    async def write() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "acts.journal"
            await written(path, *(act(kind, asset, n) for n, (kind, asset) in enumerate(acts)))
            return path.read_bytes()

    return asyncio.run(write()).splitlines(keepends=True)


def stands(raw: bytes) -> list[tuple[str, str | None]]:
    async def read() -> list[tuple[str, str | None]]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "acts.journal"
            path.write_bytes(raw)
            return await standing(path)

    return asyncio.run(read())


@pytest.mark.req("LH-API-006")
@pytest.mark.safety
@settings(max_examples=40, deadline=None)
@given(acts=ACTS, cut=st.integers(0, 10_000))
def test_a_file_cut_anywhere_holds_exactly_the_whole_records_before_the_cut(
        acts: list[tuple[ActKind, str | None]], cut: int) -> None:
    lines = lines_of(acts)
    raw = b"".join(lines)[:cut]
    whole = [line for i, line in enumerate(lines) if sum(map(len, lines[: i + 1])) - 1 <= len(raw)]
    assert stands(raw) == stands(b"".join(whole))


@pytest.mark.req("LH-API-006")
@pytest.mark.safety
@settings(max_examples=60, deadline=None)
@given(acts=ACTS, place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_byte_never_lifts_a_stop(acts: list[tuple[ActKind, str | None]], place: int, byte: int) -> None:
    """What stood still stands, by itself or because all assets are stopped."""
    raw = bytearray(b"".join(lines_of(acts)))
    before = stands(bytes(raw))
    raw[place % len(raw)] = byte
    after = stands(bytes(raw))
    stopped = {asset for kind, asset in after if kind == "stop"}
    assert all(asset in stopped or None in stopped for kind, asset in before if kind == "stop")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_recovery_reads_anything(raw: bytes) -> None:
    line = encode({"n": 0})
    found = recover(line + raw)
    assert found.lines[0].body == {"n": 0}
    assert found.good_bytes + found.torn_bytes == len(line + raw)


WRITER = """
import asyncio, sys
from pathlib import Path
from sinks.journal import Journal
from sources.act import ActKind, OperatorAct

async def main():
    journal = Journal(Path(sys.argv[1]), "boot")
    for n in range(10**6):
        await journal.append(OperatorAct(f"{n}", ActKind.STOP, "bess1", "kim", "operator", "x" * (n % 300), n))
        print(n, flush=True)

asyncio.run(main())
"""


@pytest.mark.req("LH-API-006", "LH-OPS-004")
@pytest.mark.safety
@pytest.mark.integration
@pytest.mark.parametrize("acknowledged", [1, 7, 40])
@pytest.mark.hazard("row 39", "peer 8")
async def test_kill_9_loses_no_acknowledged_record(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "acts.journal"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=ROOT) as writer:
        assert writer.stdout is not None
        for _ in range(acknowledged):
            assert writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        seen = acknowledged + len(writer.stdout.read().splitlines())
    journal = Journal(path, "later")
    assert [entry.id for entry in journal.entries][:seen] == [str(n) for n in range(seen)]
    assert all(entry.what == "stop" for entry in journal.entries)
    await journal.close()
