"""Since when, acknowledged by whom, shelved until when: what of the book survives a restart; a disk that refuses."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sinks.alarms import keeper as module
from sinks.alarms.alarm import Shelf
from sinks.alarms.book import AT_ONCE, RESTORED_S, AlarmBook
from sinks.alarms.condition import Condition
from sinks.alarms.keeper import KEPT, AlarmKeeper, encode, load
from sinks.checkpoint import store
from tests.real.until import until
from tests.rig import START_NS

pytestmark = [pytest.mark.req("LH-OPS-004", "LH-NF-004"), pytest.mark.safety]
S = 1_000_000_000
HOT = Condition("hot", "b1", 2, "too hot", "Cool it down please", off_delay_s=3.0, consequence_of=("maintenance",))
TRIP = Condition("trip", "b1", 1, "tripped", "Look at it now", latched=True)
LATE = Condition("late", None, 3, "late", "Ask the sender")


def kept(path: Path) -> AlarmBook:
    """A book in which one is acknowledged, one shelved, one has returned, on disk and read again."""
    book = AlarmBook()
    book.update([TRIP, HOT, LATE], START_NS, 0.0)
    book.acknowledge("b1.trip", START_NS + S, "olga")
    book.shelve("b1.hot", Shelf("otto", "fan", START_NS, START_NS + 3600 * S))
    book.update([TRIP, HOT], START_NS + S, 1.0)
    store(path, encode(tuple(book.alarms.values()), book.shelves))
    again = AlarmBook()
    load(path, again)
    assert again.json() == book.json()
    return again


def states(book: AlarmBook) -> dict[str, str]:
    return {str(item["id"]): str(item["state"]) for item in book.json()}


@pytest.mark.hazard("row 39")
def test_the_restored_book_shows_the_same_and_goes_on(tmp_path: Path) -> None:
    book = kept(tmp_path / "a")
    assert states(book) == {"b1.trip": "acknowledged", "site.late": "returned", "b1.hot": "shelved"}
    book.update([TRIP, HOT], START_NS + 100 * S, 5.0)
    assert states(book)["b1.trip"] == "acknowledged", "nobody is asked again for what somebody has seen"
    book.update([TRIP, HOT], START_NS + 3600 * S, 6.0)
    assert states(book)["b1.hot"] == "unacknowledged"


def test_what_does_not_hold_any_more_goes_once_devices_had_time_to_answer(tmp_path: Path) -> None:
    book = kept(tmp_path / "a")
    book.update([], START_NS + 100 * S, 1000.0)
    book.update([], START_NS + 110 * S, 1000.0 + RESTORED_S - 1.0)
    assert states(book)["b1.trip"] == "acknowledged"
    book.update([], START_NS + 120 * S, 1000.0 + RESTORED_S)
    assert states(book)["b1.trip"] == "latched"


def test_a_missing_file_is_a_first_start_and_a_damaged_one_asks_anew(tmp_path: Path) -> None:
    kept(tmp_path / "a")
    raw = (tmp_path / "a").read_bytes()
    for damaged in (b"", raw[:-40], b"[]", b'{"alarms": [{}], "shelves": {}}', b"\xff" * 100):
        (tmp_path / "d").write_bytes(damaged)
        book = AlarmBook()
        load(tmp_path / "d", book)
        assert book.json() == []
    load(tmp_path / "none", AlarmBook())


def test_of_a_flood_what_somebody_touched_and_what_is_urgent_is_kept() -> None:
    book = AlarmBook()
    noise = [Condition(f"n{i}", "b2", 3, "noise", "Look at it") for i in range(3 * KEPT)]
    for now in range(3 * KEPT // AT_ONCE + 1):
        book.update([*noise, TRIP], START_NS, float(now))
    book.acknowledge("b2.n7", START_NS, "olga")
    raw = encode(tuple(book.alarms.values()), {})
    assert b'"n7"' in raw
    assert b'"trip"' in raw
    assert raw.count(b'"condition"') == KEPT


async def test_a_change_is_written_off_the_loop_and_a_disk_that_refuses_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, real = True, store

    def refusing(path: Path, raw: bytes) -> None:
        if full:
            raise OSError(28, "no space left on device")
        real(path, raw)

    monkeypatch.setattr(module, "store", refusing)
    monkeypatch.setattr(module, "PACE_S", 0.0)
    book = AlarmBook()
    keeper = AlarmKeeper(tmp_path / "a", book)
    task = asyncio.create_task(keeper.run())
    try:
        keeper.offer()
        assert keeper.sink.offered == 0, "nothing has changed"
        book.update([HOT], START_NS, 0.0)
        keeper.offer()
        await until(lambda: "no space left" in keeper.problem)
        full = False
        keeper.offer()
        await until(lambda: keeper.sink.delivered == 1)
        assert keeper.problem == ""
        again = AlarmBook()
        load(tmp_path / "a", again)
        assert states(again) == {"b1.hot": "unacknowledged"}
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
