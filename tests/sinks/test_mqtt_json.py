"""Commands as JSON: the names and presence of every member, and the last clamp before the bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf, isfinite, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import catalogue
from config.definition import Rated
from config.profile import Point
from jit.codes import Mode
from operators.cut import Command
from sinks.mqtt_json import Acknowledgement, Encoder, final, read_acknowledgement

STORAGE = catalogue.profile("mqtt-storage")
RATED = Rated(charge=200.0, discharge=250.0, energy=500.0, apparent=260.0)
COMMAND = Command(
    id="ctrl-1769860800000-bess1",
    tick=7,
    issued_ns=1769860800 * 10**9,
    asset="bess1",
    mode=Mode.DISCHARGE,
    power_kw=37.0,
    reactive_kvar=0.0,
    valid_until_ns=1769860803 * 10**9,
    deadline_s=1e9,
    heartbeat=42,
    reason="limited by bms",
    source="Schedule",
)


def encoded(command: Command, **profile: object) -> dict[str, Any]:
    body, _ = Encoder(STORAGE.model_copy(update=profile), RATED).encode(command)
    document: dict[str, Any] = json.loads(body)
    return document


@pytest.mark.req("LH-MQTT-003", "LH-DOM-003")
def test_a_command_on_the_wire() -> None:
    assert encoded(COMMAND) == {
        "command_id": "ctrl-1769860800000-bess1",
        "timestamp": "2026-01-31T12:00:00.000Z",
        "asset_id": "bess1",
        "mode": "Discharge",
        "active_power_kw": 37.0,
        "reactive_power_kvar": 0.0,
        "valid_until": "2026-01-31T12:00:03.000Z",
        "reason": "limited by bms",
        "source": "Schedule",
    }


def test_a_command_without_reactive_power_has_no_such_member() -> None:
    assert "reactive_power_kvar" not in encoded(replace(COMMAND, reactive_kvar=nan))


def test_sign_unit_and_paths_are_the_profiles() -> None:
    write = {
        "power": Point(path="set.p", unit="W"),
        "mode": Point(path="set.mode"),
        "heartbeat": Point(path="alive"),
    }
    document = encoded(replace(COMMAND, power_kw=0.3), write=write, sign="positive_is_charge")
    assert document["set"] == {"p": -300.0, "mode": "Discharge"}
    assert document["alive"] == 42
    assert "active_power_kw" not in document


@pytest.mark.parametrize("mode", ["set", "set.p"])
def test_write_paths_that_collide_are_refused_at_once(mode: str) -> None:
    write = {"power": Point(path="set.p", unit="kW"), "mode": Point(path=mode)}
    with pytest.raises(TypeError, match="overlap at"):
        Encoder(STORAGE.model_copy(update={"write": write}), RATED)


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-007")
@pytest.mark.parametrize(
    ("mode", "asked", "leaves"),
    [
        (Mode.DISCHARGE, 37.0, (Mode.DISCHARGE, 37.0)),
        (Mode.DISCHARGE, 251.0, (Mode.DISCHARGE, 250.0)),
        (Mode.CHARGE, -1e300, (Mode.CHARGE, -200.0)),
        (Mode.CHARGE, 5.0, (Mode.CHARGE, 0.0)),
        (Mode.DISCHARGE, -5.0, (Mode.DISCHARGE, 0.0)),
        (Mode.IDLE, 5.0, (Mode.IDLE, 0.0)),
        (Mode.STOP, -5.0, (Mode.STOP, 0.0)),
        (Mode.UNKNOWN, 5.0, (Mode.STOP, 0.0)),
        (Mode.DISCHARGE, nan, (Mode.STOP, 0.0)),
        (Mode.DISCHARGE, inf, (Mode.STOP, 0.0)),
        (Mode.CHARGE, -inf, (Mode.STOP, 0.0)),
    ],
)
def test_the_last_clamp(mode: Mode, asked: float, leaves: tuple[Mode, float]) -> None:
    assert final(replace(COMMAND, mode=mode, power_kw=asked), RATED)[:2] == leaves


@pytest.mark.safety
@pytest.mark.req("LH-SAFE-007")
@given(st.sampled_from(Mode), st.floats(), st.floats())
def test_whatever_the_chain_says_the_bytes_are_inside_the_rating(mode: Mode, power: float, reactive: float) -> None:
    body, written = Encoder(STORAGE, RATED).encode(replace(COMMAND, mode=mode, power_kw=power, reactive_kvar=reactive))
    document = json.loads(body)
    assert document["active_power_kw"] == written
    assert -200.0 <= written <= 250.0
    assert {"Charge": written <= 0.0, "Discharge": written >= 0.0}.get(document["mode"], written == 0.0)
    kvar = document.get("reactive_power_kvar", 0.0)
    assert isfinite(kvar)
    assert written**2 + kvar**2 <= 260.0**2 * (1 + 1e-12)


def test_without_an_apparent_rating_reactive_power_is_passed_on() -> None:
    rated = Rated(charge=200.0, discharge=250.0, energy=500.0)
    assert final(replace(COMMAND, reactive_kvar=77.0), rated) == (Mode.DISCHARGE, 37.0, 77.0)


@pytest.mark.req("LH-MQTT-005")
@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (b'{"command_id": "a", "accepted": true}', Acknowledgement("a", True, "")),
        (
            b'{"command_id": "a", "accepted": false, "dispatched_at": 5, "reason": "local"}',
            Acknowledgement("a", False, "local"),
        ),
        (b'{"command_id": "a", "accepted": true, "reason": 7}', Acknowledgement("a", True, "")),
        (b'{"command_id": "a", "accepted": 1}', "accepted: expected true or false, got 1"),
        (b'{"command_id": "a"}', "accepted: expected true or false, got null"),
        (b'{"accepted": true}', "command_id: expected a text, got null"),
        (b'{"command_id": "", "accepted": true}', "command_id: expected a text, got ''"),
        (b'{"command_id": ["a"], "accepted": true}', "command_id: expected a text, got a list"),
        (b"[]", "expected an object, got a list"),
        (b"", "not JSON at line 1, column 1: Expecting value"),
        (b" " * 5000, "5000 bytes are more than the 4096 allowed"),
    ],
)
def test_acknowledgements(payload: bytes, answer: object) -> None:
    assert read_acknowledgement(payload) == answer


@given(st.binary(max_size=200))
def test_garbage_is_no_acknowledgement(payload: bytes) -> None:
    assert isinstance(read_acknowledgement(payload), str)


@pytest.mark.safety
@pytest.mark.hazard("row 21", "row 22", "S16")
def test_a_step_of_a_sequence_stands_beside_zero_power_and_nowhere_else() -> None:
    steps = ("close_contactor", "open_contactor")
    write = {**STORAGE.write, **{name: Point(path=f"switch.{name}", constant=1) for name in steps}}
    profile: dict[str, object] = {"write": write, "steps": list(steps)}
    still = replace(COMMAND, mode=Mode.STOP, power_kw=0.0, steps=("close_contactor",))
    assert encoded(still, **profile)["switch"] == {"close_contactor": 1.0}
    assert "switch" not in encoded(replace(still, steps=()), **profile)
    assert "switch" not in encoded(replace(COMMAND, steps=("open_contactor",)), **profile)
