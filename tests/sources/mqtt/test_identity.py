"""Who a device on MQTT says it is: in this connection, in live messages, or not at all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from config import catalogue
from config.asset import Identity
from jit.codes import Proved
from sources.mqtt.connection import Message
from sources.mqtt.identity import Introduced
from sources.proof import Proof

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-MQTT-001", "LH-SAFE-005")]

TOPIC = "plant/bess1/telemetry"
RIGHT = {"serial_number": "ACME-004711", "manufacturer": "Acme", "soc_percent": 50.0}


def _fake(topics: list[str]) -> Any:
    return SimpleNamespace(renewed=[], subscribe=lambda topic, _receive: topics.append(topic))


class Bench:
    def __init__(self, identity: Identity | None = Identity(serial="ACME-004711")) -> None:  # noqa: B008
        self.topics: list[str] = []
        self.broker: Any = _fake(self.topics)
        self.proofs: list[Proof] = []
        profile = catalogue.profile("mqtt-storage")
        self.introduced = Introduced("bess1", profile, identity, self.broker, TOPIC, self.proofs.append, lambda: 7.0)

    def hear(self, document: object, *, retained: bool = False) -> Proved:
        payload = document if isinstance(document, bytes) else orjson.dumps(document)
        self.introduced.receive(Message(TOPIC, payload, retained, 1.0))
        return self.introduced.proved

    def known(self) -> bool:
        return self.introduced.known


def test_s20_a_device_is_known_by_what_its_messages_say() -> None:
    bench = Bench()
    assert not bench.known()
    assert bench.hear(RIGHT) == Proved.IDENTITY
    assert bench.known()
    assert bench.proofs == [Proof("bess1", 7.0, Proved.IDENTITY)]
    bench.hear(RIGHT)
    assert len(bench.proofs) == 1  # said once per change


@pytest.mark.hazard("row 49", "S20")
def test_row_49_another_serial_number_takes_the_proof_away_at_once() -> None:
    bench = Bench()
    bench.hear(RIGHT)
    assert bench.hear({**RIGHT, "serial_number": "ACME-000001"}) == Proved.FOREIGN
    assert not bench.known()
    assert "ACME-000001" in bench.introduced.detail


def test_s20_what_was_said_before_the_connection_was_lost_counts_for_nothing() -> None:
    bench = Bench()
    bench.hear(RIGHT)
    for renewed in bench.broker.renewed:
        renewed()
    assert not bench.known()
    assert bench.proofs[-1].proved == Proved.NONE
    bench.hear(RIGHT)
    assert bench.known()


@pytest.mark.parametrize("document", [b"{", [], {"soc_percent": 50.0}, {"serial_number": 4711}, {"serial_number": ""}])
def test_what_says_nothing_proves_nothing_and_takes_nothing_away(document: object) -> None:
    bench = Bench()
    assert bench.hear(document) == Proved.NONE
    bench.hear(RIGHT)
    assert bench.hear(document) == Proved.IDENTITY


def test_a_retained_message_may_be_anybodys() -> None:
    assert Bench().hear(RIGHT, retained=True) == Proved.NONE


def test_without_an_identity_to_compare_nothing_is_asked() -> None:
    bench = Bench(None)
    assert bench.known()
    assert bench.topics == []
