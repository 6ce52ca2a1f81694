"""The chain of models read from a real server, and the verbs on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from config.catalogue import load_profile
from config.source import Source
from pipeline.cli import main
from pipeline.exits import Exit
from pipeline.lint import lint
from pipeline.sunspec.discovery import END, MARK, NoSunSpecError, discover, units
from pipeline.sunspec.generate import standard
from sources.modbus.connection import Connection

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-MODB-001", "LH-MODB-003")]


def memory(models: list[int], base: int, *, end: bool = True) -> list[int]:
    """The registers of a device with these models from `base` on; what they hold is 1."""
    words = list(MARK)
    for place in standard(models, base).models:
        words += [place.number, place.length, *[1] * place.length]
    return [*words, END, 0] if end else words


@asynccontextmanager
async def device(words: list[int], base: int, unit: int = 1) -> AsyncIterator[int]:
    data = [SimData(base, values=words, datatype=DataType.REGISTERS)]
    server = ModbusTcpServer(SimDevice(id=unit, simdata=data), address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    connection = Connection("127.0.0.1", port, clock=asyncio.get_running_loop().time, timeout=0.2)
    assert await connection.connect()
    try:
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize("base", [40000, 0, 50000])
async def test_the_base_is_found_and_the_chain_is_walked(base: int) -> None:
    async with device(memory([1, 103, 203, 124], base), base) as port, connected(port) as connection:
        assert await discover(connection, 1) == standard([1, 103, 203, 124], base)


async def test_a_device_that_is_none_is_told_with_what_was_found() -> None:
    async with device([1, 2, 3, 4], 0) as port, connected(port) as connection:
        with pytest.raises(NoSunSpecError, match="0x0001 0x0002"):
            await discover(connection, 1)


async def test_a_chain_that_does_not_end_is_refused() -> None:
    endless = [*MARK, *[7, 0] * 120]
    async with device(endless, 40000) as port, connected(port) as connection:
        with pytest.raises(NoSunSpecError, match="does not end"):
            await discover(connection, 1)


async def test_the_units_behind_an_address_are_found() -> None:
    async with device(memory([1, 203], 40000), 40000, unit=3) as port, connected(port) as connection:
        found = await units(connection, range(2, 5))
        assert (3, "SunSpec at 40000: 1, 203") in found


async def test_a_profile_is_made_of_a_live_device_with_its_sample(tmp_path: Path) -> None:
    async with device(memory([1, 701, 704, 713, 715, 802], 40000), 40000) as port:
        out, url = tmp_path / "made.yaml", f"modbus-tcp://127.0.0.1:{port}/1"
        arguments = ["profile", "generate", "storage", "--name", "acme", "--from", url, "--output", str(out)]
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments)
        assert result.exit_code == Exit.OK, result.output
        profile, problems = load_profile(Source("made.yaml", out.read_text(encoding="utf-8")))
        assert problems == []
        assert profile is not None
        assert [finding for finding in lint(profile) if finding.severity == "error"] == []
        assert set(profile.sample["decodes_to"]) == set(profile.read)  # type: ignore[call-overload]
        found = await asyncio.to_thread(CliRunner().invoke, main, ["profile", "find", url, "--units", "1", "--json"])
        assert json.loads(found.output)[0] == {"unit": 1, "says": "SunSpec at 40000: 1, 701, 704, 713, 715, 802"}


@pytest.mark.parametrize("arguments", [
    ["generate", "meter", "--name", "x"],
    ["generate", "meter", "--name", "x", "--models", "1,203", "--from", "modbus-tcp://127.0.0.1/1"],
    ["find", "modbus-tcp://127.0.0.1/1", "--units", "many"],
    ["find", "mqtt://127.0.0.1"],
])  # fmt: skip
def test_what_makes_no_sense_is_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, ["profile", *arguments]).exit_code == Exit.USAGE


def test_without_a_device_the_published_lengths_count() -> None:
    result = CliRunner().invoke(main, ["profile", "generate", "meter", "--name", "x", "--models", "1,203"])
    assert result.exit_code == Exit.OK
    assert "register: holding 40088" in result.output
    assert CliRunner().invoke(main, ["profile", "generate", "meter", "--name", "x", "--models", "1,9"]).exit_code != 0
