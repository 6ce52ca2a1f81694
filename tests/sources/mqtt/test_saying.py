"""Texts of a device on MQTT: of live messages alone, and forgotten with the connection."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from sources.mqtt.connection import Message
from sources.mqtt.saying import Saying
from sources.said import Said
from tests.real.modbus import load

pytestmark = pytest.mark.req("LH-MQTT-001", "LH-OPS-004")

TOPIC = "plant/bess1/telemetry"
PROFILE = load("mqtt-storage", texts={"firmware": {"path": "device.firmware", "label": "Firmware"}})


def test_the_newest_live_message_says_it() -> None:
    said, topics = Said(PROFILE), list[str]()
    broker: Any = SimpleNamespace(renewed=[], subscribe=lambda topic, _receive: topics.append(topic))
    saying = Saying(PROFILE, broker, TOPIC, said)
    assert topics == [TOPIC]

    def hear(document: object, *, retained: bool = False) -> list[str]:
        payload = document if isinstance(document, bytes) else orjson.dumps(document)
        saying.receive(Message(TOPIC, payload, retained, 1.0))
        return [text["text"] for text in said.listed()]

    assert hear({"device": {"firmware": "1.0"}}, retained=True) == []
    assert hear({"device": {"firmware": "2.17"}}) == ["2.17"]
    assert hear(b"{") == ["2.17"]
    assert hear({"device": {"firmware": 2.17}}) == []
    assert hear({"device": {"firmware": "2.18"}}) == ["2.18"]
    for forget in broker.renewed:
        forget()
    assert said.listed() == []


def test_without_texts_nothing_is_subscribed_to() -> None:
    plain = load("mqtt-storage")
    broker: Any = SimpleNamespace(renewed=[], subscribe=lambda *_: pytest.fail("subscribed"))
    Saying(plain, broker, TOPIC, Said(plain))
    assert broker.renewed == []
