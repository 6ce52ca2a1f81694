"""A sample of a live device for the profile that was made of it: the registers that it reads, and what they mean."""

from __future__ import annotations

from math import isnan
from typing import Any

from config.profile import Profile
from pipeline.lint import decoded
from pipeline.sunspec.discovery import Chain
from pipeline.sunspec.models import model
from pipeline.sunspec.rates import Most
from sources.modbus.blocks import read_blocks
from sources.modbus.connection import Connection


async def most_of(chain: Chain, connection: Connection, unit: int) -> Most | None:
    """What model 124 of a device calls its most power; None where it has none, or does not say."""
    place, rates = chain.find(124), model(124)
    if place is None:
        return None
    said = []
    for name in ("WChaMax", "WChaMax_SF"):
        member = rates.member(name)
        async with connection.turn():
            said += await connection.read(unit, "holding", place.address + (member.offset if member else 0), 1)
    return None if said[0] in (0, 0xFFFF) or said[1] == 0x8000 else Most(said[0], said[1])


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
