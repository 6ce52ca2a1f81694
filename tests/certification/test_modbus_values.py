"""Certification of the Modbus driver, values: every type, order, sentinel, exception and table on a real server.

Reliability §3.8. What a register must hold is said by a second codec (`tests.golden.words`).
"""

from __future__ import annotations

from fractions import Fraction
from math import isnan
from typing import Any

import pytest
from pymodbus.constants import ExcCodes

from jit.codes import Quality, WriteStatus
from tests.certification.modbus import meter, stand, storage
from tests.golden.words import BITS, number, words

pytestmark = [pytest.mark.integration, pytest.mark.safety, pytest.mark.req("LH-TEST-003", "LH-MODB-003")]
ORDERS = ("big", "little")
LAYOUTS = [(kind, word, byte) for kind in BITS for word in ORDERS for byte in ORDERS]
SENTINEL: dict[str, float] = {
    "uint16": 0xFFFF, "int16": -0x8000, "uint32": 0xFFFFFFFF, "int32": -0x80000000, "uint64": 0xFFFFFFFFFFFFFFFF,
    "int64": -0x8000000000000000, "float32": 9999.9, "float64": 9999.9,
}  # fmt: skip
READ_BACK = {WriteStatus.CONFIRMED}


def point(kind: str, word: str, byte: str, **more: Any) -> dict[str, Any]:
    """A set-point or a measurement that counts 0.1 kW from register 40 on."""
    said = {"register": "holding 40", "type": kind, "byte_order": byte, "scale": 0.1, "unit": "kW"}
    return said | ({"word_order": word} if BITS[kind] > 16 else {}) | more


@pytest.mark.hazard("row 8", "row 5")
@pytest.mark.parametrize("raw", [0, 1, 1234, 30000])
@pytest.mark.parametrize(("kind", "word", "byte"), LAYOUTS)
async def test_read(kind: str, word: str, byte: str, raw: int) -> None:
    async with stand(meter({"power": point(kind, word, byte)})) as device:
        await device.server.put("holding 40", *words(kind, raw, word, byte))
        assert await device.value("power") == (float(Fraction(raw, 10)), Quality.VALID)


@pytest.mark.hazard("row 5")
@pytest.mark.req("LH-MODB-005")
@pytest.mark.parametrize(("kind", "word", "byte"), LAYOUTS)
async def test_sentinel(kind: str, word: str, byte: str) -> None:
    async with stand(meter({"power": point(kind, word, byte, sentinels=[SENTINEL[kind]])})) as device:
        await device.server.put("holding 40", *words(kind, SENTINEL[kind], word, byte))
        value, quality = await device.value("power")
        assert isnan(value)
        assert quality == Quality.MISSING
        await device.server.put("holding 40", *words(kind, 50, word, byte))
        assert await device.value("power") == (5.0, Quality.VALID)


