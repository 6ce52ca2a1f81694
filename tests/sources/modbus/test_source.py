"""The source against a real server: one reading per poll, all or nothing, recovery by itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from math import isnan

import numpy as np
import pytest
from pymodbus.constants import ExcCodes

from config.profile import Profile
from jit.codes import Quality
from sources.modbus.device import ModbusDevice
from sources.points import point_names
from sources.reading import Reading
from tests.real.modbus import Server, Wire, load
from tests.real.until import until

pytestmark = pytest.mark.integration


@asynccontextmanager
async def polled(profile: Profile, url: str, device_id: str = "bess1") -> AsyncIterator[list[Reading]]:
    """The readings of a device whose source runs."""
    readings: list[Reading] = []
    device = ModbusDevice(device_id, profile, url, asyncio.get_running_loop().time, jitter=lambda: 0.0)
    task = asyncio.create_task(device.source(readings.append).run())
    try:
        yield readings
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        device.close()


def newest(profile: Profile, readings: list[Reading]) -> Callable[[str], float]:
    return lambda name: float(readings[-1].values[point_names(profile).index(name)])


def good(readings: list[Reading]) -> bool:
    return bool(readings) and not (readings[-1].quality & Quality.PROTOCOL).any()


def bad(readings: list[Reading]) -> bool:
    """The newest reading says at every point that nothing usable came back."""
    return bool(readings) and bool((readings[-1].quality == Quality.PROTOCOL).all())


@pytest.mark.req("LH-MODB-001", "LH-DOM-002", "LH-KTX-002", "LH-ARCH-003")
@pytest.mark.parametrize("name", ["sunspec-storage", "grid-meter"])
async def test_a_reading_carries_what_the_sample_means(name: str) -> None:
    profile = load(name, poll=0.02)
    meant = profile.sample["decodes_to"]
    assert isinstance(meant, dict)
    async with Server(profile) as server:
        await server.put_sample()
        async with polled(profile, server.url()) as readings:
            await until(lambda: len(readings) > 2)
    reading = readings[-1]
    for i, point in enumerate(point_names(profile)):
        if meant[point] is None:
            assert isnan(reading.values[i])
            assert reading.quality[i] == Quality.MISSING
        else:
            assert reading.values[i] == pytest.approx(meant[point])
            assert reading.quality[i] == Quality.VALID
    assert reading.device == "bess1"
    assert readings[0].arrived_s < reading.arrived_s
    assert (reading.values.dtype.name, reading.quality.dtype.name) == ("float64", "int64")


@pytest.mark.req("LH-PROT-001", "LH-DOM-001")
async def test_a_device_that_counts_the_other_way_is_translated_in_the_adapter() -> None:
    profile = load("sunspec-storage", sign="positive_is_charge", poll=0.02)
    async with Server(profile) as server:
        await server.put_sample()
        async with polled(profile, server.url()) as readings:
            await until(lambda: good(readings))
            value = newest(profile, readings)
            assert value("power") == -80.0
            assert value("setpoint") == -80.0
            assert value("dc_current") == pytest.approx(-104.1)
            assert value("charge_limit") == 250.0
            assert value("soc") == pytest.approx(55.2)


@pytest.mark.req("LH-PROT-002", "LH-MODB-005", "LH-DOM-004")
async def test_an_exception_reply_makes_the_whole_reading_unusable() -> None:
    profile = load("sunspec-storage", poll=0.02)
    async with Server(profile) as server, polled(profile, server.url()) as readings:
        await until(lambda: good(readings))
        server.refuse[40336] = ExcCodes.DEVICE_FAILURE
        await until(lambda: bad(readings))
        assert np.isnan(readings[-1].values).all()
        server.refuse.clear()
        await until(lambda: good(readings))


@contextmanager
def nobody() -> Iterator[int]:
    """A port where nobody listens, and which nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


@pytest.mark.req("LH-MODB-005", "LH-SAFE-004")
async def test_a_black_hole_is_reported_and_left() -> None:
    profile = load("sunspec-storage", poll=0.05, timeout=0.3)
    async with Server(profile) as server, Wire(server.port) as wire, polled(profile, wire.url()) as readings:
        await until(lambda: good(readings))
        wire.swallow = True
        await until(lambda: bad(readings))
        wire.swallow = False
        await until(lambda: good(readings))


