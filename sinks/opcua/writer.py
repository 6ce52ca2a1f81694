"""The writer of one OPC UA device: the newest command, clamped once more, written in order, read back.

    offer(command) ─► latest wins ─► pace ─► proved? ─► still valid? ─► node, node, … ─► read back ─► Receipt
                                              WITHHELD   EXPIRED, nothing sent

* The power is clamped to ± the rating in the instruction that encodes it; what is not a finite number is 0 kW.
* The command's deadline is checked again for every node, in the last instruction before the bytes leave.
* The nodes are written one after the other in the declared order, and no further after one that was refused: a
  heartbeat behind a refused set-point would keep the device from reverting.
* Nothing is sent twice: after a failure the next tick's command follows.
* What a step of a start or stop sequence writes goes out behind 0 kW, in the tick that says so and in no other.
* Nothing is written to a device that is not identified in this connection (`sinks.opcua.proving`).
* Every command carried out gives one receipt: CONFIRMED, DIFFERENT (the device holds another set-point), WRITTEN
  (accepted, not read back), REFUSED (a bad status), FAILED (no connection, no reply), EXPIRED or WITHHELD.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import isfinite, nan

from loguru import logger

from config.asset import Identity, WriteBudget
from config.definition import Rated
from jit.codes import Quality, WriteStatus
from operators.cut import Command
from sinks.closing import closing
from sinks.conflate import Conflating
from sinks.modbus.values import Values
from sinks.opcua.proving import Proving
from sinks.opcua.reactive import Reactive
from sinks.pace import Pace
from sources.opcua.device import OpcuaDevice
from sources.opcua.errors import OpcuaFault, Rejected, TooLate, Withheld
from sources.opcua.values import reader, writer
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


class OpcuaWriter:
    """Writes to `device`, never more than `rated`. Needs `run()` in a task of its own; the connection has its own.

    The emitters are called in the loop's thread. Reading the set-point back is tried `attempts` times, `pause` s
    apart, since some devices take a moment to show what they accepted. `closed` is the command that `stop` wrote.
    """

    def __init__(
        self,
        device: OpcuaDevice,
        rated: Rated,
        emit_receipt: EmitReceipt,
        emit_proof: EmitProof = lambda _proof: None,
        *,
        identity: Identity | None = None,
        budget: WriteBudget | None = None,
        attempts: int = 3,
        pause: float = 0.05,
    ) -> None:
        profile = device.profile
        self.conflating: Conflating[_Order] = Conflating(f"{device.id} writer", self._deliver, self._failed)
        self.closed: Command | None = None
        self.proving = Proving(device, identity, emit_proof)
        self._pace = Pace(budget, device.clock)
        self._device, self._asset, self._clock, self._connection = device, device.id, device.clock, device.connection
        self._emit, self._attempts, self._pause = emit_receipt, attempts, pause
        self._points = {name: writer(profile, name) for name in profile.write}
        self._values = Values.of(profile, rated)
        self._held = reader(profile, "setpoint") if "setpoint" in profile.read else None
        self._kvar = Reactive.of(device)
        self._tolerance_kw = profile.resolution_kw  # one step of the set-point
        self._newest: _Order | None = None
        self._silent = True
        self._stopping = self._wrote = False

    def offer(self, command: Command) -> None:
        """Write `command` next; an older one that still waits is dropped. Never raises, never waits."""
        if self._stopping:
            return
        self._silent = False
        self._newest = _Order(command, self._clock())
        self._pace.offered(command.power_kw)
        self.conflating.offer(self._newest)

    def silence(self) -> None:
        """The asset is silent: what still waits, or is not sent yet, is not sent."""
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
                await self.conflating.settled()
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
        """Prove, write and read back."""
        written = nan
        try:
            await self.proving.identify()
            order = self._freshest(order)
            if self.proving.lacks():
                raise Withheld(self._connection.place, self.proving.detail or "not proved yet")
            power_kw, kvar = self._values.power_kw(order.command), nan
            for name in (*self._device.profile.write_order, *self._steps_of(order, power_kw)):
                said = await self._write(order, name, power_kw)
                if name == "power":
                    written = said
                    self._pace.said(said)
                elif name == "reactive_power":
                    kvar = said
            return await self._read_back(order, written, kvar)
        except TooLate as fault:
            status = WriteStatus.FAILED if isfinite(written) else WriteStatus.EXPIRED
            return self._receipt(order, status, written, nan, str(fault))
        except Withheld as fault:
            return self._receipt(order, WriteStatus.WITHHELD, nan, nan, str(fault))
        except Rejected as fault:
            return self._receipt(order, WriteStatus.REFUSED, written, nan, str(fault))
        except (OpcuaFault, ValueError) as fault:
            return self._receipt(order, WriteStatus.FAILED, written, nan, str(fault))

    async def _write(self, order: _Order, name: str, power_kw: float) -> float:
        """Write one point; what was sent, in the chain's unit."""
        point = self._points[name]
        raw = point.raw(self._values.of_point(order.command, power_kw, name))
        node = self._connection.node(self._device.write[name])
        try:
            await self._connection.write(node, point.type, raw, allowed=lambda: self._allowed(order))
        except Rejected as fault:
            raise Rejected(f"{self._connection.place}, `{name}`", fault.code, fault.name) from fault
        self._pace.sent()
        return point.meant(raw)

    def _steps_of(self, order: _Order, power_kw: float) -> tuple[str, ...]:
        """What a step of a sequence writes behind 0 kW: never with power."""
        if order.last or power_kw != 0.0:
            return ()
        return tuple(name for name in order.command.steps if name in self._device.profile.steps)

    def _freshest(self, order: _Order) -> _Order:
        """What was offered while this order waited goes instead: no stop queues behind power."""
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

    async def _read_back(self, order: _Order, written: float, kvar: float) -> Receipt:
        try:
            differs = await self._kvar.differs(kvar, self._attempts, self._pause) if self._kvar is not None else ""
        except OpcuaFault as fault:
            return self._receipt(order, WriteStatus.WRITTEN, written, nan, f"not read back: {fault}")
        if differs:
            return self._receipt(order, WriteStatus.DIFFERENT, written, nan, differs)
        held = self._held
        if held is None:
            return self._receipt(order, WriteStatus.WRITTEN, written, nan, "no set-point to read back")
        readback, quality = nan, Quality.UNKNOWN
        for attempt in range(self._attempts):
            if attempt:
                await pause(self._pause)
            try:
                said = await self._connection.read([self._connection.node(self._device.read["setpoint"])])
            except OpcuaFault as fault:
                return self._receipt(order, WriteStatus.WRITTEN, written, nan, f"not read back: {fault}")
            told = held.told(said[0])
            readback, quality = told.value, told.quality
            if quality == Quality.VALID and abs(readback - written) <= self._tolerance_kw:
                return self._receipt(order, WriteStatus.CONFIRMED, written, readback, "")
        if quality != Quality.VALID:  # unknown is not different: what it does with it, its measured power shows
            return self._receipt(order, WriteStatus.WRITTEN, written, nan, "the device does not say what it holds")
        return self._receipt(order, WriteStatus.DIFFERENT, written, readback, "the device holds another set-point")

    def _receipt(self, order: _Order, status: WriteStatus, written: float, readback: float, detail: str) -> Receipt:
        now = self._clock()
        tick, contested = order.command.tick, self._connection.second_master()
        return Receipt(
            self._asset, tick, now, status, written, readback, now - order.offered_s, detail, contested
        )