@pytest.mark.hazard("row 8")
@pytest.mark.req("LH-MODB-002", "LH-SAFE-007")
@pytest.mark.parametrize("asked", ["0", "37.5", "-37.5", "99.99"])
@pytest.mark.parametrize(("kind", "word", "byte"), LAYOUTS)
async def test_write(kind: str, word: str, byte: str, asked: str) -> None:
    """Never beyond what is asked, never the other direction, less than one step short; read back; nothing else."""
    async with stand(storage(point(kind, word, byte)), writer=True) as device:
        receipt = await device.command(float(asked))
        assert receipt.status in READ_BACK, receipt.detail
        raw = number(kind, await device.server.get("holding 40", BITS[kind] // 16), word, byte)
        assert isinstance(raw, Fraction)
        said, wanted = raw / 10, Fraction(asked)
        if kind.startswith("u"):
            wanted = max(wanted, Fraction(0))
        assert abs(said) <= abs(wanted) + Fraction(1, 10**9)
        assert said * wanted >= 0
        assert abs(wanted - said) < Fraction(1, 10)
        assert device.undeclared() == set()


@pytest.mark.hazard("row 7")
@pytest.mark.parametrize("exponent", range(-4, 5))
@pytest.mark.parametrize("kind", ["int16", "int32"])
async def test_own_scale(kind: str, exponent: int) -> None:
    own = {"scale": 1.0, "scale_register": "holding 50"}
    async with stand(storage(point(kind, "big", "big", **own)), writer=True) as device:
        await device.server.put("holding 50", exponent % 65536)
        receipt = await device.command(-3.0)
        assert receipt.status in READ_BACK, receipt.detail
        raw = number(kind, await device.server.get("holding 40", BITS[kind] // 16))
        step = Fraction(10**exponent) if exponent >= 0 else Fraction(1, 10**-exponent)
        said = Fraction(raw) * step
        assert -3 <= said <= 0
        assert abs(said + 3) < step or raw == -(2 ** (BITS[kind] - 1))
        await device.poll()
        value, quality = await device.value("setpoint")
        assert (value, quality) == (float(said), Quality.VALID)


TABLES = [("holding", "uint16"), ("input", "uint16"), ("coil", "bool"), ("discrete", "bool")]


@pytest.mark.hazard("row 6")
@pytest.mark.parametrize("gap", [0, 1, 3, 9])
@pytest.mark.parametrize(("table", "kind"), TABLES)
async def test_gap(table: str, kind: str, gap: int) -> None:
    """What nobody declared is not read: it may be refused, or shift what follows."""
    second = 20 + 1 + gap
    read = {f"p{at}": {"register": f"{table} {at}", "type": kind} for at in (20, second)}
    async with stand(meter(read)) as device:
        await device.poll()
        code = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}[table]
        assert device.asked() == {(code, 20), (code, second)}


@pytest.mark.req("LH-MODB-001", "LH-MODB-002")
@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("value", [0, 1])
async def test_coil(*, single: bool, value: int) -> None:
    power = point("int16", "big", "big")
    write = {"power": power, "enable": {"register": "coil 7", "type": "bool", "constant": value, "read_back": True}}
    profile = storage(
        power, write=write, write_order=["enable", "power"], write_function="single" if single else "multiple"
    )
    async with stand(profile, writer=True) as device:
        receipt = await device.command(5.0)
        functions = {function for function, _, _ in device.server.requests if function > 4}
        assert functions == ({5, 6} if single else {15, 16})
        assert device.written() == {("coil", 7), ("holding", 40)}
        assert receipt.status is WriteStatus.CONFIRMED, receipt.detail


EXCEPTIONS = [*ExcCodes]


@pytest.mark.hazard("row 14")
@pytest.mark.req("LH-PROT-002")
@pytest.mark.parametrize("code", EXCEPTIONS)
async def test_exception_to_a_read(code: ExcCodes) -> None:
    read = {"power": point("int16", "big", "big"), "other": {"register": "holding 90", "type": "uint16"}}
    async with stand(meter(read)) as device:
        device.server.refuse[40] = code
        value, quality = await device.value("power")
        assert isnan(value)
        assert quality == Quality.PROTOCOL
        whole = int(code) not in (1, 2, 3)
        assert ((await device.value("other"))[1] == Quality.PROTOCOL) == whole
        device.server.refuse.clear()
        assert await device.value("power") == (0.0, Quality.VALID)
        assert device.proxy.connections == 1


@pytest.mark.hazard("row 14")
@pytest.mark.req("LH-PROT-002")
@pytest.mark.parametrize("code", EXCEPTIONS)
async def test_exception_to_a_write(code: ExcCodes) -> None:
    async with stand(storage(point("int16", "big", "big")), writer=True) as device:
        device.server.refuse[40] = code
        receipt = await device.command(5.0)
        assert receipt.status is WriteStatus.REFUSED
        assert f"exception {int(code)}" in receipt.detail
        assert "unknown" not in receipt.detail
        device.server.refuse.clear()
        assert (await device.command(6.0, 2)).status is WriteStatus.CONFIRMED
