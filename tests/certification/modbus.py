"""What the certification cases of Modbus share: a real server, the fault proxy, the production source and writer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from config.definition import Rated
from config.profile import Profile
from jit.codes import Mode
from operators.cut import Command
from sinks.modbus.writer import ModbusWriter
from sources.modbus.device import ModbusDevice
from sources.modbus.source import ModbusSource
from sources.points import point_names
from sources.reading import Reading
from sources.receipt import Receipt
from tests.real.modbus import Server, load
from tests.real.proxy import Proxy
from tests.real.until import until

RATED = Rated(charge=1000.0, discharge=1000.0, energy=2000.0)
TIMEOUT_S = 0.3  # what a busy machine needs at times between a question and its answer, all in one loop


@dataclass
class Stand:
    """A device on the proxy: poll it, command it, look at what it holds and at what went over the wire."""

    server: Server
    proxy: Proxy
    device: ModbusDevice
    source: ModbusSource
    writer: ModbusWriter | None
    receipts: list[Receipt]

    async def poll(self) -> Reading:
        return await self.source.poll()

    async def value(self, name: str) -> tuple[float, int]:
        """One point of one poll: value and quality bits."""
        reading = await self.poll()
        at = point_names(self.device.profile).index(name)
        return float(reading.values[at]), int(reading.quality[at])

    async def command(self, power_kw: float, tick: int = 1) -> Receipt:
        """Offer a command and wait for its receipt."""
        assert self.writer is not None
        before = len(self.receipts)
        self.writer.offer(
            Command(
                id=f"c-{tick}", tick=tick, issued_ns=0, asset="bess1", power_kw=power_kw, reactive_kvar=0.0,
                mode=Mode.DISCHARGE if power_kw > 0 else Mode.CHARGE, valid_until_ns=0, heartbeat=tick,
                deadline_s=self.device.clock() + 3.0, reason="test", source="Schedule",
            )
        )  # fmt: skip
        await until(lambda: len(self.receipts) > before)
        return self.receipts[-1]

    async def connected(self) -> None:
        await until(lambda: self.device.connection.connected)

    def undeclared(self) -> set[tuple[str, int]]:
        """Registers that were written and that no write point of the profile names."""
        profile = self.device.profile
        mine = {("coil" if table == "coil" else "holding", address + offset)
                for point in profile.write.values()
                for (table, address), words in [(profile.address(point), point.words)]
                for offset in range(words)}  # fmt: skip
        return self.written() - mine

    def written(self) -> set[tuple[str, int]]:
        """Registers that any write request on the wire has touched; unknown functions count as what they are."""
        tables = {5: "coil", 15: "coil", 6: "holding", 16: "holding"}
        return {(tables.get(function, f"function {function}"), address)
                for function, address in self.asked() if function not in (1, 2, 3, 4)}  # fmt: skip

    def asked(self) -> set[tuple[int, int]]:
        """Functions and registers of all requests on the wire."""
        found, rest = set(), bytes(self.proxy.sent)
        while len(rest) >= 12:
            length, function = int.from_bytes(rest[4:6], "big"), rest[7]
            address, count = int.from_bytes(rest[8:10], "big"), int.from_bytes(rest[10:12], "big")
            found |= {(function, address + i) for i in range(1 if function in (5, 6) else count)}
            rest = rest[6 + length :]
        return found


@asynccontextmanager
async def stand(profile: Profile, *, writer: bool = False, **options: Any) -> AsyncIterator[Stand]:
    """The profile's device on a real server behind the proxy, connected."""
    async with Server(profile) as server, Proxy(server.port) as proxy:
        device = ModbusDevice("bess1", profile, proxy.url(), asyncio.get_running_loop().time, jitter=lambda: 0.0)
        receipts: list[Receipt] = []
        made = ModbusWriter(device, RATED, receipts.append, pause=0.002, **options) if writer else None
        tasks = [asyncio.create_task(device.connection.keep())]
        tasks += [asyncio.create_task(made.run())] if made is not None else []
        try:
            await until(lambda: device.connection.connected)
            yield Stand(server, proxy, device, device.source(lambda _reading: None), made, receipts)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            device.close()


def meter(read: dict[str, Any], **profile: Any) -> Profile:
    """A meter with these points, counting feeding in as +."""
    return load("grid-meter", read=read, fresh_by=None, sample={}, timeout=TIMEOUT_S,
                sign="positive_is_discharge", **profile)  # fmt: skip


def storage(power: dict[str, Any], **profile: Any) -> Profile:
    """A battery with one set-point, read back at its own register, and a state of charge."""
    soc = {"register": "holding 10", "type": "uint16", "unit": "%"}
    bare = {
        "read": {"soc": soc, "setpoint": power}, "write": {"power": power}, "write_order": ["power"], "watchdog": None,
        "fresh_by": None, "sample": {}, "identity": {}, "timeout": TIMEOUT_S, "promises_limits": False, "alarms": {},
    }  # fmt: skip
    return load("sunspec-storage", **(bare | profile))
