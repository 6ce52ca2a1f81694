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

from math import isfinite, nan

from config.asset import Identity, WriteBudget
from config.definition import Rated
from jit.codes import Quality, WriteStatus
from sinks.device import DeviceWriter, Order
from sinks.modbus.values import Values
from sinks.opcua.proving import Proving
from sinks.opcua.reactive import Reactive
from sources.opcua.device import OpcuaDevice
from sources.opcua.errors import OpcuaFault, Rejected, TooLate, Withheld
from sources.opcua.values import reader, writer
from sources.pause import pause
from sources.proof import EmitProof
from sources.receipt import EmitReceipt, Receipt


class OpcuaWriter(DeviceWriter):
    """Writes to `device`, never more than `rated`; the connection is kept by its own job."""

    proving: Proving

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
        super().__init__(
            device.id, device.connection, device.clock, budget, emit_receipt,
            reads_back="setpoint" in profile.read, attempts=attempts, pause_s=pause,
        )  # fmt: skip
        self.proving = Proving(device, identity, emit_proof)
        self._device, self._connection = device, device.connection
        self._points = {name: writer(profile, name) for name in profile.write}
        self._values = Values.of(profile, rated)
        self._held = reader(profile, "setpoint") if "setpoint" in profile.read else None
        self._kvar = Reactive.of(device)
        self._tolerance_kw = profile.resolution_kw  # one step of the set-point

    async def _settled(self) -> None:
        await self.conflating.settled()

    async def _carry_out(self, order: Order) -> Receipt:
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

    async def _write(self, order: Order, name: str, power_kw: float) -> float:
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

    def _steps_of(self, order: Order, power_kw: float) -> tuple[str, ...]:
        """What a step of a sequence writes behind 0 kW: never with power."""
        if order.last or power_kw != 0.0:
            return ()
        return tuple(name for name in order.command.steps if name in self._device.profile.steps)

    async def _read_back(self, order: Order, written: float, kvar: float) -> Receipt:
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
