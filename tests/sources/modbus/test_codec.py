"""The codec: every type in both word orders, sentinels before scaling, rounding toward zero."""

from __future__ import annotations

import struct
from fractions import Fraction
from math import inf, isnan, nan
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.profile import Point, Profile, RegisterType
from jit.codes import Quality
from sources.modbus.codec import Codec, EncodeError, codec
from tests.real.modbus import load

TYPES = [t for t in get_args(RegisterType) if t != "bool"]
INTEGERS = [t for t in TYPES if "int" in t]
FORMAT = dict(zip(TYPES, (">H", ">h", ">I", ">i", ">Q", ">q", ">f", ">d"), strict=True))
ORDERS = ("big", "little")
SIGNS = ("positive_is_discharge", "positive_is_charge")
PROFILES = {sign: load("sunspec-storage", sign=sign) for sign in SIGNS}

codecs = st.builds(
    lambda sign, kind, order, scale, unit: of(PROFILES[sign], type=kind, word_order=order, scale=scale, unit=unit),
    st.sampled_from(SIGNS), st.sampled_from(TYPES), st.sampled_from(ORDERS),
    st.sampled_from([1.0, 0.1, 0.001, 10.0, 100.0, 0.3, -0.1, -1.0, 1e-6]), st.sampled_from(["W", "kW", "MW"]),
)  # fmt: skip
powers = st.one_of(
    st.floats(-1e9, 1e9), st.integers(-10**6, 10**6).map(lambda n: n / 10), st.sampled_from([0.0, -0.0, 1e-300, 1e300])
)


def of(profile: Profile, name: str = "power", **fields: object) -> Codec:
    return codec(profile, name, Point.model_validate({"register": "holding 100", "unit": "kW", **fields}))


def words(kind: str, order: str, raw: float) -> list[int]:
    """The words of a raw value, packed here and not by the code under test."""
    octets = struct.pack(FORMAT[kind], raw)
    found = [int.from_bytes(octets[i : i + 2], "big") for i in range(0, len(octets), 2)]
    return found if order == "big" else found[::-1]


@pytest.mark.req("LH-MODB-003", "LH-MODB-004")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.hazard("row 8")
def test_every_type_in_both_word_orders(kind: str, order: str) -> None:
    for raw in (0, 1, 258) if kind.startswith("u") else (0, 1, 258, -1, -258):
        value, quality = of(PROFILES[SIGNS[0]], type=kind, word_order=order).decode(words(kind, order, raw))
        assert (value, quality) == (float(raw), Quality.VALID)


@pytest.mark.req("LH-MODB-003")
def test_one_written_out() -> None:
    assert of(PROFILES[SIGNS[0]], type="uint32", word_order="big").decode([0x1234, 0x5678])[0] == 0x12345678
    assert of(PROFILES[SIGNS[0]], type="uint32", word_order="little").decode([0x5678, 0x1234])[0] == 0x12345678
    assert of(PROFILES[SIGNS[0]], type="int32", word_order="big", scale=100, unit="W").encode(-37.0) == (0xFFFF, 0xFE8E)


@pytest.mark.req("LH-MODB-005", "LH-CTRL-007", "LH-DOM-004")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("kind", "sentinel"), [
    ("uint16", 0xFFFF), ("int16", -0x8000), ("uint32", 0xFFFFFFFF), ("int32", -0x80000000),
    ("uint64", 0xFFFFFFFFFFFFFFFF), ("int64", -0x8000000000000000), ("float32", 9999.9), ("float64", 9999.9),
])  # fmt: skip
@pytest.mark.hazard("row 5")
def test_sentinels_are_missing_before_any_scaling(kind: str, sentinel: float, order: str) -> None:
    point = of(PROFILES[SIGNS[1]], type=kind, word_order=order, scale=0.1, offset=3, sentinels=[sentinel])
    value, quality = point.decode(words(kind, order, sentinel))
    assert isnan(value)
    assert quality == Quality.MISSING


@pytest.mark.req("LH-MODB-005")
@pytest.mark.parametrize("pattern", [(0x7FC0, 0x0000), (0x7FBF, 0xFF80), (0x7F80, 0x0000), (0xFF80, 0x0000)])
def test_float_nan_and_infinity_are_missing(pattern: tuple[int, int]) -> None:
    value, quality = of(PROFILES[SIGNS[0]], type="float32", word_order="big").decode(pattern)
    assert isnan(value)
    assert quality == Quality.MISSING


@given(codecs, st.data())
def test_any_words_decode_to_a_number_or_to_missing(point: Codec, data: st.DataObject) -> None:
    raw = data.draw(st.lists(st.integers(0, 65535), min_size=point.words, max_size=point.words))
    value, quality = point.decode(raw)
    assert quality in (Quality.VALID, Quality.MISSING)
    assert isnan(value) == (quality == Quality.MISSING)


