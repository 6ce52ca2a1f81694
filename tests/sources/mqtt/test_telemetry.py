"""Telemetry: what a device's JSON becomes, and that garbage is never a valid value."""

from __future__ import annotations

import json
from math import isfinite, isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import catalogue
from config.profile import Profile
from jit.codes import Quality
from sources.mqtt.connection import Message
from sources.mqtt.telemetry import Decoder, ProfileError, Telemetry
from sources.points import point_names
from sources.reading import Reading
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto
from tests.real.observer import Observer
from tests.real.until import until

STORAGE = catalogue.profile("mqtt-storage")
METER = catalogue.profile("mqtt-meter")
SAMPLE: dict[str, Any] = json.loads(str(STORAGE.sample["payload"]))


def reading(profile: Profile, payload: object, *, retained: bool = False) -> Reading:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Decoder("bess1", profile).decode(body, 5.0, retained)[0]


def points(profile: Profile, payload: object, *, retained: bool = False) -> dict[str, tuple[float, Quality]]:
    got = reading(profile, payload, retained=retained)
    codes = [Quality(int(code)) for code in got.quality]
    return dict(zip(point_names(profile), zip(got.values.tolist(), codes, strict=True), strict=True))


def custom(**point: object) -> Profile:
    """A meter with the one point `power`."""
    members = {"name": "x", "version": 1, "protocol": "mqtt", "kind": "meter", "sign": "positive_is_discharge"}
    return Profile.model_validate(members | {"stamp": "t", "read": {"power": {"path": "p", "unit": "kW", **point}}})


@pytest.mark.req("LH-MQTT-001", "LH-MQTT-002")
@pytest.mark.parametrize("profile", [STORAGE, METER], ids=["storage", "meter"])
def test_the_recorded_sample_decodes_to_what_the_profile_says(profile: Profile) -> None:
    expected: Any = profile.sample["decodes_to"]
    for name, (value, quality) in points(profile, str(profile.sample["payload"]).encode()).items():
        if expected[name] is None:
            assert isnan(value)
            assert quality == Quality.MISSING
        else:
            assert value == expected[name]
            assert quality == Quality.VALID


def test_time_stamp_and_arrival() -> None:
    got = reading(STORAGE, SAMPLE)
    assert (got.device, got.arrived_s) == ("bess1", 5.0)
    assert got.stamp_ns == 1769860800 * 10**9
    assert reading(STORAGE, SAMPLE | {"timestamp": "2026-01-31T12:00:00+00:00"}).stamp_ns == got.stamp_ns
    assert reading(STORAGE, SAMPLE | {"timestamp": None}).stamp_ns is None
    assert points(STORAGE, SAMPLE | {"timestamp": None})["soc"] == (55.2, Quality.VALID)


@pytest.mark.parametrize(("unit", "said"), [("s", 1769860800.25), ("ms", 1769860800250), ("ns", 1769860800250000000)])
def test_a_time_stamp_may_be_a_number(unit: str, said: float) -> None:
    profile = METER.model_copy(update={"stamp_unit": unit})
    got = reading(profile, {"timestamp": said, "power_kw": 1})
    assert got.stamp_ns == 1769860800250 * 10**6
    unreadable: list[object] = ["2026-01-31T12:00:00Z", True, -1, 10**30, 1e300, [], {}]
    for wrong in unreadable:
        bad = reading(profile, {"timestamp": wrong, "power_kw": 1})
        assert bad.stamp_ns is None
        assert not any(code & Quality.VALID for code in bad.quality), wrong
    assert reading(profile, {"power_kw": 1}).stamp_ns is None


def test_a_path_may_lead_through_a_list() -> None:
    profile = custom(path="phases.1.p")
    assert points(profile, {"phases": [{"p": 1}, {"p": 2}]})["power"] == (2.0, Quality.VALID)
    for absent in ([{"p": 1}], [], [1, 2], {"1": 5}, "ab"):
        assert points(profile, {"phases": absent})["power"][1] == Quality.MISSING
    assert points(profile, {"phases": {"1": {"p": 3}}})["power"] == (3.0, Quality.VALID)


