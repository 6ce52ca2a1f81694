"""What only a Modbus profile can say wrong: registers outside a table, overlaps, bits that are written, cadences.

Every function raises the refusal (E509) of the first contradiction, at the key that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from pydantic_core import PydanticCustomError

from config.canonical import WRITE
from config.point import Point, Table, TextPoint
from config.quantity import refusal

Place = tuple[Table, int]
Address = Callable[[Point | TextPoint], Place]

RANGE = re.compile(r"(holding|input|coil|discrete) (\d{1,5})-(\d{1,5})")
SECRET_TYPES = ("uint16", "int16", "uint32", "int32")
FIXED = re.compile(r"(holding|input) (\d{1,5})")


def check_table(what: str, point: Point | TextPoint, place: Place, way: str, name: str) -> None:
    """A point lies within its table, and what is written is in a table that can be."""
    table, address = place
    if address < 0 or address + point.words > 65536:
        raise wrong(f"{what} lies outside the {table} registers", way, name, "register")
    if way == "write" and table not in ("holding", "coil"):
        raise wrong(f"{what} is in a table that cannot be written ({table})", way, name, "register")
    if way == "read" and isinstance(point, Point) and point.constant is not None:
        raise wrong(f"{what} cannot be a constant", way, name, "constant")
    if way == "read" and isinstance(point, Point) and point.secret:
        raise wrong(f"{what} cannot be a secret", way, name, "secret")
    if way == "read" and isinstance(point, Point) and point.of is not None:
        raise wrong(f"{what} is measured, not written", way, name, "of")
    if way == "write" and isinstance(point, Point) and point.bits is not None:
        raise wrong(f"{what} is a part of a register, and writing it would write the rest too", way, name, "bits")


def check_factor(what: str, place: Place, way: str, name: str) -> None:
    """The register with the exponent of a point exists."""
    if not 0 <= place[1] < 65536:
        raise wrong(f"the scale register of {what} lies outside the registers", way, name, "scale_register")


def check_overlap(write: Mapping[str, Point], address: Address) -> None:
    """No two write points share a register."""
    for (a, first), (b, second) in combinations(write.items(), 2):
        if first.register and second.register:
            (table, low), (other, high) = address(first), address(second)
            if table == other and low < high + second.words and high < low + first.words:
                raise wrong(f"write points `{a}` and `{b}` overlap", "write", b, "register")


def check_cadence(write: Mapping[str, Point], cyclic: Sequence[str], *, single: bool) -> None:
    """Only constants are written now and then; `cyclic` are the points of `write_order`."""
    for name, point in write.items():
        seldom = point.cadence != "cyclic"
        if seldom and (not point.fixed or name not in cyclic):
            said = f"`{name}` is no constant of `write_order`: it is written with commands"
            raise wrong(said, "write", name, "cadence")
        if point.cooldown is not None and (
            name in ("power", "heartbeat") or point.of or name not in cyclic or seldom
        ):
            said = f"`{name}` cannot wait: a cooldown is for a constant, the mode or the reactive power"
            raise wrong(said, "write", name, "cooldown")
        if single and point.words > 1:
            said = f"`{name}` has {point.words} registers, and `write_function: single` writes one at a time"
            raise wrong(said, "write", name, "type")


def check_secret(
    shown: Mapping[str, Mapping[str, Point] | Mapping[str, TextPoint] | Mapping[Any, TextPoint]],
    write: Mapping[str, Point], address: Address,
) -> None:  # fmt: skip
    """At most one secret, a plain integer of one or two registers, which are never read: no record shows it."""
    secrets = [(name, point) for name, point in write.items() if point.secret]
    for name, _ in secrets[1:]:
        raise wrong(f"`{name}` is a second secret, and a battery has one `password`", "write", name, "secret")
    for name, point in secrets:
        if name in WRITE or point.of is not None:
            raise wrong(f"`{name}` is computed and no secret", "write", name, "secret")
        plain = (point.scale, point.offset, point.unit, point.scale_register) == (1.0, 0.0, "", None)
        if point.constant is not None or not plain or point.type not in SECRET_TYPES or not point.volatile:
            said = f"the secret `{name}` is one of {', '.join(SECRET_TYPES)}: no constant, scale or unit, not in flash"
            raise wrong(said, "write", name, "secret")
        if point.read_back:
            said = f"the secret `{name}` is not read back: what differs would be shown"
            raise wrong(said, "write", name, "read_back")
        (table, low), end = address(point), address(point)[1] + point.words
        for way, other, seen in ((way, key, seen) for way, points in shown.items() for key, seen in points.items()):
            kind, first = address(seen)
            if kind == table and low < first + seen.words and first < end:
                raise wrong(f"`{other}` would show the secret `{name}`", way, other, "register")


def check_ranges(readable: Sequence[str], expects: Mapping[str, Sequence[int]]) -> None:
    """Ranges and fixed registers are written as such."""
    for index, text in enumerate(readable):
        match = RANGE.fullmatch(text)
        if match is None or int(match[2]) > int(match[3]) or int(match[3]) > 65536:
            raise wrong(f"`{text}` is no range such as `holding 40070-40222`", "readable", str(index))
    for text, words in expects.items():
        if FIXED.fullmatch(text) is None or not words or not all(0 <= word <= 0xFFFF for word in words):
            raise wrong(f"`{text}` is no register with the words it must hold", "expects", text)


def check_none(read: Mapping[str, Point], write: Mapping[str, Point], keys: Mapping[str, object]) -> None:
    """A profile of another protocol says nothing that only registers have: nothing would act on it."""
    for key, value in keys.items():
        if value:
            raise wrong(f"only registers have `{key}`", key)
    for way, points in (("read", read), ("write", write)):
        for name, point in points.items():
            said = {"bits": point.bits, "of": point.of, "scale_register": point.scale_register,
                    "cooldown": point.cooldown, "read_back": point.read_back, "byte_order": point.byte_order != "big",
                    "cadence": point.cadence != "cyclic", "secret": point.secret}  # fmt: skip
            for key, value in said.items():
                if value:
                    raise wrong(f"only registers have `{key}`", way, name, key)


def wrong(message: str, *at: str) -> PydanticCustomError:
    return refusal("E509", message, "a profile may not contradict itself", *at)
