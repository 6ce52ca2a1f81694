"""The MQTT writer against a broker and a battery that answers, late, twice, wrongly or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from math import isnan, nan
from typing import Any

import pytest

from config import catalogue
from config.definition import Rated
from jit.codes import Mode, WriteStatus
from operators.cut import Command
from sinks.mqtt import MqttWriter
from sources.mqtt.connection import Broker, Message
from sources.receipt import Receipt
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto
from tests.real.observer import Observer, Seen
from tests.real.until import until
from tests.sources.mqtt.gate import REFUSED, Gate

pytestmark = pytest.mark.integration

STORAGE = catalogue.profile("mqtt-storage")
RATED = Rated(charge=200.0, discharge=250.0, energy=500.0)
COMMAND = "battery/bess1/command"
ACK = "battery/bess1/command/ack"


def command(number: int, power_kw: float = 37.0, valid_s: float = 60.0) -> Command:
    mode = Mode.DISCHARGE if power_kw > 0 else Mode.CHARGE if power_kw < 0 else Mode.IDLE
    issued_ns = (1769860800 + number) * 10**9
    deadline_s = asyncio.get_running_loop().time() + valid_s
    until_ns = issued_ns + 3 * 10**9
    why = ("because", "Schedule")
    return Command(f"c{number}", number, issued_ns, "bess1", mode, power_kw, 0.0, until_ns, deadline_s, number, *why)


@dataclass
class Bench:
    """A writer with its receipts, the battery at the other end, and the broker between them."""

    writer: MqttWriter
    broker: Broker
    battery: Observer
    receipts: list[Receipt] = field(default_factory=list)

    @property
    def statuses(self) -> list[WriteStatus]:
        return [receipt.status for receipt in self.receipts]

    @property
    def commands(self) -> list[dict[str, Any]]:
        return [seen.document for seen in self.battery.on(COMMAND)]

    def answering(self, **members: object) -> None:
        """From now on the battery acknowledges every command."""

        def answer(seen: Seen) -> None:
            if seen.topic == COMMAND:
                body = {"command_id": seen.document["command_id"], "accepted": True}
                self.battery.publish(ACK, body | members)

        self.battery.answer = answer


@asynccontextmanager
async def bench(mosquitto: Mosquitto, connecting: Connecting, **options: Any) -> AsyncIterator[Bench]:
    receipts: list[Receipt] = []
    url = options.pop("url", "")
    async with Observer(mosquitto.url) as battery, connecting(mosquitto, url=url) as broker:
        clock = options.pop("clock", asyncio.get_running_loop().time)
        writer = MqttWriter("bess1", STORAGE, RATED, broker, COMMAND, ACK, receipts.append, clock, **options)
        await until(lambda: f"{ACK} (QoS 1)" in mosquitto.log)
        task = asyncio.ensure_future(writer.run())
        try:
            yield Bench(writer, broker, battery, receipts)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.mark.req("LH-MQTT-003", "LH-MQTT-005", "LH-PROT-004", "LH-SAFE-005")
async def test_a_command_is_written_and_acknowledged(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting) as b:
        b.answering()
        b.writer.offer(command(1, valid_s=3.5))
        await until(lambda: b.receipts)
        assert b.commands[0]["active_power_kw"] == 37.0
        seen = b.battery.on(COMMAND)[0]
        assert (seen.retain, seen.qos, seen.expiry_s) == (False, 1, 3)
    (receipt,) = b.receipts
    assert (receipt.asset, receipt.tick, receipt.status) == ("bess1", 1, WriteStatus.CONFIRMED)
    assert receipt.written_kw == 37.0
    assert isnan(receipt.readback_kw)
    assert receipt.latency_s > 0.0


@pytest.mark.req("LH-MQTT-003", "LH-MQTT-005")
async def test_over_mqtt_3_1_1_as_well(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with Gate(mosquitto.port, REFUSED) as gate, bench(mosquitto, connecting, url=gate.url) as b:
        b.answering()
        b.writer.offer(command(1))
        await until(lambda: b.receipts)
        assert b.broker.version == "MQTT 3.1.1"
        assert await b.writer.stop(5.0)
        seen = b.battery.on(COMMAND)
    assert [(s.retain, s.qos, s.expiry_s) for s in seen] == [(False, 1, None)] * 2
    assert b.statuses == [WriteStatus.CONFIRMED] * 2


@pytest.mark.req("LH-CTRL-001")
async def test_a_slow_broker_gets_the_newest_command_next(mosquitto: Mosquitto, connecting: Connecting) -> None:
    """While the first command is not acknowledged by the broker, only the newest of the others is kept for it."""
    async with bench(mosquitto, connecting) as b:
        b.answering()
        mosquitto.freeze()
        for number in range(1, 6):
            b.writer.offer(command(number))
            await asyncio.sleep(0)
        mosquitto.resume()
        await until(lambda: len(b.receipts) == 2)
    assert [receipt.tick for receipt in b.receipts] == [1, 5]
    assert b.statuses == [WriteStatus.CONFIRMED] * 2
    assert b.writer.superseded == 3


@pytest.mark.safety
@pytest.mark.req("LH-PROT-004", "LH-OPS-003")
@pytest.mark.hazard("row 15")
async def test_no_command_is_ever_retained(mosquitto: Mosquitto, connecting: Connecting) -> None:
    """Neither flagged on the wire nor kept by the broker for whoever connects later."""
    async with bench(mosquitto, connecting) as b:
        b.answering()
        for number in range(5):
            b.writer.offer(command(number, power_kw=float(number)))
            await until(lambda n=number: len(b.receipts) == n + 1)  # type: ignore[misc]
        await b.writer.stop(5.0)
        assert len(b.battery.on(COMMAND)) == 6
        assert not any(seen.retain for seen in b.battery.messages)
        async with Observer(mosquitto.url) as newcomer:
            await newcomer.settled()
            assert not newcomer.on(COMMAND)


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-005")
@pytest.mark.hazard("row 13", "F3")
async def test_an_expired_command_never_leaves(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting) as b:
        b.answering()
        b.writer.offer(command(1, valid_s=0.0))
        await until(lambda: b.receipts)
        b.writer.offer(replace(command(2), deadline_s=nan))
        await until(lambda: len(b.receipts) == 2)
        b.writer.offer(command(3))
        await until(lambda: len(b.receipts) == 3)
        assert [c["command_id"] for c in b.commands] == ["c3"]
    assert b.statuses == [WriteStatus.EXPIRED, WriteStatus.EXPIRED, WriteStatus.CONFIRMED]
    assert isnan(b.receipts[0].written_kw)


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-005", "LH-OPS-003")
async def test_what_was_offered_while_away_is_not_sent_later(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting) as b:
        mosquitto.kill()
        await until(lambda: not b.broker.connected)
        b.writer.offer(command(1))
        await until(lambda: b.receipts)
        mosquitto.start()
        await until(lambda: b.broker.connected)
        async with Observer(mosquitto.url) as battery:
            b.writer.offer(command(2))
            await until(lambda: battery.on(COMMAND))
            await battery.settled()
            assert [seen.document["command_id"] for seen in battery.on(COMMAND)] == ["c2"]
            battery.publish(ACK, {"command_id": "c2", "accepted": True})
            await until(lambda: len(b.receipts) == 2)
    assert b.statuses == [WriteStatus.FAILED, WriteStatus.CONFIRMED]
    assert b.receipts[0].detail == "not connected"


@pytest.mark.req("LH-MQTT-005")
async def test_a_refusal_and_its_reason(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting) as b:
        b.answering(accepted=False, reason="local control")
        b.writer.offer(command(1))
        await until(lambda: b.receipts)
    assert (b.receipts[0].status, b.receipts[0].detail) == (WriteStatus.REFUSED, "local control")
    assert b.receipts[0].written_kw == 37.0


@pytest.mark.req("LH-MQTT-005")
@pytest.mark.hazard("row 14")
async def test_late_duplicate_foreign_and_unreadable_acknowledgements(
    mosquitto: Mosquitto, connecting: Connecting, logged: list[str]
) -> None:
    async with bench(mosquitto, connecting, ack_s=0.2) as b:
        b.battery.publish(ACK, {"command_id": "c1", "accepted": True})  # before we ever sent it
        await until(lambda: b.writer.acks.foreign == 1)
        b.writer.offer(command(1))
        await until(lambda: b.receipts)  # nobody answers: FAILED
        b.battery.publish(ACK, {"command_id": "c1", "accepted": True})  # late
        await until(lambda: b.writer.acks.late == 1)
        b.answering()
        b.writer.offer(command(2))
        await until(lambda: len(b.receipts) == 2)
        b.battery.publish(ACK, {"command_id": "c2", "accepted": False})  # again, and otherwise
        await until(lambda: b.writer.acks.late == 2)
        for garbage in (b"", b"{", b"[]", b'{"command_id": "c2"}'):
            b.battery.publish(ACK, garbage)
        await until(lambda: b.writer.acks.malformed == 4)
        b.battery.publish(ACK, {"command_id": "someone-else", "accepted": True})
        await until(lambda: b.writer.acks.foreign == 2)
    assert b.statuses == [WriteStatus.FAILED, WriteStatus.CONFIRMED]
    assert b.receipts[0].detail == "no acknowledgement in 0.2 s"
    assert any("second master" in line for line in logged)


async def test_a_retained_acknowledgement_is_ignored(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with Observer(mosquitto.url) as before:
        before.publish(ACK, {"command_id": "c1", "accepted": True}, retain=True)
        await before.settled()
    async with bench(mosquitto, connecting) as b:
        await until(lambda: b.writer.acks.retained == 1)
        b.writer.acknowledged(Message(ACK, json.dumps({"command_id": "c1", "accepted": True}).encode(), True, 0.0))
    assert b.writer.acks.retained == 2
    assert not b.receipts


@pytest.mark.req("LH-CTRL-001")
async def test_a_silent_device_does_not_delay_the_next_command(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting, ack_s=30.0) as b:
        for number in range(5):
            b.writer.offer(command(number))
            await until(lambda n=number: len(b.commands) == n + 1 and not b.broker.waiting)  # type: ignore[misc]
    assert not b.receipts


async def test_the_newest_command_wins(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting) as b:
        b.answering()
        for number in range(100):
            b.writer.offer(command(number))
        await until(lambda: b.receipts)
        await b.battery.settled()
        assert [c["command_id"] for c in b.commands] == ["c99"]
        assert b.writer.superseded == 99
    assert [receipt.tick for receipt in b.receipts] == [99]


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-007")
async def test_what_leaves_is_inside_the_rating(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting) as b:
        b.answering()
        for number, power in enumerate([1e6, -1e6, nan]):
            b.writer.offer(replace(command(number, power), power_kw=power))
            await until(lambda n=number: len(b.receipts) == n + 1)  # type: ignore[misc]
        assert [c["active_power_kw"] for c in b.commands] == [250.0, -200.0, 0.0]
    assert [receipt.written_kw for receipt in b.receipts] == [250.0, -200.0, 0.0]


@pytest.mark.safety
@pytest.mark.req("LH-OPS-002", "LH-DEPLOY-001")
async def test_stop_writes_zero_and_waits_for_its_acknowledgement(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting) as b:
        b.answering()
        b.writer.offer(command(1))
        await until(lambda: b.receipts)
        assert await b.writer.stop(5.0)
        b.writer.offer(command(2))
        await b.battery.settled()
        zero = b.commands[-1]
        assert len(b.commands) == 2
    assert (zero["command_id"], zero["mode"], zero["active_power_kw"]) == ("c1-stop-1", "Stop", 0.0)
    assert zero["source"] == "Safety"
    assert zero["timestamp"] >= "2026-01-31T12:00:01.000Z"
    assert zero["valid_until"] > zero["timestamp"]
    assert b.statuses == [WriteStatus.CONFIRMED, WriteStatus.CONFIRMED]


@pytest.mark.safety
@pytest.mark.req("LH-OPS-002")
async def test_stop_is_tried_again_until_it_is_heard(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting, ack_s=0.05) as b:
        b.writer.offer(command(1))
        await until(lambda: b.commands)
        ids: list[str] = []

        def at_the_third(seen: Seen) -> None:
            if seen.topic == COMMAND:
                ids.append(seen.document["command_id"])
                if len(ids) == 3:
                    b.battery.publish(ACK, {"command_id": ids[-1], "accepted": True})

        b.battery.answer = at_the_third
        assert await b.writer.stop(10.0)
    assert ids[:3] == ["c1-stop-1", "c1-stop-2", "c1-stop-3"]


async def test_stop_says_when_it_was_not_heard(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting, ack_s=0.05) as b:
        b.writer.offer(command(1))
        await until(lambda: b.commands)
        assert not await b.writer.stop(0.3)
        mosquitto.kill()
        assert not await b.writer.stop(0.3)


async def test_a_writer_that_never_wrote_stays_silent(mosquitto: Mosquitto, connecting: Connecting) -> None:
    async with bench(mosquitto, connecting) as b:
        assert await b.writer.stop(5.0)
        await b.battery.settled()
        assert not b.commands


async def test_a_defect_of_ours_is_a_failed_write(
    mosquitto: Mosquitto, connecting: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(mosquitto, connecting) as b:
        b.answering()
        encode: Callable[..., Any] = b.writer._encoder.encode
        monkeypatch.setattr(b.writer._encoder, "encode", lambda c: encode(c) if c.id != "c1" else 1 / 0)
        b.writer.offer(command(1))
        await until(lambda: b.receipts)
        b.writer.offer(command(2))
        await until(lambda: len(b.receipts) == 2)
    assert b.statuses == [WriteStatus.FAILED, WriteStatus.CONFIRMED]
