"""What only a Modbus profile can say wrong is refused at its own key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.config.test_profile import refused

Members = dict[str, Any]
SOC = ("read", "soc")


def put(*path: str, **values: Any) -> Callable[[Members], object]:
    """Change members of a profile at a path."""

    def change(members: Members) -> None:
        place = members
        for step in path:
            place = place[step]
        place.update(values)

    return change


def constant(**values: Any) -> Callable[[Members], object]:
    """`unit_mode` is a constant of `write_order`."""
    return put("write", "unit_mode", **values)


@pytest.mark.req("LH-CONF-003", "LH-MODB-003")
@pytest.mark.parametrize(("change", "message"), [
    (put(*SOC, bits=(4, 0)), "bits 4 to 3 are not within uint16"),
    (put(*SOC, bits=(12, 5)), "bits 12 to 16 are not within uint16"),
    (put("read", "power", bits=(0, 2)), "bits of int16"),
    (put("write", "heartbeat", bits=(0, 2)), "writing it would write the rest too"),
    (put(*SOC, scale_register="coil 4"), "is not `holding|input`"),
    (put(*SOC, scale_register="holding 65536"), "lies outside the registers"),
    (put("write", "power", cadence="once"), "no constant of `write_order`"),
    (put("write", "revert_after", cadence="daily"), "no constant of `write_order`"),
    (put("write", "power", cooldown="60 s"), "`power` cannot wait"),
    (put("write", "heartbeat", cooldown="60 s"), "`heartbeat` cannot wait"),
    (constant(cadence="once", cooldown="60 s"), "`unit_mode` cannot wait"),
    (constant(of="power"), "`unit_mode` is not a second register of `power`"),
    (put("read", "soc", of="power"), "is measured, not written"),
    (put("write", "heartbeat", of="power"), "`heartbeat` is not a second register"),
    (put(write_function="single"), "`write_function: single` writes one at a time"),
    (put(readable=["holding 5"]), "is no range"),
    (put(readable=["holding 9-5"]), "is no range"),
    (put(expects={"holding 5": []}), "is no register with the words it must hold"),
    (put(expects={"coil 5": [1]}), "is no register with the words it must hold"),
    (put(expects={"holding 5": [65536]}), "is no register with the words it must hold"),
])  # fmt: skip
def test_a_register_that_contradicts_itself_is_refused(change: Callable[[Members], object], message: str) -> None:
    assert message in refused(change)


@pytest.mark.parametrize("change", [
    put("read", "soc", scale_register="holding 5"), put("read", "soc", bits=(0, 4), type="uint16"),
    put("read", "soc", byte_order="little"), put("write", "power", read_back=True),
    put(readable=["holding 1-5"]), put(expects={"holding 1": [5]}), put(write_function="single"),
])  # fmt: skip
def test_what_means_registers_is_refused_without_them(change: Callable[[Members], object]) -> None:
    """A key that nothing acts on would be a promise."""
    assert "only registers have" in refused(change, "mqtt-storage")
