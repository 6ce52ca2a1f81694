"""Who a device on MQTT says it is, in its telemetry: serial number, manufacturer, model as members of its messages.

    connected ──► nothing proved ──message──► IDENTITY, or FOREIGN: another device publishes there

Guarantees: what was said before our connection was lost counts for nothing, a retained message says nothing, and a
message with another text takes the proof away at once. Each change is emitted as a `Proof`.
"""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from config.asset import Identity
from config.profile import Profile
from jit.codes import Proved
from sources.identity import mismatch, wanted
from sources.mqtt.connection import Broker, Message
from sources.mqtt.telemetry import MAX_BYTES, member
from sources.proof import EmitProof, Proof
from sources.strict_json import JsonError, read


class Introduced:
    """The identity of `asset` as published on `topic`. Without an identity to compare, all is proved."""

    def __init__(
        self,
        asset: str,
        profile: Profile,
        identity: Identity | None,
        broker: Broker,
        topic: str,
        emit: EmitProof = lambda _proof: None,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.proved, self.detail = Proved.NONE, "the device has not said who it is"
        self._asset, self._emit, self._clock = asset, emit, clock
        self._wanted = wanted(identity)
        self._paths = {name: str(point.path).split(".") for name, point in profile.identity.items()}
        if self._wanted:
            broker.renewed.append(self._renewed)
            broker.subscribe(topic, self.receive)

    @property
    def known(self) -> bool:
        """Whether the device may be written to."""
        return not self._wanted or bool(self.proved & Proved.IDENTITY)

    def receive(self, message: Message) -> None:
        """A message of the device arrived."""
        if message.retained:
            return
        try:
            document = read(message.payload, MAX_BYTES)
        except JsonError:
            return
        found = {name: member(document, self._paths[name]) for name in self._wanted if name in self._paths}
        wrong = mismatch(self._wanted, {name: text for name, text in found.items() if isinstance(text, str)})
        if wrong is None:
            self._conclude(Proved.IDENTITY, "")
        elif wrong.foreign:
            self._conclude(Proved.FOREIGN, wrong.text)
        elif not self.proved:
            self._conclude(Proved.NONE, wrong.text)

    def _renewed(self) -> None:
        self._conclude(Proved.NONE, "the device has not said who it is")

    def _conclude(self, proved: Proved, detail: str) -> None:
        if proved == self.proved and detail == self.detail:
            return
        if proved == Proved.FOREIGN:
            logger.error("{}: {}", self._asset, detail)
        self.proved, self.detail = proved, detail
        self._emit(Proof(self._asset, self._clock(), proved, detail))