@pytest.mark.req("LH-SAFE-007", "LH-MODB-002")
@given(codecs, powers)
def test_encoding_rounds_toward_zero_and_never_changes_sides(point: Codec, value: float) -> None:
    back, quality = point.decode(point.encode(value))
    assert quality == Quality.VALID
    assert abs(back) <= abs(value)
    assert back == 0 or (back > 0) == (value > 0)


@pytest.mark.req("LH-MODB-003")
@given(codecs, st.data())
def test_what_was_decoded_encodes_to_the_same_value(point: Codec, data: st.DataObject) -> None:
    raw = data.draw(st.lists(st.integers(0, 65535), min_size=point.words, max_size=point.words))
    value, quality = point.decode(raw)
    if quality == Quality.VALID and 1e-30 < abs(value) < 1e14:
        again = point.decode(point.encode(value))[0]
        assert again == pytest.approx(value, rel=1e-6 if point.type == "float32" else 1e-12)


@given(st.sampled_from(INTEGERS), st.sampled_from(ORDERS), st.integers(-32768, 65535), st.sampled_from([0.1, 1.0, 0.3]))
def test_integers_up_to_53_bits_come_back_exactly(kind: str, order: str, raw: int, scale: float) -> None:
    low, high = (0, 65535) if kind.startswith("u") else (-32768, 32767)
    raw = min(max(raw, low), high)
    point = of(PROFILES[SIGNS[1]], type=kind, word_order=order, scale=scale)
    assert list(point.encode(point.decode(words(kind, order, raw))[0])) == words(kind, order, raw)


@given(codecs, powers)
def test_the_step_lost_by_rounding_is_less_than_one(point: Codec, value: float) -> None:
    if point.type not in ("int32", "int64"):
        return
    step = abs(Fraction(point.scaling.numerator, point.scaling.denominator))
    limit = 2 ** (16 * point.words - 1) - 1
    if abs(Fraction(value)) / step < min(limit, 2**50):
        assert abs(value - point.decode(point.encode(value))[0]) < float(step) * (1 + 1e-9)


@pytest.mark.req("LH-SAFE-007")
@pytest.mark.parametrize(("kind", "value", "expected"), [
    ("int16", 1e9, 32767.0), ("int16", -1e9, -32768.0), ("uint16", -5.0, 0.0), ("uint16", 70000.0, 65535.0),
    ("int16", inf, 32767.0), ("int16", -inf, -32768.0), ("float32", inf, 3.4028234663852886e38),
    ("float32", -1e300, -3.4028234663852886e38), ("bool", 5.0, 1.0),
])  # fmt: skip
def test_values_are_clamped_to_what_the_type_holds(kind: str, value: float, expected: float) -> None:
    point = of(PROFILES[SIGNS[0]], type=kind, word_order="big")
    assert point.decode(point.encode(value))[0] == expected


def test_encoding_never_produces_a_sentinel() -> None:
    point = of(PROFILES[SIGNS[0]], type="int16", sentinels=[-32768.0, -32767.0])
    assert point.decode(point.encode(-1e9)) == (-32766.0, Quality.VALID)


@pytest.mark.req("LH-SAFE-006")
@pytest.mark.parametrize("kind", TYPES)
def test_nan_is_refused(kind: str) -> None:
    with pytest.raises(EncodeError, match="power"):
        of(PROFILES[SIGNS[0]], type=kind, word_order="big").encode(nan)


def test_an_offset_is_applied_after_the_scale() -> None:
    point = of(PROFILES[SIGNS[0]], "temperature", type="uint16", scale=0.1, offset=-40, unit="°C")
    assert point.decode([653])[0] == 25.3
    assert point.encode(25.3) == (653,)


@pytest.mark.req("LH-CONF-002", "LH-MODB-003")
@pytest.mark.parametrize("name", ["sunspec-storage", "grid-meter"])
def test_the_recorded_sample_of_a_profile_decodes_as_it_says(name: str) -> None:
    profile = load(name)
    registers, meant = profile.sample["registers"], profile.sample["decodes_to"]
    assert isinstance(registers, dict)
    assert isinstance(meant, dict)
    image = {int(r.split()[1]) + i: word for r, block in registers.items() for i, word in enumerate(block)}
    for point in (codec(profile, n, p) for n, p in profile.read.items()):
        value, _ = point.decode([image[point.address + i] for i in range(point.words)])
        assert value == pytest.approx(meant[point.name]) if meant[point.name] is not None else isnan(value), point.name
