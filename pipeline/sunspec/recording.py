"""A sample of a live device for the profile that was made of it: the registers that it reads, and what they mean."""

from __future__ import annotations

from math import isnan
from typing import Any

from config.profile import Profile
from pipeline.lint import decoded
from sources.modbus.blocks import read_blocks
from sources.modbus.connection import Connection


async def recorded(profile: Profile, connection: Connection, unit: int) -> dict[str, Any]:
    """`sample` of the profile. Raises what the connection raises."""
    registers: dict[str, list[int]] = {}
    for block in read_blocks(profile):
        async with connection.turn():
            words = await connection.read(unit, block.table, block.address, block.count)
        registers[f"{block.table} {block.address + (profile.addressing == 'one_based')}"] = words
    return sample(profile, registers)


def sample(profile: Profile, registers: dict[str, list[int]]) -> dict[str, Any]:
    """These registers with what they decode to; null where the device says nothing."""
    meant = decoded(profile.model_copy(update={"sample": {"registers": registers}}))
    return {
        "registers": registers,
        "decodes_to": {name: None if isnan(value) else value for name, value in meant.items()},
    }
