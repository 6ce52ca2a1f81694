"""What an OPC UA device has to show before it is written to: who it is.

    connected ─► nothing proved ─► identity read ─┬─► another device: FOREIGN, nothing is written
                                                  └─► IDENTITY

Nothing is written before the identity that the definition asks for has been read in this session, and it is read again
every `VERIFY_S`, so that a device exchanged behind a gateway is found. Its reversion is what the profile declares: fed
by the command's own heartbeat, and proved at commissioning. Every change is emitted as a `Proof`; the first one of a
connection is empty. Raises what the connection raises.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from math import inf

from loguru import logger

from config.asset import Identity
from jit.codes import Proved, Quality
from sources.identity import mismatch, wanted
from sources.opcua.device import OpcuaDevice
from sources.opcua.errors import OpcuaFault
from sources.opcua.values import of_status
from sources.proof import EmitProof, Proof

#: How often what is proved is read again (s).
VERIFY_S = 60.0


class Proving:
    """The proofs of `device`. `must` are those that are asked for; without any, nothing is read and all is proved."""

    def __init__(self, device: OpcuaDevice, identity: Identity | None, emit: EmitProof) -> None:
        self.must = Proved.IDENTITY if identity else Proved.NONE
        self.proved = Proved.NONE
        self.detail = ""
        self._device, self._emit, self._clock = device, emit, device.clock
        self._connection = device.connection
        self._wanted = wanted(identity)
        self._identified_s = -inf
        self._anew = asyncio.Event()
        if self.must:
            self._connection.renewed.append(self._renewed)

    def lacks(self) -> Proved:
        """What is asked for and not proved."""
        return self.must & ~self.proved

    async def run(self) -> None:
        """Read who it is after every connect, and every `VERIFY_S`; never write."""
        while self.must:
            with suppress(TimeoutError):
                async with asyncio.timeout(VERIFY_S):
                    await self._anew.wait()
            self._anew.clear()
            with suppress(OpcuaFault):  # the next command, or the next connection, asks again
                await self.identify()

    async def identify(self) -> None:
        """Read who answers, unless that is known."""
        if not self.must or self._clock() - self._identified_s < VERIFY_S:
            return
        session = self._connection.session
        wrong = mismatch(self._wanted, await self._texts())
        if session is not self._connection.session:
            return  # it was another connection that said so
        if wrong is not None and not wrong.foreign and self.proved & Proved.IDENTITY:
            return  # it said so before in this connection, and is busy now
        self._identified_s = self._clock() if wrong is None else -inf
        if wrong is None:
            self._conclude(Proved.IDENTITY, "")
        else:
            self._conclude(Proved.FOREIGN if wrong.foreign else Proved.NONE, wrong.text)

    def _renewed(self) -> None:
        self._identified_s = -inf
        self._conclude(Proved.NONE, "")
        self._anew.set()

    def _conclude(self, proved: Proved, detail: str) -> None:
        if detail and detail != self.detail:
            logger.log("ERROR" if proved & Proved.FOREIGN else "INFO", "{}: {}", self._device.id, detail)
        if proved != self.proved or detail != self.detail:
            self.proved, self.detail = proved, detail
            self._emit(Proof(self._device.id, self._clock(), proved, detail))

    async def _texts(self) -> dict[str, str]:
        """What the device says of itself, as far as it is asked for and good; what it does not say is empty."""
        nodes = [self._connection.node(self._device.identity[name]) for name in self._wanted]
        found = {}
        for name, said in zip(self._wanted, await self._connection.read(nodes), strict=True):
            good = of_status(0 if said.StatusCode is None else said.StatusCode.value) == Quality.VALID
            text = None if said.Value is None else said.Value.Value
            text = getattr(text, "Text", text)  # a text with a language
            found[name] = text if good and isinstance(text, str) else ""
        return found
