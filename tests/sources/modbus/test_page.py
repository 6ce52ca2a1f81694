"""A page says what decoding every point by itself says, whatever was read before."""

from __future__ import annotations

import random
from math import nan

from config.profile import Profile
from jit.codes import Quality
from sources.modbus.blocks import Block, read_blocks
from sources.modbus.page import Page
from tests.real.modbus import load


def decoded(block: Block, words: list[int]) -> dict[int, tuple[str, int]]:
    """As text, since NaN is not equal to itself."""
    said = {i: point.decode(words[offset : offset + point.words]) for i, offset, point in block.points}
    return {i: (repr(value), int(quality)) for i, (value, quality) in said.items()}


def test_what_stays_and_what_changes_is_said_as_by_every_point_itself() -> None:
    profile: Profile = load("sunspec-storage")
    rng, size = random.Random(1), len(profile.read)
    for block in read_blocks(profile):
        page, words = Page(block), [0] * block.count
        values, quality = [nan] * size, [0] * size
        for _ in range(200):
            words[rng.randrange(block.count)] = rng.choice((0, 1, 0x7FFF, 0x8000, 0xFFFF, rng.randrange(65_536)))
            page.take(words, values, quality)
            assert {i: (repr(values[i]), quality[i]) for i, _, _ in block.points} == decoded(block, words)


def test_what_a_device_refuses_is_unknown_until_it_is_read_again() -> None:
    profile: Profile = load("sunspec-storage")
    block, size = read_blocks(profile)[0], len(profile.read)
    page, words, values, quality = Page(block), [1] * read_blocks(profile)[0].count, [nan] * size, [0] * size
    page.take(words, values, quality)
    known = {i: (repr(values[i]), quality[i]) for i, _, _ in block.points}
    page.refused(values, quality)
    assert {(repr(values[i]), quality[i]) for i, _, _ in block.points} == {("nan", int(Quality.PROTOCOL))}
    page.take(words, values, quality)
    assert {i: (repr(values[i]), quality[i]) for i, _, _ in block.points} == known
