"""From the sealed frame to the wire: one asset's command cut, encoded and received by a real Modbus server.

The server runs in the same loop, so that its own work is in the figures: a device elsewhere sees the bytes earlier.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes

from config.definition import Rated
from jit.codes import WriteStatus
from operators.cut import cut
from sinks.modbus.writer import ModbusWriter
from sources.modbus.device import ModbusDevice
from sources.pause import pause
from sources.receipt import Receipt
from tests.benchmarks.chain import Chain
from tests.benchmarks.ledger import Ledger
from tests.real.modbus import Server, load
from tests.real.until import until

WRITES = 300
SETPOINT = 40_249


class Stamped(Server):
    """Notes when a write arrives: the first one of a command, and the one that holds the set-point."""

    first_s = 0.0
    setpoint_s = 0.0

    async def _action(
        self, function: int, start: int, address: int, count: int, registers: list[int], values: Any
    ) -> ExcCodes | None:
        if values is not None:
            now = perf_counter()
            self.first_s = self.first_s or now
            if address <= SETPOINT < address + count:
                self.setpoint_s = now
        return None


async def bare_us(server: Stamped) -> float:
    """The same register through pymodbus alone, from the call to its arrival, at the same pace."""
    client = AsyncModbusTcpClient("127.0.0.1", port=server.port, retries=0)
    await client.connect()
    figures = []
    try:
        for number in range(WRITES):
            await pause(0.005)
            began = perf_counter()
            await client.write_registers(SETPOINT, [0, number], device_id=1)
            figures.append((server.setpoint_s - began) * 1e6)
    finally:
        client.close()
    return median(figures)


async def test_sealed_frame_to_the_wire(benchmark: Any, ledger: Ledger) -> None:
    chain = Chain(1)
    frame = chain.frame
    assert frame is not None
    profile = load("sunspec-storage", timeout=0.5)
    loop = asyncio.get_running_loop()
    receipts: list[Receipt] = []
    first: list[float] = []
    setpoint: list[float] = []
    confirmed: list[float] = []
    async with Stamped(profile) as server:
        device = ModbusDevice("b1", profile, server.url(), loop.time, jitter=lambda: 0.0)
        writer = ModbusWriter(device, Rated(charge=250.0, discharge=250.0, energy=500.0), receipts.append)
        tasks = [asyncio.create_task(device.connection.keep()), asyncio.create_task(writer.run())]
        try:
            await until(lambda: device.connection.connected)
            reference = await bare_us(server)
            for number in range(WRITES):
                frame.mono_s = loop.time()
                server.first_s = 0.0
                began = perf_counter()
                command = cut(frame, 0)
                assert command is not None
                writer.offer(replace(command, tick=number, power_kw=float(number % 200)))
                await until(lambda: len(receipts) > number)  # noqa: B023
                first.append((server.first_s - began) * 1e6)
                setpoint.append((server.setpoint_s - began) * 1e6)
                confirmed.append(receipts[-1].latency_s * 1e6)
            benchmark.pedantic(lambda: cut(frame, 0), rounds=200)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            device.close()
    assert all(receipt.status is WriteStatus.CONFIRMED for receipt in receipts)
    for name, figures, target in (
        ("its first register at the device", first, None),
        ("the set-point at the device", setpoint, 1_000.0),
        ("confirmed by read-back", confirmed, None),
    ):
        ledger.add(f"write: sealed frame to {name}", median(figures), "µs", target,
                   reference="a bare pymodbus write", reference_figure=reference)  # fmt: skip
