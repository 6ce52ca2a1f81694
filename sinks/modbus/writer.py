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

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan

from loguru import logger

from config.asset import Identity, WriteBudget
from config.definition import Rated
from jit.codes import Proved, Quality, WriteStatus
from operators.cut import Command
from sinks.closing import closing
from sinks.conflate import Conflating
from sinks.modbus.cadence import Cadence
from sinks.modbus.holding import Holding
from sinks.modbus.proving import Proving
from sinks.modbus.reactive import Reactive
from sinks.modbus.values import Values, said
from sinks.modbus.wear import Wear
from sinks.pace import Pace
from sources.modbus.blocks import Place, Run, current, encode_run, scaled_run, write_runs
from sources.modbus.codec import EncodeError, codec
from sources.modbus.device import ModbusDevice
from sources.modbus.errors import ModbusFault, OtherLayout, Rejected, TooLate, Withheld
from sources.modbus.expected import VERIFY_S
from sources.pause import pause
from sources.proof import EmitProof
from sources.receipt import EmitReceipt, Receipt

#: The closing 0 kW is tried again so long after it was tried last: no device is written to more than twice a second.
AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class _Order:
    """A command on its way: when it was offered, whether it is the last one."""

    command: Command
    offered_s: float
    last: bool = False


class ModbusWriter:
    """Writes to `device`, never more than `rated`. Needs `run()` in a task of its own; the source keeps the connection.

    The emitters are called in the loop's thread. Reading the set-point back is tried `attempts` times, `pause` s
    apart, since some devices take a moment to show what they accepted. `closed` is the command that `stop` wrote.
    """

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
        self.conflating: Conflating[_Order] = Conflating(f"{device.id} writer", self._deliver, self._failed)
        self.closed: Command | None = None
        self.wear = wear or Wear(profile, rated, budget)
        self.proving = Proving(device, identity, emit_proof, self.wear.wrote)
        self._pace = Pace(budget, device.clock)
        self._asset, self._clock, self._profile = device.id, device.clock, profile
        self._connection, self._unit = device.connection, device.unit
        self._emit = emit_receipt
        self._attempts, self._pause = attempts, pause
        self._runs = write_runs(profile, profile.write_order)
        self._steps = {name: write_runs(profile, [name]) for name in profile.steps}
        self._values = Values.of(profile, rated, password)
        self._power = codec(profile, "power", profile.write["power"])
        self._held = codec(profile, "setpoint", profile.read["setpoint"]) if "setpoint" in profile.read else None
        self._kvar = Reactive.of(profile, self._connection, self._unit)
        if self._held is None:  # nothing else would say that the device was reset
            self._connection.renewed.append(self.wear.forget)
        points = [point for run in self._runs for point in run.points]
        read = [*([self._held] if self._held else []), *([self._kvar.held] if self._kvar else [])]
        self._holding = Holding(self._connection, self._unit, [*points, *read])
        self._expected = device.expected
        self._cadence = Cadence(self.wear, self._clock)
        self._connection.renewed.append(self._cadence.renewed)
        self._newest: _Order | None = None
        self._silent = True
        self._stopping = False
        self._wrote = False

    def offer(self, command: Command) -> None:
        """Write `command` next; an older one that still waits is dropped. Never raises, never waits."""
        if self._stopping:
            return
        self._silent = False
        self._newest = _Order(command, self._clock())
        self._pace.offered(command.power_kw)
        self.conflating.offer(self._newest)

    def silence(self) -> None:
        """The asset is silent: what still waits, or has its turn and is not sent yet, is not sent."""
        self._silent = True
        self.conflating.clear()

    async def run(self) -> None:
        """Write what is offered, and keep the proofs fresh, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.conflating.run(), name=f"{self._asset} writer")
            group.create_task(self.proving.run(), name=f"{self._asset} proving")

    async def stop(self, within_s: float) -> bool:
        """End with 0 kW, confirmed by read-back; true when confirmed within that time. No offer counts afterwards.

        A writer that never wrote stays silent and is at once done. A lost connection is opened again for this.
        """
        self._stopping = True
        self.conflating.clear()
        if not self._wrote or self._newest is None:
            return True
        now, last = self._clock(), self._newest
        zero = _Order(closing(last.command, last.offered_s, now, now + within_s, 1), now, last=True)
        try:
            async with asyncio.timeout(within_s):
                while True:
                    began = self._clock()
                    if await self._confirmed(zero):
                        return True
                    await pause(max(self._pause, AGAIN_S - (self._clock() - began)))
        except TimeoutError:
            logger.bind(asset=self._asset).error("0 kW could not be confirmed within {:g} s", within_s)
            return False

    async def _confirmed(self, order: _Order) -> bool:
        if not await self._connection.connect():
            return False
        receipt = await self._carry_out(order)
        self._emit(receipt)
        reached = {WriteStatus.CONFIRMED} if self._held is not None else {WriteStatus.CONFIRMED, WriteStatus.WRITTEN}
        return receipt.status in reached

    async def _deliver(self, order: _Order) -> None:
        await self._pace.due()
        self._emit(await self._carry_out(order))

    def _failed(self, order: _Order, error: Exception) -> None:
        self._emit(self._receipt(order, WriteStatus.FAILED, nan, nan, repr(error)))

    async def _carry_out(self, order: _Order) -> Receipt:
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
                    words = encode_run(run, lambda name: self._values.of_point(order.command, power_kw, name))
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

    async def _send(self, order: _Order, run: Run, words: list[int]) -> None:
        """One request, unless these words stand in flash memory already."""
        if self.wear.needless(run, words):
            return
        await self._connection.write(
            self._unit, run.table, run.address, words, allowed=lambda: self._allowed(order), single=run.single
        )
        self._pace.sent()
        self.wear.sent(run, words)
        self._cadence.sent(run)

    def _steps_of(self, order: _Order, power_kw: float) -> list[Run]:
        """What a step of a sequence writes behind 0 kW: never with power, never to a device that lacks a proof."""
        if order.last or power_kw != 0.0 or self.proving.lacks():
            return []
        return [run for name in order.command.steps for run in self._steps.get(name, ())]

    def _admit(self, order: _Order) -> None:
        """Raises `Withheld` when the device lacks a proof that this command needs."""
        lacks = self.proving.lacks()
        if lacks and (lacks & Proved.IDENTITY or self._values.power_kw(order.command) != 0.0):
            raise Withheld(self._connection.place, self.proving.detail or "not proved yet")

    def _freshest(self, order: _Order) -> _Order:
        """What was offered while this order waited for its turn goes instead: no stop queues behind power."""
        if order.last or self._newest is None:
            return order
        self.conflating.clear()
        return self._newest

    def _allowed(self, order: _Order) -> bool:
        in_time = self._clock() <= order.command.deadline_s
        allowed = in_time and (order.last or not (self._stopping or self._silent))
        self._wrote = self._wrote or allowed
        if allowed and order.last:
            self.closed = order.command
        return allowed

    async def _read_back(
        self, order: _Order, written: float, exponents: Mapping[Place, int], sent: list[tuple[Run, list[int]]]
    ) -> Receipt:
        """Whether the device holds what was written: the other points first, then the set-point."""
        try:
            differs = await self._holding.differs(self._profile, sent)
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

    def _receipt(self, order: _Order, status: WriteStatus, written: float, readback: float, detail: str) -> Receipt:
        now = self._clock()
        tick, contested = order.command.tick, self._connection.second_master()
        return Receipt(
            self._asset, tick, now, status, written, readback, now - order.offered_s, detail, contested
        )
