"""The writer of one Modbus device: the newest command, clamped once more, written in order, read back.

    offer(command) ─► latest wins ─► turn ─► still valid? ─► run, run, … ─► read back ─► Receipt
                                              no: EXPIRED, nothing sent

* The power is clamped to ± the rating in the instruction that encodes it; what is not a finite number is 0 kW.
* The command's deadline is checked again for every request, in the last instruction before the bytes leave.
* Nothing is sent twice: after a failure the next tick's command follows.
* Every command carried out gives one receipt: CONFIRMED, DIFFERENT (the device holds another set-point), WRITTEN
  (accepted, not read back), REFUSED (exception reply), FAILED (no connection, no reply) or EXPIRED.

The order of the runs is the profile's: a reversion time is armed before the set-point that it guards.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite, nan

from loguru import logger

from config.canonical import dimension_of
from config.definition import Rated
from config.profile import Point, Profile
from jit.codes import Mode, Quality, WriteStatus
from operators.cut import Command
from sinks.conflate import Conflating
from sources.modbus.blocks import encode_run, write_runs
from sources.modbus.codec import Codec, EncodeError, codec
from sources.modbus.device import ModbusDevice
from sources.modbus.errors import ModbusFault, Rejected, TooLate
from sources.pause import pause
from sources.receipt import EmitReceipt, Receipt

_MODE_NUMBER = {Mode.STOP: 0, Mode.IDLE: 1, Mode.CHARGE: 2, Mode.DISCHARGE: 3}


@dataclass(frozen=True, slots=True)
class _Order:
    """A command on its way: when it was offered, until when its bytes may leave, whether it is the last one."""

    tick: int
    mode: Mode
    power_kw: float
    reactive_kvar: float
    heartbeat: int
    deadline_s: float
    offered_s: float
    last: bool = False


def clamp(value: float, low: float, high: float) -> float:
    """The final clamp (LH-SAFE-007): into [low, high], and 0 for what is not a finite number."""
    return min(max(value, low), high) if isfinite(value) else 0.0


class ModbusWriter:
    """Writes to `device`, never more than `rated`. Needs `run()` in a task of its own; the source keeps the connection.

    `emit_receipt` is called in the loop's thread. Reading the set-point back is tried `attempts` times, `pause` s
    apart, since some devices take a moment to show what they accepted.
    """

    def __init__(
        self, device: ModbusDevice, rated: Rated, emit_receipt: EmitReceipt, *, attempts: int = 3, pause: float = 0.05
    ) -> None:
        profile = device.profile
        self.conflating: Conflating[_Order] = Conflating(f"{device.id} writer", self._deliver, self._failed)
        self._asset, self._clock = device.id, device.clock
        self._connection, self._unit = device.connection, device.unit
        self._rated, self._emit = rated, emit_receipt
        self._attempts, self._pause = attempts, pause
        self._runs = write_runs(profile)
        self._power = codec(profile, "power", profile.write["power"])
        self._held = codec(profile, "setpoint", profile.read["setpoint"]) if "setpoint" in profile.read else None
        self._constants = {name: _constant(p) for name, p in profile.write.items() if p.constant is not None}
        self._modes = _mode_numbers(profile)
        self._heartbeats = _period(profile.write.get("heartbeat"))
        self._newest: _Order | None = None
        self._silent = True
        self._stopping = False
        self._wrote = False

    def offer(self, command: Command) -> None:
        """Write `command` next; an older one that still waits is dropped. Never raises, never waits."""
        if self._stopping:
            return
        self._silent = False
        self._newest = _Order(
            command.tick,
            command.mode,
            command.power_kw,
            command.reactive_kvar,
            command.heartbeat,
            command.deadline_s,
            self._clock(),
        )
        self.conflating.offer(self._newest)

    def silence(self) -> None:
        """The asset is silent: what still waits, or has its turn and is not sent yet, is not sent."""
        self._silent = True
        self.conflating.clear()

    async def run(self) -> None:
        """Write what is offered until cancelled."""
        await self.conflating.run()

    async def stop(self, within_s: float) -> bool:
        """End with 0 kW, confirmed by read-back; true when confirmed within that time. No offer counts afterwards.

        A writer that never wrote stays silent and is at once done. A lost connection is opened again for this.
        """
        self._stopping = True
        self.conflating.clear()
        if not self._wrote or self._newest is None:
            return True
        now = self._clock()
        heartbeat = self._newest.heartbeat + 1
        zero = _Order(self._newest.tick, Mode.STOP, 0.0, 0.0, heartbeat, now + within_s, now, last=True)
        try:
            async with asyncio.timeout(within_s):
                while True:
                    if await self._confirmed(zero):
                        return True
                    await pause(self._pause)
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
        self._emit(await self._carry_out(order))

    def _failed(self, order: _Order, error: Exception) -> None:
        self._emit(self._receipt(order, WriteStatus.FAILED, nan, nan, repr(error)))

    async def _carry_out(self, order: _Order) -> Receipt:
        """Write and read back in one turn, so that nothing comes between."""
        written = nan
        try:
            async with self._connection.turn(urgent=True):
                order = self._freshest(order)
                for run in self._runs:
                    words = encode_run(run, lambda name: self._value(order, name))
                    await self._connection.write(
                        self._unit, run.table, run.address, words, allowed=lambda: self._allowed(order)
                    )
                    written = self._said(run.points, words, written)
                return await self._read_back(order, written)
        except TooLate as fault:
            status = WriteStatus.FAILED if isfinite(written) else WriteStatus.EXPIRED
            return self._receipt(order, status, written, nan, str(fault))
        except Rejected as fault:
            return self._receipt(order, WriteStatus.REFUSED, written, nan, str(fault))
        except (ModbusFault, EncodeError) as fault:
            return self._receipt(order, WriteStatus.FAILED, written, nan, str(fault))

    def _freshest(self, order: _Order) -> _Order:
        """What was offered while this order waited for its turn goes instead: no stop queues behind power."""
        if order.last or self._newest is None:
            return order
        self.conflating.clear()
        return self._newest

    def _allowed(self, order: _Order) -> bool:
        allowed = self._clock() <= order.deadline_s and (order.last or not (self._stopping or self._silent))
        self._wrote = self._wrote or allowed
        return allowed

    def _value(self, order: _Order, name: str) -> float:
        """What a write point is to hold, in the chain's unit."""
        if name in self._constants:
            return self._constants[name]
        if name == "power":
            return clamp(order.power_kw, -self._rated.charge, self._rated.discharge)
        if name == "reactive_power":
            apparent = self._rated.apparent or 0.0
            return clamp(order.reactive_kvar, -apparent, apparent)
        if name == "mode":
            return float(self._modes.get(order.mode, self._modes[Mode.STOP]))
        return float(order.heartbeat % self._heartbeats)

    def _said(self, points: tuple[Codec, ...], words: list[int], before: float) -> float:
        """The power that the words of a run say (kW), or `before` when the run does not carry it."""
        start = 0
        for point in points:
            if point.name == "power":
                return point.decode(words[start : start + point.words])[0]
            start += point.words
        return before

    async def _read_back(self, order: _Order, written: float) -> Receipt:
        held = self._held
        if held is None:
            return self._receipt(order, WriteStatus.WRITTEN, written, nan, "no set-point to read back")
        same = (held.table, held.address) == (self._power.table, self._power.address)
        tolerance = 1e-9 if same else abs(held.scaling.numerator / held.scaling.denominator)
        readback = nan
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
        return self._receipt(order, WriteStatus.DIFFERENT, written, readback, "the device holds another set-point")

    def _receipt(self, order: _Order, status: WriteStatus, written: float, readback: float, detail: str) -> Receipt:
        now = self._clock()
        contested = self._connection.second_master()
        return Receipt(
            self._asset, order.tick, now, status, written, readback, now - order.offered_s, detail, contested
        )


def _constant(point: Point) -> float:
    """A constant in the chain's unit."""
    dimension = dimension_of(point.unit)
    factor = dimension.units[point.unit] if dimension is not None else Fraction(1)
    return float(Fraction(repr(point.constant)) * factor)


def _mode_numbers(profile: Profile) -> dict[Mode, int]:
    """Numbers of the modes: by the names that the profile gives them, else 0 stop, 1 idle, 2 charge, 3 discharge."""
    point = profile.write.get("mode")
    named = {text.lower(): number for number, text in point.values.items()} if point is not None else {}
    return {mode: named.get(mode.name.lower(), number) for mode, number in _MODE_NUMBER.items()}


def _period(heartbeat: Point | None) -> int:
    """After how many ticks a heartbeat starts over: what its type can count exactly."""
    if heartbeat is None or heartbeat.type.startswith("float"):
        return 2**24
    bits = 1 if heartbeat.type == "bool" else 16 * heartbeat.words - (not heartbeat.type.startswith("u"))
    return int(2 ** min(bits, 53))
