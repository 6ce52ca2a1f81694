"""An event loop in virtual time: it never waits, it jumps to the next deadline.

    loop = VirtualLoop(net); loop.pass_time(30.0)        # half a minute of every task, in milliseconds

`loop.time()` is the only clock. Connections go to `net` (bytes in memory, no socket); what would run in a thread runs
at once, or `disk_s` later. When nothing is scheduled and somebody waits, it raises `DeadlockError` instead of hanging.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from heapq import heappop, heappush
from typing import Any, Protocol

#: What one round of the loop takes: where time stands still, a poll that is due at once would spin for ever.
ROUND_S = 1e-6


class DeadlockError(RuntimeError):
    """Somebody waits, and nothing is scheduled that could wake them."""


class Burnt(Exception):  # noqa: N818 - no error: the point that a fuse was set to
    """The callback after which everything was to stand has run."""


class Net(Protocol):
    """The port to the network: opens connections made of bytes in memory."""

    async def open(self, factory: Callable[[], Any], host: str, port: int) -> tuple[Any, Any]: ...


class Soon(asyncio.Handle):
    """A callback and its turn, made without asking whether the loop is to debug itself."""

    __slots__ = ()

    def __init__(self, callback: Any, args: Any, loop: VirtualLoop, context: Context | None) -> None:
        self._context = copy_context() if context is None else context
        self._callback, self._args, self._loop = callback, args, loop
        self._cancelled = False
        self._repr = self._source_traceback = None


class Timer(Soon, asyncio.TimerHandle):
    """The same at its time."""

    __slots__ = ()
    _when: float


class VirtualLoop(asyncio.BaseEventLoop):
    """`now_s` begins at 1000 s. No selector: nothing but its own timers and callbacks can wake it."""

    _ready: deque[Any]  # handles, of which it looks at what asyncio's own loops look at
    _scheduled: list[tuple[float, Any]]  # a heap; handles themselves are compared in Python, ten times slower

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net
        self.now_s = 1000.0
        self.fuse = 0  # callbacks until `Burnt`; 0: none is set
        self.disk_s = 0.0  # what would run in a thread is done so much later
        self.threaded = False  # what runs now would run in a thread
        self._clock_resolution = 0.0  # a timer fires at its instant and not a hair before

    def time(self) -> float:
        return self.now_s

    @property
    def waiting(self) -> list[asyncio.Handle]:
        """Callbacks that are due, and timers that are set."""
        return [h for h in (*self._ready, *[timer for _, timer in self._scheduled]) if not h.cancelled()]

    def _run_once(self) -> None:
        """One round: what is due now, at the next deadline exactly when nothing is (a sum of steps would miss it)."""
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0][1]._cancelled:
            heappop(scheduled)
        now_s = self.now_s + ROUND_S
        if not ready:
            if not scheduled:
                raise DeadlockError("nothing is scheduled")
            now_s = max(now_s, scheduled[0][0])
        self.now_s = now_s
        while scheduled and scheduled[0][0] <= now_s:
            ready.append(heappop(scheduled)[1])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                try:
                    handle._context.run(handle._callback, *handle._args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    self.call_exception_handler({"message": f"in {handle}", "exception": error, "handle": handle})
                if self.fuse:
                    self._burn()

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        self._check_closed()  # type: ignore[attr-defined]
        handle = Soon(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self._check_closed()  # type: ignore[attr-defined]
        timer = Timer(callback, args, self, context)
        timer._when = when
        heappush(self._scheduled, (when, timer))
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.now_s + delay, callback, *args, context=context)

    def _burn(self) -> None:
        self.fuse -= 1
        if not self.fuse:
            raise Burnt

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is dropped when its turn comes."""

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], host: str, port: int, **_how: Any
    ) -> tuple[Any, Any]:
        return await self.net.open(protocol_factory, host, port)

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        done: asyncio.Future[Any] = self.create_future()
        if self.disk_s:
            self.call_later(self.disk_s, _settle, self, done, func, *args)
        else:
            _settle(self, done, func, *args)
        return done

    def forget_threads(self) -> None:
        """What would still have run in one of them does not: its process is gone."""
        for _, handle in self._scheduled:
            if handle._callback is _settle:
                handle.cancel()

    def pass_time(self, seconds: float) -> None:
        """Let every task live for so long."""
        over = self.create_future()
        self.call_at(self.now_s + seconds, over.set_result, None)
        self.run_until_complete(over)


def _settle(loop: VirtualLoop, done: asyncio.Future[Any], func: Callable[..., Any], *args: Any) -> None:
    if done.done():
        return
    loop.threaded = True
    try:
        done.set_result(func(*args))
    except Exception as error:
        done.set_exception(error)
    finally:
        loop.threaded = False
