"""A connection on which both sides speak when they like, as MQTT's: bytes in order, late but never out of turn.

    client protocol ◄──► Pushed ──(Line)──► Broker

TCP repeats what is lost: a share that is dropped comes late instead. A line that is dead carries nothing more, and
whoever waits on it has to notice by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pipeline.simulation.line import Line
from simulator.broker import Broker

REPEATED_S = 0.3


class Pushed(asyncio.Transport):
    """One connection of a client to a broker. `deaf`: the other side forgot it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, line: Line, broker: Broker, protocol: Any, alive: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._loop, self._line, self._broker, self._protocol, self._alive = loop, line, broker, protocol, alive
        self._closed = self.deaf = False
        self._due = {True: 0.0, False: 0.0}  # when the newest bytes arrive, out and back
        self._client = broker.connected(self)
        line.open_.append(self)

    def write(self, octets: bytes | bytearray | memoryview) -> None:
        sent_s = self._loop.time()
        self._carry(bytes(octets), True, lambda: self._broker.received(self._client, bytes(octets), sent_s))

    def send(self, octets: bytes, arrived: Callable[[], None] | None = None) -> None:
        def hear() -> None:
            if not self._closed and self._alive():
                if arrived is not None:
                    arrived()
                self._protocol.data_received(octets)

        self._carry(octets, False, hear)

    def _carry(self, octets: bytes, out: bool, arrive: Callable[[], None]) -> None:
        if self._closed or self.deaf or self._line.dead or not self._alive():
            return
        carried = self._line.carry(octets)
        takes_s = carried[0].takes_s if carried else REPEATED_S
        self._due[out] = max(self._due[out], self._loop.time() + takes_s)
        self._loop.call_at(self._due[out], arrive)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self._end(None)

    def abort(self) -> None:
        self._end(None)

    def reset(self) -> None:
        self._end(ConnectionResetError("reset by the other side"))

    def _end(self, error: Exception | None) -> None:
        if self._closed:
            return
        self._closed = True
        if self in self._line.open_:
            self._line.open_.remove(self)
        self._broker.ended(self._client)
        if error is None or self._alive():
            self._loop.call_soon(self._protocol.connection_lost, error)
