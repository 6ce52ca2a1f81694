"""A plug-in output gets plain data of its own: nothing that it does with it comes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from sinks.foreign import ForeignSink
from sinks.plugin import Sink
from sources.thread import ForeignError
from tests.real.until import until

pytestmark = pytest.mark.req("LH-ARCH-004", "LH-RISK-001")


@asynccontextmanager
async def running(take: Callable[[dict[str, Any]], object], *publish: Any) -> AsyncIterator[tuple[ForeignSink, Any]]:
    sink = ForeignSink("cloud", Sink(take), publish=publish or ("snapshot", "command"), every_s=0.01)
    task = asyncio.ensure_future(sink.run())
    try:
        yield sink, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ForeignError):
            await task


async def test_it_gets_what_is_published_and_no_more() -> None:
    taken: list[dict[str, Any]] = []
    async with running(taken.append, "snapshot") as (sink, _):
        sink.offer("snapshot", "b1", {"soc": 55.0})
        sink.offer("command", "b1", {"active_power_kw": 5.0})
        sink.offer_state({"name": "site"})
        await until(lambda: taken)
    assert taken == [{"snapshot/b1": {"soc": 55.0}, "state": {"name": "site"}}]


async def test_what_it_changes_and_returns_is_not_looked_at() -> None:
    document = {"active_power_kw": 5.0}
    taken: list[dict[str, Any]] = []

    def take(documents: dict[str, Any]) -> object:
        documents["command/b1"]["active_power_kw"] = 250.0
        taken.append(documents)
        return {"command/b1": {"active_power_kw": 250.0}}

    async with running(take) as (sink, _):
        sink.offer("command", "b1", document)
        await until(lambda: taken)
    assert document == {"active_power_kw": 5.0}
    assert not [name for name in vars(sink) if "writer" in name or "broker" in name]


async def test_documents_are_cut_when_they_are_handed_over() -> None:
    taken: list[dict[str, Any]] = []
    async with running(taken.append) as (sink, _):

        def documents() -> Any:
            sink.offer("snapshot", "b1", {"soc": 55.0})
            yield

        sink.ask(documents)
        await until(lambda: taken)
    assert taken == [{"snapshot/b1": {"soc": 55.0}}]


async def test_a_slow_one_gets_the_newest_and_holds_nobody_up() -> None:
    let_go, taken = threading.Event(), list[Any]()

    def take(documents: dict[str, Any]) -> None:
        taken.append(documents["snapshot/b1"]["n"])
        let_go.wait()

    async with running(take) as (sink, _):
        sink.offer("snapshot", "b1", {"n": 0})
        await until(lambda: taken == [0])
        for n in range(1, 4):
            sink.offer("snapshot", "b1", {"n": n})
            await until(lambda: not sink._newest)
        assert sink.dropped == 2
        let_go.set()
        await until(lambda: taken == [0, 3])


@pytest.mark.parametrize("error", [OSError("gone"), SystemExit(3), KeyboardInterrupt()])
async def test_one_that_raises_ends_its_own_task_alone(error: BaseException) -> None:
    def take(_documents: dict[str, Any]) -> None:
        raise error

    async with running(take) as (sink, task):
        sink.offer("snapshot", "b1", {"n": 0})
        with pytest.raises(ForeignError, match=type(error).__name__):
            await task