@pytest.mark.req("LH-SAFE-006", "LH-PROT-002")
@pytest.mark.parametrize("stamp", ["yesterday", "2026-01-31T12:00:00", "2026-01-31T12:00:00+01:00", 5, True, [], ""])
def test_an_unreadable_time_stamp_makes_nothing_valid(stamp: object) -> None:
    got = reading(STORAGE, SAMPLE | {"timestamp": stamp})
    assert got.stamp_ns is None
    assert not any(code & Quality.VALID for code in got.quality)
    assert all(code & Quality.TIME for code in got.quality)


@pytest.mark.req("LH-PROT-002", "LH-CTRL-007")
@pytest.mark.parametrize(
    ("member", "bit"),
    [
        (None, Quality.MISSING),
        ("55", Quality.PROTOCOL),
        (True, Quality.PROTOCOL),
        ([55], Quality.PROTOCOL),
        ({"value": 55}, Quality.PROTOCOL),
        (10**400, Quality.PROTOCOL),
        ("", Quality.PROTOCOL),
    ],
)
def test_one_bad_member_spoils_one_point(member: object, bit: Quality) -> None:
    got = points(STORAGE, SAMPLE | {"soc_percent": member})
    assert isnan(got["soc"][0])
    assert got["soc"][1] == bit
    assert got["power"] == (80.0, Quality.VALID)


def test_an_absent_member_is_missing_never_zero() -> None:
    for name, (value, quality) in points(STORAGE, {}).items():
        assert isnan(value), name
        assert quality == Quality.MISSING


@pytest.mark.req("LH-PROT-002", "LH-NF-009")
@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff", b"[" * 10_000),
        *(b'{"soc_percent": NaN}', b'{"soc_percent": Infinity}', b'{"soc_percent": 1, "soc_percent": 2}'),
        json.dumps(SAMPLE | {"x": "y" * 70_000}).encode(),
    ],
)
def test_an_unreadable_message_is_a_protocol_error_everywhere(payload: bytes) -> None:
    for value, quality in points(STORAGE, payload).values():
        assert isnan(value)
        assert quality == Quality.PROTOCOL


@pytest.mark.req("LH-RT-003", "LH-PROT-004")
@pytest.mark.hazard("row 15")
def test_retained_telemetry_is_shown_but_not_valid() -> None:
    got = points(STORAGE, {name: value for name, value in SAMPLE.items() if name != "soh_percent"}, retained=True)
    assert got["soc"] == (55.2, Quality.RETAINED)
    assert got["soh"][1] == Quality.MISSING | Quality.RETAINED


def test_texts_stand_for_listed_numbers_only() -> None:
    assert points(STORAGE, SAMPLE | {"fault_status": "thermal-runaway"})["alarms"] == (2.0, Quality.VALID)
    assert points(STORAGE, SAMPLE | {"fault_status": 3})["alarms"] == (3.0, Quality.VALID)
    assert points(STORAGE, SAMPLE | {"fault_status": "all is well"})["alarms"][1] == Quality.PROTOCOL


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("bool", [True, False, 0, 1], [2, -1, 0.5, "true"]),
        ("uint16", [0, 65535, 7.0], [-1, 65536, 0.5, True]),
        ("int16", [-32768, 32767], [-32769, 32768]),
        ("uint64", [2**64 - 1], [2**64, -1]),
        ("float64", [0.5, -3], [True, "1"]),
    ],
)
def test_types_are_checked(kind: str, good: list[object], bad: list[object]) -> None:
    profile = custom(type=kind)
    for value in good:
        assert points(profile, {"p": value})["power"] == (float(value), Quality.VALID)  # type: ignore[arg-type]
    for value in bad:
        assert points(profile, {"p": value})["power"][1] == Quality.PROTOCOL


