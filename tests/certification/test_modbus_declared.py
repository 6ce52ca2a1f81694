"""Certification of the Modbus driver, what is written: the declared registers alone, of every profile that ships.

    writer ──► proxy, which reads every request by itself ──► a real server

Through commands in both directions, a refusal, a connection that is cut, and the end.
"""

from __future__ import annotations

import pytest
from pymodbus.constants import ExcCodes

from config import catalogue
from config.profile import Profile
from tests.certification.modbus import stand
from tests.real.modbus import load
from tests.real.until import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.safety,
    pytest.mark.req("LH-SAFE-007", "LH-MODB-002", "LH-TEST-003"),
]
POWERS_KW = (80.0, -80.0, 0.0, 12.5)


def written(profile: Profile) -> bool:
    return profile.protocol == "modbus" and profile.kind == "storage" and bool(profile.write)


SHIPPED = [name for name in catalogue.names() if written(catalogue.profile(name))]


def test_there_are_profiles_to_try() -> None:
    assert {"sunspec-storage", "simulator", "victron-gx", "socomec-hes"} <= set(SHIPPED)


@pytest.mark.hazard("row 3", "S2")
@pytest.mark.parametrize("name", SHIPPED)
async def test_nothing_but_the_declared_registers_is_written_whatever_happens(name: str) -> None:
    """Judged by the requests on the wire: every function that is no read, every register that it covers."""
    profile = load(name, identity={}, expects={})
    async with stand(profile, writer=True) as device:
        assert device.writer is not None
        if profile.sample:
            await device.server.put_sample()
        for tick, power_kw in enumerate(POWERS_KW, 1):
            await device.command(power_kw, tick)
        _, first = profile.address(profile.write["power"])
        device.server.refuse[first] = ExcCodes.ILLEGAL_VALUE
        await device.command(40.0, 5)
        device.server.refuse.clear()
        device.proxy.cut()
        await until(lambda: device.proxy.connections == 2)
        await device.connected()
        for tick, power_kw in enumerate(POWERS_KW, 6):
            await device.command(power_kw, tick)
        await device.writer.stop(1.0)
        assert ("holding", first) in device.written()
        assert device.undeclared() == set()