@pytest.mark.req("LH-PROT-003", "LH-NF-004")
async def test_a_server_that_restarts_is_found_again() -> None:
    profile = load("grid-meter", poll=0.02)
    async with Server(profile) as server, Wire(server.port) as wire, polled(profile, wire.url()) as readings:
        await until(lambda: good(readings))
        with nobody() as wire.target:
            await server.stop()
            await until(lambda: bad(readings))
        async with Server(profile) as again:
            wire.target = again.port
            await until(lambda: good(readings))


@pytest.mark.req("LH-PROT-003")
async def test_a_device_that_is_missing_at_the_start_is_reported_and_awaited() -> None:
    profile = load("grid-meter", poll=0.02)
    with nobody() as port:
        async with Wire(port) as wire, polled(profile, wire.url()) as readings:
            await until(lambda: bad(readings))
            async with Server(profile) as server:
                wire.target = server.port
                await until(lambda: good(readings))


@pytest.mark.req("LH-PROT-002")
async def test_every_poll_gives_one_reading_whatever_comes_back() -> None:
    profile = load("grid-meter", poll=0.02, timeout=0.3)
    once = [b"", b"\0", b"\xff" * 300, b"\0\1\0\0\0\3\1\x84\2", b"\0\1\0\0\xff\xff\1\4", b"GET / HTTP/1.1\r\n\r\n"]
    junk = iter(once * 3)
    async with Server(profile) as server, Wire(server.port) as wire:
        wire.change = lambda reply: next(junk, reply)
        async with polled(profile, wire.url()) as readings:
            await until(lambda: bad(readings))
            await until(lambda: good(readings), 20.0)


async def test_missed_deadlines_are_not_caught_up() -> None:
    """Driven by a clock of its own: a poll that takes 3.5 periods is followed by the next deadline, not by three."""
    profile = load("grid-meter", poll=0.01)
    async with Server(profile) as server:
        loop = asyncio.get_running_loop()
        behind, seen = [0.0], []
        device = ModbusDevice("site.poc", profile, server.url(), lambda: loop.time() + behind[0])

        def emit(reading: Reading) -> None:
            seen.append(reading.arrived_s)
            if len(seen) == 5:
                behind[0] += 10.0  # the clock jumps by a thousand periods

        task = asyncio.create_task(device.source(emit).run())
        await until(lambda: len(seen) >= 8)
        polls = len(seen)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        device.close()
    assert polls < 100


async def test_two_devices_behind_one_gateway_share_its_connection() -> None:
    profile = load("grid-meter", poll=0.02)
    async with Server(profile) as server, Wire(server.port) as wire:
        await server.put_sample()
        clock = asyncio.get_running_loop().time
        first = ModbusDevice("site.poc", profile, wire.url(), clock)
        second = ModbusDevice("site.pv", profile, wire.url(), clock, connection=first.connection)
        seen: list[Reading] = []
        tasks = [asyncio.create_task(device.source(seen.append).run()) for device in (first, second)]
        await until(lambda: {r.device for r in seen if good([r])} == {"site.poc", "site.pv"})
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        first.close()
        assert wire.connections == 1


@pytest.mark.req("LH-PROT-002", "LH-DOM-004")
@pytest.mark.parametrize("code", [ExcCodes.ILLEGAL_FUNCTION, ExcCodes.ILLEGAL_ADDRESS, ExcCodes.ILLEGAL_VALUE])
async def test_a_register_that_the_device_does_not_have_costs_its_own_block_alone(code: ExcCodes) -> None:
    profile = load("sunspec-storage", poll=0.02)
    async with Server(profile) as server, polled(profile, server.url()) as readings:
        await server.put_sample()
        server.refuse[40336] = code
        await until(lambda: bool(readings) and readings[-1].quality[point_names(profile).index("soc")] == Quality.VALID)
        reading = readings[-1]
    lost = [name for name, bits in zip(point_names(profile), reading.quality, strict=True) if bits == Quality.PROTOCOL]
    assert lost == ["alarms"]
    assert np.isnan(reading.values[point_names(profile).index("alarms")])
