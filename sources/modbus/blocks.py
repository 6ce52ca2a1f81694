"""Points compiled into requests: reads into blocks, writes into runs.

    points    40296 soc   40297 soh   ·  ·   40303 remote   40304-40305 heartbeat
    blocks   [────────────────────]         [──────────────────────────────────]       (gap 0: undeclared is not read)

A block never covers an undeclared register unless `block_gap` or `readable` of the profile allows it (many devices
answer such a read with an exception, some with shifted values), never exceeds `max_block`, and never splits a value: 32
and 64 bits are read in one request, so they cannot be torn. Exponents that the device says of its own points are read
along. A run is the longest stretch of written points whose registers follow one another and that are due at the same
times; it goes out in one request, in the declared order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from config.profile import Profile, Table
from sources.modbus.codec import Codec, codec, factor_codec, scaled
from sources.points import point_names

Place = tuple[Table, int]

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
    single: bool = False
    cadence: Literal["cyclic", "once", "daily"] = "cyclic"
    cooldown_s: float = 0.0


def factors(points: Sequence[Codec]) -> tuple[Place, ...]:
    """Where the exponents of these points stand, each once."""
    return tuple(dict.fromkeys(point.factor for point in points if point.factor is not None))


def read_blocks(profile: Profile) -> tuple[Block, ...]:
    """The fewest reads that cover every read point, in order of table and address.

    Exponents have the positions behind the last point, in the order of `factors`.
    """
    points = read_codecs(profile)
    codecs = list(enumerate((*points, *map(factor_codec, factors(points)))))
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


def read_codecs(profile: Profile) -> tuple[Codec, ...]:
    """The read points in the order of a reading."""
    return tuple(codec(profile, name, profile.read[name]) for name in point_names(profile))


def write_runs(profile: Profile, names: Sequence[str]) -> tuple[Run, ...]:
    """The writes of these points, in this order: those of a command, `write_order`, or what arms the reversion."""
    single = profile.write_function == "single"
    codecs = [codec(profile, name, profile.write[name]) for name in names]
    runs = [[codecs[0]]] if codecs else []
    for before, point in pairwise(codecs):
        follows = point.table == before.table and point.address == before.address + before.words
        follows = follows and not single and _when(profile, point) == _when(profile, before)
        if follows and sum(c.words for c in runs[-1]) + point.words <= _MAX_WRITE:
            runs[-1].append(point)
        else:
            runs.append([point])
    return tuple(
        Run(run[0].table, run[0].address, tuple(run), single, *_when(profile, run[0])) for run in runs
    )  # fmt: skip


class Encoder:
    """The words of write requests. What has not changed since the last one is not encoded anew: rounding is exact,
    which costs, and of a command hardly more than the heartbeat changes.
    """

    def __init__(self) -> None:
        self._said: dict[str, tuple[Codec, float, tuple[int, ...]]] = {}

    def words(self, run: Run, value_of: Callable[[str], float]) -> list[int]:
        """The words of one request; `value_of(name)` in chain units. Raises `EncodeError` on NaN."""
        words: list[int] = []
        for point in run.points:
            value, said = value_of(point.name), self._said.get(point.name)
            if said is None or said[1] != value or said[0] is not point:
                said = self._said[point.name] = point, value, point.encode(value)
            words += said[2]
        return words


def encode_run(run: Run, value_of: Callable[[str], float]) -> list[int]:
    """The words of one write request, once."""
    return Encoder().words(run, value_of)


def scaled_run(run: Run, exponents: Mapping[Place, int]) -> Run:
    """The run with the exponents that the device says now; the same run where it says none."""
    if all(point.factor is None for point in run.points):
        return run
    return replace(run, points=tuple(current(point, exponents) for point in run.points))


def current(point: Codec, exponents: Mapping[Place, int]) -> Codec:
    """The point with the exponent that its device says now; the same point where it says none."""
    return point if point.factor is None else scaled(point, exponents[point.factor])


def _when(profile: Profile, point: Codec) -> tuple[Literal["cyclic", "once", "daily"], float]:
    written = profile.write[point.name]
    return written.cadence, written.cooldown or 0.0


def _joins(group: list[tuple[int, Codec]], point: Codec, profile: Profile) -> bool:
    first = group[0][1]
    end = max(c.address + c.words for _, c in group)
    reach = max(end, point.address + point.words) - first.address
    if point.table != first.table or reach > profile.max_block:
        return False
    return point.address <= end + profile.block_gap or _readable(profile, point.table, end, point.address)


def _readable(profile: Profile, table: Table, end: int, address: int) -> bool:
    """Whether one declared range holds everything from `end` up to, and not with, `address`."""
    for text in profile.readable:
        place, last = text.split("-")
        kind, first = profile.place(place)
        if kind == table and first <= end and address <= first + int(last) - int(place.split(" ")[1]) + 1:
            return True
    return False


def _block(group: list[tuple[int, Codec]]) -> Block:
    start = group[0][1].address
    end = max(c.address + c.words for _, c in group)
    return Block(group[0][1].table, start, end - start, tuple((i, c.address - start, c) for i, c in group))
