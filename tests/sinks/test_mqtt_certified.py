"""Certification of MQTT commands (reliability §3.8): faults of the broker and of the line, acknowledgements, leaks.

What left our process is read from the wire by `tests.real.tap`, which knows nothing of our encoder: each PUBLISH with
the time at which it was sent, its flags and its expiry.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any

import pytest

from jit.codes import WriteStatus
from operators.cut import Command
from sinks.mqtt import MqttWriter
from sources.mqtt.connection import Broker
from sources.receipt import Receipt
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto, require
from tests.real.observer import Observer, Seen
from tests.real.tap import Published, Tap
from tests.real.until import until
from tests.sinks.test_mqtt import RATED, STORAGE, command
from tests.sources.mqtt.gate import REFUSED

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-MQTT-003", "LH-MQTT-005", "LH-PROT-003", "LH-PROT-004")]

CYCLES = 1000
VALID_S = 0.4
SEEN_S = 0.2  # from the socket until the tap sees it, on a busy machine; what a fault holds back is later by `VALID_S`


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    require()
    with Mosquitto(tmp_path_factory.mktemp("certified")) as broker:
        yield broker


@dataclass
class Bench:
    """A writer that is offered a command every 20 ms, each valid for `VALID_S`, as a chain at 20 ms would."""

    writer: MqttWriter
    broker: Broker
    tap: Tap
    asset: str
    receipts: list[Receipt]
    offered: dict[str, tuple[float, Command]] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        return f"battery/{self.asset}/command"

    @property
    def sent(self) -> list[Published]:
        return [packet for packet in self.tap.published if packet.topic == self.topic]

    async def offer(self, while_: Callable[[], bool], at_most: int = 400) -> None:
        """Commands for as long as `while_` says, and one more."""
        for _ in range(at_most):
            made = command(len(self.offered) + 1, valid_s=VALID_S)
            self.offered[made.id] = (asyncio.get_running_loop().time(), made)
            self.writer.offer(made)
            await asyncio.sleep(0.02)
            if not while_():
                return
        raise AssertionError("it did not come back")

    def wrong(self) -> list[str]:
        """What was sent and should not have been: every line names a broken promise."""
        found, seen, newest = [], set[str](), 0
        for packet in self.sent:
            said = json.loads(packet.payload)["command_id"]
            _, made = self.offered[said]
            others = [at_s for at_s, other in self.offered.values() if other.tick > made.tick]
            later = [at_s for at_s in others if at_s < packet.at_s - SEEN_S]
            if packet.at_s > made.deadline_s + SEEN_S:
                found.append(f"{said} left {packet.at_s - made.deadline_s:.3f} s after its time")
            if said in seen or packet.again:
                found.append(f"{said} was sent twice")
            if made.tick < newest:
                found.append(f"{said} was sent after a newer one")
            if packet.retain:
                found.append(f"{said} was retained")
            if packet.expiry_s is not None and packet.expiry_s > max(1, ceil(made.deadline_s - packet.at_s)):
                found.append(f"{said} outlives its time by the broker")
            if len(later) > 1:
                found.append(f"{said} was sent though newer ones had been offered: {len(later)}")
            seen.add(said)
            newest = max(newest, made.tick)
        return found


@asynccontextmanager
async def bench(
    shared: Mosquitto, connecting: Connecting, name: str, version: str = "MQTT 5", **options: Any
) -> AsyncIterator[Bench]:
    refusal = REFUSED if version == "MQTT 3.1.1" else None
    asset = f"certified-{name}"
    given: dict[str, Any] = {"client_id": asset, "keepalive_s": 1, "connect_timeout_s": 0.5}
    async with (
        Tap(shared.port, refusal) as tap,
        connecting(shared, url=tap.url, **given) as broker,
    ):
        topic, receipts, clock = f"battery/{asset}/command", list[Receipt](), asyncio.get_running_loop().time
        writer = MqttWriter(
            asset, STORAGE, RATED, broker, topic, f"{topic}/ack", receipts.append, clock, **options
        )  # fmt: skip
        await until(lambda: broker.connected)
        task = asyncio.ensure_future(writer.run())
        try:
            yield Bench(writer, broker, tap, asset, receipts)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _restart(b: Bench, shared: Mosquitto) -> None:
    await asyncio.to_thread(shared.restart)


async def _kill(b: Bench, shared: Mosquitto) -> None:
    shared.kill()
    await asyncio.sleep(2 * VALID_S)
    await asyncio.to_thread(shared.start)


async def _frozen(b: Bench, shared: Mosquitto) -> None:
    shared.freeze()
    await until(lambda: not b.broker.connected)
    shared.resume()


async def _half_open(b: Bench, _shared: Mosquitto) -> None:
    b.tap.swallow = True
    await until(lambda: not b.broker.connected)
    b.tap.swallow = False


async def _slow(b: Bench, _shared: Mosquitto) -> None:
    b.tap.flow.clear()
    await asyncio.sleep(2 * VALID_S)
    b.tap.flow.set()


async def _reset(b: Bench, _shared: Mosquitto) -> None:
    b.tap.drop()
    await until(lambda: not b.broker.connected)


FAULTS = {"restart": _restart, "kill": _kill, "frozen": _frozen, "half open": _half_open, "slow": _slow,
          "reset": _reset}  # fmt: skip


@pytest.mark.safety
@pytest.mark.hazard("row 12", "row 13", "row 14", "row 15")
@pytest.mark.parametrize("version", ["MQTT 5", "MQTT 3.1.1"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_no_stale_command_leaves_after_a_fault(
    shared: Mosquitto, connecting: Connecting, fault: str, version: str
) -> None:
    """H4, F3: what is on the wire is the newest command, in its time, once, never retained; then all goes on."""
    name = f"{fault}-{version[5:]}".replace(" ", "-").replace(".", "")
    async with bench(shared, connecting, name, version, ack_s=0.2) as b:
        await b.offer(lambda: len(b.sent) < 3)
        hurting = asyncio.ensure_future(FAULTS[fault](b, shared))
        await b.offer(lambda: not hurting.done())
        hurting.result()
        before = len(b.offered)
        after = b.tap.connections
        await b.offer(lambda: not any(int(json.loads(p.payload)["command_id"][1:]) > before for p in b.sent))
        assert b.broker.connected
        assert b.broker.version == version
        assert fault == "slow" or b.tap.connections >= 2
        assert after <= 60, "it connects again and again"
    assert len(b.sent) >= 4
    assert b.wrong() == []
    assert {packet.topic for packet in b.tap.published} == {b.topic}, "nothing is published but commands"


ID: Any = object()
NO_ANSWER: list[object] = [None, 1, 0, "true", "", [], {}]
NO_ID: list[object] = [None, 1, "", "c0", [ID], {"id": 1}]
NO_OBJECT: list[object] = [[], None, True, "ok", 1, b"", b"{", b"\xff", b"[" * 500]
GOOD: list[tuple[object, WriteStatus]] = [
    ({"command_id": ID, "accepted": True}, WriteStatus.CONFIRMED),
    ({"command_id": ID, "accepted": True, "dispatched_at": "x", "reason": None, "more": [1]}, WriteStatus.CONFIRMED),
    ({"command_id": ID, "accepted": False}, WriteStatus.REFUSED),
    ({"command_id": ID, "accepted": False, "reason": "x" * 1000}, WriteStatus.REFUSED),
]
BAD: list[object] = [
    *({"command_id": ID, "accepted": said} for said in NO_ANSWER),
    *({"command_id": said, "accepted": True} for said in NO_ID),
    {"command_id": ID},
    {"accepted": True},
    {"command_id": ID, "accepted": True, "pad": "x" * 5000},
    *NO_OBJECT,
]
ACKS = [*GOOD, *((shape, WriteStatus.FAILED) for shape in BAD), *GOOD]


def filled(shape: object, command_id: str) -> object:
    """The body of an acknowledgement, with the id of the command where it says `ID`."""
    if isinstance(shape, bytes) or shape is None:
        return shape
    return json.loads(json.dumps(shape, default=lambda _id: command_id))


@pytest.mark.safety
async def test_only_a_true_acknowledgement_of_this_command_confirms_it(
    shared: Mosquitto, connecting: Connecting
) -> None:
    """F4: by its id and `true`; late, foreign, twice or unreadable ones change nothing, and none blocks the next."""
    async with bench(shared, connecting, "acks", ack_s=0.25) as b, Observer(shared.url) as battery:
        await until(lambda: f"{b.topic}/ack (QoS 1)" in shared.log)
        for number, (shape, status) in enumerate(ACKS, 1):
            def answer(seen: Seen, shape: object = shape) -> None:
                if seen.topic == b.topic:
                    battery.publish(f"{b.topic}/ack", filled(shape, seen.document["command_id"]))

            battery.answer = answer
            b.writer._ack_s = 0.1 if status is WriteStatus.FAILED else 20.0  # for what does not come, and for what does
            b.writer.offer(command(number))
            await until(partial(_has, b.receipts, number))
            assert b.receipts[-1].status is status, (shape, b.receipts[-1])
    assert len(b.receipts) == len(ACKS)


async def test_two_clients_with_one_id_do_not_fight_with_commands(shared: Mosquitto, connecting: Connecting) -> None:
    """Evicted by a second master: stale commands are not sent, the eviction is counted, and we step back."""
    async with bench(shared, connecting, "evicted", ack_s=0.2) as b:
        await b.offer(lambda: len(b.sent) < 3)
        async with connecting(shared, client_id=b.asset) as second:
            await until(lambda: second.connected and not b.broker.connected, 5.0)
            await b.offer(lambda: b.tap.connections < 2, 200)
        assert b.tap.connections <= 10
    assert b.wrong() == []


def _has(receipts: list[Receipt], number: int) -> bool:
    return len(receipts) >= number


def _connects(broker: Broker, times: int) -> bool:
    return broker.connected and broker.counters.connects >= times


def _open() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


async def test_many_reconnections_leak_neither_a_socket_nor_a_task(shared: Mosquitto, connecting: Connecting) -> None:
    """R1: as many sockets and tasks after the last connection as after the first."""
    async with Tap(shared.port) as tap, connecting(
        shared, url=tap.url, client_id="leaks", retry_s=(0.0, 0.0)
    ) as broker:  # fmt: skip
        broker.subscribe("leaks/in", lambda _message: None)
        figures: list[tuple[int, int]] = []
        for round_ in range(CYCLES):
            await until(partial(_connects, broker, round_ + 1))
            broker.publish("leaks/out", b"x", qos=1)
            if round_ in (1, CYCLES - 1):
                await until(lambda: not broker.waiting)
                gc.collect()
                figures.append((_open(), len(asyncio.all_tasks())))
            tap.drop()
    assert broker.counters.connects >= CYCLES
    assert figures[1][0] <= figures[0][0] + 2
    assert figures[1][1] <= figures[0][1] + 2
