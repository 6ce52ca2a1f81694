"""Schedules and commitments from a topic of `requests:`.

    message ──► `Documents` ──► post(Schedule)        empty message (the retained one was cleared) ──► post(Withdrawal)

A retained schedule is welcome: it is how a broker keeps the current plan for a process that starts.
"""

from __future__ import annotations

from collections.abc import Collection

from sources.market.documents import Documents, Post
from sources.mqtt.connection import Broker, Message
from sources.schedule import ScheduleType


class ScheduleTopic(Documents):
    """The source `name` (`requests.day_ahead`): documents of `kind` on `topic`, for `assets` or the site."""

    def __init__(
        self, name: str, kind: ScheduleType, topic: str, broker: Broker, post: Post, assets: Collection[str]
    ) -> None:
        super().__init__(name, kind, topic, post, assets)
        self.topic = topic
        broker.subscribe(topic, self.receive)

    def receive(self, message: Message) -> None:
        """Take a message as a document."""
        self.take(message.payload)
