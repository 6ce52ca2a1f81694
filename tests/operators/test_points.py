"""Every point with its quality, age and reasons; what is lost is named, also in the sentence."""

from __future__ import annotations

from math import isnan

import pytest

from jit import rows
from jit.codes import Quality
from operators.points import points_of, points_of_meter, reasons
from operators.sentence import POINT_TEXT, why
from tests.rig import STORAGE_POINTS, Rig, site, storage

pytestmark = pytest.mark.req("LH-DOM-004")


def shown(rig: Rig, point: str) -> dict[str, object]:
    return next(entry for entry in points_of(rig.frame, 0) if entry["point"] == point)


def test_a_good_point_has_value_unit_and_age_and_no_reasons() -> None:
    rig = Rig(site(1)).ready()
    assert shown(rig, "soc") == {
        "point": "soc", "value": 55.0, "unit": "%", "valid": True, "age_s": 0.0, "reasons": []
    }  # fmt: skip
    assert [entry["point"] for entry in points_of(rig.frame, 0)] == [
        point.removeprefix("b1.") for point in rig.frame.layout.points if point.startswith("b1.")
    ]


def test_a_missing_point_is_null_and_named_in_the_sentence() -> None:
    rig = Rig(site(1)).ready()
    rig.batteries["b1"].missing = {"soc"}
    rig.tick()
    found = shown(rig, "soc")
    assert (found["value"], found["valid"], found["reasons"]) == (None, False, ["no such value"])
    assert shown(rig, "power")["valid"]
    assert "a required value is missing: soc" in why(rig.frame, 0)


def test_no_point_is_better_or_younger_than_its_device() -> None:
    rig = Rig(site(1)).ready()
    rig.batteries["b1"].answers = False
    rig.run(5)
    for entry in points_of(rig.frame, 0):
        assert entry["valid"] is False
        assert entry["age_s"] == 5.0
        assert "too old" in entry["reasons"]


def test_before_the_first_answer_every_point_is_unknown() -> None:
    rig = Rig(site(1))
    rig.batteries["b1"].answers = False
    rig.tick()
    assert {tuple(entry["reasons"]) for entry in points_of(rig.frame, 0)} == {("never received",)}


def test_reasons_come_worst_first_and_every_bit_has_one() -> None:
    assert set(POINT_TEXT) == set(Quality) - {Quality.UNKNOWN, Quality.VALID}
    assert reasons(Quality.JUMP | Quality.STALE | Quality.PROTOCOL) == ["no usable answer", "too old", "jumped"]


def test_lost_cooling_is_said() -> None:
    rig = Rig(site(1), storage(read=STORAGE_POINTS | {"cooling": {"path": "cooling"}}))
    rig.batteries["b1"].more["cooling"] = 0.0
    rig.ready()
    assert "cooling" in why(rig.frame, 0)


def test_a_lost_meter_is_named_where_its_limit_binds() -> None:
    limits = {"name": "rig", "cycle": "1 s", "export_limit": "200 kW", "max_pv": "150 kW"}
    rig = Rig(site(1, site=limits | {"meters": {"poc": {"profile": "rig-meter", "connect": "broker"}}})).ready()
    rig.schedule("day_ahead", 120.0)
    rig.run(8)
    rig.meter_answers = False
    rig.run(10)
    assert rig.power == [50.0]
    assert "the point of connection, whose meter is lost (data are too old)," in why(rig.frame, 0)


@pytest.mark.safety
def test_a_meter_that_says_nothing_more_is_shown_as_too_old_not_as_what_it_said_last() -> None:
    rig = Rig(site(1)).ready()
    age_s = rig.entry.snapshot.age_of("site.poc")

    def power(old_s: float) -> dict[str, object]:
        points = points_of_meter(rig.frame, "site.poc", old_s, 3.0)
        return next(point for point in points if point["point"] == "power")

    assert (power(age_s)["valid"], power(age_s)["unit"], power(age_s)["age_s"]) == (True, "kW", age_s)
    assert (power(3.5)["valid"], power(3.5)["reasons"]) == (False, reasons(int(Quality.STALE)))
    assert not power(float("nan"))["valid"], "an unknown age is no young one"
    rig.frame.site_codes.flags.writeable = True
    rig.frame.site_codes[rows.POC_QUALITY] |= int(Quality.FROZEN)
    assert not power(age_s)["valid"], "a point is no better than its meter"


def test_before_the_first_tick_the_age_of_a_meter_is_not_known() -> None:
    assert isnan(Rig(site(1)).entry.snapshot.age_of("site.poc"))
