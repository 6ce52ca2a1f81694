"""A session that was lost says nothing about the one that is in use (real mosquitto)."""

from __future__ import annotations

import asyncio

import pytest

from sources.mqtt.connection import Message
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto
from tests.real.until import until

pytestmark = pytest.mark.integration


@pytest.mark.safety
@pytest.mark.hazard("F6")
@pytest.mark.req("LH-PROT-003", "LH-MQTT-001")
async def test_what_a_lost_session_still_delivers_counts_for_nothing(
    mosquitto: Mosquitto, connecting: Connecting
) -> None:
    """Neither a message, which could prove who is there, nor an acknowledgement, which could free a newer command."""
    got: list[Message] = []
    told: list[bool] = []
    async with connecting(mosquitto) as broker:
        broker.subscribe("in", got.append)
        broker.reserve("command")
        await until(lambda: broker.connected)
        before = broker._session
        assert before is not None
        broker.renewed.append(lambda: told.append(broker.connected))
        before.drop()
        await until(lambda: broker.connected and broker._session is not before, every_s=0.0)
        assert told == [False]  # it is up and told in the same round
        assert broker.send("command", b"x", asyncio.get_running_loop().time() + 5.0) is None
        before._on_message(None, "in", b"late", 1, {})
        before._in_flight._freed(broker._commands["command"])
        assert "command" in broker._commands
        assert (got, broker.counters.received) == ([], 0)
