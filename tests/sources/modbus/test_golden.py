"""Golden vectors: our codec against a second one that shares nothing with it, and against the earlier system's maps."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite, isnan, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.point import Point
from jit.codes import Quality
from sources.modbus.codec import Codec, codec
from tests.golden.words import BITS, arranged, number, words
from tests.real.modbus import load

pytestmark = pytest.mark.req("LH-MODB-003", "LH-MODB-004")
ORDERS = ("big", "little")
PLAIN = load("sunspec-storage")

#: What means "not implemented", by type: the values of reliability §1.4, as numbers.
SENTINELS: dict[str, list[float]] = {
    "uint16": [0xFFFF, 0x8000], "int16": [-0x8000, -1], "uint32": [0xFFFFFFFF, 0x80000000], "int32": [-0x80000000, -1],
    "uint64": [0xFFFFFFFFFFFFFFFF], "int64": [-0x8000000000000000], "float32": [9999.9, -1.0],
    "float64": [9999.9, -1.0],
}  # fmt: skip
NUMBERS: dict[str, list[float]] = {
    "uint16": [0, 1, 258, 32768, 65534], "int16": [0, 1, -2, 258, -32767, 32767],
    "uint32": [0, 1, 65535, 65536, 0x12345678, 4294967294], "int32": [0, -2, 65536, -65536, 0x12345678, -2147483647],
    "uint64": [0, 1, 65536, 2**32, 2**53 - 1], "int64": [0, -2, 2**32, -(2**32), -(2**53) + 1],
    "float32": [0.0, 1.0, -1.5, 0.1, 50.01, 3.4e38, 1e-45, -123.456], "float64": [0.0, -1.5, 0.1, 50.01, 1e300, 5e-324],
}  # fmt: skip
NAN = {"float32": [0x7FC00000, 0x7FBFFF80, 0xFFC00000, 0x7F800000, 0xFF800000], "float64": [0x7FF8 << 48, 0x7FF0 << 48]}


def of(name: str = "count", **point: Any) -> Codec:
    return codec(PLAIN, name, Point.model_validate({"register": "holding 100", **point}))


LAYOUTS = [(kind, word, byte) for kind in BITS for word in ORDERS for byte in ORDERS]


@pytest.mark.hazard("row 8")
@pytest.mark.parametrize(("kind", "word", "byte"), LAYOUTS)
def test_every_type_and_order_says_the_numbers_that_the_other_codec_says(kind: str, word: str, byte: str) -> None:
    point = of(type=kind, word_order=word, byte_order=byte)
    for raw in NUMBERS[kind]:
        said = words(kind, raw, word, byte)
        exact = number(kind, said, word, byte)
        assert point.decode(said) == (float(exact), Quality.VALID)
        assert list(point.encode(float(exact))) == said


@pytest.mark.req("LH-MODB-005")
@pytest.mark.hazard("row 5")
@pytest.mark.parametrize("scale", [1.0, 0.1, -10.0])
@pytest.mark.parametrize(("kind", "word", "byte"), LAYOUTS)
def test_every_type_and_order_with_every_sentinel_is_missing(kind: str, word: str, byte: str, scale: float) -> None:
    for sentinel in SENTINELS[kind]:
        point = of(type=kind, word_order=word, byte_order=byte, scale=scale, offset=7, sentinels=[sentinel])
        value, quality = point.decode(words(kind, sentinel, word, byte))
        assert isnan(value)
        assert quality == Quality.MISSING
    for pattern in NAN.get(kind, []):
        point = of(type=kind, word_order=word, byte_order=byte)
        value, quality = point.decode(arranged(pattern, BITS[kind], word, byte))
        assert isnan(value)
        assert quality == Quality.MISSING


@given(st.sampled_from(LAYOUTS), st.data())
def test_any_registers_mean_the_same_to_both_codecs(layout: tuple[str, str, str], data: st.DataObject) -> None:
    kind, word, byte = layout
    size = BITS[kind] // 16
    registers = data.draw(st.lists(st.integers(0, 65535), min_size=size, max_size=size))
    meant = number(kind, registers, word, byte)
    value, quality = of(type=kind, word_order=word, byte_order=byte).decode(registers)
    if isinstance(meant, Fraction):
        assert (value, quality) == (float(meant), Quality.VALID)
    else:
        assert isnan(value)
        assert quality == Quality.MISSING


@given(st.sampled_from(LAYOUTS), st.integers(-(10**6), 10**6), st.sampled_from(["0.1", "1", "100", "0.001", "-0.1"]))
@pytest.mark.req("LH-MODB-002", "LH-SAFE-007")
def test_a_set_point_is_the_number_nearest_to_it_toward_zero(
    layout: tuple[str, str, str], tenths: int, scale: str
) -> None:
    """Engineering value = raw · scale, exactly; judged by the other codec in rational numbers."""
    kind, word, byte = layout
    point = of("power", type=kind, word_order=word, byte_order=byte, scale=float(scale), unit="kW")
    asked = Fraction(tenths, 10)
    raw = number(kind, list(point.encode(float(asked))), word, byte)
    assert isinstance(raw, Fraction)
    said = raw * Fraction(scale)
    assert abs(float(said)) <= abs(float(asked))
    if not kind.startswith("float"):
        half = 2 ** BITS[kind] // 2
        low, high = (0, 2 * half - 1) if kind.startswith("u") else (-half, half)
        if low < asked / Fraction(scale) < high - 1:
            assert abs(asked - said) < abs(Fraction(scale))


#: The register maps of the earlier system, as its documents have them: register, type, factor to the chain's unit.
SIMULATOR = {
    "soc": ("holding 100", "uint16", "0.1"), "soh": ("holding 102", "uint16", "0.1"),
    "power": ("holding 110", "int16", "0.1"), "reactive_power": ("holding 112", "int16", "0.1"),
    "dc_voltage": ("holding 114", "uint16", "1"), "dc_current": ("holding 116", "int16", "0.1"),
    "temperature": ("holding 118", "int16", "0.1"),
}  # fmt: skip
HIL = {
    "power": ("input 1", "float32", "1000"), "reactive_power": ("input 3", "float32", "1000"),
    "grid_voltage": ("input 5", "float32", "1"), "frequency": ("input 7", "float32", "1"),
    "grid_current": ("input 9", "float32", "1000"), "soc": ("input 13", "float32", "1"),
    "soh": ("input 15", "float32", "1"), "temperature": ("input 17", "float32", "1"),
}  # fmt: skip
MAPS = [(name, point, *place) for name, points in (("simulator", SIMULATOR), ("simulator-hil", HIL))
        for point, place in points.items()]  # fmt: skip
VALUES = {"uint16": (0, 1, 555, 1000), "int16": (0, 1, -1, 250, -500), "float32": (0.0, 0.05, -0.025, 1.0, 50.01, 23.5)}


@pytest.mark.req("LH-CONF-002", "LH-TEST-003")
@pytest.mark.parametrize(("profile", "name", "register", "kind", "factor"), MAPS)
def test_the_earlier_systems_register_maps_decode_exactly(
    profile: str, name: str, register: str, kind: str, factor: str
) -> None:
    found = load(profile)
    assert found.read[name].register == register
    order = "little" if profile == "simulator-hil" else "big"
    point = codec(found, name, found.read[name])
    for raw in VALUES[kind]:
        said = words(kind, raw, order)
        meant = number(kind, said, order)
        assert isinstance(meant, Fraction)
        assert point.decode(said) == (float(meant * Fraction(factor)), Quality.VALID)


@pytest.mark.req("LH-MODB-002", "LH-TEST-003")
@pytest.mark.parametrize(("profile", "name", "register", "kind", "scale"), [
    ("simulator", "power", "holding 200", "int16", "0.1"),
    ("simulator-hil", "power", "holding 1", "float32", "1000"),
    ("simulator-hil", "reactive_power", "holding 3", "float32", "1000"),
])  # fmt: skip
@pytest.mark.parametrize("kw", [0.0, 0.1, 25.0, -25.0, 50.0, -49.9])
def test_what_is_written_is_what_the_earlier_system_wrote(
    profile: str, name: str, register: str, kind: str, scale: str, kw: float
) -> None:
    """Exactly where the number can be said; a float32 that cannot is the next one toward zero."""
    found = load(profile)
    assert found.write[name].register == register
    order = "little" if profile == "simulator-hil" else "big"
    sent = list(codec(found, name, found.write[name]).encode(kw))
    raw = number(kind, sent, order)
    assert isinstance(raw, Fraction)
    assert abs(raw * Fraction(scale)) <= abs(Fraction(str(kw)))
    theirs = words(kind, float(Fraction(str(kw)) / Fraction(scale)), order)
    assert abs(_pattern(sent, order) - _pattern(theirs, order)) <= (1 if kind == "float32" else 0)


def _pattern(registers: list[int], order: str) -> int:
    ordered = registers if order == "big" else registers[::-1]
    return sum(word << 16 * place for place, word in enumerate(reversed(ordered)))


def test_the_other_codec_knows_what_the_standard_shows() -> None:
    """IEEE 754: worked examples that everybody can look up."""
    assert words("float32", 1.0) == [0x3F80, 0x0000]
    assert words("float32", -118.625) == [0xC2ED, 0x4000]
    assert words("float32", 0.1) == [0x3DCC, 0xCCCD]
    assert words("float64", 1.0) == [0x3FF0, 0, 0, 0]
    assert words("float64", 5e-324) == [0, 0, 0, 1]
    assert words("float32", 3.4028234663852886e38) == [0x7F7F, 0xFFFF]
    assert words("int32", -1) == [0xFFFF, 0xFFFF]
    assert words("uint32", 0x12345678, "little") == [0x5678, 0x1234]
    assert words("uint32", 0x12345678, "big", "little") == [0x3412, 0x7856]
    assert words("float32", nan) == [0x7FC0, 0x0000]
    assert isfinite(float(number("float32", [0x7F7F, 0xFFFF])))
