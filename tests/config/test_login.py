"""The number that a battery is logged in to with: which texts are one, and that no profile and no message shows it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from config.login import number, secret_point
from config.point import Point
from config.profile import Profile
from config.quantity import Secret
from tests.real.modbus import load

pytestmark = pytest.mark.req("LH-MODB-002", "LH-CONF-004")

SECRET: dict[str, Any] = {"register": "holding 40320", "type": "uint16", "secret": True, "cadence": "once"}


def with_login(name: str = "login", **point: Any) -> Profile:
    """The built-in storage with a login that is a secret."""
    plain = load("sunspec-storage")
    write: dict[str, Any] = {key: value.model_dump(by_alias=True) for key, value in plain.write.items()}
    write |= {name: SECRET | point}
    order = plain.write_order if name in plain.write_order else [name, *plain.write_order]
    return load("sunspec-storage", timeout=0.1, write=write, write_order=order)


@pytest.mark.parametrize(("kind", "text", "expected"), [
    ("uint16", "4711", 4711), ("uint16", " 0x1267 ", 4711), ("uint16", "65535", 65535), ("uint16", "65536", None),
    ("uint16", "-1", None), ("int16", "-32768", -32768), ("int16", "32768", None), ("uint32", "4294967295", 2**32 - 1),
    ("uint32", "4294967296", None), ("int32", "-5", -5), ("uint16", "geheim", None), ("uint16", "1.5", None),
    ("uint16", "007", None), ("uint16", "nan", None),
])  # fmt: skip
def test_a_password_is_a_whole_number_that_its_register_can_hold(kind: str, text: str, expected: int | None) -> None:
    point = Point.model_validate({"register": "holding 1", "type": kind, "word_order": "big", "secret": True})
    assert number(Secret("unlock", text), point) == expected


def test_the_secret_of_a_profile_is_found() -> None:
    found = secret_point(with_login())
    assert found is not None
    assert (found[0], found[1].fixed, found[1].constant) == ("login", True, None)
    assert secret_point(load("sunspec-storage")) is None


@pytest.mark.parametrize(("point", "said"), [
    ({"constant": 4711}, "no constant"),
    ({"scale": 10}, "no constant, scale"),
    ({"unit": "kW"}, "no constant, scale or unit"),
    ({"type": "float32", "word_order": "big"}, "is one of uint16"),
    ({"type": "uint64", "word_order": "big"}, "is one of uint16"),
    ({"volatile": False}, "not in flash"),
    ({"read_back": True}, "would be shown"),
    ({"register": "holding 40296"}, "would show the secret"),
    ({"name": "heartbeat", "register": "holding 40306", "cadence": "cyclic"}, "computed and no secret"),
])  # fmt: skip
def test_a_secret_that_would_be_shown_or_cannot_be_said_is_refused(point: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        with_login(**point)
    assert said in str(refused.value)


def test_only_registers_and_only_written_ones_are_secret() -> None:
    plain = load("sunspec-storage")
    read: dict[str, Any] = {key: value.model_dump(by_alias=True) for key, value in plain.read.items()}
    read["soc"] |= {"secret": True}
    with pytest.raises(ValidationError, match="cannot be a secret"):
        load("sunspec-storage", read=read)
    over_mqtt = load("mqtt-storage")
    write: dict[str, Any] = {key: value.model_dump(by_alias=True) for key, value in over_mqtt.write.items()}
    write["login"] = {"path": "pin", "secret": True}
    with pytest.raises(ValidationError, match="only registers have `secret`"):
        load("mqtt-storage", write=write, write_order=[*over_mqtt.write_order, "login"])
