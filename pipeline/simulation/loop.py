"""An event loop in virtual time: it never waits, it jumps to the next deadline.

    loop = VirtualLoop(net); loop.pass_time(30.0)        # half a minute of every task, in milliseconds

`loop.time()` is the only clock. Connections go to `net` (bytes in memory, no socket); what would run in a thread runs
at once. When nothing is scheduled and somebody waits, it raises `DeadlockError` instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, Protocol

#: What one round of the loop takes: where time stands still, a poll that is due at once would spin for ever.
ROUND_S = 1e-6


class DeadlockError(RuntimeError):
    """Somebody waits, and nothing is scheduled that could wake them."""


class Net(Protocol):
    """The port to the network: opens connections made of bytes in memory."""

    async def open(self, factory: Callable[[], Any], host: str, port: int) -> tuple[Any, Any]: ...


class _Jumping(selectors.SelectSelector):
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        self.loop.now_s += ROUND_S
        if not ready and timeout is None:
            raise DeadlockError("nothing is scheduled")
        if not ready and timeout:
            self.loop.jump()
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`now_s` begins at 1000 s."""

    def __init__(self, net: Net) -> None:
        jumping = _Jumping()
        super().__init__(jumping)
        jumping.loop = self
        self.net = net
        self.now_s = 1000.0
        self._clock_resolution = 0.0  # a timer fires at its instant and not a hair before

    def time(self) -> float:
        return self.now_s

    def jump(self) -> None:
        """To the next deadline, exactly: a sum of differences would stop short of it for ever."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        self.now_s = max(self.now_s, scheduled[0].when())

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], host: str, port: int, **_how: Any
    ) -> tuple[Any, Any]:
        return await self.net.open(protocol_factory, host, port)

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    def pass_time(self, seconds: float) -> None:
        """Let every task live for so long."""
        over = self.create_future()
        self.call_at(self.now_s + seconds, over.set_result, None)
        self.run_until_complete(over)