def test_scale_unit_sign_sentinels_and_nested_paths() -> None:
    profile = custom(path="meter.ac.p", unit="W", scale=10, offset=5, sentinels=[32767])
    assert points(profile, {"meter": {"ac": {"p": 100}}})["power"] == (1.005, Quality.VALID)
    assert points(profile, {"meter": {"ac": {"p": 32767}}})["power"][1] == Quality.MISSING
    assert points(profile, {"meter": {"ac": 7}})["power"][1] == Quality.MISSING
    assert points(profile, {"meter": [1]})["power"][1] == Quality.MISSING
    turned = profile.model_copy(update={"sign": "positive_is_charge"})
    assert points(turned, {"meter": {"ac": {"p": 100}}})["power"] == (-1.005, Quality.VALID)
    zero = points(turned.model_copy(update={"read": custom().read}), {"p": 0})["power"][0]
    assert np.signbit(zero) == np.False_


def test_a_point_without_a_path_is_refused_at_once() -> None:
    pathless = custom().read["power"].model_copy(update={"path": None})
    with pytest.raises(ProfileError, match="power has no path"):
        Decoder("m", custom().model_copy(update={"read": {"power": pathless}}))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.req("LH-SAFE-006")
@given(st.dictionaries(st.sampled_from([*SAMPLE, "x"]), JSON), st.booleans())
def test_whatever_arrives_only_finite_numbers_are_valid(document: dict[str, object], retained: bool) -> None:
    got = points(STORAGE, json.dumps(document).encode(), retained=retained)
    for name, (value, quality) in got.items():
        assert quality != Quality.UNKNOWN
        if quality & Quality.VALID:
            assert quality == Quality.VALID
            assert isfinite(value)
            assert STORAGE.read[name].path in document
            assert not retained
        elif not quality & (Quality.RETAINED | Quality.TIME):
            assert isnan(value)


@given(st.binary(max_size=300))
def test_bytes_never_raise_and_are_never_valid(payload: bytes) -> None:
    for value, quality in points(STORAGE, payload).values():
        assert isnan(value)
        assert not quality & Quality.VALID


@given(st.integers(0, 400), st.binary(min_size=1, max_size=3))
def test_damaged_messages_never_raise(at: int, damage: bytes) -> None:
    body = json.dumps(SAMPLE).encode()
    for value, quality in points(STORAGE, body[:at] + damage + body[at + len(damage) :]).values():
        assert not quality & Quality.VALID or isfinite(value)


class Wire:
    """A connection that only remembers who subscribed."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def subscribe(self, topic: str, _receive: object, _qos: int = 1) -> None:
        self.topics.append(topic)


def test_a_stream_of_bad_messages_is_one_log_line(logged: list[str]) -> None:
    got: list[Reading] = []
    source = Telemetry("bess1", STORAGE, "t", Wire(), got.append)  # type: ignore[arg-type]
    for payload in [b"{", b"{", b"{", b"[]", json.dumps(SAMPLE).encode(), b"{"]:
        source.receive(Message("t", payload, False, 1.0))
    assert len(got) == 6
    assert source.refused == 5
    assert len(logged) == 3


@pytest.mark.integration
@pytest.mark.req("LH-MQTT-001", "LH-RT-003")
async def test_over_a_real_broker(mosquitto: Mosquitto, connecting: Connecting) -> None:
    """The stored message comes first and is no proof of life; the live one is."""
    got: list[Reading] = []
    async with Observer(mosquitto.url) as device:
        device.publish("battery/bess1/telemetry", SAMPLE, retain=True)
        await device.settled()
        async with connecting(mosquitto) as broker:
            source = Telemetry("bess1", STORAGE, "battery/bess1/telemetry", broker, got.append)
            await until(lambda: got)
            device.publish("battery/bess1/telemetry", SAMPLE | {"soc_percent": 56.0}, retain=True)
            await until(lambda: len(got) == 2)
            mosquitto.kill()
            mosquitto.start()
            await until(lambda: broker.counters.connects == 2)
        soc = source.points.index("soc")
    assert [reading.values[soc] for reading in got] == [55.2, 56.0]
    assert [reading.quality[soc] for reading in got] == [Quality.RETAINED, Quality.VALID]
