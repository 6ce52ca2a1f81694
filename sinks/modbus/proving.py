"""What a Modbus device has to show before it is written to: who it is, and that it reverts when nobody writes.

    connected ─► nothing proved ─► identity read ─┬─► another device: FOREIGN, nothing is written
                                                  └─► IDENTITY ─► reversion read back ─┬─► as declared: REVERSION
                                                                        ▲              └─► armed: time, value, enable
                                                                        └──────────────────────────┘
Guarantees, per connection (reliability S20, F4):

* Nothing is written before the identity that the definition asks for has been read in this connection.
* The reversion is armed in the profile's order, and only what is read back afterwards proves it. It is written only
  when it differs, and with a command's authority: while the asset is silent, it is read and nothing more.
* Both are read again every `VERIFY_S`, so that a reset behind a gateway, or an exchanged device, is found.

Every change is emitted as a `Proof`; the first one of a connection is empty. Raises what the connection raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from loguru import logger

from config.asset import Identity
from config.profile import Profile
from jit.codes import Proved
from sinks.modbus.holding import Holding
from sinks.modbus.values import constant
from sources.complaint import Complaints
from sources.identity import mismatch, wanted
from sources.modbus.blocks import Place, current, encode_run, scaled_run, write_runs
from sources.modbus.codec import Codec, codec
from sources.modbus.device import ModbusDevice
from sources.modbus.errors import ModbusFault, Rejected, Withheld
from sources.proof import EmitProof, Proof

#: How often what is proved is read again (s).
VERIFY_S = 60.0

Allowed = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Armed:
    """A point that arms the reversion: where it is read back, where it is written, and what it is to say."""

    name: str
    read: Codec
    written: Codec
    constant: float

    def differs(self, words: Sequence[int], exponents: Mapping[Place, int]) -> str:
        """As its register can hold it."""
        written, read = (current(point, exponents) for point in (self.written, self.read))
        value, held = written.decode(written.encode(self.constant))[0], read.decode(words)[0]
        return "" if abs(held - value) <= 1e-9 else f"{self.name} holds {held:g}, not {value:g}"


class Proving:
    """The proofs of `device`. `must` are those that are asked for; without any, nothing is read and all is proved."""

    def __init__(
        self, device: ModbusDevice, identity: Identity | None, emit: EmitProof, wrote: Callable[[Sequence[str]], None]
    ) -> None:
        profile = device.profile
        self.must = (Proved.IDENTITY if identity else Proved.NONE) | (Proved.REVERSION if profile.arm else Proved.NONE)
        self.proved = Proved.NONE
        self.detail = ""
        self._device, self._emit, self._wrote, self._clock = device, emit, wrote, device.clock
        self._connection, self._unit = device.connection, device.unit
        self._wanted = wanted(identity)
        self._armed = tuple(_armed(profile, name) for name in profile.arm)
        self._runs = write_runs(profile, profile.arm)
        points = [codec for armed in self._armed for codec in (armed.read, armed.written)]
        self._holding = Holding(device.connection, device.unit, points)
        self._identified_s = self._verified_s = -inf
        self._anew = asyncio.Event()
        self._complaints = Complaints(lambda text: logger.warning("{}: {}", device.id, text))
        if self.must:
            self._connection.renewed.append(self._renewed)

    def lacks(self) -> Proved:
        """What is asked for and not proved."""
        return self.must & ~self.proved if self.must else Proved.NONE

    async def run(self) -> None:
        """Read who it is and whether it reverts after every connect, and every `VERIFY_S`; never write."""
        while self.must:
            with suppress(TimeoutError):
                async with asyncio.timeout(VERIFY_S):
                    await self._anew.wait()
            self._anew.clear()
            with suppress(ModbusFault):  # the next command, or the next connection, asks again
                async with self._connection.turn():
                    await self.identify()
                    await self.revert(None)

    async def identify(self) -> None:
        """Read who answers, unless that is known. Call it inside a turn."""
        if self.must and self.must & Proved.IDENTITY and self._clock() - self._identified_s >= VERIFY_S:
            wrong = mismatch(self._wanted, await self._texts())
            if wrong is not None and not wrong.foreign and self.proved & Proved.IDENTITY:
                return  # it said so before in this connection, and is busy now
            self._identified_s = self._clock() if wrong is None else -inf
            proved = self.proved & ~(Proved.IDENTITY | Proved.FOREIGN)
            if wrong is None:
                self._conclude(proved | Proved.IDENTITY, "")
            else:
                self._conclude(Proved.FOREIGN if wrong.foreign else Proved.NONE, wrong.text)

    async def revert(self, allowed: Allowed | None) -> None:
        """Read the reversion back, arm it when it differs and `allowed` lets it, and read it back again."""
        if not self.must or not self.must & Proved.REVERSION or self.lacks() & Proved.IDENTITY:
            return
        if self.proved & Proved.REVERSION and self._clock() - self._verified_s < VERIFY_S:
            return
        try:
            differs = await self._differs()
            if differs and allowed is not None:
                await self._arm(allowed)
                logger.info("{}: reversion armed ({})", self._device.id, differs)
                differs = await self._differs()
        except (Rejected, Withheld) as fault:  # 0 kW may still be written
            differs = f"its reversion cannot be armed: {fault}"
        self._verified_s = self._clock()
        proved = self.proved & ~Proved.REVERSION
        self._conclude(proved if differs else proved | Proved.REVERSION, differs)

    async def _arm(self, allowed: Allowed) -> None:
        exponents = await self._holding.exponents()
        for run in (scaled_run(run, exponents) for run in self._runs):
            words = encode_run(run, lambda name: constant(self._device.profile.write[name]))
            await self._connection.write(self._unit, run.table, run.address, words, allowed=allowed, single=run.single)
            self._wrote([point.name for point in run.points])

    def _renewed(self) -> None:
        self._identified_s = self._verified_s = -inf
        self._conclude(Proved.NONE, "")
        self._anew.set()

    def _conclude(self, proved: Proved, detail: str) -> None:
        if detail and detail != self.detail:
            logger.log("ERROR" if proved & Proved.FOREIGN else "INFO", "{}: {}", self._device.id, detail)
        if proved != self.proved or detail != self.detail:
            self.proved, self.detail = proved, detail
            self._emit(Proof(self._device.id, self._clock(), proved, detail))

    async def _texts(self) -> dict[str, str]:
        """What the device says of itself, as far as it is asked for; what it refuses to say is empty."""
        found = {}
        for name in self._wanted:
            point = self._device.profile.identity[name]  # type: ignore[index]
            table, address = self._device.profile.address(point)
            try:
                words = await self._connection.read(self._unit, table, address, point.words)
            except Rejected as fault:
                self._complaints.wrong(f"{name} cannot be read: {fault}")
                words = []
            octets = b"".join(word.to_bytes(2, "big") for word in words)
            found[name] = octets.split(b"\0")[0].decode("utf-8", "replace").strip()
        return found

    async def _differs(self) -> str:
        """The first point that does not hold what it should; empty when all do."""
        exponents = await self._holding.exponents()
        for point in self._armed:
            read = point.read
            words = await self._connection.read(self._unit, read.table, read.address, read.words)
            differs = point.differs(words, exponents)
            if differs:
                return differs
        return ""


def _armed(profile: Profile, name: str) -> _Armed:
    """Read back where a read point has the same name, else at its own register."""
    point = profile.read.get(name) or profile.write[name]
    written = codec(profile, name, profile.write[name])
    return _Armed(name, codec(profile, name, point), written, constant(profile.write[name]))
