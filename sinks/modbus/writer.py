"""The writer of one Modbus device: the newest command, clamped once more, written in order, read back.

    offer(command) ─► latest wins ─► pace ─► turn ─► proved? ─► still valid? ─► run, run, … ─► read back ─► Receipt
                                                      WITHHELD   EXPIRED, nothing sent

* The power is clamped to ± the rating in the instruction that encodes it; what is not a finite number is 0 kW.
* The command's deadline is checked again for every request, in the last instruction before the bytes leave.
* Nothing is sent twice: after a failure the next tick's command follows.
* What a step of a start or stop sequence writes goes out behind 0 kW, in the tick that says so and in no other.
* Nothing is written to a device that is not identified in this connection, and nothing but 0 kW to one that is not
  proved to revert by itself (`sinks.modbus.proving`).
* Every command carried out gives one receipt: CONFIRMED, DIFFERENT (the device holds another set-point; of reactive
  power too, where the profile reads one), WRITTEN (accepted, not read back), REFUSED (exception reply), FAILED (no
  connection, no reply), EXPIRED or WITHHELD.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, nan

from config.asset import Identity, WriteBudget
from config.definition import Rated
from jit.codes import Proved, Quality, WriteStatus
from sinks.device import DeviceWriter, Order
from sinks.modbus.cadence import Cadence
from sinks.modbus.holding import Holding
from sinks.modbus.proving import Proving
from sinks.modbus.reactive import Reactive
from sinks.modbus.values import Values, said
from sinks.modbus.wear import Wear
from sources.modbus.blocks import Encoder, Place, Run, current, scaled_run, write_runs
from sources.modbus.codec import EncodeError, codec
from sources.modbus.device import ModbusDevice
from sources.modbus.errors import ModbusFault, OtherLayout, Rejected, TooLate, Withheld
from sources.modbus.expected import VERIFY_S
from sources.pause import pause
from sources.proof import EmitProof
from sources.receipt import EmitReceipt, Receipt


class ModbusWriter(DeviceWriter):
    """Writes to `device`, never more than `rated`; the source keeps the connection."""

    proving: Proving

    def __init__(
        self,
        device: ModbusDevice,
        rated: Rated,
        emit_receipt: EmitReceipt,
        emit_proof: EmitProof = lambda _proof: None,
        *,
        identity: Identity | None = None,
        budget: WriteBudget | None = None,
        wear: Wear | None = None,
        password: float | None = None,
        attempts: int = 3,
        pause: float = 0.05,
    ) -> None:
        profile = device.profile
        super().__init__(
            device.id, device.connection, device.clock, budget, emit_receipt,
            reads_back="setpoint" in profile.read, attempts=attempts, pause_s=pause,
        )  # fmt: skip
        self.wear = wear or Wear(profile, rated, budget)
        self.proving = Proving(device, identity, emit_proof, self.wear.wrote)
        self._profile, self._connection, self._unit = profile, device.connection, device.unit
        self._runs = write_runs(profile, profile.write_order)
        self._steps = {name: write_runs(profile, [name]) for name in profile.steps}
        self._values, self._encoder = Values.of(profile, rated, password), Encoder()
        self._power = codec(profile, "power", profile.write["power"])
        self._held = codec(profile, "setpoint", profile.read["setpoint"]) if "setpoint" in profile.read else None
        self._kvar = Reactive.of(profile, self._connection, self._unit)
        if self._held is None:  # nothing else would say that the device was reset
            self._connection.renewed.append(self.wear.forget)
        points = [point for run in self._runs for point in run.points]
        read = [*([self._held] if self._held else []), *([self._kvar.held] if self._kvar else [])]
        self._holding = Holding(self._connection, self._unit, [*points, *read])
        self._others_too = any(point.read_back for point in profile.write.values())
        self._expected = device.expected
        self._cadence = Cadence(self.wear, self._clock)
        self._connection.renewed.append(self._cadence.renewed)

    async def _carry_out(self, order: Order) -> Receipt:
        """Prove, write and read back in one turn, so that nothing comes between."""
        written = nan
        try:
            async with self._connection.turn(urgent=True):
                await self._expected.prove(2 * VERIFY_S)
                await self.proving.identify()
                if not order.last:
                    await self.proving.revert(lambda: self._allowed(self._freshest(order)))
                exponents = await self._holding.exponents()
                order = self._freshest(order)
                self._admit(order)
                power_kw = self.wear.settle(self._values.power_kw(order.command))
                sent: list[tuple[Run, list[int]]] = []
                for planned in (*self._runs, *self._steps_of(order, power_kw)):
                    if not self._cadence.due(planned, last=order.last):
                        continue
                    run = scaled_run(planned, exponents)
                    words = self._encoder.words(run, lambda name: self._values.of_point(order.command, power_kw, name))
                    await self._send(order, run, words)
                    sent.append((run, words))
                    power = said(run.points, words, "power")
                    if power is not None:
                        written = power
                        self._pace.said(power)
                return await self._read_back(order, written, exponents, sent)
        except TooLate as fault:
            status = WriteStatus.FAILED if isfinite(written) else WriteStatus.EXPIRED
            return self._receipt(order, status, written, nan, str(fault))
        except (Withheld, OtherLayout) as fault:
            return self._receipt(order, WriteStatus.WITHHELD, nan, nan, str(fault))
        except Rejected as fault:
            self._cadence.renewed()  # perhaps it wants to be logged in to
            return self._receipt(order, WriteStatus.REFUSED, written, nan, str(fault))
        except (ModbusFault, EncodeError) as fault:
            return self._receipt(order, WriteStatus.FAILED, written, nan, str(fault))

    async def _send(self, order: Order, run: Run, words: list[int]) -> None:
        """One request, unless these words stand in flash memory already."""
        if self.wear.needless(run, words):
            return
        await self._connection.write(
            self._unit, run.table, run.address, words, allowed=lambda: self._allowed(order), single=run.single
        )
        self._pace.sent()
        self.wear.sent(run, words)
        self._cadence.sent(run)

    def _steps_of(self, order: Order, power_kw: float) -> list[Run]:
        """What a step of a sequence writes behind 0 kW: never with power, never to a device that lacks a proof."""
        if order.last or power_kw != 0.0 or self.proving.lacks():
            return []
        return [run for name in order.command.steps for run in self._steps.get(name, ())]

    def _admit(self, order: Order) -> None:
        """Raises `Withheld` when the device lacks a proof that this command needs."""
        lacks = self.proving.lacks()
        if lacks and (lacks & Proved.IDENTITY or self._values.power_kw(order.command) != 0.0):
            raise Withheld(self._connection.place, self.proving.detail or "not proved yet")

    async def _read_back(
        self, order: Order, written: float, exponents: Mapping[Place, int], sent: list[tuple[Run, list[int]]]
    ) -> Receipt:
        """Whether the device holds what was written: the other points first, then the set-point."""
        try:
            differs = await self._holding.differs(self._profile, sent) if self._others_too else ""
            if not differs and self._kvar is not None:
                differs = await self._kvar.differs(sent, exponents, self._attempts, self._pause)
        except ModbusFault as fault:
            return self._receipt(order, WriteStatus.WRITTEN, written, nan, f"not read back: {fault}")
        if differs:
            self.wear.forget()
            return self._receipt(order, WriteStatus.DIFFERENT, written, nan, differs)
        held = self._held if self._held is None else current(self._held, exponents)
        if held is None:
            return self._receipt(order, WriteStatus.WRITTEN, written, nan, "no set-point to read back")
        same = (held.table, held.address) == (self._power.table, self._power.address)
        tolerance = 1e-9 if same else abs(held.scaling.numerator / held.scaling.denominator)
        readback, quality = nan, Quality.UNKNOWN
        for attempt in range(self._attempts):
            if attempt:
                await pause(self._pause)
            try:
                words = await self._connection.read(self._unit, held.table, held.address, held.words)
            except ModbusFault as fault:
                return self._receipt(order, WriteStatus.WRITTEN, written, nan, f"not read back: {fault}")
            readback, quality = held.decode(words)
            if quality == Quality.VALID and abs(readback - written) <= tolerance:
                return self._receipt(order, WriteStatus.CONFIRMED, written, readback, "")
        self.wear.forget()
        if quality != Quality.VALID:  # unknown is not different: what it does with it, its measured power shows
            return self._receipt(order, WriteStatus.WRITTEN, written, nan, "the device does not say what it holds")
        return self._receipt(order, WriteStatus.DIFFERENT, written, readback, "the device holds another set-point")
