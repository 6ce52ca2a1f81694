"""Status and fault topics: what they say can only take away."""

from __future__ import annotations

import json
from math import isnan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import catalogue
from config.topics import Topics
from jit.codes import Quality
from sources.mqtt.connection import Message
from sources.mqtt.notices import HOLD_S, Notices
from sources.mqtt.telemetry import Decoder, Telemetry
from sources.points import point_names
from sources.reading import Reading
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto
from tests.real.observer import Observer
from tests.real.until import until

PROFILE = catalogue.profile("mqtt-storage").model_copy(update={"topics": Topics(status="status", fault="fault")})
SAMPLE: dict[str, Any] = json.loads(str(PROFILE.sample["payload"]))
TOPICS = {"telemetry": "t", "status": "t/status", "fault": "t/fault"}
NAMES = point_names(PROFILE)
SAFETY = [pytest.mark.safety, pytest.mark.req("LH-MQTT-003", "LH-SAFE-003")]


class Wire:
    def __init__(self) -> None:
        self.receivers: dict[str, Any] = {}

    def subscribe(self, topic: str, receive: Any, _qos: int = 1) -> None:
        self.receivers[topic] = receive

    def say(self, topic: str, body: object, *, retained: bool = False, at_s: float = 0.0) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.receivers[topic](Message(topic, payload, retained, at_s))


def notices() -> tuple[Notices, Wire]:
    wire: Any = Wire()
    return Notices("bess1", PROFILE, TOPICS, wire), wire


def telemetry(at_s: float = 1.0, **members: object) -> Reading:
    return Decoder("bess1", PROFILE).decode(json.dumps(SAMPLE | members).encode(), at_s)[0]


def point(reading: Reading, name: str) -> tuple[float, Quality]:
    at = NAMES.index(name)
    return float(reading.values[at]), Quality(int(reading.quality[at]))


class TestStatus:
    pytestmark = SAFETY

    @pytest.mark.parametrize("retained", [True, False])
    def test_what_says_it_is_not_available_is_not(self, retained: bool) -> None:
        """S10: a retained status counts too; being old does not make it better."""
        standing, wire = notices()
        wire.say("t/status", {"available": False}, retained=retained)
        assert point(standing.restrict(telemetry()), "available") == (0.0, Quality.VALID)
        assert point(standing.restrict(telemetry(1000.0)), "available") == (0.0, Quality.VALID)
        wire.say("t/status", {"available": True})
        assert point(standing.restrict(telemetry()), "available") == (1.0, Quality.VALID)

    def test_a_status_never_makes_available(self) -> None:
        standing, wire = notices()
        wire.say("t/status", {"available": True})
        assert point(standing.restrict(telemetry(available=False)), "available") == (0.0, Quality.VALID)
        assert isnan(point(standing.restrict(telemetry(available=None)), "available")[0])

    @pytest.mark.parametrize("body", [b"offline", b"{", {}, {"available": "maybe"}, [], {"available": None}])
    def test_a_status_that_cannot_be_read_is_unknown_which_forbids(self, body: object) -> None:
        """The device's own last will is often one word."""
        standing, wire = notices()
        wire.say("t/status", body)
        value, quality = point(standing.restrict(telemetry()), "available")
        assert isnan(value)
        assert not quality & Quality.VALID
        wire.say("t/status", b"")
        assert point(standing.restrict(telemetry()), "available") == (1.0, Quality.VALID)


class TestFault:
    pytestmark = SAFETY

    def test_alarm_bits_are_added(self) -> None:
        standing, wire = notices()
        wire.say("t/fault", {"fault_status": "thermal-runaway"})
        assert point(standing.restrict(telemetry()), "alarms") == (2.0, Quality.VALID)
        assert point(standing.restrict(telemetry(fault_status=5)), "alarms") == (7.0, Quality.VALID)
        assert point(standing.restrict(telemetry(fault_status=None)), "alarms") == (2.0, Quality.VALID)

    def test_it_ends_when_telemetry_names_the_alarms_and_not_before_it_was_seen(self) -> None:
        """A device that publishes on `fault` when one comes, and nothing when it goes."""
        standing, wire = notices()
        wire.say("t/fault", {"fault_status": "isolation-fault"}, at_s=10.0)
        assert point(standing.restrict(telemetry(10.0 + HOLD_S - 0.1)), "alarms")[0] == 1.0
        assert point(standing.restrict(telemetry(10.0 + HOLD_S, fault_status=None)), "alarms")[0] == 1.0
        assert point(standing.restrict(telemetry(10.0 + HOLD_S)), "alarms")[0] == 0.0

    def test_a_fault_that_cannot_be_read_is_unknown_alarms(self) -> None:
        standing, wire = notices()
        wire.say("t/fault", {"fault_status": "something new"})
        assert point(standing.restrict(telemetry()), "alarms")[1] == Quality.PROTOCOL


BODIES = st.binary(max_size=30) | st.fixed_dictionaries(
    {}, optional={
        "available": st.booleans() | st.none() | st.integers(),
        "fault_status": st.sampled_from(["ok", "isolation-fault", "?"]) | st.integers(-3, 9),
    },
).map(lambda document: json.dumps(document).encode())  # fmt: skip


@pytest.mark.safety
@pytest.mark.req("LH-MQTT-003", "LH-SAFE-003")
@given(st.lists(st.tuples(st.sampled_from(["t/status", "t/fault"]), BODIES, st.booleans()), max_size=6), st.booleans())
def test_no_notice_ever_gives_more_than_telemetry_alone(said: list[tuple[str, bytes, bool]], available: bool) -> None:
    """Degrading an input never widens: availability is never more, alarm bits are never fewer, the rest is the same."""
    standing, wire = notices()
    for topic, body, retained in said:
        wire.say(topic, body, retained=retained)
    before = telemetry(available=available)
    after = standing.restrict(before)
    could, can = point(before, "available"), point(after, "available")
    assert not (can[1] & Quality.VALID and can[0] > could[0])
    alarms = point(after, "alarms")
    assert not alarms[1] & Quality.VALID or int(alarms[0]) | int(point(before, "alarms")[0]) == int(alarms[0])
    for name in NAMES:
        if name not in ("available", "alarms"):
            assert point(after, name) == point(before, name)


@pytest.mark.integration
@pytest.mark.req("LH-MQTT-003")
async def test_over_a_real_broker_the_stored_status_counts(mosquitto: Mosquitto, connecting: Connecting) -> None:
    got: list[Reading] = []
    async with Observer(mosquitto.url) as device:
        device.publish("t/status", {"available": False}, retain=True)
        await device.settled()
        async with connecting(mosquitto) as broker:
            standing = Notices("bess1", PROFILE, TOPICS, broker)
            Telemetry("bess1", PROFILE, "t", broker, got.append, notices=standing)
            await until(lambda: "t/status (QoS 1)" in mosquitto.log)
            await until(lambda: standing._standing)
            device.publish("t", SAMPLE)
            await until(lambda: got)
    assert point(got[0], "available") == (0.0, Quality.VALID)
