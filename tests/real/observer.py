"""A bystander on a broker: sees every message as it was published, retain flag and expiry included.

    async with Observer(broker.url) as seen:
        …
        assert [m.payload for m in seen.on("battery/bess1/command")] == […]

It subscribes to `#` with "retain as published", which a normal subscriber does not: so it also sees whether a *live*
message was published with the retain flag set. `publish` plays a device or a market.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import gmqtt

from tests.real.until import until


@dataclass(frozen=True)
class Seen:
    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry_s: int | None

    @property
    def document(self) -> Any:
        return json.loads(self.payload)


class Observer:
    """MQTT 5 over plain TCP, with an optional user. `answer(seen)`, if set, is called for every message."""

    def __init__(self, url: str, user: str | None = None, password: str | None = None, topics: str = "#") -> None:
        self.messages: list[Seen] = []
        self.subscribed = False
        self.answer: Callable[[Seen], None] = lambda _seen: None
        self._url = urlsplit(url)
        self._topics = topics
        self._client = gmqtt.Client(f"observer-{uuid.uuid4().hex[:8]}", clean_session=True)
        self._client.set_config({"reconnect_retries": -2, "reconnect_delay": 0})
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        if user is not None:
            self._client.set_auth_credentials(user, password)

    def on(self, topic: str) -> list[Seen]:
        return [message for message in self.messages if message.topic == topic]

    def publish(self, topic: str, payload: object, *, qos: int = 1, retain: bool = False) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._client.publish(topic, body, qos=qos, retain=retain)

    async def settled(self) -> None:
        """Everything that was published before this call has arrived here."""
        mark = f"observer/{uuid.uuid4().hex}"
        self.publish(mark, b"")
        await until(lambda: self.on(mark), what="the observer's own mark")

    async def __aenter__(self) -> Self:
        await asyncio.wait_for(self._client.connect(self._url.hostname, self._url.port), 10.0)
        self._client.subscribe(self._topics, qos=1, retain_as_published=True)
        await until(lambda: self.subscribed)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client.is_connected:
            await self._client.disconnect()

    def _on_message(self, _client: object, topic: str, payload: bytes, qos: int, properties: dict[str, Any]) -> int:
        expiry = properties.get("message_expiry_interval")
        expiry_s = expiry[0] if expiry else None
        self.messages.append(Seen(topic, bytes(payload), qos, bool(properties["retain"]), expiry_s))
        self.answer(self.messages[-1])
        return 0

    def _on_subscribe(self, *_: object) -> None:
        self.subscribed = True
