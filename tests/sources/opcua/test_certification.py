"""The certification of the OPC UA driver (reliability §3.8): every type × status × time stamp, read from a real server.

What is expected is written here a second time, from the rules and not from the code.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from math import inf, isnan, nan
from typing import Any, NamedTuple

import pytest
from asyncua import ua

from config.profile import Point, RegisterType
from jit.codes import Quality
from sources.opcua.access import Access
from sources.opcua.connection import Connection
from sources.opcua.values import Reader
from sources.points import scaling
from tests.real.modbus import load
from tests.real.opcua import VARIANT, Served

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-OPCUA-001", "LH-OPCUA-004", "LH-PROT-002")]

PROFILE = load("opcua-ess")
NOW = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Status(NamedTuple):
    """A status code, and what becomes of a value that has it."""

    name: str
    code: int
    quality: Quality
    shown: bool


STATUSES = [
    Status("Good", 0x0000_0000, Quality.VALID, True),
    Status("GoodClamped", 0x0030_0000, Quality.VALID, True),
    Status("GoodLocalOverride", 0x0096_0000, Quality.SUBSTITUTED, True),
    Status("GoodWithLimitBits", 0x0000_0600, Quality.VALID, True),
    Status("Uncertain", 0x4000_0000, Quality.STALE, True),
    Status("UncertainLastUsableValue", 0x4090_0000, Quality.STALE, True),
    Status("UncertainSubstituteValue", 0x4091_0000, Quality.SUBSTITUTED, True),
    Status("UncertainInitialValue", 0x4092_0000, Quality.STALE, True),
    Status("Bad", 0x8000_0000, Quality.PROTOCOL, False),
    Status("BadNotConnected", 0x808A_0000, Quality.PROTOCOL, False),
    Status("BadSensorFailure", 0x808C_0000, Quality.PROTOCOL, False),
    Status("BadOutOfService", 0x808D_0000, Quality.PROTOCOL, False),
    Status("BadWaitingForInitialData", 0x8032_0000, Quality.PROTOCOL, False),
    Status("reserved severity", 0xC000_0000, Quality.PROTOCOL, False),
]
STAMPS: dict[str, datetime | None] = {
    "none": None,
    "now": NOW,
    "1601": datetime(1601, 1, 1, tzinfo=UTC),
    "9999": datetime(9999, 12, 31, tzinfo=UTC),
}
VALUES: dict[RegisterType, Any] = {
    "uint16": 65_535, "int16": -32_768, "uint32": 4_294_967_295, "int32": -2_147_483_648,
    "uint64": 2**53, "int64": -(2**53), "float32": -12.5, "float64": 55.2, "bool": True,
}  # fmt: skip


def reader(kind: RegisterType, **of_point: Any) -> Reader:
    point = Point(node="x", type=kind, **of_point)
    return Reader(kind, scaling(PROFILE, "x", point), {text: number for number, text in point.values.items()})


def said(kind: ua.VariantType, value: Any, code: int = 0, stamp: datetime | None = None) -> ua.DataValue:
    variant = ua.Variant(None, ua.VariantType.Null) if value is None else ua.Variant(value, kind)
    return ua.DataValue(variant, ua.StatusCode(ua.UInt32(code)), stamp)  # type: ignore[arg-type]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    connection = Connection(Access(url), clock=asyncio.get_running_loop().time)
    assert await connection.connect()
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize("status", STATUSES, ids=lambda status: status.name)
@pytest.mark.parametrize("kind", VALUES)
async def test_every_type_with_every_status_and_time_stamp_is_read_as_it_is_meant(
    kind: RegisterType, status: Status, stamp: str, served: Served
) -> None:
    """Good alone is valid; uncertain is shown; bad is no value; a time stamp of 1601 is none."""
    node = served.variable(f"read.{kind}", VARIANT[kind], VALUES[kind])
    told = VALUES[kind] if status.shown else None
    served.put(f"read.{kind}", said(VARIANT[kind], told, status.code, STAMPS[stamp]))
    async with connected(served.url) as connection:
        (got,) = await connection.read([connection.node(node)])
    found = reader(kind).told(got)
    assert found.quality == status.quality
    assert found.value == float(VALUES[kind]) if status.shown else isnan(found.value)
    expected = {"none": None, "1601": None, "now": (NOW - EPOCH) // timedelta(microseconds=1) * 1000}
    if stamp in expected:
        assert found.stamp_ns == expected[stamp]
    else:
        assert found.stamp_ns == 2**63 - 1  # as late as the chain can count


FOREIGN = [
    ("a byte in a float", "float64", ua.VariantType.Byte, 7, 7.0, Quality.VALID),
    ("a signed byte in an integer", "int32", ua.VariantType.SByte, -7, -7.0, Quality.VALID),
    ("a float in an integer, whole", "int32", ua.VariantType.Double, 12.0, 12.0, Quality.VALID),
    ("a float in an integer, not whole", "int32", ua.VariantType.Double, 12.5, nan, Quality.PROTOCOL),
    ("beyond the declared type", "uint16", ua.VariantType.UInt32, 65_536, nan, Quality.PROTOCOL),
    ("below the declared type", "uint16", ua.VariantType.Int32, -1, nan, Quality.PROTOCOL),
    ("a number in a bit", "bool", ua.VariantType.UInt16, 1, 1.0, Quality.VALID),
    ("no bit", "bool", ua.VariantType.UInt16, 2, nan, Quality.PROTOCOL),
    ("a bit in a number", "float64", ua.VariantType.Boolean, True, nan, Quality.PROTOCOL),
    ("a text in a number", "float64", ua.VariantType.String, "55.2", nan, Quality.PROTOCOL),
    ("an array", "float64", ua.VariantType.Double, [1.0, 2.0], nan, Quality.PROTOCOL),
    ("an empty array", "float64", ua.VariantType.Double, [], nan, Quality.PROTOCOL),
    ("a time", "float64", ua.VariantType.DateTime, NOW, nan, Quality.PROTOCOL),
    ("bytes", "uint16", ua.VariantType.ByteString, b"\0\1", nan, Quality.PROTOCOL),
    ("nothing, and good", "float64", ua.VariantType.Double, None, nan, Quality.MISSING),
    ("not a number", "float64", ua.VariantType.Double, nan, nan, Quality.MISSING),
    ("infinite", "float64", ua.VariantType.Double, inf, nan, Quality.MISSING),
    ("infinite the other way", "float32", ua.VariantType.Float, -inf, nan, Quality.MISSING),
    ("minus nothing", "float64", ua.VariantType.Double, -0.0, 0.0, Quality.VALID),
]


@pytest.mark.parametrize(("what", "kind", "variant", "value", "expected", "quality"), FOREIGN, ids=str)
async def test_what_is_not_declared_is_taken_where_it_fits_and_is_never_zero_where_it_does_not(
    what: str, kind: RegisterType, variant: ua.VariantType, value: Any, expected: float, quality: Quality,
    served: Served,
) -> None:  # fmt: skip
    node = served.variable("foreign", ua.VariantType.Double, 0.0)
    served.put("foreign", said(variant, value))
    async with connected(served.url) as connection:
        (got,) = await connection.read([connection.node(node)])
    found = reader(kind).told(got)
    assert found.quality == quality
    assert found.value == expected or (isnan(expected) and isnan(found.value))


@pytest.mark.parametrize(("kind", "sentinel"), list(product(VALUES, [0, 1, 9999])))
async def test_a_sentinel_of_any_type_is_missing_before_it_is_scaled(
    kind: RegisterType, sentinel: int, served: Served
) -> None:
    if kind == "bool" and sentinel > 1:
        sentinel = 1
    node = served.variable(f"read.{kind}", VARIANT[kind], VALUES[kind])
    value = bool(sentinel) if kind == "bool" else float(sentinel) if kind.startswith("float") else sentinel
    served.put(f"read.{kind}", said(VARIANT[kind], value))
    async with connected(served.url) as connection:
        (got,) = await connection.read([connection.node(node)])
    found = reader(kind, sentinels=[sentinel], scale=0.1, offset=3.0).told(got)
    assert (isnan(found.value), found.quality) == (True, Quality.MISSING)
    other = reader(kind, scale=0.5, offset=3.0).told(got)
    assert (other.value, other.quality) == (sentinel * 0.5 + 3.0, Quality.VALID)


@pytest.mark.parametrize("node", ["ns=2;s=T.none", "ns=77;s=T.x", "i=4711", "g=12345678-1234-1234-1234-123456789abc"])
async def test_a_node_that_is_not_there_is_no_value_and_takes_nothing_from_its_neighbours(
    node: str, served: Served
) -> None:
    there = served.variable("read.float64", VARIANT["float64"], 0.0)
    served.put("read.float64", said(VARIANT["float64"], 3.0))
    async with connected(served.url) as connection:
        absent, present = await connection.read([connection.node(node), connection.node(there)])
        assert connection.connected
    assert reader("float64").told(absent).quality == Quality.PROTOCOL
    assert reader("float64").told(present).value == 3.0


async def test_more_nodes_than_a_server_takes_at_once_are_asked_for_in_parts(served: Served) -> None:
    names = [f"many.{i}" for i in range(230)]
    nodes = [served.variable(name, VARIANT["int32"], i) for i, name in enumerate(names)]
    async with connected(served.url) as connection:
        got = await connection.read([connection.node(node) for node in nodes])
    assert [reader("int32").told(one).value for one in got] == list(range(230))


async def test_a_namespace_is_found_by_its_name_whatever_its_number_is(served: Served) -> None:
    served.variable("named", VARIANT["float64"], 0.0)
    served.put("named", said(VARIANT["float64"], 4.0))
    async with connected(served.url) as connection:
        (got,) = await connection.read([connection.node("nsu=urn:test;s=T.named")])
        with pytest.raises(Exception, match="no namespace `urn:other`"):
            connection.node("nsu=urn:other;s=T.named")
    assert reader("float64").told(got).value == 4.0
