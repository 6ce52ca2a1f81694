"""Points compiled into requests: reads into blocks, writes into runs.

    points    40296 soc   40297 soh   ·  ·   40303 remote   40304-40305 heartbeat
    blocks   [────────────────────]         [──────────────────────────────────]       (gap 0: undeclared is not read)

A block never covers an undeclared register unless the profile's `block_gap` allows it (many devices answer such a read
with an exception, some with shifted values), never exceeds `max_block`, and never splits a value: 32 and 64 bits are
read in one request, so they cannot be torn. A run is the longest stretch of written points whose registers follow one
another; it goes out in one request, in the declared order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from config.profile import Profile, Table
from sources.modbus.codec import Codec, codec
from sources.points import point_names

_MAX_WRITE = 123  # registers in one FC16


@dataclass(frozen=True, slots=True)
class Block:
    """`count` registers or bits from `address`; `points` are (position in the reading, offset in the block, codec)."""

    table: Table
    address: int
    count: int
    points: tuple[tuple[int, int, Codec], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Write points whose registers follow one another: one request."""

    table: Table
    address: int
    points: tuple[Codec, ...]


def read_blocks(profile: Profile) -> tuple[Block, ...]:
    """The fewest reads that cover every read point, in order of table and address."""
    codecs = [(i, codec(profile, name, profile.read[name])) for i, name in enumerate(point_names(profile))]
    codecs.sort(key=lambda pair: (pair[1].table, pair[1].address, -pair[1].words))
    blocks: list[Block] = []
    group: list[tuple[int, Codec]] = []
    for pair in codecs:
        if group and not _joins(group, pair[1], profile):
            blocks.append(_block(group))
            group = []
        group.append(pair)
    if group:
        blocks.append(_block(group))
    return tuple(blocks)


def write_runs(profile: Profile, names: Sequence[str]) -> tuple[Run, ...]:
    """The writes of these points, in this order: those of a command, `write_order`, or what arms the reversion."""
    codecs = [codec(profile, name, profile.write[name]) for name in names]
    runs = [[codecs[0]]] if codecs else []
    for before, point in pairwise(codecs):
        follows = point.table == before.table and point.address == before.address + before.words
        if follows and sum(c.words for c in runs[-1]) + point.words <= _MAX_WRITE:
            runs[-1].append(point)
        else:
            runs.append([point])
    return tuple(Run(run[0].table, run[0].address, tuple(run)) for run in runs)


def encode_run(run: Run, value_of: Callable[[str], float]) -> list[int]:
    """The words of one write request; `value_of(name)` in chain units. Raises `EncodeError` on NaN."""
    return [word for point in run.points for word in point.encode(value_of(point.name))]


def _joins(group: list[tuple[int, Codec]], point: Codec, profile: Profile) -> bool:
    first = group[0][1]
    end = max(c.address + c.words for _, c in group)
    reach = max(end, point.address + point.words) - first.address
    return point.table == first.table and point.address <= end + profile.block_gap and reach <= profile.max_block


def _block(group: list[tuple[int, Codec]]) -> Block:
    start = group[0][1].address
    end = max(c.address + c.words for _, c in group)
    return Block(group[0][1].table, start, end - start, tuple((i, c.address - start, c) for i, c in group))
