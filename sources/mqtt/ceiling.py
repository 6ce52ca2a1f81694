"""The grid operator's ceiling from a topic of `limits:`.

    message ──► `sources.ceiling` ──► post(Ceiling)        anything else ──► one log line, the last word stands

A retained message is welcome: a ceiling is a level, and its age counts from `issued_at`. An empty message (a retained
one was cleared) takes nothing back.
"""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from sources.ceiling import Ceiling, CeilingError, Direction, read_ceiling
from sources.complaint import Complaints
from sources.mqtt.connection import Broker, Message

Post = Callable[[Ceiling], None]


class CeilingTopic:
    """The source `name` (`limits.grid_operator.export`). `accepted` and `refused` count."""

    def __init__(self, name: str, direction: Direction, of_kw: float, topic: str, broker: Broker, post: Post) -> None:
        self.name = name
        self.topic = topic
        self.accepted = 0
        self.refused = 0
        self._direction: Direction = direction
        self._of_kw = of_kw
        self._post = post
        self._complaints = Complaints(
            lambda wrong: logger.warning("{}: not a ceiling, the last one stands: {}", name, wrong)
        )
        broker.subscribe(topic, self.receive)

    def receive(self, message: Message) -> None:
        """Take a message as a ceiling, or say once what is wrong with it."""
        try:
            ceiling = read_ceiling(message.payload, self._direction, self._of_kw, f"mqtt:{self.topic}")
        except CeilingError as error:
            self.refused += 1
            self._complaints.wrong(str(error))
            return
        self.accepted += 1
        self._complaints.well()
        self._post(ceiling)
