"""A plug-in source can post schedules of its request's type, and nothing else reaches the graph."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from jit.codes import Mode, WriteStatus
from operators.cut import Command
from sources.act import ActKind, OperatorAct
from sources.foreign import MOST_BYTES, ForeignSource
from sources.plugin import Send, Source
from sources.reading import lost
from sources.receipt import Receipt
from sources.schedule import Schedule, ScheduleType, Withdrawal
from sources.thread import ForeignError
from sources.tick import Tick
from tests.real.until import until

pytestmark = pytest.mark.req("LH-ARCH-004", "LH-RISK-001")

WINDOW = {"start": "2026-03-28T23:00:00Z", "end": "2026-03-29T00:00:00Z", "target_power_kw": 80.0}
DOCUMENT = {"type": "day_ahead", "market_bid_area": "DE-LU", "version": 1, "windows": [WINDOW]}
Run = Callable[[Send, threading.Event], None]


@asynccontextmanager
async def running(run: Run) -> AsyncIterator[tuple[ForeignSource, list[Any], asyncio.Future[None]]]:
    posted: list[Any] = []
    source = ForeignSource("requests.day_ahead", ScheduleType.DAY_AHEAD, "acme", Source(run), posted.append, ("b1",))
    task = asyncio.ensure_future(source.run())
    try:
        yield source, posted, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, RuntimeError):
            await task


@pytest.mark.parametrize("form", [dict, json.dumps, lambda text: json.dumps(text).encode()])
async def test_a_document_is_posted_as_from_a_topic(form: Callable[[Any], Any]) -> None:
    def run(send: Send, stop: threading.Event) -> None:
        send(form(DOCUMENT))
        send("")
        stop.wait()

    async with running(run) as (source, posted, _):
        await until(lambda: len(posted) == 2)
        assert isinstance(posted[0], Schedule)
        assert (posted[0].windows[0].power_kw, posted[0].source) == (80.0, "requests.day_ahead")
        assert isinstance(posted[1], Withdrawal)
        assert source.documents.accepted == 1


COMMAND = Command("c", 1, 0, "b1", Mode.DISCHARGE, 250.0, 0.0, 0, 0.0, 1, "", "")
NOT_DOCUMENTS: dict[str, Any] = {
    "a command": COMMAND,
    "a tick": Tick(1, 0.0, 0, 1.0),
    "an act": OperatorAct("a", ActKind.RELEASE, None, "eve", "engineer", "", 0),
    "a reading": lost("b1", 0.0, 3),
    "a receipt": Receipt("b1", 1, 0.0, WriteStatus.CONFIRMED, 250.0),
    "a finished schedule": Schedule(ScheduleType.COMMITMENT, None, "", 1, 0, (), "x"),
    "a number": 250.0,
    "nothing": None,
    "a list": [DOCUMENT],
    "too much": "x" * (MOST_BYTES + 1),
}


@pytest.mark.parametrize("sent", NOT_DOCUMENTS.values(), ids=NOT_DOCUMENTS.keys())
async def test_what_is_no_document_is_refused_in_its_own_thread(sent: Any) -> None:
    async with running(lambda send, _stop: send(sent)) as (_, posted, task):
        with pytest.raises(ForeignError, match=r"requests\.day_ahead: (TypeError|ValueError): a "):
            await task
        assert posted == []


REFUSED: dict[str, dict[str, Any]] = {
    "another type": DOCUMENT | {"type": "commitment"},
    "a reserve": DOCUMENT | {"type": "regel_leistung_reserve"},
    "another asset": DOCUMENT | {"asset_id": "b2"},
    "a member more": DOCUMENT | {"command_kw": 250.0},
    "a command": {"type": "command", "asset_id": "b1", "active_power_kw": 250.0},
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
async def test_a_document_of_something_else_changes_nothing(sent: dict[str, Any]) -> None:
    def run(send: Send, stop: threading.Event) -> None:
        send(sent)
        stop.wait()

    async with running(run) as (source, posted, _):
        await until(lambda: source.documents.refused == 1)
        assert posted == []


async def test_one_that_ends_is_started_again_by_its_task() -> None:
    async with running(lambda _send, _stop: None) as (_, _posted, task):
        with pytest.raises(RuntimeError, match="the plug-in has ended"):
            await task


@pytest.mark.parametrize("error", [OSError("gone"), SystemExit(3), KeyboardInterrupt()])
async def test_one_that_raises_ends_its_own_task_alone(error: BaseException) -> None:
    def run(_send: Send, _stop: threading.Event) -> None:
        raise error

    async with running(run) as (_, _posted, task):
        with pytest.raises(ForeignError, match=type(error).__name__):
            await task


async def test_one_that_hangs_is_left_behind() -> None:
    hanging, told = threading.Event(), threading.Event()

    def run(_send: Send, stop: threading.Event) -> None:
        hanging.set()
        stop.wait()
        told.set()

    async with running(run):
        await until(hanging.is_set)
    await until(told.is_set)
