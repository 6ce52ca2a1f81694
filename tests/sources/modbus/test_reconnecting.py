"""Connecting again and again leaves nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sources.modbus.connection import Connection
from tests.real.modbus import Server, load
from tests.real.until import until

pytestmark = [pytest.mark.integration, pytest.mark.safety, pytest.mark.req("LH-PROT-003", "LH-NF-004")]


@pytest.mark.timeout(180)
@pytest.mark.hazard("R4")
async def test_r4_sockets_and_tasks_are_constant_over_1000_reconnections() -> None:
    """Reliability R4: file descriptors and tasks within ±2."""
    async with Server(load("sunspec-storage")) as server:
        proofs: list[int] = []
        line = Connection("127.0.0.1", server.port, clock=asyncio.get_running_loop().time)
        line.renewed.append(lambda: proofs.append(line.connects))

        async def cycle() -> None:
            assert await line.connect()
            async with line.turn():
                await line.read(1, "holding", 40296, 1)
            line.close()

        for _ in range(10):
            await cycle()
        await until(lambda: len(asyncio.all_tasks()) <= 3)
        sockets, tasks = len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())
        for _ in range(1000):
            await cycle()
        await until(lambda: abs(len(list(Path("/proc/self/fd").iterdir())) - sockets) <= 2)
        await until(lambda: abs(len(asyncio.all_tasks()) - tasks) <= 2)
        assert proofs == list(range(1, 1011))
