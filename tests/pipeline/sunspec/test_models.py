"""Every point of every SunSpec model that profiles are made of, with every value that says "not implemented"."""

from __future__ import annotations

from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.point import Point
from jit.codes import Quality
from pipeline.sunspec.models import TYPES, Member, Model, NoSuchModelError, as_point, model, numeric
from sources.modbus.codec import Codec, codec, scaled
from tests.real.modbus import load

NUMBERS = [1, 101, 102, 103, 111, 112, 113, 120, 121, 122, 123, 124, 201, 202, 203, 204, 211, 212, 213, 214,
           *range(701, 716), 802, 803]  # fmt: skip
METER = load("grid-meter", sign="positive_is_discharge")
BASE = 40070

#: What "not implemented" is, in bytes, from the Information Model Specification: written here, not taken from the code.
NOT_IMPLEMENTED = {
    "int16": ["8000"], "sunssf": ["8000"], "pad": ["8000"], "uint16": ["ffff"], "enum16": ["ffff"],
    "bitfield16": ["ffff"], "count": ["ffff"], "acc16": ["0000"], "int32": ["80000000"], "uint32": ["ffffffff"],
    "enum32": ["ffffffff"], "bitfield32": ["ffffffff"], "acc32": ["00000000"], "ipaddr": ["00000000"],
    "int64": ["8000000000000000"], "uint64": ["ffffffffffffffff"], "bitfield64": ["ffffffffffffffff"],
    "acc64": ["0000000000000000"],
    "float32": ["7fc00000", "7fbfff80", "ffc00000", "7f800000", "ff800000"],
}  # fmt: skip


def words(octets: bytes) -> list[int]:
    return [octets[i] << 8 | octets[i + 1] for i in range(0, len(octets), 2)]


def compiled(member: Member) -> Codec:
    return codec(METER, "value", Point.model_validate(as_point(member, BASE)))


ALL = [(found, member) for found in map(model, NUMBERS) for member in numeric(found)]
named = [pytest.param(found, id=str(found.number)) for found in map(model, NUMBERS)]


@pytest.mark.req("LH-MODB-003", "LH-MODB-005")
@pytest.mark.hazard("row 5")
@pytest.mark.parametrize("found", named)
def test_every_point_of_every_model_with_every_sentinel_is_missing(found: Model) -> None:
    checked = 0
    for member in numeric(found):
        for pattern in NOT_IMPLEMENTED[member.type]:
            value, quality = compiled(member).decode(words(bytes.fromhex(pattern)))
            assert isnan(value), f"{found.number} {member.name}"
            assert quality == Quality.MISSING
            checked += 1
        if member.factor is not None:
            wanted = compiled(member).factor
            assert wanted == ("holding", BASE + member.factor)
    assert checked >= len(list(numeric(found)))


@pytest.mark.req("LH-MODB-003")
@settings(max_examples=300)
@given(st.sampled_from(ALL), st.data())
def test_every_other_word_is_the_number_that_it_says(pair: tuple[Model, Member], data: st.DataObject) -> None:
    """Decoded here with integers alone; the exponent, where there is one, as a power of ten beside it."""
    _, member = pair
    if member.type.startswith("float"):
        return
    octets = data.draw(st.binary(min_size=2 * member.words, max_size=2 * member.words))
    if octets.hex() in NOT_IMPLEMENTED[member.type]:
        return
    signed = TYPES[member.type][0].startswith("i")
    raw = int.from_bytes(octets, "big", signed=signed)
    exponent = data.draw(st.integers(-10, 10)) if member.factor is not None else 0
    point = compiled(member)
    value, quality = (scaled(point, exponent) if member.factor is not None else point).decode(words(octets))
    if member.words == 4 and abs(raw) > 2**53 - 1025:
        return  # beyond what a float64 can tell from the sentinel
    unit = {"W": 1000, "VA": 1000, "var": 1000, "Wh": 1000}.get(as_point(member, 0).get("unit", ""), 1)
    top, bottom = (raw * 10**exponent, unit) if exponent >= 0 else (raw, unit * 10**-exponent)
    assert (value, quality) == (top / bottom, Quality.VALID)


def test_points_lie_side_by_side_and_end_with_the_model() -> None:
    for found in map(model, NUMBERS):
        at = 0
        for member in found.members:
            assert member.offset == at, f"{found.number} {member.name}"
            at += member.words
        assert at == found.length + 2


@pytest.mark.parametrize(("number", "length"), [
    (1, 66), (103, 50), (113, 60), (120, 26), (121, 30), (124, 24), (203, 105), (213, 124), (701, 153), (704, 65),
    (713, 7), (715, 7), (802, 62),
])  # fmt: skip
def test_models_have_the_lengths_that_devices_say(number: int, length: int) -> None:
    assert model(number).length == length


def test_groups_repeat_as_often_as_they_are_said_to() -> None:
    once, thrice = model(714), model(714, (("Prt", 3),))
    assert thrice.length - once.length == 2 * 25
    assert thrice.member("Prt_3_DCW") is not None
    assert once.member("Prt_2_DCW") is None


def test_an_unknown_model_is_named() -> None:
    with pytest.raises(NoSuchModelError, match="64999"):
        model(64999)
