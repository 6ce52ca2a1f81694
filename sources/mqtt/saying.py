"""The texts of a device on MQTT: members of its messages that are texts. Stored messages say nothing."""

from __future__ import annotations

from config.profile import Profile
from sources.mqtt.connection import Broker, Message
from sources.mqtt.telemetry import MAX_BYTES, member
from sources.said import Said
from sources.strict_json import JsonError, read


class Saying:
    """Fills `said` from what is published on `topic`; of a profile without texts, nothing is subscribed to."""

    def __init__(self, profile: Profile, broker: Broker, topic: str, said: Said) -> None:
        self._paths = {name: str(point.path).split(".") for name, point in profile.texts.items()}
        self._said = said
        if self._paths:
            broker.renewed.append(said.forget)
            broker.subscribe(topic, self.receive)

    def receive(self, message: Message) -> None:
        """A message of the device arrived."""
        if message.retained:
            return
        try:
            document = read(message.payload, MAX_BYTES)
        except JsonError:
            return
        for name, path in self._paths.items():
            found = member(document, path)
            self._said.take(name, found if isinstance(found, str) else None)
