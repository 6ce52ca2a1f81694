"""The grid operator's ceiling from a topic: what is one is posted, what is none leaves the last one standing."""

from __future__ import annotations

import json
from math import inf
from typing import Any

import pytest

from sources.ceiling import Ceiling
from sources.mqtt.ceiling import CeilingTopic
from sources.mqtt.connection import Message
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto
from tests.real.observer import Observer
from tests.real.until import until

TOPIC = "dso/curtailment"
ISSUED = {"issued_at": "2026-11-22T10:00:00Z"}


class Wire:
    def subscribe(self, topic: str, _receive: object) -> None:
        assert topic == TOPIC


def source(posted: list[Ceiling], broker: Any = None) -> CeilingTopic:
    wire: Any = broker or Wire()
    return CeilingTopic("limits.grid_operator.export", "export", 800.0, TOPIC, wire, posted.append)


def message(payload: object) -> Message:
    return Message(TOPIC, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), True, 0.0)


@pytest.mark.hazard("peer 17")
@pytest.mark.req("LH-CTRL-002")
@pytest.mark.parametrize(
    ("said", "kw"),
    [
        ({"percent": 60}, 480.0),
        ({"kw": 250}, 250.0),
        ({"percent": 0}, 0.0),
        ({"percent": None}, inf),
        ({"kw": None}, inf),
    ],
)
def test_0_is_a_ceiling_and_no_limit_is_none(said: dict[str, object], kw: float) -> None:
    posted: list[Ceiling] = []
    source(posted).receive(message(said | ISSUED))
    assert [(ceiling.kw, ceiling.direction) for ceiling in posted] == [(kw, "export")]


@pytest.mark.req("LH-NF-009")
def test_what_is_no_ceiling_leaves_the_last_one_and_is_said_once(logged: list[str]) -> None:
    posted: list[Ceiling] = []
    topic = source(posted)
    for body in (b"", b"", b"{", {"percent": 60}, {"percent": -1, **ISSUED}, {"percent": 5, "kw": 5, **ISSUED}):
        topic.receive(message(body))
    topic.receive(message({"percent": 60, **ISSUED}))
    assert (topic.accepted, topic.refused, len(posted)) == (1, 6, 1)
    assert len(logged) == len(set(logged)) >= 4
    assert all("the last one stands" in line for line in logged)


@pytest.mark.integration
@pytest.mark.req("LH-MQTT-001")
async def test_a_retained_ceiling_of_a_real_broker_is_taken(mosquitto: Mosquitto, connecting: Connecting) -> None:
    posted: list[Ceiling] = []
    async with Observer(mosquitto.url) as operator:
        operator.publish(TOPIC, {"percent": 60, **ISSUED}, retain=True)
        await operator.settled()
        async with connecting(mosquitto) as broker:
            source(posted, broker)
            await until(lambda: posted)
            operator.publish(TOPIC, {"percent": 30, **ISSUED}, retain=True)
            await until(lambda: len(posted) == 2)
    assert [ceiling.kw for ceiling in posted] == [480.0, 240.0]
