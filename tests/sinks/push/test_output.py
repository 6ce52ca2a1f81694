"""The output of type http: what a document holds, when it is tried again, what waits on disk, and what is dropped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from math import nan
from pathlib import Path
from typing import Any

import pytest

from sinks.push import output as under_test
from sinks.push.output import PushOutput
from sinks.push.target import Answer, Target
from sources.pause import pause
from tests.real.collector import Collector, Says, dripping, reset
from tests.real.connection import logged
from tests.real.mosquitto import free_port
from tests.real.until import until

__all__ = ["logged"]
pytestmark = [pytest.mark.integration, pytest.mark.req("LH-CONF-004")]

EVERY_S = 77.0
TOKEN = "a-token-that-nobody-may-see"
MB = 1_000_000


class Pauses:
    """Stands in for `pause`: notes how long was asked for, and lets the next document be cut when told."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.due = asyncio.Event()

    async def __call__(self, delay_s: float) -> None:
        if delay_s == EVERY_S:
            await self.due.wait()
            self.due.clear()
            return
        if delay_s:
            self.asked.append(delay_s)
        await pause(0.0)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    made = Pauses()
    monkeypatch.setattr(under_test, "pause", made)
    return made


@pytest.fixture
def server() -> Iterator[Collector]:
    with Collector() as made:
        yield made


class Hanging:
    """A server whose connection neither ends nor can be ended, until the test lets it."""

    place = "https://hanging.example"

    def __init__(self) -> None:
        self.threads: list[int] = []
        self.let = threading.Event()
        self.aborts = 0

    def post(self, _body: bytes, _key: str) -> Answer:
        self.threads.append(threading.get_ident())
        self.let.wait()
        return Answer(200)

    def abort(self) -> None:
        self.aborts += 1


@asynccontextmanager
async def running(url: str | Hanging, folder: Path, **options: Any) -> AsyncIterator[PushOutput]:
    wishes: dict[str, Any] = {"publish": ("snapshot", "alarms"), "quota": 10 * MB, "boot_id": "b1",
                              "clock": lambda: 0.0, **options}  # fmt: skip
    target = Target(url, TOKEN, timeout_s=2.0) if isinstance(url, str) else url
    output = PushOutput(
        "cloud", target, folder / "cloud" / "push.db", site="Nord é", every_s=EVERY_S,
        utc_ns=lambda: 1, jitter=lambda: 0.5, **wishes,
    )  # fmt: skip
    task = asyncio.ensure_future(output.run())
    try:
        yield output
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await output.close()


async def document(output: PushOutput, pauses: Pauses, size: int = 0) -> None:
    """One more document is asked for, cut and stored."""
    before = output.spool.stored

    def offers() -> Iterator[None]:
        output.offer_state({"tick": before, "poc_kw": nan, "filling": "x" * size})
        yield
        output.offer("snapshot", "bess1", {"soc": 55.0})
        output.offer("decision", "bess1", {"command_kw": 37.0})
        output.offer("alarms", None, [{"id": "soc_low"}])
        output.offer_points(lambda _asset: [{"point": "soc", "value": 55.0}], "2026-11-20T10:00:00Z")

    output.ask(offers)
    pauses.due.set()
    await until(lambda: output.spool.stored == before + 1)


async def test_a_document_holds_what_was_chosen(server: Collector, tmp_path: Path, pauses: Pauses) -> None:
    async with running(server.url, tmp_path, points={"bess1.soc": 60.0, "bess1.volts": 60.0}) as output:
        await document(output, pauses)
        await until(lambda: output.pushed == 1)
        await document(output, pauses)
        await until(lambda: output.pushed == 2)
        assert output.status == {
            "status": "ok", "pushed": 2, "waiting": 0, "dropped": 0, "rejected": 0, "problem": ""
        }  # fmt: skip
    first, second = server.posted
    assert first.key == '"Nord%20%C3%A9/b1/1"'
    assert first.document == {
        "site": "Nord é", "boot": "b1", "seq": 1, "state": {"tick": 0, "poc_kw": None, "filling": ""},
        "snapshot": {"bess1": {"soc": 55.0}}, "alarms": [{"id": "soc_low"}],
        "points": {"bess1.soc": {"point": "soc", "value": 55.0, "at": "2026-11-20T10:00:00Z"}},
    }  # fmt: skip
    assert second.document["seq"] == 2
    assert "points" not in second.document  # not due again


