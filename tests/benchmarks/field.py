"""`python -m tests.benchmarks.field COUNT REPORT`: so many batteries on as many Modbus TCP ports, until SIGTERM.

    asset 1 ──► port 1 ─┬─ registers of `sunspec-storage` ──► simulator.station, a battery that follows
     …                  └─ from register 41000 on ──────────► numbers that are others in every second
    asset N ──► port N

The report is there as soon as they listen (`ports`), and complete at the end: `reads` and `writes` that arrived,
`gap_s` the longest time between two set-points of one battery, `power_kw` the sum of the most that each gave,
`cpu_share` of this process.
"""

from __future__ import annotations

import asyncio
import json
import signal
import struct
import sys
import time
from array import array
from pathlib import Path
from typing import Any

from config import catalogue
from simulator.battery import Battery
from simulator.faults import Board
from simulator.frequency import Frequency
from simulator.grid import Site
from simulator.plant import Model, Plant
from simulator.station import Station

FIRST, TURN, MOST = 41_000, 1_000, 125  # where the numbers begin, after how many they repeat, words of one read
RAMP = struct.pack(f">{TURN + MOST}H", *(number % TURN for number in range(TURN + MOST)))
POWER = 40_249  # a write over it carries a set-point


class Device(asyncio.Protocol):
    """One battery and whoever is connected to it: requests as they come, one reply each."""

    def __init__(self, model: Model) -> None:
        self.plant = Plant(model, Board(), 50.0, 0.0, arms=True)
        self.station = Station(catalogue.profile("sunspec-storage"), self.plant, time.monotonic, self._advance)
        self.reads = self.writes = 0
        self.gap_s = self._told_s = self.most_kw = 0.0
        self._moved_s = time.monotonic()
        self._rest = b""
        self._line: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line, self._rest = transport, b""

    def data_received(self, octets: bytes) -> None:
        rest = self._rest + octets
        while len(rest) >= 12 and len(rest) >= (size := 6 + int.from_bytes(rest[4:6], "big")):
            request, rest = rest[:size], rest[size:]
            self._serve(request)
        self._rest = rest

    def _serve(self, request: bytes) -> None:
        function, address, count = request[7], *struct.unpack(">HH", request[8:12])
        if function == 3:
            self.reads += 1
        else:
            self._told(address <= POWER < address + count)
        if function == 3 and address >= FIRST:
            begin = 2 * ((address - FIRST + int(time.monotonic())) % TURN)
            said = bytes((2 * count,)) + RAMP[begin : begin + 2 * count]
            self._line.write(request[:4] + struct.pack(">H", len(said) + 2) + request[6:8] + said)
        elif (reply := self.station.answer(request, time.monotonic())) is not None:
            self._line.write(reply)
            self.station.heard.clear()

    def _told(self, power: bool) -> None:
        self.writes += 1
        if power:
            now = time.monotonic()
            self.gap_s = max(self.gap_s, now - self._told_s if self._told_s else 0.0)
            self._told_s = now

    def _advance(self) -> None:
        now = time.monotonic()
        if now - self._moved_s > 0.05:
            self.plant.advance(now - self._moved_s)
            self._moved_s = now
            self.most_kw = max(self.most_kw, abs(self.plant.state.battery.power_kw))


async def main(count: int, report: Path) -> None:
    cells = Battery(charge_kw=250.0, discharge_kw=250.0, energy_kwh=500.0, reverts_after_s=10.0)
    model = Model(cells, Site(load_kw=0.0, pv_kw=0.0), Frequency(array("d", [50.0]), "steady"))
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    devices = [Device(model) for _ in range(count)]
    servers = [await loop.create_server(lambda device=device: device, "127.0.0.1", 0) for device in devices]  # type: ignore[misc]
    found: dict[str, Any] = {"ports": [server.sockets[0].getsockname()[1] for server in servers]}
    _write(report, found)
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    await stop.wait()
    found |= {
        "reads": sum(device.reads for device in devices),
        "writes": sum(device.writes for device in devices),
        "gap_s": max(device.gap_s for device in devices),
        "power_kw": sum(device.most_kw for device in devices),
        "cpu_share": (time.process_time() - began_cpu_s) / (time.monotonic() - began_s),
    }
    _write(report, found)


def _write(report: Path, found: dict[str, Any]) -> None:
    draft = report.with_suffix(".draft")
    draft.write_text(json.dumps(found))
    draft.rename(report)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
