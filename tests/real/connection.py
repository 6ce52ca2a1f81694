"""Fixtures for tests that talk to a broker through the project's own connection.

from tests.real.connection import Connecting, connecting, logged      # in a conftest.py
async with connecting(mosquitto, client_id="x") as broker: ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest
from loguru import logger

from sources.mqtt.connection import Broker
from tests.real.mosquitto import Mosquitto

Connecting = Callable[..., AbstractAsyncContextManager[Broker]]


@pytest.fixture
def connecting() -> Connecting:
    """A factory of running `Broker`s, each an asynchronous context that ends it however the test ends.

    `url` overrides the server's, `prepare(broker)` is called before it runs, the rest goes to `Broker`.
    """

    @asynccontextmanager
    async def connect(
        server: Mosquitto | None, *, url: str = "", prepare: Callable[[Broker], None] | None = None, **options: Any
    ) -> AsyncIterator[Broker]:
        defaults: dict[str, Any] = {"client_id": "under-test", "retry_s": (0.02, 0.1), "steady_s": 0.0}
        address = url or (server.url if server else "")
        broker = Broker("broker", address, clock=asyncio.get_running_loop().time, **(defaults | options))
        if prepare is not None:
            prepare(broker)
        task = asyncio.ensure_future(broker.run())
        try:
            yield broker
        finally:
            await broker.close(0.2)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return connect


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Every line that loguru says during the test."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{level} {message}")
    yield lines
    logger.remove(sink)