async def test_without_a_tick_there_is_no_document(server: Collector, tmp_path: Path, pauses: Pauses) -> None:
    async with running(server.url, tmp_path) as output:
        await document(output, pauses)
        await until(lambda: output.pushed == 1)
        pauses.due.set()
        await until(lambda: not pauses.due.is_set())
        await document(output, pauses)
        await until(lambda: output.pushed == 2)
    assert [posted.document["seq"] for posted in server.posted] == [1, 2]


@pytest.mark.req("LH-PROT-003")
async def test_it_is_tried_again_under_the_same_key_ever_more_slowly(
    server: Collector, tmp_path: Path, pauses: Pauses
) -> None:
    """Doubled with jitter; never before the server's Retry-After; from the beginning again after a success."""
    server.script += [500, reset, Says(429, {"Retry-After": "7"}), Says(307, {"Location": "/x"}), 401, 200, 503, 200]
    async with running(server.url, tmp_path) as output:
        await document(output, pauses)
        await until(lambda: output.pushed == 1)
        await document(output, pauses)
        await until(lambda: output.pushed == 2)
        assert output.failures == 6
        assert output.status["status"] == "ok"
    assert pauses.asked == [0.75, 1.5, 7.0, 6.0, 12.0, 0.75]
    assert [posted.document["seq"] for posted in server.posted] == [1] * 6 + [2] * 2
    assert len({posted.key for posted in server.posted}) == 2


@pytest.mark.req("LH-NF-004")
async def test_what_waits_outlives_the_process_and_goes_first(
    server: Collector, tmp_path: Path, pauses: Pauses
) -> None:
    async with running(f"http://127.0.0.1:{free_port()}/", tmp_path) as output:
        for _ in range(3):
            await document(output, pauses)
        await until(lambda: output.problem)
        assert output.status["status"] == "buffering"
        assert output.status["waiting"] == 3
    async with running(server.url, tmp_path, boot_id="b2") as output:
        await document(output, pauses)
        await until(lambda: output.pushed == 4)
    assert [posted.key for posted in server.posted] == [
        f'"Nord%20%C3%A9/{boot}/{seq}"' for boot, seq in (("b1", 1), ("b1", 2), ("b1", 3), ("b2", 1))
    ]


@pytest.mark.req("LH-NF-004")
async def test_over_the_quota_the_oldest_is_dropped_and_counted(
    server: Collector, tmp_path: Path, pauses: Pauses
) -> None:
    async with running(f"http://127.0.0.1:{free_port()}/", tmp_path, quota=MB) as output:
        for _ in range(30):
            await document(output, pauses, size=50_000)
        lost = output.dropped
        assert 10 < lost < 15
        assert output.status["waiting"] == 30 - lost
        assert output.spool.filling().used_bytes <= MB
    async with running(server.url, tmp_path) as output:
        await until(lambda: output.pushed == 30 - lost)
    assert server.posted[-1].document["seq"] == 30


async def test_a_document_that_the_server_will_never_take_holds_back_no_other(
    server: Collector, tmp_path: Path, pauses: Pauses
) -> None:
    server.script += [400, 413, 422, 200]
    async with running(server.url, tmp_path) as output:
        for _ in range(4):
            await document(output, pauses)
        await until(lambda: output.pushed == 1)
        assert output.rejected == 3
        assert output.status["waiting"] == 0
    assert [posted.document["seq"] for posted in server.posted] == [1, 2, 3, 4]


