"""A digital input over MQTT: a topic whose payload is `0` or `1`, one `Reading` of one point per message.

Anything else is PROTOCOL; a retained message is shown and never VALID, because nobody knows how old it is. So the input
is unknown, which counts as active, until its sender has spoken, and it has to go on speaking within `stale_after`.
"""

from __future__ import annotations

from math import nan

import numpy as np
from loguru import logger

from jit.codes import Quality
from sources.mqtt.connection import Broker, Message
from sources.reading import Emit, Reading
from sources.strict_json import shown

LEVELS = {b"0": 0.0, b"1": 1.0, b"false": 0.0, b"true": 1.0}


class Level:
    """The source of one input; `device` is its id (`inputs.door`)."""

    def __init__(self, device: str, topic: str, broker: Broker, emit: Emit) -> None:
        self.device, self.topic, self.refused = device, topic, 0
        self._emit = emit
        broker.subscribe(topic, self.receive)

    def receive(self, message: Message) -> None:
        """Emit what one message says."""
        level = LEVELS.get(message.payload.strip())
        quality = Quality.PROTOCOL if level is None else Quality.RETAINED if message.retained else Quality.VALID
        if level is None:
            self.refused += 1
            if self.refused & (self.refused - 1) == 0:
                said = shown(message.payload[:40].decode(errors="replace"))
                logger.warning("{}: {} on {} is neither 0 nor 1", self.device, said, self.topic)
        values = np.array([nan if level is None else level])
        self._emit(Reading(self.device, message.arrived_s, values, np.array([int(quality)], np.int64)))
