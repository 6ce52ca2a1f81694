"""A value the device has not is *missing*, never 0: every type, every point, every sentinel (reliability §2 row 5).

    raw sentinel ──► NaN, MISSING ──► quality of the asset ──► 0 kW        and never ──► 0.0, VALID
"""

from __future__ import annotations

import struct
from itertools import product
from math import isnan, nan

import pytest

from config.profile import Point, Profile
from jit.codes import Quality
from sources.modbus.codec import codec
from sources.points import scaling
from tests.real.modbus import load

pytestmark = [pytest.mark.req("LH-MODB-005", "LH-DOM-004", "LH-CTRL-007"), pytest.mark.safety]

FORMAT = {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i", "uint64": ">Q", "int64": ">q",
          "float32": ">f", "float64": ">d"}  # fmt: skip
#: What devices say for "not implemented": SunSpec's codes, zero for accumulators, and what vendors write in text.
SENTINELS: dict[str, tuple[float, ...]] = {
    "uint16": (0xFFFF, 0x8000, 0),
    "int16": (-0x8000, 0x7FFF, -1),
    "uint32": (0xFFFFFFFF, 0x80000000, 0),
    "int32": (-0x80000000, 0x7FFFFFFF, -1),
    "uint64": (0xFFFFFFFFFFFFFFFF, 0),
    "int64": (-0x8000000000000000, 0x7FFFFFFFFFFFFFFF),
    "float32": (9999.9, -9999.0, 3.4028234663852886e38),
    "float64": (9999.9, -9999.0, 1e300),
}
SIGNS = ("positive_is_discharge", "positive_is_charge")
TABLE = [(kind, sentinel) for kind, sentinels in SENTINELS.items() for sentinel in sentinels]
SHIPPED = ("sunspec-storage", "grid-meter")


def words(kind: str, order: str, raw: float) -> list[int]:
    """Packed here, not by the code under test."""
    octets = struct.pack(FORMAT[kind], raw if "float" in kind else int(raw))
    found = [int.from_bytes(octets[i : i + 2], "big") for i in range(0, len(octets), 2)]
    return found if order == "big" else found[::-1]


@pytest.mark.parametrize(("kind", "sentinel"), TABLE)
@pytest.mark.hazard("row 5", "S1")
def test_every_type_with_every_sentinel_is_missing_in_every_spelling(kind: str, sentinel: float) -> None:
    """Word orders, scales, offsets, units and signs change nothing: the raw value decides before any of them."""
    profiles = {sign: load("sunspec-storage", sign=sign) for sign in SIGNS}
    orders, scales, offsets, units = ("big", "little"), (1.0, 0.1, -10.0), (0.0, -40.0), ("W", "MW")
    for sign, order, scale, offset, unit in product(SIGNS, orders, scales, offsets, units):
        point = Point.model_validate(
            {"register": "holding 100", "type": kind, "word_order": order, "scale": scale, "offset": offset,
             "unit": unit, "sentinels": [sentinel]}
        )  # fmt: skip
        value, quality = codec(profiles[sign], "power", point).decode(words(kind, order, sentinel))
        assert isnan(value)
        assert quality == Quality.MISSING


@pytest.mark.parametrize("name", SHIPPED)
def test_every_point_that_ships_knows_its_sentinels(name: str) -> None:
    """What stands in a profile is what its codec takes for missing, point by point."""
    profile: Profile = load(name)
    tried = 0
    for point_name, point in profile.read.items():
        for sentinel in (*point.sentinels, *([nan] if "float" in point.type else [])):
            value, quality = codec(profile, point_name, point).decode(
                words(point.type, point.word_order or "big", sentinel)
            )
            assert (isnan(value), quality) == (True, Quality.MISSING), point_name
            tried += 1
    assert tried >= len(profile.read) - 1


@pytest.mark.parametrize("raw", [float("nan"), float("inf"), float("-inf"), 65535.0])
def test_what_is_no_number_is_missing_in_a_message_too(raw: float) -> None:
    profile = load("sunspec-storage")
    for name, point in profile.read.items():
        with_sentinel = point.model_copy(update={"sentinels": [65535.0]})
        value, quality = scaling(profile, name, with_sentinel).value(raw)
        assert (isnan(value), quality) == (True, Quality.MISSING), name
