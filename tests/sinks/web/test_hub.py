"""Conflation, lag and fairness of the hub, with a clock moved by hand and no socket."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.web.client import Client, Limits
from sinks.web.hub import CLIENTS_AT_ONCE, Hub
from sinks.web.topic import Topic, expand
from tests.sinks.web.fakes import FakeView

MEMBERS = st.dictionaries(st.sampled_from("abcde"), st.none() | st.integers(0, 3) | st.just(float("nan")), max_size=5)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def frames(client: Client, now: float) -> list[dict[str, Any]]:
    return [orjson.loads(text) for text in client.frames(now)]


def hub_of(view: FakeView, clock: Clock, **limits: Any) -> Hub:
    return Hub(view, clock, lambda: "2026-11-22T13:03:07.000Z", Limits(**limits))


@given(st.lists(MEMBERS, min_size=1, max_size=8), st.sets(st.integers(0, 7)))
def test_snapshot_and_deltas_give_the_value_whatever_was_skipped(
        values: list[Mapping[str, Any]], taken: set[int]) -> None:
    topic, version = Topic("site"), 0
    held: dict[str, Any] = {}
    for number, value in enumerate(values):
        topic.update(value)
        if number in taken or number == len(values) - 1:
            text = topic.snap() if version == 0 else topic.delta(version)
            held |= orjson.loads(text)
            version = topic.version
    expected = orjson.loads(orjson.dumps(values[-1]))
    assert {name: value for name, value in held.items() if value is not None} == {
        name: value for name, value in expected.items() if value is not None}


def test_an_unchanged_value_is_no_news() -> None:
    topic = Topic("site")
    assert topic.update({"a": float("nan"), "b": [1]})
    assert not topic.update({"a": float("nan"), "b": [1]})
    assert topic.update([1])
    assert not topic.update([1])
    assert topic.update({"a": 1})
    assert topic.version == 3
    assert orjson.loads(Topic("nothing").snap()) == {}


def test_a_delta_is_rendered_once_for_all_clients() -> None:
    topic = Topic("site")
    topic.update({"a": 1, "b": 2})
    topic.update({"a": 1, "b": 3})
    assert topic.delta(1) is topic.delta(1)
    assert topic.delta(1) == '{"b":3}'


@pytest.mark.parametrize(("pattern", "topics"), [
    ("site", ["site"]), ("assets.*", ["assets.a", "assets.b"]), ("decisions.b", ["decisions.b"]), ("tap.x", ["tap.x"]),
    ("assets.c", None), ("tap.*", None), ("tap.", None), ("tap." + "x" * 200, None), ("nodes.x", None), ("", None),
])
def test_patterns(pattern: str, topics: list[str] | None) -> None:
    assert expand(pattern, ("a", "b")) == topics


async def test_a_slow_client_skips_steps_and_not_meaning() -> None:
    view, clock = FakeView(), Clock()
    hub = hub_of(view, clock)
    client = hub.join()
    assert client is not None
    assert hub.subscribe(client, 1, "assets.bess1", 5.0)
    first = frames(client, clock())
    for _ in range(50):
        view.tick += 1
        clock.now += 0.1
        await hub._refresh(everything=False)
    later = frames(client, clock())
    assert [frame["t"] for frame in first + later] == ["snap", "delta"]
    assert (later[0]["seq"], later[0]["value"]["command_kw"]) == (2, 51.0)
    assert "state" not in later[0]["value"]


@pytest.mark.parametrize(("max_hz", "expected"), [(10.0, 20), (5.0, 10), (1.0, 2), (0.5, 1), (100.0, 20)])
async def test_max_hz_thins_out_evenly(max_hz: float, expected: int) -> None:
    view, clock = FakeView(), Clock()
    hub = hub_of(view, clock)
    client = hub.join()
    assert client is not None
    hub.subscribe(client, 1, "site", max_hz)
    frames(client, clock())
    got = 0
    for number in range(20):
        view.tick += 1
        clock.now += 0.1 + (0.004 if number % 2 else -0.004)
        await hub._refresh(everything=False)
        got += len(frames(client, clock()))
    assert abs(got - expected) <= 1


async def test_a_client_that_lags_too_long_or_lets_too_much_wait_is_evicted() -> None:
    view, clock = FakeView(), Clock()
    hub = hub_of(view, clock, behind_s=10.0, waiting_frames=4, waiting_bytes=100)
    lagging, many, large = hub.join(), hub.join(), hub.join()
    assert lagging is not None
    assert many is not None
    assert large is not None
    hub.subscribe(lagging, 1, "site", 10.0)
    for _ in range(4):
        clock.now += 3.0
        lagging.offer(clock())
    assert not lagging.evicted.is_set()
    clock.now += 3.0
    lagging.offer(clock())
    assert lagging.evicted.is_set()
    for _ in range(5):
        assert not many.evicted.is_set()
        many.say({"t": "hb"})
    assert many.evicted.is_set()
    large.say({"t": "x" * 200})
    assert large.evicted.is_set()


async def test_catching_up_forgives_the_lag() -> None:
    view, clock = FakeView(), Clock()
    hub = hub_of(view, clock)
    client = hub.join()
    assert client is not None
    hub.subscribe(client, 1, "site", 10.0)
    client.offer(clock())
    frames(client, clock())
    client.caught_up()
    clock.now += 60.0
    view.tick += 1
    await hub._refresh(everything=False)
    client.offer(clock())
    assert not client.evicted.is_set()


async def test_a_value_is_asked_for_once_however_many_watch() -> None:
    view, clock = FakeView(), Clock()
    hub = hub_of(view, clock)
    for _ in range(100):
        client = hub.join()
        assert client is not None
        hub.subscribe(client, 1, "assets.bess1", 10.0)
    view.reads = 0
    await hub._refresh(everything=False)
    assert view.reads == 1


async def test_what_nobody_watches_is_not_computed() -> None:
    view, clock = FakeView(), Clock()
    hub = hub_of(view, clock)
    client = hub.join()
    assert client is not None
    hub.subscribe(client, 1, "assets.*", 10.0)
    hub.leave(client)
    await hub._refresh(everything=True)
    view.reads = 0
    await hub._refresh(everything=True)
    assert view.reads == 0


async def test_clients_are_woken_a_few_at_a_time() -> None:
    """Between two groups the loop gets its turn, so that a tick that is due is not kept waiting."""
    view, clock = FakeView(), Clock()
    hub = hub_of(view, clock)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    for _ in range(5 * CLIENTS_AT_ONCE):
        assert hub.join() is not None
    counting = asyncio.ensure_future(count())
    await asyncio.sleep(0)
    before = turns
    await hub._wake()
    counting.cancel()
    assert turns - before >= 5


@pytest.mark.req("LH-MON-002")
async def test_an_offer_only_sets_a_flag() -> None:
    view, clock = FakeView(), Clock()
    hub = hub_of(view, clock)
    client = hub.join()
    assert client is not None
    hub.subscribe(client, 1, "assets.*", 10.0)
    view.reads = 0
    for _ in range(1000):
        hub.offer()
    assert view.reads == 0


async def test_a_view_that_cannot_even_name_its_assets() -> None:
    view, clock = FakeView(), Clock()
    hub = hub_of(view, clock)
    client = hub.join()
    assert client is not None
    hub.subscribe(client, 1, "assets.*", 10.0)

    def fail() -> tuple[str, ...]:
        raise RuntimeError("no frame")

    view.assets = fail  # type: ignore[method-assign]
    view.tick += 1
    await hub._refresh(everything=True)
    assert len(frames(client, clock())) == 2
