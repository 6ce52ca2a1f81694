"""Read-back of reactive power: whether a device that says which reactive set-point it holds, holds what was written.

    write.reactive_power ─► … ─► read.reactive_setpoint, within one step: the same │ different │ unknown: not different

Only for a profile that has both. Values in kvar. Raises what the connection raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from config.profile import Profile
from jit.codes import Quality
from sinks.modbus.values import said
from sources.modbus.blocks import Place, Run, current
from sources.modbus.codec import Codec, codec
from sources.modbus.connection import Connection
from sources.pause import pause

ROUNDED = 1.0 + 1e-9  # a step in floats


@dataclass(frozen=True, slots=True)
class Reactive:
    held: Codec
    connection: Connection
    unit: int

    @classmethod
    def of(cls, profile: Profile, connection: Connection, unit: int) -> Self | None:
        if "reactive_power" not in profile.write or "reactive_setpoint" not in profile.read:
            return None
        return cls(codec(profile, "reactive_setpoint", profile.read["reactive_setpoint"]), connection, unit)

    async def differs(
        self, sent: Sequence[tuple[Run, list[int]]], exponents: Mapping[Place, int], attempts: int, wait_s: float
    ) -> str:
        """What the device holds instead of what was sent; empty when that is the same, not sent or not known."""
        told = [kvar for run, words in sent if (kvar := said(run.points, words, "reactive_power")) is not None]
        if not told:
            return ""
        held, written = current(self.held, exponents), told[0]
        kvar, step = written, abs(held.scaling.numerator / held.scaling.denominator) * ROUNDED
        for attempt in range(attempts):
            if attempt:
                await pause(wait_s)
            words = await self.connection.read(self.unit, held.table, held.address, held.words)
            kvar, quality = held.decode(words)
            if quality != Quality.VALID or abs(kvar - written) <= step:
                return ""
        return f"the device holds {kvar:g} kvar, not {written:g} kvar"