@pytest.mark.req("LH-RISK-001")
async def test_a_server_that_drips_for_ever_is_ended_and_tried_again(
    server: Collector, tmp_path: Path, pauses: Pauses
) -> None:
    server.script.append(dripping)
    async with running(server.url, tmp_path, within_s=0.1) as output:
        await document(output, pauses)
        await until(lambda: output.pushed == 1)
        await until(server.left.is_set)
    assert len(server.posted) == 2


@pytest.mark.req("LH-API-008")
async def test_the_token_is_never_logged(
    server: Collector, tmp_path: Path, pauses: Pauses, logged: list[str]
) -> None:
    server.script += [500, reset, Says(401, {"X-Echo": TOKEN})]
    async with running(server.url, tmp_path) as output:
        await document(output, pauses)
        await until(lambda: output.pushed == 1)
        shown = f"{output.status} {vars(output)}"
    said = "".join(logged)
    assert "it answers 500" in said
    assert "takes documents again" in said
    assert TOKEN not in said + shown
    assert "/north" not in said


async def test_a_document_that_is_on_its_way_to_the_disk_when_the_oldest_is_asked_for_is_pushed(
    server: Collector, tmp_path: Path, pauses: Pauses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread answers before it stores what was put meanwhile: nobody says again that there is something."""
    async with running(server.url, tmp_path) as output:
        await until(lambda: output._more._waiters)
        oldest, empty = output.spool.oldest, [True]

        async def before_it_is_stored(limit: int) -> list[Any]:
            found = await oldest(limit)
            return [] if found and empty and empty.pop() else found

        monkeypatch.setattr(output.spool, "oldest", before_it_is_stored)
        await document(output, pauses)
        await until(lambda: output.pushed == 1)
    assert len(server.posted) == 1


async def test_how_long_a_server_has_taken_nothing(server: Collector, tmp_path: Path, pauses: Pauses) -> None:
    now_s = 100.0

    def clock() -> float:
        return now_s

    server.script += [400, 500]
    async with running(server.url, tmp_path, clock=clock) as output:
        assert output.away_s == 0.0
        await document(output, pauses)
        await until(lambda: output.rejected)
        now_s = 160.0
        assert output.away_s == 60.0
        await document(output, pauses)
        await until(lambda: output.pushed == 1)
        assert output.away_s == 0.0


@pytest.mark.req("LH-RISK-001")
async def test_a_push_that_cannot_be_ended_holds_one_thread_and_never_the_loop(
    tmp_path: Path, pauses: Pauses
) -> None:
    """Documents are cut and stored meanwhile; the thread takes one push at a time, however often it is asked."""
    server = Hanging()
    try:
        async with running(server, tmp_path, within_s=0.02) as output:
            for _ in range(5):
                await document(output, pauses)
            await until(lambda: output.failures >= 3)
            assert output.status["waiting"] == 5
            assert len(server.threads) == 1
            assert server.aborts >= 3
            server.let.set()
            await until(lambda: output.pushed == 5)
        assert set(server.threads) - {threading.get_ident()} == set(server.threads)
    finally:
        server.let.set()


@pytest.mark.req("LH-NF-004")
async def test_without_a_disk_it_says_so_and_keeps_a_bounded_number(tmp_path: Path, pauses: Pauses) -> None:
    (tmp_path / "cloud").write_text("a file where its folder should be", encoding="utf-8")
    async with running("http://127.0.0.1:1/", tmp_path) as output:
        for _ in range(under_test.WAITING + 5):
            output.ask(lambda: iter([None]))
            pauses.due.set()
            await until(lambda: not pauses.due.is_set() and output._asked is None)
        await until(lambda: output.dropped)
        assert output.status["waiting"] == under_test.WAITING
        assert "push.db" in str(output.status["problem"])
