"""Read-back of reactive power over OPC UA, as `sinks.modbus.reactive` does it: one step is the same, unknown as well.

Only for a profile with the write point `reactive_power` and the read point `reactive_setpoint`. Values in kvar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Protocol, Self

from jit.codes import Quality
from sources.opcua.device import OpcuaDevice
from sources.opcua.values import Reader, reader
from sources.pause import pause

ROUNDED = 1.0 + 1e-9  # a step in floats


class Reads(Protocol):
    """What is needed of a connection."""

    def node(self, path: Any) -> Any: ...

    async def read(self, nodes: Sequence[Any]) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Reactive:
    held: Reader
    connection: Reads
    path: Any
    step_kvar: float

    @classmethod
    def of(cls, device: OpcuaDevice) -> Self | None:
        profile = device.profile
        if "reactive_power" not in profile.write or "reactive_setpoint" not in profile.read:
            return None
        held = reader(profile, "reactive_setpoint")
        return cls(held, device.connection, device.read["reactive_setpoint"], profile.resolution_kvar)

    async def differs(self, written: float, attempts: int, wait_s: float) -> str:
        """What the device holds instead of what was written (NaN: nothing); empty when it is the same or not known."""
        held = written
        for attempt in range(attempts if isfinite(written) else 0):
            if attempt:
                await pause(wait_s)
            told = self.held.told((await self.connection.read([self.connection.node(self.path)]))[0])
            if told.quality != Quality.VALID or abs(told.value - written) <= self.step_kvar * ROUNDED:
                return ""
            held = told.value
        return f"the device holds {held:g} kvar, not {written:g} kvar" if isfinite(written) else ""
