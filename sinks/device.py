"""What the writers of registers and of nodes have in common: who is offered what, and how it ends.

    offer(command) ─► latest wins ─► pace ─► carried out ─► Receipt        silence() ─► nothing that waits is sent
    stop() ─► 0 kW, again and again, until it is confirmed or the time is over

How a command is carried out is each writer's own: `sinks.modbus.writer`, `sinks.opcua.writer`. `_allowed` is what both
ask in the last instruction before bytes leave.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import nan
from typing import Protocol

from loguru import logger

from config.asset import WriteBudget
from jit.codes import WriteStatus
from operators.cut import Command
from sinks.closing import closing
from sinks.conflate import Conflating
from sinks.pace import Pace
from sources.pause import pause
from sources.receipt import EmitReceipt, Receipt

#: The closing 0 kW is tried again so long after it was tried last: no device is written to more than twice a second.
AGAIN_S = 0.5


class Link(Protocol):
    """What is needed of the connection of a device."""

    async def connect(self) -> bool: ...

    def second_master(self) -> bool: ...


class Proves(Protocol):
    """What keeps the proofs of a device fresh."""

    async def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Order:
    """A command on its way: when it was offered, whether it is the last one."""

    command: Command
    offered_s: float
    last: bool = False


class DeviceWriter(ABC):
    """Needs `run()` in a task of its own; the connection has its own. `closed` is the command that `stop` wrote.

    The emitters are called in the loop's thread. Reading back is tried `attempts` times, `pause_s` apart, since some
    devices take a moment to show what they accepted. `reads_back`: whether 0 kW at the end is confirmed by that alone.
    """

    proving: Proves

    def __init__(
        self, asset: str, link: Link, clock: Callable[[], float], budget: WriteBudget | None, emit: EmitReceipt, *,
        reads_back: bool, attempts: int, pause_s: float,
    ) -> None:  # fmt: skip
        self.conflating: Conflating[Order] = Conflating(f"{asset} writer", self._deliver, self._failed)
        self.closed: Command | None = None
        self._pace = Pace(budget, clock)
        self._asset, self._link, self._clock, self._emit = asset, link, clock, emit
        self._attempts, self._pause = attempts, pause_s
        self._reached = {WriteStatus.CONFIRMED} if reads_back else {WriteStatus.CONFIRMED, WriteStatus.WRITTEN}
        self._newest: Order | None = None
        self._tried_s = clock()
        self._silent = True
        self._stopping = self._wrote = False

    def offer(self, command: Command) -> None:
        """Write `command` next; an older one that still waits is dropped. Never raises, never waits."""
        if self._stopping:
            return
        self._silent = False
        self._newest = Order(command, self._clock())
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
        zero = Order(closing(last.command, last.offered_s, now, now + within_s, 1), now, last=True)
        try:
            async with asyncio.timeout(within_s):
                await self._settled()
                while True:
                    self._tried_s = self._clock()
                    if await self._confirmed(zero):
                        return True
                    await pause(max(self._pause, AGAIN_S - (self._clock() - self._tried_s)))
        except TimeoutError:
            logger.bind(asset=self._asset).error("0 kW could not be confirmed within {:g} s", within_s)
            return False

    @abstractmethod
    async def _carry_out(self, order: Order) -> Receipt:
        """Prove, write and read back; whatever goes wrong with the device is in the receipt."""

    async def _settled(self) -> None:  # noqa: B027 - most have nothing to wait for
        """Before the closing 0 kW: until nothing is on its way, where nothing else keeps two apart."""

    async def _confirmed(self, order: Order) -> bool:
        if not await self._link.connect():
            return False
        receipt = await self._carry_out(order)
        self._emit(receipt)
        return receipt.status in self._reached

    async def _deliver(self, order: Order) -> None:
        await self._pace.due()
        self._emit(await self._carry_out(order))

    def _failed(self, order: Order, error: Exception) -> None:
        self._emit(self._receipt(order, WriteStatus.FAILED, nan, nan, repr(error)))

    def _freshest(self, order: Order) -> Order:
        """What was offered while this order waited for its turn goes instead: no stop queues behind power."""
        if order.last or self._newest is None:
            return order
        self.conflating.clear()
        return self._newest

    def _allowed(self, order: Order) -> bool:
        in_time = self._clock() <= order.command.deadline_s
        allowed = in_time and (order.last or not (self._stopping or self._silent))
        self._wrote = self._wrote or allowed
        if allowed and order.last:
            self.closed, self._tried_s = order.command, self._clock()  # it may have waited for its turn
        return allowed

    def _receipt(self, order: Order, status: WriteStatus, written: float, readback: float, detail: str) -> Receipt:
        now = self._clock()
        tick, contested = order.command.tick, self._link.second_master()
        return Receipt(
            self._asset, tick, now, status, written, readback, now - order.offered_s, detail, contested
        )
