"""The OPC UA source against a real server: told of changes, and never believing that silence means no change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from config.profile import Profile
from jit.codes import Quality
from simulator.proxy import Proxy
from sources.opcua.access import Access
from sources.opcua.connection import Connection
from sources.opcua.device import OpcuaDevice
from sources.opcua.errors import LinkDown
from sources.opcua.session import Session
from sources.opcua.source import OpcuaSource
from sources.reading import Reading
from tests.real.opcua import Served
from tests.real.until import until

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-OPCUA-003", "LH-PROT-003", "LH-RT-005")]

T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)


def profile(**changes: Any) -> Profile:
    return Profile.model_validate(
        {
            "name": "t", "version": 1, "protocol": "opcua", "kind": "meter", "sign": "positive_is_discharge",
            "poll": "100 ms", "stamp": "heartbeat", "fresh_by": "heartbeat",
            "read": {
                "power": {"node": "power", "type": "float64", "unit": "kW"},
                "heartbeat": {"node": "heartbeat", "type": "uint32"},
            },
        } | changes
    )  # fmt: skip


@dataclass
class Bench:
    served: Served
    proxy: Proxy
    connection: Connection
    source: OpcuaSource
    readings: list[Reading]
    beat: int = 0

    def put(self, power: float, *, code: int = 0, at: datetime | None = None) -> None:
        stamp: Any = at or T0 + timedelta(seconds=self.beat)
        status = ua.StatusCode(ua.UInt32(code))
        self.served.put("power", ua.DataValue(ua.Variant(power, ua.VariantType.Double), status, stamp))

    def tick(self) -> None:
        self.beat += 1
        stamp: Any = T0 + timedelta(seconds=self.beat)
        value = ua.Variant(self.beat, ua.VariantType.UInt32)
        self.served.put("heartbeat", ua.DataValue(value, SourceTimestamp=stamp))

    @property
    def power(self) -> float:
        return float(self.readings[-1].values[0])

    @property
    def quality(self) -> Quality:
        return Quality(int(self.readings[-1].quality[0]))

    async def shows(self, power: float) -> None:
        await until(lambda: bool(self.readings) and self.power == power and self.quality == Quality.VALID)


@asynccontextmanager
async def bench(served: Served, **changes: Any) -> AsyncIterator[Bench]:
    served.variable("power", ua.VariantType.Double, 0.0)
    served.variable("heartbeat", ua.VariantType.UInt32, 0)
    loop = asyncio.get_running_loop()
    proxy = await Proxy("127.0.0.1", served.port, clock=loop.time, pause=asyncio.sleep).start()
    connection = Connection(Access(f"opc.tcp://127.0.0.1:{proxy.port}"), clock=loop.time, jitter=lambda: 0.0)
    readings: list[Reading] = []
    now = round((T0 + timedelta(days=1)).timestamp() * 1e9).__int__
    source = OpcuaDevice("m", profile(**changes), "ns=2;s=T", connection, loop.time, now).source(readings.append)
    made = Bench(served, proxy, connection, source, readings)
    made.put(1.0)
    made.tick()
    keep, run = asyncio.create_task(connection.keep()), asyncio.create_task(source.run())
    try:
        await made.shows(1.0)
        yield made
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await connection.close()
        await asyncio.wait_for(keep, 5.0)
        await proxy.stop()


async def test_a_change_is_told_and_carries_its_source_time_stamp(served: Served) -> None:
    async with bench(served) as b:
        await until(lambda: b.source.notifications > 0)
        b.tick()
        b.put(42.0)
        await b.shows(42.0)
        await until(lambda: b.readings[-1].values[1] == b.beat)
        assert b.readings[-1].stamp_ns == (T0 + timedelta(seconds=b.beat)).timestamp() * 1e9


async def test_nothing_changes_and_values_come_once_per_poll_all_the_same(served: Served) -> None:
    async with bench(served) as b:
        count = len(b.readings)
        await until(lambda: len(b.readings) >= count + 5)
        assert b.power == 1.0
        assert b.source.polls >= 5


async def test_a_subscription_that_goes_silent_is_found_and_made_anew_while_values_go_on(served: Served) -> None:
    """A server that forgets its subscriptions and tells nobody (reliability §1.4): the reads are the truth."""
    async with bench(served) as b:
        await until(lambda: b.source.notifications > 0)
        served.silence_subscriptions()
        b.put(7.0)
        await b.shows(7.0)
        await until(lambda: b.source.anew > 0, 15.0)
        told = b.source.notifications
        b.put(8.0)
        await until(lambda: b.source.notifications > told)
        await b.shows(8.0)


async def test_a_subscription_that_is_alive_and_tells_no_change_is_found_by_reading(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it is alive, and nothing else: two reads contradict what it told, so it is made anew."""
    monkeypatch.setattr("sources.opcua.source.ANEW_S", 0.3)
    async with bench(served) as b:
        await until(lambda: b.source._notified[0] is not None)
        served.put("power", ua.DataValue(ua.Variant(9.0, ua.VariantType.Double)), quietly=True)
        await b.shows(9.0)
        await until(lambda: b.source.anew > 0)
        anew = b.source.anew
        await until(lambda: b.source._notified[0] is not None)
        polls = b.source.polls
        await until(lambda: b.source.polls > polls + 5)
        assert b.source.anew == anew, "once it tells the truth again, it is left alone"


async def test_a_bad_status_is_told_at_once_and_a_good_one_again(served: Served) -> None:
    async with bench(served) as b:
        b.put(2.0, code=0x808C_0000)
        await until(lambda: b.quality == Quality.PROTOCOL)
        b.put(3.0, code=0x4090_0000)
        await until(lambda: b.quality == Quality.STALE)
        assert b.power == 3.0
        b.put(4.0)
        await b.shows(4.0)


