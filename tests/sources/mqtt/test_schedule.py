"""Schedules from a topic: retained ones welcome, bad ones without effect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest

from sources.instant import SECOND_NS, format_exact
from sources.mqtt.connection import Message
from sources.mqtt.schedule import ScheduleTopic
from sources.schedule import Schedule, ScheduleType, Withdrawal
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto
from tests.real.observer import Observer
from tests.real.until import until

TOPIC = "site/day-ahead"


def document(version: int = 1, **members: object) -> dict[str, Any]:
    window = {"start": "2026-03-28T23:00:00Z", "end": "2026-03-29T00:00:00Z", "target_power_kw": 80.0}
    base = {"type": "day_ahead", "market_bid_area": "DE-LU", "version": version, "windows": [window]}
    return base | members


def long_document() -> dict[str, Any]:
    texts = [format_exact((1774742400 + 900 * step) * SECOND_NS) for step in range(1001)]
    windows = [{"start": a, "end": b, "target_power_kw": 1} for a, b in pairwise(texts)]
    return document(windows=windows)


class Wire:
    def subscribe(self, topic: str, _receive: object) -> None:
        assert topic == TOPIC


Posted = list[Schedule | Withdrawal]


@asynccontextmanager
async def source(post: Callable[[Schedule | Withdrawal], None], broker: Any = None) -> AsyncIterator[ScheduleTopic]:
    wire: Any = broker or Wire()
    topic = ScheduleTopic("requests.day_ahead", ScheduleType.DAY_AHEAD, TOPIC, wire, post, {"bess1", "bess2"})
    task = asyncio.ensure_future(topic.run())
    try:
        yield topic
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def message(payload: object, *, retained: bool = False) -> Message:
    return Message(TOPIC, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), retained, 0.0)


@pytest.mark.req("LH-MKT-001")
async def test_documents_are_posted_in_order_small_and_large() -> None:
    posted: Posted = []
    async with source(posted.append) as topic:
        for body in (long_document(), document(2), document(3, asset_id="bess1")):
            topic.receive(message(body, retained=True))
        await until(lambda: len(posted) == 3)
    assert [(p.asset, len(p.windows), p.source) for p in posted if isinstance(p, Schedule)] == [
        (None, 1000, "requests.day_ahead"),
        (None, 1, "requests.day_ahead"),
        ("bess1", 1, "requests.day_ahead"),
    ]


@pytest.mark.req("LH-NF-009")
async def test_a_bad_document_changes_nothing_and_is_one_line(logged: list[str]) -> None:
    posted: Posted = []
    bad = [
        b"{",
        b"{",
        document(version=-1),
        document(type="intraday"),
        document(asset_id="bess9"),
        long_document() | {"version": None},
    ]
    async with source(posted.append) as topic:
        for body in bad:
            topic.receive(message(body))
        topic.receive(message(document()))
        await until(lambda: posted)
    assert (topic.accepted, topic.refused, len(posted)) == (1, 6, 1)
    assert len(logged) == 5
    for line, place in zip(logged, ["$: not JSON", "$.version", "$.type", "$.asset_id", "$.version"], strict=True):
        assert line.startswith(f"WARNING requests.day_ahead: not a schedule on {TOPIC}: {place}")


async def test_a_cleared_topic_withdraws_what_it_had_said() -> None:
    posted: Posted = []
    async with source(posted.append) as topic:
        topic.receive(message(b""))
        for body in (document(), document(asset_id="bess2")):
            topic.receive(message(body))
        topic.receive(message(b""))
        await until(lambda: len(posted) == 5)
    withdrawn = [p for p in posted if isinstance(p, Withdrawal)]
    assert [w.asset for w in withdrawn] == [None, None, "bess2"]
    assert {(w.type, w.source) for w in withdrawn} == {(ScheduleType.DAY_AHEAD, "requests.day_ahead")}


async def test_a_flood_is_bounded_and_the_newest_wins() -> None:
    posted: Posted = []
    async with source(posted.append) as topic:
        for version in range(1000):
            topic.receive(message(document(version)))
        await until(lambda: len(posted) == 16)
    assert topic.dropped == 984
    assert isinstance(posted[-1], Schedule)
    assert posted[-1].version == 999


@pytest.mark.integration
@pytest.mark.req("LH-MKT-001", "LH-MQTT-001")
async def test_over_a_real_broker(mosquitto: Mosquitto, connecting: Connecting) -> None:
    posted: Posted = []
    async with Observer(mosquitto.url) as market:
        market.publish(TOPIC, document(4), retain=True)
        await market.settled()
        async with connecting(mosquitto) as broker, source(posted.append, broker):
            await until(lambda: posted)
            market.publish(TOPIC, b"nonsense", retain=True)
            market.publish(TOPIC, document(5), retain=True)
            await until(lambda: len(posted) == 2)
            market.publish(TOPIC, b"", retain=True)
            await until(lambda: len(posted) == 3)
    assert [p.version for p in posted if isinstance(p, Schedule)] == [4, 5]
    assert isinstance(posted[2], Withdrawal)
