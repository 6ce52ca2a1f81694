"""The output `state`: what it publishes, what it retains, and that it can command nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from math import nan
from typing import Any

import numpy as np
import pytest

from sinks.state import StateOutput, StateOutputError
from sources.mqtt.connection import Broker
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto
from tests.real.observer import Observer
from tests.real.until import until

DEVICES = ("battery/bess1/telemetry", "battery/bess1/command", "battery/bess1/command/ack", "site/pv/meter")


@asynccontextmanager
async def running(
    mosquitto: Mosquitto, connecting: Connecting, **options: Any
) -> AsyncIterator[tuple[StateOutput, Broker]]:
    made: list[StateOutput] = []

    def prepare(broker: Broker) -> None:
        made.append(StateOutput("state", broker, "site/out", device_topics=DEVICES, every_s=0.01, **options))

    async with connecting(mosquitto, prepare=prepare) as broker:
        task = asyncio.ensure_future(made[0].run())
        try:
            yield made[0], broker
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.mark.integration
@pytest.mark.req("LH-MQTT-003")
async def test_documents_appear_below_the_topic(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with Observer(mosquitto.url) as seen, running(mosquitto, connecting) as (output, _):
        output.offer("command", "bess1", {"active_power_kw": 37.0})
        output.offer("decision", "bess1", {"command_kw": np.float64(37.0), "room_kw": nan})
        output.offer("alarms", None, [{"id": "soc_low"}])
        output.offer_state({"poc_kw": 12.5})
        await until(lambda: len([m for m in seen.messages if m.topic.startswith("site/out/")]) >= 4)
        await seen.settled()
        documents = {m.topic: (m.document, m.retain) for m in seen.messages if m.topic.startswith("site/out/")}
    assert documents == {
        "site/out/command/bess1": ({"active_power_kw": 37.0}, False),
        "site/out/decision/bess1": ({"command_kw": 37.0, "room_kw": None}, False),
        "site/out/alarms": ([{"id": "soc_low"}], False),
        "site/out/state": ({"online": True, "poc_kw": 12.5}, True),
    }


@pytest.mark.integration
@pytest.mark.req("LH-PROT-004")
async def test_a_newcomer_gets_the_state_and_nothing_else(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with running(mosquitto, connecting) as (output, broker):
        output.offer("command", "bess1", {"active_power_kw": 37.0})
        output.offer_state({"tick": 1})
        await until(lambda: output.published >= 2 and not broker.waiting)
        async with Observer(mosquitto.url) as newcomer:
            await newcomer.settled()
            kept = [m.topic for m in newcomer.messages if m.topic.startswith("site/")]
    assert kept == ["site/out/state"]


@pytest.mark.integration
async def test_online_and_offline_are_told(mosquitto: Mosquitto, connecting: Connecting) -> None:
    def told(seen: Observer) -> list[object]:
        return [m.document["online"] for m in seen.on("site/out/state")]

    async with Observer(mosquitto.url) as seen:
        async with running(mosquitto, connecting) as (output, broker):
            await until(lambda: told(seen) == [True])
            assert broker._session is not None
            broker._session.drop()
            await until(lambda: told(seen) == [True, False, True])
            await output.close()
        await until(lambda: told(seen)[-1] is False)


@pytest.mark.integration
async def test_newest_wins_while_the_broker_is_away(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with running(mosquitto, connecting, publish=("snapshot",)) as (output, broker):
        mosquitto.kill()
        await until(lambda: not broker.connected)
        for soc in range(1000):
            output.offer("snapshot", "bess1", {"soc": soc})
        output.offer("decision", "bess1", {"not": "asked for"})
        assert broker.waiting == 0
        mosquitto.start()
        async with Observer(mosquitto.url) as seen:
            output.offer("snapshot", "bess1", {"soc": 1000})
            await until(lambda: broker.connected)
            output.offer("snapshot", "bess1", {"soc": 1001})
            await until(lambda: {"soc": 1001} in [m.document for m in seen.on("site/out/snapshot/bess1")])
            assert len(seen.on("site/out/snapshot/bess1")) <= 2
            assert not seen.on("site/out/decision/bess1")


@pytest.mark.safety
@pytest.mark.req("LH-ARCH-001")
@pytest.mark.parametrize(
    "topic", ["battery/bess1/command", "battery/bess1/command/", "battery/bess1/command/x", "site/pv/meter", "", "/"]
)
def test_a_topic_of_a_device_is_refused(topic: str) -> None:
    with pytest.raises(StateOutputError):
        StateOutput("state", broker(), topic, device_topics=DEVICES)


@pytest.mark.safety
@pytest.mark.parametrize("kind_and_asset", [("command", None), ("command", "ack")])
def test_every_single_topic_is_checked_too(kind_and_asset: tuple[Any, str | None]) -> None:
    """Names chosen so that `<topic>/command` is the command topic of a device."""
    wire = Wire()
    output = StateOutput("state", wire, "battery/bess1", device_topics=DEVICES)  # type: ignore[arg-type]
    output.offer(*kind_and_asset, {"active_power_kw": 999.0})
    output.flush()
    assert wire.topics == ["battery/bess1/state"]
    assert output.refused == 1


def test_what_is_not_json_is_refused_alone(logged: list[str]) -> None:
    wire = Wire()
    output = StateOutput("state", wire, "site/out", device_topics=DEVICES)  # type: ignore[arg-type]
    output.offer("alarms", None, {"x": object()})
    output.offer("command", "bess1", {"x": 1})
    output.flush()
    assert wire.topics == ["site/out/command/bess1", "site/out/state"]
    assert len(logged) == 1


async def test_one_connection_has_one_will() -> None:
    shared = broker()
    StateOutput("a", shared, "site/a", device_topics=DEVICES)
    with pytest.raises(ValueError, match="one last will"):
        StateOutput("b", shared, "site/b", device_topics=DEVICES)


def broker() -> Broker:
    return Broker("broker", "mqtt://localhost", client_id="x", clock=lambda: 0.0)


class Wire:
    """A connection that only remembers what was published on it."""

    connected = True

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.counters = type("Counters", (), {"connects": 1})()

    def last_will(self, _topic: str, _payload: bytes) -> None: ...

    def publish(self, topic: str, _payload: bytes, qos: int = 0, retain: bool = False) -> bool:
        self.topics.append(topic)
        return True


@pytest.mark.integration
async def test_documents_are_cut_when_they_are_published_and_not_before(
    mosquitto: Mosquitto, connecting: Connecting
) -> None:
    cut: list[int] = []
    async with Observer(mosquitto.url) as seen, running(mosquitto, connecting) as (output, _):

        def documents(number: int) -> Iterator[None]:
            cut.append(number)
            output.offer("decision", "bess1", {"number": number})
            yield
            output.offer("decision", "bess2", {"number": number})

        for number in range(5):
            output.ask(lambda number=number: documents(number))  # type: ignore[misc]
        await until(lambda: len(seen.on("site/out/decision/bess2")) == 1)
        await until(lambda: len(seen.on("site/out/decision/bess1")) == 1)
        await seen.settled()
    assert cut == [4]
    assert [m.document for m in seen.on("site/out/decision/bess1")] == [{"number": 4}]


@pytest.mark.integration
@pytest.mark.req("LH-MQTT-004", "LH-MON-001")
async def test_chosen_points_come_in_their_intervals_and_say_what_they_are_worth(
    mosquitto: Mosquitto, connecting: Connecting
) -> None:
    now_s = [0.0]
    soc = {"point": "soc", "value": 55.2, "unit": "%", "valid": False, "age_s": 9.0, "reasons": ["stale"]}
    power = {"point": "power", "value": 37.0, "unit": "kW", "valid": True, "age_s": 0.1, "reasons": []}
    asked = {"points": {"bess1.soc": 10.0, "bess1.power": 1.0, "bess1.gone": 1.0}, "clock": lambda: now_s[0], "qos": 1}
    async with Observer(mosquitto.url) as seen, running(mosquitto, connecting, **asked) as (output, broker):
        await until(lambda: broker.connected)
        for second in range(12):
            now_s[0] = float(second)
            output.offer_points(lambda _asset: [soc, power], "2026-01-31T12:00:00Z")
            output.flush()
        await until(lambda: not broker.waiting)
        await seen.settled()
        status = output.status
    told = {m.topic: m for m in seen.messages if "/points/" in m.topic}
    assert {topic: len(seen.on(topic)) for topic in told} == {
        "site/out/points/bess1/soc": 2, "site/out/points/bess1/power": 12,
    }  # fmt: skip
    assert told["site/out/points/bess1/soc"].document == {**soc, "at": "2026-01-31T12:00:00Z"}
    assert all((m.qos, m.retain) == (1, False) for m in told.values())
    assert (status["status"], status["refused"]) == ("ok", 0)
    assert output.status["status"] == "lost"
