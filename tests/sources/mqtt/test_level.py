"""A digital input over MQTT: `0` or `1`, and nothing else is a level."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jit.codes import Quality
from sources.mqtt.connection import Message
from sources.mqtt.level import Level
from sources.reading import Reading

pytestmark = pytest.mark.req("LH-DOM-004")


class FakeBroker:
    def __init__(self) -> None:
        self.heard: dict[str, Callable[[Message], None]] = {}

    def subscribe(self, topic: str, receive: Callable[[Message], None]) -> None:
        self.heard[topic] = receive


@pytest.mark.parametrize(("payload", "retained", "value", "quality"), [
    (b"0", False, 0.0, Quality.VALID), (b" 1\n", False, 1.0, Quality.VALID), (b"true", False, 1.0, Quality.VALID),
    (b"0", True, 0.0, Quality.RETAINED), (b"", False, None, Quality.PROTOCOL), (b"2", False, None, Quality.PROTOCOL),
    (b"\xff", False, None, Quality.PROTOCOL), (b"{}", True, None, Quality.PROTOCOL),
])  # fmt: skip
def test_a_message_is_a_level_or_says_why_not(payload: bytes, retained: bool, value: Any, quality: Quality) -> None:
    readings: list[Reading] = []
    broker = FakeBroker()
    level = Level("inputs.door", "plant/door", broker, readings.append)  # type: ignore[arg-type]
    broker.heard["plant/door"](Message("plant/door", payload, retained, 7.0))
    (reading,) = readings
    assert (reading.device, reading.arrived_s, reading.quality.tolist()) == ("inputs.door", 7.0, [quality])
    assert reading.values.tolist() == [value] if value is not None else reading.values[0] != reading.values[0]
    assert level.refused == (quality is Quality.PROTOCOL)
