"""Reactive power over OPC UA is read back where a profile says which reactive set-point the device holds."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from types import SimpleNamespace
from typing import Any

import pytest

from config.catalogue import profile
from config.profile import Profile
from sinks.opcua.reactive import Reactive
from sources.opcua.values import reader

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-OPCUA-002", "LH-CTRL-007"), pytest.mark.hazard("row 15")]

BAD = 0x80000000


def quadrants() -> Profile:
    plain = profile("opcua-ess").model_dump(by_alias=True)
    held = {"node": "Setpoint.Reactive", "type": "float64", "unit": "kvar"}
    return Profile.model_validate(plain | {"read": {**plain["read"], "reactive_setpoint": held}})


class Says:
    """A connection that reads these values, one after the other; None is a bad status."""

    def __init__(self, *values: float | None) -> None:
        self.values = list(values)

    def node(self, path: str) -> str:
        return path

    async def read(self, nodes: Sequence[str]) -> list[Any]:
        assert nodes == ["Setpoint.Reactive"]
        value = self.values.pop(0)
        return [SimpleNamespace(Value=None if value is None else SimpleNamespace(Value=value), SourceTimestamp=None,
                                StatusCode=SimpleNamespace(value=BAD if value is None else 0))]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "says", "differs"),
    [
        (20.0, (20.0,), ""),
        (20.0, (20.1,), ""),
        (20.0, (0.0, 20.0), ""),
        (20.0, (0.0, 0.0, 5.0), "the device holds 5 kvar, not 20 kvar"),
        (20.0, (None,), ""),
        (nan, (), ""),
    ],
)
async def test_another_reactive_set_point_is_different_and_unknown_is_not(
    written: float, says: tuple[float | None, ...], differs: str
) -> None:
    """One step of the device is the same; one that shows it a moment later is asked again."""
    connection = Says(*says)
    check = Reactive(reader(quadrants(), "reactive_setpoint"), connection, "Setpoint.Reactive", 0.1)
    assert await check.differs(written, 3, 0.0) == differs
    assert connection.values == []