async def test_an_older_notification_changes_nothing(served: Served) -> None:
    async with bench(served) as b:
        await until(lambda: b.source._session is not None)
        session = b.source._session
        assert session is not None
        known = b.source._told[0]
        assert known.stamp_ns is not None
        old: Any = T0 - timedelta(days=1)
        b.source._changed(session, [(0, ua.DataValue(ua.Variant(99.0), SourceTimestamp=old))])
        assert b.source._told[0] is known
        new: Any = T0 + timedelta(seconds=5)
        b.source._changed(session, [(0, ua.DataValue(ua.Variant(98.0), SourceTimestamp=new)), (77, ua.DataValue())])
        assert b.source._told[0].value == 98.0
        await b.shows(1.0)  # a read counts over it


async def test_a_server_that_goes_back_in_time_or_ahead_of_it_is_shown_and_not_used(served: Served) -> None:
    """Row 14: what it says is judged by quality; once its stamps move on, it is believed again."""
    async with bench(served) as b:
        b.put(5.0, at=T0 - timedelta(days=1))
        await until(lambda: b.quality == Quality.STALE and b.power == 5.0)
        b.put(6.0, at=T0 - timedelta(days=1, seconds=-1))
        await b.shows(6.0)
        b.put(7.0, at=T0 + timedelta(days=9))
        await until(lambda: b.quality == Quality.TIME and b.power == 7.0)
        b.put(8.0)
        await b.shows(8.0)


@pytest.mark.safety
@pytest.mark.hazard("F6")
async def test_nobody_asks_in_a_session_before_what_was_proved_before_is_forgotten(served: Served) -> None:
    async with bench(served) as b:
        connects, told = b.connection.connects, []
        b.connection.renewed.append(lambda: told.append(b.connection.connected))
        b.proxy.cut()
        await until(lambda: not b.connection.connected, every_s=0.0)
        await until(lambda: b.connection.connected, every_s=0.0)  # it is up and told in the same round
        assert told == [False]
        assert b.connection.connects == connects + 1


async def test_a_line_that_ends_behind_the_last_reply_of_opening_is_no_session(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(Access(f"opc.tcp://127.0.0.1:{served.port}"), timeout=5.0, lost=lambda: None)
    read = session._session.read_attributes

    async def last(*args: Any) -> Any:
        said = await read(*args)
        session._gone()
        return said

    monkeypatch.setattr(session._session, "read_attributes", last)
    with pytest.raises(LinkDown, match="connection lost"):
        await session.open()
    session.abort()


def above(connection: Connection, connects: int) -> bool:
    return connection.connects > connects


def refuse(b: Bench) -> None:
    b.proxy.shut = True
    b.proxy.cut()


FAULTS: dict[str, Callable[[Bench], None]] = {
    "cut": lambda b: b.proxy.cut(),
    "black hole": lambda b: setattr(b.proxy, "hole", True),
    "half open": lambda b: setattr(b.proxy, "half", True),
    "deaf": lambda b: b.proxy.stop_listening(),
    "delayed beyond the time-out": lambda b: setattr(b.proxy, "delay_s", 0.9),
    "refused": refuse,
    "server away": lambda b: b.served.cut(),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_line_that_fails_is_said_at_once_and_its_values_come_back_by_themselves(
    fault: str, served: Served
) -> None:
    async with bench(served) as b:
        connects = b.connection.connects
        FAULTS[fault](b)
        if fault != "cut":
            await until(lambda: b.quality == Quality.PROTOCOL)
            assert b.power != b.power
        if fault == "server away":
            served.listen()
        b.proxy.heal()
        b.put(55.0)
        b.tick()
        await b.shows(55.0)
        if fault in {"cut", "refused", "server away"}:
            assert b.connection.connects > connects
        told = b.source.notifications
        b.put(56.0)
        await until(lambda: b.source.notifications > told)
        await b.shows(56.0)


async def test_a_delay_within_the_time_out_loses_nothing(served: Served) -> None:
    async with bench(served) as b:
        b.proxy.delay_s = 0.03
        failures = b.source.failures
        b.put(12.0)
        await b.shows(12.0)
        assert b.source.failures == failures


async def test_a_client_that_is_thrown_out_again_and_again_names_a_second_master(served: Served) -> None:
    async with bench(served) as b:
        assert not b.connection.second_master()
        for _ in range(3):
            connects = b.connection.connects
            b.proxy.cut()
            await until(partial(above, b.connection, connects))
        assert b.connection.second_master()


async def test_nothing_is_left_after_many_connections(served: Served) -> None:
    """No socket, no task: 1,000 connections, every other one without a goodbye."""
    loop = asyncio.get_running_loop()
    tasks = len(asyncio.all_tasks())

    def sockets() -> int:
        return sum("socket:" in str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink())

    async def once(*, goodbye: bool) -> None:
        connection = Connection(Access(served.url), clock=loop.time)
        assert await connection.connect()
        await connection.read([connection.node("i=2258")])
        if goodbye:
            await connection.close()
        else:
            connection.drop("the test")

    await once(goodbye=True)
    before = sockets()
    for number in range(1000):
        await once(goodbye=number % 2 == 0)
    await until(lambda: len(asyncio.all_tasks()) <= tasks)

    def settled() -> bool:
        try:
            return sockets() <= before + 2
        except OSError:
            return False

    await until(settled)
    assert not any("opcua" in task.get_name() for task in asyncio.all_tasks())
